"""What a party tells to a regression: sums over its training rows, and only where an approved job climbs."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.party import Party, site_of
from hansa.core.table import Table
from hansa.horizontal.glm import Glm
from hansa.horizontal.newton import Frame
from hansa.horizontal.regressors import whole
from hansa.horizontal.summer import Climb, Summer


def bank(rows=60):
    """A bank's view of a job of one regression."""
    rng = np.random.default_rng(0)
    table = Table.of({"x": rng.normal(size=rows), "late": rng.integers(0, 2, rows)}, target="late")
    return site_of(Party("bank-a", {"loans": table}), Job("few", (Glm(),), min_parties=1))


def test_a_climb_tells_deviance_gradient_and_information_at_the_coefficients():
    site, beta = bank(), np.array([0.2, -0.4])
    load = Summer(Glm()).answer(Climb(Frame(("x",), np.zeros(1), np.ones(1)), beta), site, {})[0].load
    X, y = np.column_stack([np.ones(60), site.table.column("x").values]), site.table.y()
    mean = 1 / (1 + np.exp(-X @ beta))
    assert load["gradient"][0] == pytest.approx(X.T @ (y - mean))
    assert whole(load["information"][0]) == pytest.approx(X.T @ (X * (mean * (1 - mean))[:, None]))
    assert load["sums"][0, 0] == pytest.approx(-2 * np.sum(np.log(np.where(y == 1, mean, 1 - mean))))
