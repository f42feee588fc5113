"""Columns that grow block by block equal columns made at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.column import LEVELS_KEPT, Column
from hansa.core.on_disk import on_disk
from hansa.data.growing import Growing, table_of
from hansa.errors import ConfigError, DataError

VALUES = {
    "integer": st.integers(-(2**40), 2**40),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "category": st.sampled_from(["own", "rent", "甲", "", " x"]),
    "date": st.dates(),
}


def grown(values, cuts, kind=None, *, disk=False):
    growing = Growing("x", kind, disk=disk)
    for some in np.split(np.array(values, object), sorted(cuts)):
        if len(some):
            growing.add(Column.of("x", some.tolist()))
    return growing.column()


@settings(max_examples=150)
@given(st.data(), st.sampled_from(sorted(VALUES)), st.booleans())
def test_any_cut_gives_the_column_at_once(data, kind, disk):
    values = data.draw(st.lists(st.none() | VALUES[kind], min_size=1, max_size=40))
    cuts = data.draw(st.lists(st.integers(0, len(values)), max_size=5))
    whole, mine = Column.of("x", values), grown(values, cuts, disk=disk)
    assert (mine.kind, mine.levels) == (whole.kind, whole.levels)
    assert np.array_equal(mine.gaps, whole.gaps)
    assert np.array_equal(mine.values[~mine.gaps], whole.values[~whole.gaps])
    assert on_disk(mine.values) == (disk and mine.kind != "text")


@pytest.mark.parametrize("disk", [False, True])
def test_whole_numbers_become_floats_where_one_is(disk):
    column = grown([1, None, 2, 2.5], [2, 3], disk=disk)
    assert column.kind == "float"
    assert column.floats().tolist()[2:] == [2.0, 2.5]
    assert np.isnan(column.values[1])


@pytest.mark.parametrize("disk", [False, True])
def test_many_labels_become_text_and_keep_their_gaps(disk):
    words = [None if i % 50 == 7 else f"street {i % (LEVELS_KEPT + 9)}" for i in range(900)]
    column = grown(words, [100, 200, 600], disk=disk)
    assert column.kind == "text"
    assert column.strings().tolist() == [word or "" for word in words]
    assert column.gaps.nonzero()[0].tolist() == [i for i in range(900) if i % 50 == 7]
    forced = grown(words, [100, 200, 600], "category", disk=disk)
    assert (forced.kind, len(forced.levels)) == ("category", LEVELS_KEPT + 9)
    assert grown(["a", None], [1], "text").kind == "text"


@pytest.mark.parametrize(
    ("values", "cut"), [([1, "a"], 1), ([None, 1.5, "a"], 2), (["a", np.datetime64("2024-01-01")], 1)]
)
def test_two_sorts_in_one_column_are_refused_without_a_value(values, cut):
    with pytest.raises(DataError, match="more than one sort"):
        grown(values, [cut])


def test_a_table_needs_rows_and_known_columns():
    blocks = [[Column.of("who", ["a", "b"]), Column.of("x", [1, 2])]]
    roles = (None, "who", None)
    table = table_of(blocks, ["who", "x"], {"x": "float"}, roles, disk=False, where="loans")
    assert (table.column("who").kind, table.column("x").kind, table.id) == ("text", "float", "who")
    with pytest.raises(DataError, match="loans has no rows"):
        table_of([], ["x"], {}, (None, None, None), disk=True, where="loans")
    with pytest.raises(ConfigError, match=r"no column 'z'"):
        table_of(blocks, ["who", "x"], {"z": "float"}, roles, disk=False, where="loans")
    with pytest.raises(ConfigError, match=r"no kind 'word'"):
        table_of(blocks, ["who", "x"], {"x": "word"}, roles, disk=False, where="loans")
