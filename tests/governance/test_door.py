"""The guard at the door: what comes in is the approved job's, and what goes out is sound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from hansa.core.load import Load
from hansa.core.message import Answer, Ask, Refusal, Sealed
from hansa.core.party import Party
from hansa.core.table import Table
from hansa.engines.simulation import Simulation
from hansa.governance.door import PolicyGuard
from hansa.horizontal.evaluate import Compare
from hansa.horizontal.newton import Frame
from hansa.horizontal.rounds import Check, Learning, Train
from hansa.horizontal.summer import Climb
from tests.governance.policies import AT, NAMES, job, policy

JOB = job()
LOCAL = JOB.steps[1].local


def open_():
    return AT


def closed():
    return AT + timedelta(hours=12)


GUARD = PolicyGuard(policy(), open_)


def train(round_=1, params=None, **changes):
    local = replace(LOCAL.at(round_, 3), **changes)
    return Train(np.zeros(3) if params is None else params, round_, local, ({}, {}, {}))


def load(**changes):
    found = {"delta": np.ones((1, 3)), "weight": np.ones((1, 1)), "rows": np.ones((1, 1)), "loss": np.ones((1, 1))}
    return Answer(Load({**found, **changes}))


def parties(guards):
    made = []
    for i, name in enumerate(NAMES):
        rng = np.random.default_rng(i)
        x = rng.normal(size=(300, 3))
        y = (rng.random(300) < 1 / (1 + np.exp(-x @ [1.0, -1.0, 0.5]))).astype(float)
        made.append(
            Party(name, {"loans": Table.of({**{f"x{k}": x[:, k] for k in range(3)}, "y": y}, target="y")}, guards)
        )
    return made


def test_a_whole_job_passes_and_its_bits_are_those_without_guards():
    bits = []
    for guards in ((), (GUARD,)):
        with Simulation(parties(guards), 1).session(JOB) as session:
            bits.append(session.run().last(Learning).chosen.tobytes())
    assert bits[0] == bits[1]


def test_each_round_is_let_in_with_its_own_settings_alone():
    for round_ in range(3):
        assert GUARD.admit(train(round_), JOB) is None
    other = replace(train(1), round=2)
    assert "another way" in GUARD.admit(other, JOB).what
    for round_ in (-1, 3, 10**9, None, 1.0):
        assert "another way" in GUARD.admit(replace(train(1), round=round_), JOB).what


@pytest.mark.parametrize(
    "hostile",
    [
        {"learning_rate": 1e30},
        {"epochs": 10**9},
        {"epochs": None, "steps": 1},
        {"batch": 1},
        {"optimizer": "adam"},
        {"class_weight": "balanced"},
        {"clip_norm": 1e9},
        {"momentum": 0.0},
        {"prox": 0.1},
        {"tilt": np.zeros((1, 3))},
        {"start": np.zeros((1, 3))},
    ],
)
def test_settings_that_were_not_approved_are_refused(hostile):
    assert "another way" in GUARD.admit(train(1, **hostile), JOB).what


def test_a_model_that_is_too_large_or_not_finite_is_refused():
    assert "10,001 parameters" in GUARD.admit(train(params=np.zeros(10_001)), JOB).what
    for bad in (np.nan, np.inf, -np.inf):
        for ask in (train(params=np.array([0.0, bad, 0.0])), Check(np.array([bad])), Compare(np.array([bad]))):
            assert "not finite" in GUARD.admit(ask, JOB).what


def test_coefficients_are_a_model_too():
    frame = Frame(("x0",), np.zeros(1), np.ones(1))
    guard = PolicyGuard(policy(asks=["Climb"], max_parameters=2), open_)
    assert guard.admit(Climb(frame, np.zeros(2)), JOB) is None
    assert "3 parameters" in guard.admit(Climb(frame, np.zeros(3)), JOB).what
    assert "not finite" in guard.admit(Climb(frame, np.array([np.nan, 0.0])), JOB).what


def test_kinds_that_are_not_allowed_and_hours_that_are_closed():
    fewer = PolicyGuard(policy(asks=["Check"]), open_)
    assert fewer.admit(train(), JOB).what == "The ask 'Train' is not allowed here."
    assert fewer.admit(Check(np.zeros(3)), JOB) is None
    assert "at this time" in PolicyGuard(policy(), closed).admit(train(), JOB).what
    assert PolicyGuard(policy(hours=None), open_).admit(train(), JOB) is not None


@dataclass(frozen=True)
class Among(Ask):
    inner: Any


def test_an_ask_within_an_ask_is_judged_too():
    wide = PolicyGuard(policy(asks=["Among", "Check"]), open_)
    assert wide.admit(Among(train()), JOB).what == "The ask 'Train' is not allowed here."
    both = PolicyGuard(policy(asks=["Among", "Train"]), open_)
    assert "another way" in both.admit(Among((train(learning_rate=9.0),)), JOB).what


def test_a_sound_update_leaves_as_it_is():
    answer = load()
    assert GUARD.release(answer, train(), JOB) is answer


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (load(delta=np.array([[1.0, np.nan, 1.0]])), "'delta' is not finite"),
        (load(delta=np.array([[1.0, np.inf, 1.0]], np.float32)), "'delta' is not finite"),
        (load(loss=np.array([[-np.inf]])), "'loss' is not finite"),
        (load(delta=np.ones((1, 4))), "another size"),
        (load(delta=np.full((1, 3), "x")), "may not leave"),
        (load(delta=np.array([[object(), 1, 2]])), "may not leave"),
        (load(delta=np.ones((1, 3), complex)), "may not leave"),
        (Answer(Load({"delta": np.ones((2, 3)), "weight": np.ones((2, 1))})), "not of one party"),
        (load(extra=np.ones((1, 125_001))), "bytes may not leave"),
        (Answer(load().load, {"bank-b": Sealed(bytes(1_000_001))}), "bytes may not leave"),
    ],
)
def test_what_does_not_leave(answer, what):
    said = GUARD.release(answer, train(), JOB)
    assert isinstance(said, Refusal)
    assert what in said.what


def test_a_figure_that_is_not_told_may_leave_and_an_infinite_sum_may_not():
    told = Answer(Load({"figures": np.array([[1.0, np.nan]])}))
    assert GUARD.release(told, Compare(np.zeros(3)), JOB) is told
    infinite = Answer(Load({"sums": np.array([[1.0, np.inf]])}))
    assert isinstance(GUARD.release(infinite, Check(np.zeros(3)), JOB), Refusal)


def test_without_a_most_nothing_leaves():
    assert isinstance(PolicyGuard(policy(max_payload=None), open_).release(load(), train(), JOB), Refusal)


def test_a_diverging_bank_is_refused_at_its_own_door():
    said = GUARD.release(load(delta=np.full((1, 3), np.nan)), train(), JOB)
    assert "Lower the learning rate" in said.mend
    assert "nan" not in said.what.lower()
