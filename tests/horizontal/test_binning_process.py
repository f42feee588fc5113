"""What a binning found: changes by hand reach the coding."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.table import Table
from hansa.errors import DataError
from hansa.horizontal.binning_process import BinningProcess, ordered, rearranged
from hansa.horizontal.binning_table import BinningTable
from hansa.horizontal.woe import Cells


def test_a_change_by_hand_reaches_the_coding_of_its_column_alone():
    counts = np.array([[90.0, 60.0, 50.0, 0.0], [10.0, 40.0, 50.0, 0.0]])
    tables = tuple(BinningTable(Cells(name, edges=(30.0, 60.0)), counts, (0, 1, 2)) for name in ("age", "term"))
    before = BinningProcess(tables)
    after = before.update_splits("age", (60.0,), by="risk", why="two bins are enough")
    rows = Table.of({"age": [20, 40, 70], "term": [20, 40, 70]})
    old, new = before.prepared.transform(rows), after.prepared.transform(rows)
    assert new[0, 0] == new[1, 0] != new[2, 0]
    np.testing.assert_array_equal(old[:, 1], new[:, 1])
    assert after.table("age").updates[0].by == "risk"
    with pytest.raises(DataError, match="was not binned"):
        before.table("agee")


def test_rare_labels_join_the_others():
    cells = Cells("home", labels=(("a",), ("b",), ("c",)))
    counts = np.array([[40.0, 1.0, 50.0, 3.0, 0.0], [10.0, 1.0, 5.0, 1.0, 2.0]])
    made, places = ordered(cells, counts, 0.05)
    assert made.labels == (("c",), ("a",))
    assert rearranged(counts, places).tolist() == [[50.0, 40.0, 4.0, 0.0], [5.0, 10.0, 2.0, 2.0]]
