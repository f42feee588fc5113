"""Attacks on rows as gates: without a defence they succeed, with one that is accounted they find nothing."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from hansa.core.trainer import Design, Local
from hansa.links import clip_l2, gaussian_noise, private_sgd, secure_sum, uniform, weighted_mean
from hansa.privacy.attacks.inversion import Known
from hansa.running.leaks import exact_rows, inverted_rows, members
from hansa.running.probes import Probe
from hansa.trainers import Linear, Tabular

KNOWN = Known(codes=((8, 9, 10), (11, 12, 13, 14)))
PRIVATE = (private_sgd(2.0, sampling=0.2), weighted_mean())
SUMMED = (private_sgd(2.0, sampling=0.2), secure_sum())
PLAIN = (uniform(), weighted_mean())


def people(n=400, wide=8, seed=0):
    rng = np.random.default_rng(seed)
    X = np.zeros((n, 15))
    X[:, :wide] = rng.normal(size=(n, wide))
    X[np.arange(n), 8 + rng.choice(3, n, p=[0.6, 0.3, 0.1])] = 1
    X[np.arange(n), 11 + rng.integers(0, 4, n)] = 1
    return Design(X, (rng.random(n) < 0.3).astype(float))


def probe(trainer, chain, steps=5):
    return Probe(trainer, chain, Local(steps=steps, batch=20, learning_rate=0.2), 2, seed=1)


@pytest.mark.parametrize("trainer", [Linear(), Tabular((32, 16))], ids=["linear", "tabular"])
def test_a_row_is_recovered_without_a_defence_and_not_with_one(trainer):
    open_ = exact_rows(probe(trainer, PLAIN), people(), KNOWN, trials=20)
    assert open_.without["right"] >= 0.99
    assert open_.verdict == "found"
    shut = exact_rows(probe(trainer, PRIVATE), people(), KNOWN, trials=100)
    assert shut.verdict == "held"
    for view in shut.views:
        assert view.figures["right"] <= view.figures["by guessing"] + 0.01
        assert view.figures["alike"] < 0.2


def test_a_secure_sum_hides_the_part_and_does_not_bound_the_sum():
    found = exact_rows(probe(Linear(), (uniform(), secure_sum())), people(), KNOWN, trials=12)
    coordinator, readers = found.views
    assert coordinator.figures == readers.figures  # the coordinator sees no more than the sum
    assert found.without["right"] > 0.99 > coordinator.figures["right"]
    assert "bounds nothing of what the sum tells" in coordinator.said


def test_noise_at_the_coordinator_holds_against_readers_alone():
    chain = (uniform(), clip_l2(1.0), weighted_mean(), gaussian_noise(5.0))
    coordinator, readers = exact_rows(probe(Linear(), chain), people(), KNOWN, trials=60).views
    assert (coordinator.verdict, readers.verdict) == ("found", "held")
    assert "trusts the coordinator" in coordinator.said


def test_an_update_is_inverted_without_a_defence_and_not_with_one():
    trainer = Tabular((32,), activation="tanh")
    open_ = inverted_rows(probe(trainer, PLAIN), people(), KNOWN, trials=2)
    assert open_.without["right"] > open_.without["by guessing"] + 0.3
    assert open_.views[0].verdict == "found"
    shut = inverted_rows(probe(trainer, SUMMED), people(), KNOWN, trials=2)
    assert shut.verdict == "held"
    assert shut.views[0].figures["whole rows"] <= shut.views[0].figures["whole rows by guessing"] + 0.01


def test_members_are_told_apart_without_a_defence_and_not_with_one():
    """Linear, 200 columns, 400 rows, 64 models: the overfit model of the goal."""
    rng = np.random.default_rng(0)
    rows = Design(rng.normal(size=(800, 200)), (rng.random(800) < 0.5).astype(float))
    found = members(probe(Linear(), PRIVATE), rows)
    claimed = probe(Linear(), PRIVATE).claimed(Local(steps=5, batch=20), 2)
    assert found.without["auc"] >= 0.70
    assert claimed <= 4
    for view in found.views:
        assert view.figures["auc"] <= 0.66
        assert view.figures["at 1 %"] <= exp(claimed) * 0.01 + 1e-5
        assert view.verdict == "held"


def test_a_model_that_cannot_be_overfit_is_nothing_to_attack():
    rng = np.random.default_rng(0)
    rows = Design(rng.normal(size=(4000, 1)), (rng.random(4000) < 0.5).astype(float))
    found = members(probe(Linear(intercept=False), PLAIN), rows, shadows=12)
    assert (found.verdict, found.views) == ("nothing", ())
    assert "nothing to attack" in found.said


@pytest.mark.parametrize("attack", [exact_rows, inverted_rows])
def test_other_updates_are_not_taken_apart(attack):
    found = attack(probe(Linear(loss="squared"), PLAIN), people(), KNOWN, 2)
    assert found.verdict == "nothing"
    assert found.without == {}


def test_a_linear_update_of_several_rows_is_one_sum():
    assert inverted_rows(probe(Linear(), PLAIN), people(), KNOWN, 1).verdict == "nothing"
    assert members(probe(Linear(loss="squared"), PLAIN), people()).verdict == "nothing"
