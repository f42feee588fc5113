"""Thin faces over run."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.running.estimators import LogisticClassifier, TabularClassifier
from tests.running.banks import banks, columns


@pytest.mark.parametrize("face", [LogisticClassifier(rounds=3), TabularClassifier(hidden=(8,), rounds=3)])
def test_fit_score_and_summary(face):
    fitted = face.fit(banks(), workers=1)
    fresh = columns(7, rows=50)
    chance = fitted.predict_proba(fresh)
    assert chance.shape == (50, 2)
    assert np.allclose(chance.sum(axis=1), 1, atol=1e-6)
    assert set(np.unique(fitted.predict(fresh))) <= {0.0, 1.0}
    assert "bank-0" in fitted.summary()
    assert Job.from_toml(face.to_job().to_toml()) == face.to_job()
