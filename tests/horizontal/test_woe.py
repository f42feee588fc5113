"""Cells and weights of evidence: where each value goes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hansa.core.codec import pack, unpack
from hansa.core.table import Column
from hansa.errors import DataError
from hansa.horizontal.woe import Cells, Woe
from tests.horizontal.banks import coded


def test_values_at_an_edge_codes_and_gaps_have_their_place():
    cells = Cells("x", edges=(0.0, 10.0), special_codes=(98.0, -1.0))
    column = Column.of("x", [-5.0, 0.0, 0.1, 10.0, 11.0, 98.0, -1.0, None])
    assert cells.place(column).tolist() == [0, 0, 1, 1, 2, 3, 4, 5]
    assert cells.names == ("(-inf, 0]", "(0, 10]", "(10, inf)", "Special 98", "Special -1", "Missing")
    assert cells.joined((1, 2)).edges == (10.0,)
    assert Cells("x").names == ("(-inf, inf)", "Missing")


def test_a_value_that_opens_a_bin_is_written_in_it():
    just_below = np.nextafter([0.0, 2.0, 50_000.0], -np.inf).tolist()
    cells = Cells("late", edges=(just_below[0], 0.1 + 0.2, *just_below[1:], 1 / 3 + 60_000))
    names = "(-inf, 0) [0, 0.3] (0.3, 2) [2, 50000) [50000, 60000.33333] (60000.33333, inf)"
    assert cells.names == (*re.findall(r"\S+ \S+", names), "Missing")
    assert [cells.names[i] for i in cells.place(Column.of("late", [-0.1, 0, 2, 50_000]))] == [
        "(-inf, 0)",
        "[0, 0.3]",
        "[2, 50000)",
        "[50000, 60000.33333]",
    ]


def test_labels_keep_their_groups_and_others_have_theirs():
    cells = Cells("home", labels=(("own",), ("rent",), ("free",)))
    assert cells.joined((1, 2)).labels == (("own", "rent"), ("free",))
    assert Cells("home", categorical=True).joined(()).size == 2
    assert cells.joined((2,)).place(Column.of("home", ["free", "boat", None])).tolist() == [0, 1, 2]
    numbers = Cells("grade", labels=(("1",), ("2",)))
    assert numbers.place(Column.of("grade", [2, 1, 3])).tolist() == [1, 0, 2]


def test_a_column_of_labels_is_no_column_of_numbers():
    with pytest.raises(DataError, match="was binned as numbers"):
        Cells("x", edges=(1.0,)).place(Column.of("x", ["a", "b"]))
    assert Cells("x", edges=(1.0,)).place(Column.of("x", [None, None], "category")).tolist() == [2, 2]


def test_a_coding_travels():
    coding = Woe(Cells("home", labels=(("own",),)), (0.25, -1.0, 0.0))
    assert unpack(Woe, pack(coding)) == coding
    np.testing.assert_array_equal(coded(coding, Column.of("home", ["own", "b", None])), [[0.25], [-1.0], [0.0]])


@pytest.mark.parametrize("values", [(0.5,), (0.5, -0.5), (0.5, -0.5, 0.0, 0.0)])
def test_a_coding_without_a_value_for_each_cell_is_none_before_any_row_is_looked_at(values):
    with pytest.raises(DataError, match=r"'age' has 3 cells, and \d values"):
        Woe(Cells("age", edges=(30.0,)), values)
