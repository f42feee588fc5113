"""Who was in a round, and whether one alone makes the difference between two."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.fold import Each
from hansa.core.load import Load
from hansa.core.message import Answer
from hansa.core.plan import Reply
from hansa.horizontal.cohorts import by_one, counted


def test_parties_without_rows_do_not_count_where_loads_say_so():
    rows = [(place, Answer(Load({"counted": np.array([[place % 2]])}))) for place in range(5)]
    assert counted(Reply(Each(tuple(rows)), tuple("abcde"))) == 2
    assert counted(Reply(Each(((0, Answer(Load({"x": np.ones((1, 1))}))),)), ("a", "b"))) == 2


@pytest.mark.parametrize(
    ("before", "after", "one"),
    [("abc", "abcd", True), ("abcd", "abc", True), ("abc", "abc", False), ("abc", "abd", False), ("", "a", False)],
)
def test_one_more_or_one_less_is_told_from_all_else(before, after, one):
    assert by_one(tuple(before), tuple(after)) == one
