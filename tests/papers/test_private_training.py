"""What private training may cost on real data; see docs/privacy.md, and benches/private_utility.py for the figures."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import mean

import pytest

from hansa.privacy.accounting import epsilon

pytest.importorskip("dp_accounting", reason="needs dp_accounting (extra 'dp')")


@pytest.fixture(scope="module")
def bench():
    folder = str(Path(__file__).parents[2] / "benches")
    sys.path.insert(0, folder)
    try:
        import private_utility
    finally:
        sys.path.remove(folder)
    return private_utility


def test_at_epsilon_4_a_logistic_model_loses_next_to_nothing(bench, shared_data):
    assert bench.baseline(shared_data, "logistic") >= 0.770
    assert mean(bench.losses(shared_data, "logistic, by record", 4.0, runs=2)) <= 0.004


@pytest.mark.parametrize("name", ["logistic", "tabular"])
def test_the_noise_is_worth_the_epsilon_that_is_told(bench, name):
    link = bench.records(name, 1.0)["steps.1.chain"][0]
    assert link["sampling"] == 1.0
    steps = bench.ROUNDS[name]
    assert 0.99 < epsilon(noise_multiplier=link["noise_multiplier"], steps=steps, delta=bench.DELTA) <= 1.0


@pytest.mark.soak
@pytest.mark.parametrize(("epsilon_", "most"), [(4.0, 0.003), (1.0, 0.007), (0.5, 0.015)])
def test_logistic_models_lose_little_over_ten_runs(bench, shared_data, epsilon_, most):
    assert mean(bench.losses(shared_data, "logistic, by record", epsilon_, runs=10)) <= most


@pytest.mark.soak
def test_networks_lose_little_at_epsilon_4(bench, shared_data):
    assert mean(bench.losses(shared_data, "tabular, by record", 4.0, runs=10)) <= 0.015


@pytest.mark.soak
@pytest.mark.parametrize("how", ["", " in shares"])
def test_noise_for_institutions_costs_less_with_more_of_them(bench, shared_data, how):
    few, many = (f"logistic, by institution{how}, {banks} banks" for banks in (5, 50))
    lost = [mean(bench.losses(shared_data, name, 8.0, runs=3)) for name in (few, many)]
    assert lost[1] < lost[0]
