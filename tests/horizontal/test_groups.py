from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.table import Column
from hansa.horizontal.groups import Groups, Told, finite

COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=12).map(np.array)


@given(COUNTS, st.integers(1, 20), st.booleans())
def test_no_group_holds_a_few_and_no_row_is_lost(counts, cell, ordered):
    told = Told.of(counts, cell, ordered=ordered)
    assert told.rows.sum() == counts.sum()
    held = told.own
    assert ((held == 0) | (held >= min(cell, counts.sum()))).all()
    assert (told.joined(counts.astype(float)) == held).all()
    assert np.isclose(told.spread.sum(), counts.sum())
    assert (told.own[np.searchsorted(np.unique(told.into), told.into[counts == 0])] == 0).all()


@given(COUNTS)
def test_large_groups_stand_alone(counts):
    large = counts + 10
    assert (Told.of(large, 10, ordered=False).rows == large).all()


def test_the_smallest_labels_are_joined_and_neighbours_of_numbers():
    counts = np.array([3, 50, 4, 60, 5])
    assert Told.of(counts, 10, ordered=False).into.tolist() == [0, 1, 0, 3, 0]
    assert Told.of(counts, 10, ordered=True).into.tolist() == [0, 0, 2, 2, 2]


def test_dates_and_words():
    days = Column.of("opened", ["1970-01-03", None], "date")
    assert np.array_equal(finite(days), [2.0, np.nan], equal_nan=True)
    assert np.isnan(finite(Column.of("home", ["own"]))).all()
    assert Groups("opened", edges=(1.0, 2.0)).place(days).tolist() == [1, 3]
