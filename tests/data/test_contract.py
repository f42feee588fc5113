from __future__ import annotations

import numpy as np
import pytest

from hansa.core.table import Column, Table
from hansa.data.contract import broken, customers, faults
from hansa.data.field import Field

RNG = np.random.default_rng(5)
INCOME = Field("income", "float", unit="kEUR", low=5, high=500)


def told(field, values, **settings):
    found = faults((field,), Table.of({field.name: values}), **settings)
    return found[0] if found else None


def test_a_handful_outside_of_the_range_is_no_breach_and_is_not_told():
    assert told(INCOME, np.append(RNG.uniform(10, 400, 300), [9e9] * 6)) is None
    assert told(INCOME, np.append(RNG.uniform(10, 400, 90), [9e9] * 9)) is None  # more than 5 %, fewer than a cell
    assert told(INCOME, np.append(RNG.uniform(10, 400, 300), [9e9] * 12)) is None  # a cell, less than 5 %
    assert "about 6 %" in told(INCOME, np.append(RNG.uniform(10, 400, 300), [9e9] * 20)).what


@pytest.mark.parametrize(("factor", "back"), [(1000.0, "0.001"), (0.001, "1000"), (1e6, "1e-06"), (12.0, "0.01")])
def test_another_unit_is_named(factor, back):
    assert f"factor = {{'income' = {back}}}" in told(INCOME, RNG.uniform(100, 400, 300) * factor).mend


def test_values_of_no_known_unit_get_no_factor():
    assert "Name codes for gaps" in told(INCOME, RNG.uniform(10, 400, 300) - 900).mend


def test_gaps_by_code_are_outside_of_nothing():
    values = np.append(RNG.uniform(10, 400, 300), [-99.0] * 100)
    assert told(INCOME, values) is not None
    assert told(Field("income", "float", low=5, high=500, missing=(-99,)), values) is None


def test_dates_have_ranges():
    field = Field("opened", "date", low="2020-01-01")
    old = Column.of("opened", np.array(["1900-01-01", "2021-05-05"] * 20, "datetime64[D]"))
    fault = told(field, old)
    assert "about 50 %" in fault.what
    assert "at least 2020-01-01" in fault.what
    assert told(Field("opened", "date", low="1890-01-01"), old) is None


def test_labels_outside_of_the_dictionary_are_counted_and_never_named():
    field = Field("home", "category", levels=("own", "rent"))
    assert told(field, ["own", "rent"] * 500 + ["Villa Canary"] * 9) is None
    fault = told(field, ["own", "rent"] * 500 + ["Villa Canary"] * 11 + ["Boat"] * 12)
    assert "2 labels" in fault.what
    assert "Villa" not in fault.what + fault.mend
    rare = [f"place {i}" for i in range(60)]
    assert "labels outside" in told(field, ["own", "rent"] * 500 + rare).what
    assert told(Field("home", "category", levels=("own", "rent"), missing=("?",)), ["own", "?"] * 50) is None


def test_numbers_are_read_as_the_labels_that_they_are():
    assert told(Field("grade", "category", levels=("1", "2")), [1, 2] * 30) is None
    assert told(Field("grade", "category", levels=("1", "2")), [1, 3] * 30) is not None


def test_words_for_numbers_are_a_breach_without_the_word():
    fault = told(INCOME, ["12,5", "secret"] * 10)
    assert "category values that are not all float" in fault.what
    assert "secret" not in fault.what + fault.mend


def test_what_is_ignored_may_be_missing():
    fields = (Field("note", "text", role="ignore"), Field("age", "integer"))
    assert [fault.column for fault in faults(fields, Table.of({"x": [1]}))] == ["age"]


def test_customers_are_counted_and_not_their_rows():
    table = Table.of({"who": ["a"] * 30 + ["b"] * 30, "home": ["boat"] * 30 + ["own"] * 30}, id="who")
    codes = np.array([0] * 30 + [1] * 30)
    assert customers(codes, 2, table).tolist() == [1, 1]
    assert customers(codes, 2, Table(table.columns)).tolist() == [30, 30]


def test_one_message_lists_five_columns_and_counts_the_rest():
    fields = tuple(Field(f"x{i}", "float") for i in range(8))
    said = str(broken("bank-b", faults(fields, Table.of({"y": [1.0]}))))
    assert said.startswith("bank-b: column 'x0' is missing;")
    assert "x4" in said
    assert "x5" not in said
    assert "and 3 columns more" in said
