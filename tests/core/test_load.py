"""Named vectors of a stack of parties."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.load import Load, stack
from hansa.errors import DataError

TWO = Load({"delta": np.arange(6.0).reshape(2, 3), "rows": np.array([[4.0], [5.0]])})


def test_rows_are_views_and_stack_again():
    assert np.shares_memory(TWO.row(1)["delta"], TWO["delta"])
    again = stack([TWO.row(0), TWO.row(1)])
    assert all(np.array_equal(again[name], TWO[name]) for name in TWO.vectors)
    assert stack([TWO]) is TWO


def test_vectors_come_go_and_add():
    assert "extra" in TWO.replace(extra=np.ones((2, 1)))
    assert "rows" not in TWO.without("rows")
    assert np.array_equal((TWO + TWO)["delta"], 2 * TWO["delta"])


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="one n"):
        Load({"a": np.ones((2, 1)), "b": np.ones((3, 1))})
    with pytest.raises(DataError, match=r"\[n, k\]"):
        Load({"a": np.ones(3)})
    with pytest.raises(DataError, match="different vectors"):
        TWO + TWO.without("rows")
    with pytest.raises(DataError, match="Did you mean 'delta'"):
        TWO["delat"]
