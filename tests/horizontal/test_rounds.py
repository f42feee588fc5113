"""Rounds: the pooled optimum without pooling, stopping, and parties that are too small, too odd or diverge."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from hansa.core.carry import near
from hansa.core.job import At, Data, Job
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.step import Done
from hansa.core.table import Table
from hansa.core.trainer import Local
from hansa.errors import ChainError, ConfigError, DataError, JobError, PartyFailed
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Check, Learning, Rounds, Train
from hansa.links import by_examples, coordinate_median, perturb, poisson, rule, sgd, uniform, weighted_mean
from hansa.trainers import Linear, Tabular
from tests.core.toys import mask

FEDSGD = Local(steps=1, batch=0, learning_rate=0.5)


def rows(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(shift, 1.0, (n, 4))
    y = (rng.random(n) < 1 / (1 + np.exp(-(X @ [1.0, -2.0, 0.5, 0.0])))).astype(float)
    return X, y


def members(sizes=(37, 150, 400)):
    return [Party(f"bank-{i}", {"t": Table.from_matrix(*rows(n, i, 0.3 * i))}) for i, n in enumerate(sizes)]


def learned(step, parties, begin=None, steps=(), **settings):
    job = Job("test", (*steps, step), **{"min_parties": 1, **settings})
    return near(job, seats_of(job, parties), in_process(job, parties)).run(begin=begin).last(Learning)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def pooled(parties):
    tables = [party.table("t") for party in parties]
    return np.concatenate([t.matrix(t.features) for t in tables]), np.concatenate([t.y() for t in tables])


def test_fedsgd_is_pooled_gradient_descent_logistic():
    parties = members()
    step = Rounds(Linear(l2=0.01), FEDSGD, rounds=50, check_every=0, start="zero")
    X, y = pooled(parties)
    w, b = np.zeros(4), 0.0
    for _ in range(50):
        error = (sigmoid(X @ w + b) - y) / len(y)
        w, b = w - 0.5 * (X.T @ error + 0.01 * w), b - 0.5 * error.sum()
    found = learned(step, parties).params
    assert sorted(found.tolist()) == pytest.approx(sorted([*w.tolist(), b]), abs=1e-6)
    assert np.abs(np.sort(found) - np.sort([*w, b])).max() < 1e-12


def test_fedsgd_over_weighted_rows_is_weighted_pooled_descent():
    rng = np.random.default_rng(3)
    data = [(*rows(n, i, 0.3 * i), rng.gamma(0.5, 1 + i, n)) for i, n in enumerate((37, 150, 400))]
    parties = []
    for i, (X, y, weight) in enumerate(data):
        columns = {f"x{j}": X[:, j] for j in range(4)} | {"late": y, "exposure": weight}
        parties.append(Party(f"bank-{i}", {"t": Table.of(columns, target="late", weight="exposure")}))
    X, y, weight = (np.concatenate(part) for part in zip(*data, strict=True))
    w, b = np.zeros(4), 0.0
    for _ in range(50):
        error = weight * (sigmoid(X @ w + b) - y) / weight.sum()
        w, b = w - 0.5 * X.T @ error, b - 0.5 * error.sum()
    found = learned(Rounds(Linear(), FEDSGD, rounds=50, check_every=0, start="zero"), parties, min_rows=1).params
    assert np.abs(np.sort(found) - np.sort([*w, b])).max() < 1e-12


def test_fedsgd_is_pooled_gradient_descent_mlp():
    parties = members()
    trainer = Tabular(hidden=(5, 3), activation="tanh", dtype="float64")
    step = Rounds(trainer, FEDSGD, rounds=50, check_every=0)
    X, y = pooled(parties)
    from hansa.core.draws import Draws

    layers = [(p["weight"].copy(), p["bias"].copy()) for p in trainer.init(4, "random", Draws(0, "start"))]
    for _ in range(50):
        values = [X]
        for place, (w, b) in enumerate(layers):
            z = values[-1] @ w + b
            values.append(np.tanh(z) if place < 2 else z)
        error = (sigmoid(values[-1]) - y[:, None]) / len(y)
        for place in (2, 1, 0):
            w, b = layers[place]
            below = error @ w.T * (1 - values[place] ** 2)
            layers[place] = (w - 0.5 * values[place].T @ error, b - 0.5 * error.sum(axis=0))
            error = below
    flat = np.concatenate([part.ravel() for w, b in layers for part in (b, w)])
    assert np.abs(learned(step, parties).params - flat).max() < 1e-6


def test_patience_keeps_the_best_round_on_validation():
    parties = members((300, 300, 300))
    step = Rounds(
        Tabular(hidden=(64,)), Local(epochs=5, batch=10, learning_rate=0.5), rounds=60, check_every=1, patience=3
    )
    found = learned(step, parties, steps=(Prepare(),))
    losses = [point.measures["validation_log_loss"] for point in found.history]
    assert found.round < 60
    assert found.best_round == 1 + int(np.argmin(losses))
    assert found.best_value == min(losses)
    assert not np.array_equal(found.chosen, found.params)


def test_patience_without_validation_rows_is_refused_and_one_party_alone_trains_on():
    step = Rounds(Linear(), FEDSGD, rounds=5, patience=2)
    with pytest.raises(DataError, match=r"nothing to watch.*min_rows.*patience to 0"):
        learned(step, members((60, 60, 60)), steps=(Prepare(),))
    with pytest.raises(DataError, match="nothing to watch"):
        learned(step, members())
    assert learned(step, members((60, 60, 60)), steps=(Prepare(),), min_rows=5).best_round > 0
    assert learned(step, members((60,)), steps=(Prepare(),)).round == 5
    assert learned(replace(step, patience=0), members()).best is None


def test_a_misspelt_event_is_refused_before_anything_is_trained():
    table = Table.of({"x": range(60), "paid": ["yes", "no", "no"] * 20}, target="paid")
    parties = [Party(f"bank-{i}", {"t": table}) for i in range(3)]
    with pytest.raises(DataError, match=r"data\.positive"):
        learned(Rounds(Linear(), FEDSGD), parties, steps=(Prepare(),), data=Data(positive="Yes"))
    one = Rounds(Linear(), FEDSGD, rounds=1)
    assert learned(one, parties, steps=(Prepare(),), data=Data(positive="yes")).round == 1


def test_time_stops_after_the_round_in_which_it_has_passed():
    step = Rounds(Linear(), FEDSGD, rounds=10_000, check_every=0, seconds=0.05)
    assert 1 <= learned(step, members()).round < 10_000


def test_checks_come_every_so_many_rounds_and_in_the_last():
    step = Rounds(Linear(), FEDSGD, rounds=7, check_every=3)
    history = learned(step, members((200, 200, 200)), steps=(Prepare(),)).history
    assert [p.round for p in history if "validation_log_loss" in p.measures] == [3, 6, 7]


@pytest.mark.parametrize(("rounds", "every", "checks"), [(5, 0, 0), (5, 2, 3), (6, 3, 2), (10**12, 5, 2 * 10**11)])
def test_a_step_says_how_often_it_checks_however_many_rounds_it_has(rounds, every, checks):
    assert Rounds(rounds=rounds, check_every=every).often() == {Train: rounds, Check: checks}


SELDOM = (poisson(0.2), by_examples(), weighted_mean())
NEVER = (poisson(1e-12), by_examples(), weighted_mean())


@pytest.mark.parametrize("quorum", [0, 2])
def test_an_empty_cohort_leaves_the_model_as_it_is_and_waits_for_no_quorum(quorum):
    job, parties = Job("test", (Rounds(Linear(), FEDSGD, SELDOM, rounds=9, check_every=0),), quorum=quorum), members()
    kept = []
    near(job, seats_of(job, parties), in_process(job, parties)).run(kept.append)
    states = [keep.state.state for keep in kept[:-1]]
    moved = [not np.array_equal(a.params, b.params) for a, b in pairwise(states)]
    assert [point.counted > 0 for point in states[-1].history[1:]] == moved
    assert {point.counted for point in states[-1].history} == {0, 1, 2}


@pytest.mark.parametrize("combine", [weighted_mean(), coordinate_median])
def test_a_party_of_few_rows_is_not_counted(combine):
    tiny = Party("tiny", {"t": Table.from_matrix(*rows(19, 9))})
    step = Rounds(Linear(), FEDSGD, (by_examples(), combine), rounds=2, check_every=0)
    assert [point.counted for point in learned(step, [*members(), tiny]).history] == [3, 3]


@pytest.mark.parametrize("chain", [NEVER, (by_examples(), weighted_mean()), (coordinate_median,)])
def test_a_model_that_nobody_trained_is_no_success(chain):
    parties = members() if chain is NEVER else members((19, 3, 0))
    with pytest.raises(DataError, match=r"No party had an update.*min_rows"):
        learned(Rounds(Linear(), FEDSGD, chain, rounds=3, check_every=0), parties)


def test_divergence_names_the_party_the_round_and_the_mend():
    wild = Rounds(Linear(loss="squared"), Local(epochs=50, batch=1, learning_rate=1e12), rounds=5, check_every=0)
    with pytest.raises(PartyFailed, match=r"bank-0 \(Train in round 1\).*Lower local.learning_rate"):
        learned(wild, members())


@pytest.mark.parametrize(
    ("link", "trainer"),
    [
        (sgd(1e300), Linear()),
        (sgd(1e300), Linear(dtype="float32")),
        (rule(lambda updates, weights: updates.mean(axis=0) * np.nan), Linear()),
    ],
)
def test_a_chain_that_makes_the_model_infinite_is_named(link, trainer):
    chain = (link,) if link.stage == "combine" else (weighted_mean(), link)
    wild = Rounds(trainer, replace(FEDSGD, learning_rate=1e10), chain, rounds=5, check_every=0)
    with pytest.raises(JobError, match=rf"no longer finite in round \d+.*{re.escape(str(wild.links()))}"):
        learned(wild, members())


def test_a_party_with_few_rows_contributes_nothing():
    step = Rounds(Linear(), FEDSGD, rounds=5, check_every=0, start="zero")
    with_tiny = learned(step, [*members(), Party("tiny", {"t": Table.from_matrix(*rows(19, 9))})])
    assert np.array_equal(with_tiny.params, learned(step, members()).params)


def test_one_class_and_empty_parties_take_part_without_harm():
    X, y = rows(60, 5)
    odd = [
        Party("one-class", {"t": Table.from_matrix(X, 0 * y)}),
        Party("empty", {"t": Table.from_matrix(X[:0], y[:0])}),
    ]
    found = learned(Rounds(Linear(), FEDSGD, rounds=3, check_every=0), [*members(), *odd])
    assert np.isfinite(found.params).all()


def test_rounds_may_begin_from_a_given_model():
    first = learned(Rounds(Linear(), FEDSGD, rounds=4, check_every=0, start="zero"), members())
    begin = At(0, Done((Learning(4, first.params),)))
    again = learned(Rounds(Linear(), FEDSGD, rounds=4, check_every=0, start="given"), members(), begin)
    straight = learned(Rounds(Linear(), FEDSGD, rounds=8, check_every=0, start="zero"), members())
    assert np.allclose(again.params, straight.params, atol=1e-14)
    with pytest.raises(ConfigError, match="no model of this shape"):
        learned(Rounds(Linear(), FEDSGD, rounds=1, start="given"), members())
    with pytest.raises(ConfigError, match="no model of this shape"):
        learned(Rounds(Tabular(hidden=(3,)), FEDSGD, rounds=1, start="given"), members(), begin)


def test_parties_whose_designs_differ_are_refused_and_so_are_gaps():
    X, y = rows(50, 1)
    narrow = Party("narrow", {"t": Table.from_matrix(X[:, :2], y)})
    with pytest.raises(DataError, match="differ in width"):
        learned(Rounds(rounds=1), [*members(), narrow])
    X[3, 1] = np.nan
    with pytest.raises(DataError, match=r"gappy.*gaps.*prepare step"):
        learned(Rounds(rounds=1), [*members(), Party("gappy", {"t": Table.from_matrix(X, y)})])


@pytest.mark.parametrize("trainer", [Linear(), Tabular(hidden=(5,), dtype="float64")], ids=["linear", "tabular"])
def test_a_secure_sum_in_two_messages_learns_what_the_plain_one_does(trainer):
    """The masks are whole numbers in the thousands: they cancel to a rounding, and a wrong one would be seen."""
    plain, masked = (
        learned(Rounds(trainer, FEDSGD, (uniform(), combine), rounds=3), members(), steps=(Prepare(),))
        for combine in (weighted_mean(), mask())
    )
    assert np.allclose(masked.params, plain.params, atol=1e-9)
    assert not np.array_equal(masked.params, plain.params)
    for ours, theirs in zip(masked.history, plain.history, strict=True):
        assert ours.counted == theirs.counted == 3
        assert ours.measures == pytest.approx(theirs.measures, abs=1e-9)


def test_alone_keeps_the_coordinators_links_and_drops_the_rest():
    step = Rounds(chain=(poisson(0.5), by_examples(), perturb(0.1), weighted_mean(), sgd(0.5)))
    assert [link.title for link in step.alone().chain] == ["weighted_mean", "sgd"]


@pytest.mark.parametrize(
    "settings",
    [{"rounds": 0}, {"check_every": -1}, {"patience": 3, "check_every": 0}, {"seconds": -1.0}, {"min_improvement": -1}]
    + [{name: value} for name in ("seconds", "min_improvement") for value in (math.nan, math.inf)],
)
def test_settings_are_checked(settings):
    with pytest.raises(ConfigError):
        Rounds(**settings)


@pytest.mark.parametrize("name", ["prox", "tilt", "start"])
def test_what_links_set_cannot_stand_in_a_job_file(name):
    value = "1000.0" if name == "prox" else "[[1.0, 2.0]]"
    with pytest.raises(ConfigError, match=rf"local\.{name}.*set by links alone"):
        Job.from_toml(f'name = "a"\nsteps = [{{use = "rounds", local = {{epochs = 1, {name} = {value}}}}}]')
    plain = Job.from_toml('name = "a"\nsteps = [{use = "rounds", local = {epochs = 1, prox = 0}}]')
    assert plain.steps[0].local == Local(epochs=1)


def test_the_chain_is_checked_when_the_step_is_built():
    with pytest.raises(ChainError, match="No link combines"):
        Rounds(chain=(by_examples(),))


def test_a_job_of_rounds_survives_toml():
    job = Job("again", (Rounds(Tabular(hidden=(8,)), replace(FEDSGD, clip_norm=1.0), rounds=3),))
    assert Job.from_toml(job.to_toml()) == job


@pytest.mark.parametrize("steps", [(Rounds(), Prepare()), (Rounds(), Prepare(), Rounds(), Evaluate())])
def test_no_preparation_comes_after_rounds(steps):
    with pytest.raises(ConfigError, match="must stand before rounds"):
        Job("late", steps)
