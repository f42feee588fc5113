from __future__ import annotations

import numpy as np
import pytest

from hansa.core.column import Column
from hansa.core.columns import Columns
from hansa.errors import DataError


def test_order_is_kept():
    assert list(Columns.of([Column.of("b", [1]), Column.of("a", [2])])) == ["b", "a"]


def test_a_name_stands_once():
    with pytest.raises(DataError, match="'x' stands there twice"):
        Columns.of([Column.of("x", [1]), Column.of("x", [2])])


def test_lengths_agree():
    with pytest.raises(DataError, match="'a' has 2 rows, 'b' has 1"):
        Columns.of([Column.of("a", [1, 2]), Column.of("b", [1])])


def test_a_column_of_the_matrix_is_a_view():
    matrix = np.ones((3, 2))
    columns = Columns(("a", "b"), 3, {}, ("a", "b"), matrix)
    assert np.shares_memory(columns["b"].values, matrix)
    assert "c" not in columns
    with pytest.raises(KeyError):
        columns["c"]
