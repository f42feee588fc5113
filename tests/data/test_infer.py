from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.table import Column, Table
from hansa.data.contract import faults
from hansa.data.infer import inferred, outward
from hansa.data.synthetic import loan_book

RARE = 987_654_321.125


@given(st.floats(1e-9, 1e9), st.booleans(), st.booleans())
def test_outward_is_round_and_never_inside(size, below, up):
    value = -size if below else size
    end = outward(value, up=up)
    assert end >= value * (1 - 1e-9 * np.sign(value)) if up else end <= value * (1 + 1e-9 * np.sign(value))
    assert f"{abs(end):.0e}"[0] in "125"
    assert abs(end) <= 10 * size
    assert abs(end) >= size / 10


def test_nothing_of_a_few_customers_is_written():
    rng = np.random.default_rng(0)
    value = rng.uniform(10, 90, 500)
    value[:9] = RARE
    home = rng.choice(["own", "rent"], 500).tolist()
    home[:9] = ["Villa Canary"] * 9
    low, levels = inferred(Table.of({"value": value, "home": home}))
    assert (low.low, low.high) == (10.0, 100.0)
    assert levels.levels == ("own", "rent")


def test_one_customer_with_many_rows_is_one():
    who = [f"c{i}" for i in range(100)] + ["c0"] * 100
    home = ["own", "rent"] * 50 + ["Villa Canary"] * 4 + ["own"] * 96
    value = np.append(np.linspace(20, 80, 100), np.full(100, RARE))
    fields = {field.name: field for field in inferred(Table.of({"who": who, "home": home, "value": value}, id="who"))}
    assert fields["home"].levels == ("own", "rent")
    assert fields["value"].high == 100.0
    assert fields["who"].levels == ()


def test_columns_of_few_rows_and_many_rare_labels_are_left_open():
    few, many = inferred(Table.of({"few": [*range(21), *[None] * 79], "many": [f"label {i // 2}" for i in range(100)]}))
    assert (few.low, few.high, many.levels) == (None, None, ())


def test_dates_are_told_by_their_years():
    days = np.datetime64("2019-05-17") + np.arange(900)
    field = inferred(Table.of([Column.of("opened", days)]), time="opened")[0]
    assert (field.role, field.low, field.high) == ("time", "2019-01-01", "2021-12-31")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_table_keeps_the_schema_that_was_read_off_it(seed):
    book = loan_book(3000, seed=seed)
    fields = inferred(book)
    assert faults(fields, book) == ()
    assert sum(field.low is not None for field in fields) >= 14
    other = loan_book(3000, seed=seed + 10)
    assert faults(fields, other) == ()
