"""Before the rounds: designs of one width, and a centre for sums of squares that tells of nobody."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.load import Load
from hansa.core.party import Site
from hansa.core.table import Table
from hansa.errors import DataError
from hansa.horizontal.rounds import Rounds
from hansa.horizontal.shape import Shape, Shapes, agreed
from hansa.trainers import Linear


def told(rows, trainer, width=3):
    y = (1e9 if trainer.task == "regression" else 0) + np.arange(rows) % 2
    columns = {f"x{i}": np.arange(rows) for i in range(width)}
    site = Site("bank", Job("shape", (Rounds(trainer),)), Table.of({**columns, "y": y}, target="y"))
    return Shapes(trainer).answer(Shape(), site, {})[0].load.vectors


def test_a_value_tells_its_sum_unless_too_few_stand_behind_it():
    value, yes_or_no = Linear(loss="squared"), Linear()
    many, few = told(40, value), told(19, value)
    assert (many["rows"][0, 0], many["target"][0, 0]) == (40, 40e9 + 20)
    assert (few["rows"][0, 0], few["target"][0, 0], few["width"][0, 0]) == (0, 0, 3)
    assert agreed(Load({name: many[name] + few[name] for name in many})) == (3, 1e9 + 0.5)
    assert told(40, yes_or_no)["rows"][0, 0] == 0
    assert agreed(Load(told(40, yes_or_no))) == (3, 0.0)


def test_a_label_that_is_neither_0_nor_1_is_refused_before_training():
    site = Site("bank", Job("shape", (Rounds(),)), Table.of({"x": range(40), "y": [0, 1, 0, 7] * 10}, target="y"))
    with pytest.raises(DataError, match=r"other than 0 and 1\. 10 of 40 rows"):
        Shapes(Linear()).answer(Shape(), site, {})


def test_designs_that_differ_are_refused():
    one, other = told(40, Linear()), told(40, Linear(), width=2)
    with pytest.raises(DataError, match="differ in width"):
        agreed(Load({name: one[name] + other[name] for name in one}))
