"""A private scorecard on real data: one epsilon for all that it publishes, and little lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from hansa.engines.simulation import Simulation
from hansa.running.privacy import privacy
from hansa.running.scenario import read_job
from hansa.running.verb import run

JOB = Path(__file__).parents[2] / "examples" / "jobs" / "uci_default_private_scorecard.toml"
PUBLIC = 0.7708
"""The exact card of selected columns, without noise; see docs/privacy.md."""


def test_a_scorecard_of_epsilon_2_loses_little(shared_data, tell):
    pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")
    file = read_job(JOB, {})
    stated = privacy(file.job)
    assert stated["epsilon"] <= 2.0
    assert stated["statement"].startswith("All that is released together: epsilon = ")
    found = run(file.job, on=Simulation(file.scenario.cast(shared_data, file.job).parties), baselines=False)
    figures, card = found.metrics["federated"], found.model.card
    tell(f"a private scorecard, epsilon 2: AUC {figures['auc']:.4f}, {figures['counts']['auc']:.4f} as published")
    assert figures["auc"] >= PUBLIC - 0.015
    assert figures["counts"]["auc"] == pytest.approx(figures["auc"], abs=0.06)
    assert len(card.columns) >= 8
    assert 0.3 < card.calibration.slope < 3
