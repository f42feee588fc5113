"""Rare rows count as something else, and neither a count nor a difference of counts tells how few they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.column import Column
from hansa.horizontal.fitting import Fit, Want, centred
from hansa.horizontal.floors import Floors
from hansa.horizontal.veil import Veil, grouped, held

CELL = 10
FLOORS = Floors(20, CELL)
AGES = np.random.default_rng(0).integers(18, 80, 400).astype(float)


def with_gaps(number, values=AGES):
    return Column.of("age", np.where(np.arange(len(values)) < number, np.nan, values))


def counts(how, column, **settings):
    return Want("age", how, **settings).count(column, FLOORS)


def few(*told):
    return [number for number in told if 0 < number < CELL]


@pytest.mark.parametrize("gaps", [1, 9])
@pytest.mark.parametrize("how", ["standardise", "none", "bins"])
def test_few_gaps_leave_no_trace_in_counts_and_sums(how, gaps):
    column = with_gaps(gaps)
    filled = Column.of("age", np.where(column.gaps, np.sort(column.values[gaps:])[(399 - gaps) // 2], column.values))
    assert counts(how, column).tolist() == counts(how, filled).tolist()
    assert counts(how, column)[:2].tolist() == [400, 0]
    fit = Fit(Want("age", how), np.zeros(3), CELL, centre=40.0)
    assert centred(fit, column, FLOORS) == centred(fit, filled, FLOORS)
    assert held(column, (), FLOORS).tolist() == filled.values.tolist()


@pytest.mark.parametrize("how", ["standardise", "none", "bins"])
def test_enough_gaps_are_told_and_nothing_stands_in_for_them(how):
    column = with_gaps(10)
    assert counts(how, column)[:2].tolist() == [390, 10]
    assert held(column, (), FLOORS).tolist() == AGES[10:].tolist()
    assert counts("tokens", Column.of("age", ["a"] * 90 + [None] * 10)).tolist() == [90, 10]


@pytest.mark.parametrize(
    ("texts", "told"), [(99, [100, 0]), (91, [100, 0]), (90, [90, 10]), (9, [0, 100]), (0, [0, 100])]
)
def test_few_texts_or_gaps_count_as_the_others(texts, told):
    assert counts("tokens", Column.of("age", ["a"] * texts + [None] * (100 - texts))).tolist() == told


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 25), min_size=5, max_size=5), st.sampled_from([CELL, 1]))
def test_labels_and_gaps_add_up_and_none_of_them_is_few(rows, cell):
    words = [word for word, number in zip(["a", "b", "c", "d", None], rows, strict=True) for _ in range(number)]
    told = grouped(Column.of("c", words, "category"), ("a", "b", "c"), Floors(1, cell))
    if cell == 1:
        assert told.tolist() == rows
    elif sum(rows) >= cell:
        assert not few(*told)
        assert told.sum() == sum(rows)
        assert all(told[i] >= number for i, number in enumerate(rows) if i in {0, 1, 2} and number >= cell)
    else:
        assert not told.any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 25), min_size=4, max_size=4))
def test_values_codes_and_gaps_add_up_and_none_of_them_is_few(rows):
    pay = [value for value, number in zip([5.0, -8.0, -9.0, np.nan], rows, strict=True) for _ in range(number)]
    column = Column.of("age", np.array(pay))
    values, gaps, total, *codes = (
        Want("age", "none", special_codes=(-8.0, -9.0)).count(column, Floors(1, CELL)).tolist()
    )
    assert not few(values, gaps, *codes)
    assert total == 5.0 * values
    assert values + gaps + sum(codes) == (len(pay) if len(pay) >= CELL else 0)


def test_a_long_column_is_read_in_blocks(monkeypatch):
    whole = [held(with_gaps(gaps), (), FLOORS).tolist() for gaps in (0, 9, 10)]
    monkeypatch.setattr("hansa.horizontal.veil._ROWS", 7)
    assert [len(held(with_gaps(gaps), (), FLOORS)) for gaps in (0, 9, 10)] == [len(values) for values in whole]
    assert Veil.of(with_gaps(9), (), CELL).fill in AGES[9:14]  # of the first block that has a value
