"""A test by noised counts: near the exact one, charged once, and nothing else is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.job import Job
from hansa.core.metrics import ScoreCounts, auc, auc_of, score_keys
from hansa.core.party import Site
from hansa.core.table import Column, Table
from hansa.core.trainer import Local
from hansa.data.parts import HashSplit
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, HansaError
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.noise import Noise
from hansa.horizontal.noised_scores import EDGES, NoisedCounter, NoisedScores, smoothed
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Rounds
from hansa.privacy.accounting import epsilon
from hansa.privacy.released import parts_of
from hansa.running.privacy import privacy
from hansa.running.verb import run
from hansa.trainers import Linear
from tests.horizontal.banks import customers, divided

QUIET = Evaluate(compare=False, noise_multiplier=0.05)
STEPS = (Prepare(HashSplit(0.5, 0.0, 0.5)), Rounds(rounds=3, check_every=0), QUIET)


def judged(step, table=None, **settings_):
    job = Job("scores", (*STEPS[:2], step), **{"min_parties": 2, **settings_})
    return run(job, on=Simulation(divided(customers() if table is None else table, (2000,)), workers=1))


def test_figures_are_near_those_of_the_rows():
    exact = judged(replace(QUIET, noise_multiplier=0.0))
    for noise, off in ((0.05, 0.01), (2.0, 0.04)):
        found = judged(replace(QUIET, noise_multiplier=noise))
        counts = found.metrics["federated"]["counts"]
        assert counts["auc"] == pytest.approx(exact.metrics["federated"]["auc"], abs=off)
        assert counts["ks"]["low"] - off <= exact.metrics["federated"]["ks"] <= counts["ks"]["high"] + off
        assert counts["asks"] == 1
        assert "sums" not in found.metrics["federated"]
        assert any("noise" in line for line in found.warnings)
    assert not any("noise" in line for line in exact.warnings)
    assert "AUC" in found.table()


@pytest.mark.parametrize("mechanism", ["gaussian", "geometric"])
def test_calibration_is_read_from_the_same_counts_and_costs_nothing_more(mechanism):
    step = replace(QUIET, noise_multiplier=1.0, noise_mechanism=mechanism)
    exact = judged(replace(QUIET, noise_multiplier=0.0)).metrics["federated"]["counts"]["calibration"]
    found = judged(step)
    line = found.metrics["federated"]["counts"]["calibration"]
    assert line["slope"] == pytest.approx(exact["slope"], abs=0.35)
    assert line["intercept"] == pytest.approx(exact["intercept"], abs=0.35)
    assert [(part.what, part.times) for part in parts_of(Job("scores", (step,)))] == [("NoisedScores", 1)]


def test_the_test_is_one_release_and_nothing_else_is_asked():
    job = Job("scores", (replace(QUIET, noise_multiplier=4.0),))
    assert [(part.what, part.times) for part in parts_of(job)] == [("NoisedScores", 1)]
    assert privacy(job)["epsilon"] == pytest.approx(epsilon(noise_multiplier=4.0, steps=1, delta=1e-5), rel=1e-3)
    assert QUIET.handlers().keys() == QUIET.often().keys() == {NoisedScores}
    assert NoisedScores not in Evaluate().handlers()
    with pytest.raises(ConfigError, match=r"compares no models.*compare = false"):
        Evaluate(noise_multiplier=1.0)


def test_the_noise_is_of_the_stated_size_and_customers_count_with_so_many_rows():
    step = replace(QUIET, noise_multiplier=6.0)
    told = []
    for each, rows in ((1, 0), (6, 2)):
        step = replace(step, customer_rows=rows)
        job = Job("scores", (Rounds(), step), min_parties=1)
        site = Site("bank", job, customers(600, each).with_columns([Column.of("__part__", np.full(600, 2))]), step=1)
        answers = [NoisedCounter(step.noise).answer(NoisedScores(np.zeros(2)), site, {})[0] for _ in range(60)]
        told.append(np.std([one.load["scores"][0] for one in answers], axis=0).mean())
    assert told[0] == pytest.approx(6.0, rel=0.1)
    assert told[1] == pytest.approx(12.0, rel=0.1)


def test_geometric_noise_of_a_test_has_its_chances_and_is_pure():
    step = replace(QUIET, noise_multiplier=2.0, noise_mechanism="geometric")
    job = Job("scores", (Rounds(), step), min_parties=1)
    table = customers(600).with_columns([Column.of("__part__", np.full(600, 2))])
    ask = NoisedScores(np.zeros(2))
    bare = NoisedCounter(Noise(0.0)).answer(ask, Site("bank", job, table, step=1), {})[0].load["scores"]
    answers = [NoisedCounter(step.noise).answer(ask, Site("bank", job, table, step=1), {})[0] for _ in range(300)]
    noise = np.concatenate([(one.load["scores"] - bare)[0] for one in answers]).astype(int)
    fade = np.exp(-1 / 2.0)
    chances = (1 - fade) / (1 + fade) * fade ** np.abs(np.arange(-8, 9))
    chances[[0, -1]] = fade**8 / (1 + fade)
    counts, expected = np.bincount(np.clip(noise, -8, 8) + 8, minlength=17), chances * len(noise)
    assert ((counts - expected) ** 2 / expected).sum() < 70  # 16 degrees of freedom, 1e-8
    said = privacy(Job("scores", (step,)))
    assert said["epsilon"] == pytest.approx(0.5, abs=1e-3)
    assert "and 0.5 at delta = 0: it is pure." in said["statement"]
    assert said["parts"][0]["why"] == "geometric noise of 2 x the sensitivity (L1); pure: epsilon = 0.5 at delta = 0"
    assert said["pure"] == said["parts"][0]["pure"] == 0.5
    assert "pure" not in privacy(Job("scores", (replace(QUIET, noise_multiplier=4.0),)))["statement"]


def test_the_mechanism_stands_in_a_job_file():
    step = replace(QUIET, noise_multiplier=2.0, noise_mechanism="geometric", customer_rows=2)
    job = Job("scores", (*STEPS[:2], step))
    assert 'noise_mechanism = "geometric"' in job.to_toml()
    assert Job.from_toml(job.to_toml()) == job
    with pytest.raises(ConfigError, match="geometric"):
        Job.from_toml(job.to_toml().replace('"geometric"', '"laplace"'))


def test_a_target_that_is_no_event_is_refused():
    values = Table.of({"x": np.arange(600.0), "loss": np.arange(600.0) % 7}, target="loss")
    rounds = Rounds(Linear(loss="squared"), Local(epochs=1, batch=64, learning_rate=1e-6), rounds=1, check_every=0)
    job = Job("losses", (STEPS[0], rounds, QUIET), min_parties=2)
    with pytest.raises(HansaError, match="counts scores of an event"):
        run(job, on=Simulation(divided(values, (300,)), workers=1))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-9, 30), min_size=2, max_size=40), st.integers(0, 99))
def test_no_count_is_below_nothing_and_sound_ones_stay(counts, seed):
    noisy = np.array([counts, np.random.default_rng(seed).permutation(counts)], float)
    made = smoothed(noisy)
    assert made.min() >= 0
    sound = np.maximum(noisy, 0.0)
    np.testing.assert_array_equal(smoothed(sound), sound)


def test_noise_alone_moves_no_auc_to_a_half():
    rng = np.random.default_rng(0)
    y = (rng.random(6000) < 0.2).astype(int)
    margin = rng.normal(size=6000) + y
    place = np.searchsorted(EDGES, score_keys(margin), side="right") - 1
    counts = np.array([np.bincount(place[y == k], minlength=len(EDGES) - 1) for k in (0, 1)], float)
    found = [
        auc(ScoreCounts.exact(EDGES, smoothed(counts + rng.normal(0, 10, counts.shape).round()))) for _ in range(80)
    ]
    assert np.mean([one.value for one in found]) == pytest.approx(auc_of(margin, y), abs=0.006)


def test_no_model_makes_a_party_refuse_for_its_rows():
    table = Table.of({"x": [1.0, 2.0], "z": [1.0, 2.0], "late": [0, 1], "__part__": [2, 2]}, target="late")
    job = Job("scores", (Rounds(), replace(QUIET, noise_multiplier=0.01)))
    most = np.finfo(np.float64).max / 1.5
    ask = NoisedScores(np.array([most, -most, 0.0]))  # finite for the one row, and no number for the other
    answer, _ = NoisedCounter(job.steps[1].noise).answer(ask, Site("bank-a", job, table, step=1), {})
    assert answer.load["scores"].sum() == pytest.approx(2, abs=1)
