"""What a party tells of its rows as a whole: none of few."""

from __future__ import annotations

import numpy as np

from hansa.core.table import Table
from hansa.horizontal.facts import facts_of
from hansa.horizontal.floors import Floors
from hansa.horizontal.labels import CODES


def facts(rows, test, cell):
    table = Table.of({"x": np.arange(rows) % 40, "y": np.arange(rows) % 2}, target="y")
    parts = np.where(np.arange(rows) < rows - test, 0, 2).astype(np.int8)
    return facts_of(table, parts, Floors(20, cell), table.take(np.flatnonzero(parts == 0)), ("x",))[0]


def test_rows_of_a_part_and_twins_are_told_from_a_cell_on():
    assert facts(100, 40, cell=10)[:5].tolist() == [60.0, 0.0, 40.0, 40.0, 1.0]
    assert facts(100, 9, cell=10)[:5].tolist() == [91.0, 0.0, 0.0, 0.0, 1.0]


def test_a_party_without_training_rows_tells_nothing():
    told = facts(30, 30, cell=1)
    assert len(told) == 6 + 2 * CODES
    assert not told.any()
