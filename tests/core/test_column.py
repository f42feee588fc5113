from __future__ import annotations

import datetime as dt
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.column import LEVELS_KEPT, Column, encode, joined
from hansa.errors import DataError


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "integer"),
        ([True, False], "integer"),
        ([1, None], "integer"),
        ([1, 2.5], "float"),
        ([1, float("nan")], "integer"),
        ([None, None], "float"),
        (["a", None], "category"),
        ([dt.date(2024, 5, 1), None], "date"),
        (np.array([1, 2], np.uint8), "integer"),
        (np.array([1.5], np.float32), "float"),
        (np.array(["2024-05-01T13:00"], "datetime64[m]"), "date"),
        (np.array(["a", "b"]), "category"),
        ([f"name {i}" for i in range(LEVELS_KEPT + 1)], "text"),
    ],
)
def test_kind_is_inferred(values, kind):
    assert Column.of("c", values).kind == kind


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["1", None], "integer", [1, 0]),
        (["1.5", None], "float", [1.5, np.nan]),
        ([1.0, 2.0], "integer", [1, 2]),
        ([1, 2], "float", [1.0, 2.0]),
        ([7, None], "text", ["7", ""]),
        ([7, None], "category", [0, -1]),
        (["2024-02-29", None], "date", ["2024-02-29", "NaT"]),
    ],
)
def test_kind_is_forced(values, kind, expected):
    column = Column.of("c", values, kind)
    assert column.kind == kind
    np.testing.assert_array_equal(column.values, np.array(expected, column.values.dtype))
    assert column.gaps.tolist() == [value is None for value in values]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["secret"], "float"),
        (["secret"], "integer"),
        (["secret"], "date"),
        ([1.5], "integer"),
        ([1e300], "integer"),
        ([2**70], None),
        (np.array([2**64 - 1], np.uint64), None),
        ([1, "secret"], None),
        ([dt.date(2024, 5, 1)], "float"),
        ([1], "colour"),
    ],
)
def test_what_does_not_fit_is_refused_without_its_value(values, kind):
    with pytest.raises(DataError) as caught:
        Column.of("income", values, kind)
    assert "income" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.mend
    assert caught.value.__cause__ is None or "secret" not in str(caught.value.__cause__)


def test_values_are_read_only_and_stay_so_in_a_pickle():
    for column in (Column.of("x", [1.0, 2.0]), Column.of("n", [1, None]), Column.of("t", ["a", None], "text")):
        again = pickle.loads(pickle.dumps(column))  # noqa: S301 - our own bytes
        for one in (column, again):
            assert not one.values.flags.writeable
            assert not one.gaps.flags.writeable or one.missing is None
        assert again.strings().tolist() == column.strings().tolist()
        assert again.kind == column.kind


def test_a_slice_is_a_view_and_an_array_is_not_copied():
    values = np.arange(5.0)
    column = Column.of("x", values)
    assert np.shares_memory(column.values, values)
    assert np.shares_memory(column.take(slice(1, 3)).values, values)
    assert values.flags.writeable


@given(st.lists(st.one_of(st.none(), st.text(max_size=4))))
def test_encoding_loses_nothing(words):
    codes, levels = encode(words)
    assert list(levels) == sorted(set(words) - {None})
    assert [None if code < 0 else levels[code] for code in codes] == words


@given(st.lists(st.lists(st.one_of(st.none(), st.sampled_from("abcdef"))), min_size=1, max_size=4))
def test_joined_categories_read_like_their_parts(parts):
    column = joined([Column.of("c", part, "category") for part in parts])
    assert column.strings().tolist() == [word or "" for part in parts for word in part]
    assert column.gaps.tolist() == [word is None for part in parts for word in part]


def test_joining_keeps_gaps_of_integers():
    column = joined([Column.of("n", [1, 2]), Column.of("n", [None, 4])])
    np.testing.assert_array_equal(column.floats(), [1, 2, np.nan, 4])


def test_integers_join_floats_as_floats():
    column = joined([Column.of("n", [1, None]), Column.of("n", [0.5])])
    assert column.kind == "float"
    np.testing.assert_array_equal(column.floats(), [1, np.nan, 0.5])


@pytest.mark.parametrize(
    "filled",
    [
        Column.of("c", ["a"]),
        Column.of("c", [3]),
        Column.of("c", [dt.date(2024, 5, 1)]),
        Column.of("c", ["a"], "text"),
    ],
    ids=lambda column: column.kind,
)
def test_a_column_of_gaps_joins_any_kind(filled):
    empty = Column.of("c", [None, None], "float")
    for parts, gaps in (([empty, filled], [True, True, False]), ([filled, empty], [False, True, True])):
        column = joined(parts)
        assert column.kind == filled.kind
        assert column.gaps.tolist() == gaps


def test_other_kinds_do_not_join():
    with pytest.raises(DataError, match="category here and integer there"):
        joined([Column.of("c", ["a"]), Column.of("c", [1])])


def test_more_gaps():
    rows = np.array([True, False])
    for column in (
        Column.of("x", [1.0, 2.0]),
        Column.of("n", [1, 2]),
        Column.of("c", ["a", "b"]),
        Column.of("d", [dt.date(2024, 5, 1)] * 2),
        Column.of("t", ["a", "b"], "text"),
    ):
        assert column.with_gaps(rows).gaps.tolist() == [True, False]
        assert not column.gaps.any()


@pytest.mark.parametrize("name", ["", "  "])
def test_a_column_has_a_name(name):
    with pytest.raises(DataError, match="no name"):
        Column.of(name, [1])


def test_a_mask_belongs_to_integers_and_text():
    with pytest.raises(DataError, match="mask"):
        Column("x", "float", np.zeros(2), np.zeros(2, bool))
    with pytest.raises(DataError, match="does not hold"):
        Column("x", "float", np.zeros(2, np.float32))


def test_the_day_of_a_time_with_a_zone_is_the_place_s():
    half_past_midnight = dt.datetime(2024, 5, 1, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    assert Column.of("seen", [half_past_midnight, None]).strings().tolist() == ["2024-05-01", ""]


def test_categories_join_text_as_text():
    few, many = Column.of("home", ["own", None]), Column.of("home", ["boat", "own"], "text")
    for parts in ([few, many], [many, few]):
        whole = joined(parts)
        assert whole.kind == "text"
        assert sorted(whole.strings().tolist()) == ["", "boat", "own", "own"]
