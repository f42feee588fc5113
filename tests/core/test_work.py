"""A batch of asks: stacked or alone the same, and failures name the party."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core import work as work_module
from hansa.core.fold import Sum
from hansa.core.job import Job
from hansa.core.message import Masked
from hansa.core.party import Party
from hansa.core.post import in_process
from hansa.core.table import Table
from hansa.core.trainer import Local
from hansa.core.work import Work
from hansa.errors import DataError, JobError
from hansa.horizontal.rounds import Rounds, Train
from hansa.horizontal.shape import Shape
from hansa.trainers import Linear

JOB = Job("work", (Rounds(Linear()),), min_parties=1)


def parties(n=30):
    made = []
    for i in range(n):
        rng = np.random.default_rng(i)
        made.append(Party(f"p{i}", {"t": Table.from_matrix(rng.normal(size=(20 + i, 2)), rng.integers(0, 2, 20 + i))}))
    return made


def work(asks, fold=None):
    n = len(asks)
    return Work(0, tuple(f"p{i}" for i in range(n)), tuple(range(n)), tuple(asks), ({},) * n, tuple(range(n)), fold)


TRAIN = Train(np.zeros(3), 0, Local(epochs=1, batch=7), ({}, {}))


def test_the_size_of_a_stack_changes_no_bit(monkeypatch):
    compute, found = in_process(JOB, parties()), []
    for size in (1, 7, 128):
        monkeypatch.setattr(work_module, "_STACK", size)
        alone = compute(work([TRAIN] * 30))
        folded = Sum().close(compute(work([TRAIN] * 30, Sum())).partial)
        found.append((b"".join(a.load["delta"].tobytes() for a in alone.answers), folded["delta"].tobytes()))
    assert len(set(found)) == 1


def test_kinds_of_ask_may_be_mixed_and_answers_keep_their_order():
    outcome = in_process(JOB, parties(4))(work([TRAIN, Shape(), TRAIN, Shape()]))
    assert ["delta" in answer.load for answer in outcome.answers] == [True, False, True, False]


def test_an_ask_without_a_handler_is_an_error_of_the_job():
    with pytest.raises(JobError, match="no handler for Masked"):
        in_process(JOB, parties(1))(work([Masked(None)]))


def test_a_partys_error_names_it():
    broken = parties(2)
    broken[1] = Party("p1", {"t": Table.of({"x1": [1.0] * 30, "x2": [None] * 30, "y": [0, 1] * 15}, target="y")})
    with pytest.raises(DataError, match="p1: The features have gaps"):
        in_process(JOB, broken)(work([Shape(), Shape()]))
