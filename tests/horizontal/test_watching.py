"""Checks with noise: near those without, charged one by one, and early stopping by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.carry import near
from hansa.core.job import Job
from hansa.core.party import Site
from hansa.core.post import in_process, seats_of
from hansa.core.table import Column, Table
from hansa.core.trainer import Local
from hansa.data.parts import HashSplit
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.horizontal.noise import Noise
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Check, Learning, Rounds, Train
from hansa.horizontal.watching import NoisedChecks
from hansa.links import private_sgd, secure_sum, weighted_mean
from hansa.privacy.accounting import epsilon
from hansa.privacy.released import parts_of
from hansa.running.left import left
from hansa.running.privacy import privacy
from hansa.running.ran import privacy_after
from hansa.trainers import Linear
from tests.horizontal.banks import customers, divided

CHAIN = (private_sgd(20.0, sampling=1.0), weighted_mean())
STEP = Rounds(
    local=Local(steps=1, batch=900, learning_rate=1.0), chain=CHAIN, rounds=6, check_every=2, check_noise=Noise(30.0)
)


def learned(step, table=None, **settings):
    job = Job("scores", (Prepare(HashSplit(0.5, 0.5, 0.0)), step), **{"min_parties": 1, **settings})
    parties = divided(customers() if table is None else table, (2000, 4000))
    return near(job, seats_of(job, parties), in_process(job, parties)).run().last(Learning)


def checks(found, name):
    return [point.measures[name] for point in found.history if name in point.measures]


def test_next_to_no_noise_tells_the_brier_score_that_no_noise_tells():
    step = replace(STEP, chain=(weighted_mean(),), local=Local(epochs=1, batch=64))
    quiet, exact = (learned(replace(step, check_noise=Noise(noise))) for noise in (1e-6, 0.0))
    assert checks(quiet, "validation_brier") == pytest.approx(checks(exact, "validation_brier"), abs=1e-5)
    assert len(checks(quiet, "validation_brier")) == 3
    assert not checks(quiet, "validation_log_loss")
    assert quiet.best_value == min(checks(quiet, "validation_brier"))


def test_private_rounds_with_checks_have_an_epsilon_and_each_check_is_charged():
    job = Job("scores", (STEP,))
    assert [(part.what, part.times, part.bounded) for part in parts_of(job)] == [("Train", 6, True), ("Check", 3, True)]
    whole = epsilon(noise_multiplier=1 / np.sqrt(6 / 20**2 + 3 / 30**2), steps=1, delta=1e-5)
    assert privacy(job)["epsilon"] == pytest.approx(whole, rel=1e-3)
    assert privacy(Job("scores", (replace(STEP, check_noise=Noise(0.0)),)))["epsilon"] == "infinity"
    said = next(line for line in left(job) if "squared errors" in line["what"])
    assert said["how_many"] == "every 2 rounds"
    assert "noise of 30 x what a record changes" in said["protection"]


def test_rounds_that_stop_early_have_spent_less_and_the_best_by_noise_is_kept():
    still = replace(STEP, rounds=40, patience=2, min_improvement=0.5)  # nothing improves by half
    found = learned(still)
    assert found.round == 2 * 3
    assert found.best_round == 2 * (1 + int(np.argmin(checks(found, "validation_brier"))))
    said = privacy_after(Job("scores", (still,)), found.history)
    assert said["ran"]["epsilon"] < said["epsilon"]


def test_the_noise_is_of_the_stated_size_on_both_sums_and_customers_count_with_so_many_rows():
    for each, rows, change in ((1, 0, np.sqrt(2)), (6, 2, 2 * np.sqrt(2))):
        table = customers(600, each).with_columns([Column.of("__part__", np.full(600, 1))])
        handler = NoisedChecks(Linear(), Noise(5.0, rows))
        site = Site("bank", Job("scores", (STEP,)), table)
        told = np.array([handler.answer(Check(np.zeros(2)), site, {})[0].load["sums"][0] for _ in range(300)])
        assert told.std(axis=0) == pytest.approx(5.0 * change, rel=0.2)
        count = 200 if rows else 600
        assert told.mean(axis=0) == pytest.approx([count, count / 4], abs=4)


def test_a_model_that_overflows_tells_of_no_row():
    table = Table.of({"x": [1.0, 2.0], "z": [1.0, 2.0], "late": [0, 1], "__part__": [1, 1]}, target="late")
    most = np.finfo(np.float64).max / 1.5
    site = Site("bank", Job("scores", (STEP,)), table)
    answer, _ = NoisedChecks(Linear(), Noise(1e-6)).answer(Check(np.array([most, -most, 0.0])), site, {})
    assert 0 <= answer.load["sums"][0, 1] <= 2.001


def test_so_few_rows_that_noise_hides_them_are_no_check():
    tiny = customers(90)
    with pytest.raises(DataError, match="do not stand out of their noise"):
        learned(replace(STEP, patience=1), tiny)
    found = learned(STEP, tiny)
    assert found.best is None
    assert not checks(found, "validation_brier")


def test_checks_with_noise_travel_in_a_secure_sum():
    step = replace(STEP, chain=(CHAIN[0], secure_sum()), check_noise=Noise(1.0))
    job = Job("scores", (Prepare(HashSplit(0.5, 0.5, 0.0)), step))
    with Simulation(divided(customers(), (2000, 4000)), workers=1).session(job) as session:
        found = session.run().last(Learning)
    assert checks(found, "validation_brier") == pytest.approx([0.18] * 3, abs=0.04)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"check_every": 0}, "beside checks alone"),
        ({"trainer": Linear(loss="squared")}, "no event"),
        ({"trainer": Linear(loss="multinomial", classes=3)}, "no event"),
    ],
)
def test_noise_that_covers_nothing_is_refused(change, what):
    with pytest.raises(ConfigError, match=what):
        replace(STEP, **change)


def test_a_party_by_itself_checks_without_noise_and_asks_are_bounded():
    assert STEP.alone().check_noise == Noise(0.0)
    assert STEP.often() == {Train: 6, Check: 3}


def test_a_row_tells_no_more_than_the_noise_is_made_for_whatever_its_label_is():
    table = Table.of({"x": [1.0, 1.0], "late": [0, 700], "__part__": [1, 1]}, target="late")
    answer, _ = NoisedChecks(Linear(), Noise(0.0)).answer(Check(np.zeros(2)), Site("a", Job("s", (STEP,)), table), {})
    assert answer.load["sums"].tolist() == [[2.0, 0.5]]
