"""Private bins on real data: they cost little, and all that a private job publishes has an epsilon."""

from __future__ import annotations

from pathlib import Path

import pytest

from hansa.engines.simulation import Simulation
from hansa.running.privacy import privacy
from hansa.running.scenario import read_job
from hansa.running.verb import run

JOB = Path(__file__).parents[2] / "examples" / "jobs" / "uci_default_private_woe.toml"
PUBLIC = 0.7730
"""The exact regression on bins without noise, of the same columns; see docs/privacy.md."""


def test_bins_training_and_figures_together_are_worth_epsilon_2_and_lose_little(shared_data, tell):
    pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")
    file = read_job(JOB, {})
    stated = privacy(file.job)
    assert stated["epsilon"] <= 2.0
    assert stated["statement"].startswith("All that is released together: epsilon = ")
    assert all(part["epsilon"] != "infinity" for part in stated["parts"])
    found = run(file.job, on=Simulation(file.scenario.cast(shared_data, file.job).parties), baselines=False)
    figures = found.metrics["federated"]
    tell(f"all private, epsilon 2: AUC {figures['auc']:.4f}, {figures['counts']['auc']:.4f} as published")
    assert figures["auc"] >= PUBLIC - 0.025
    assert figures["counts"]["auc"] == pytest.approx(figures["auc"], abs=0.06)
