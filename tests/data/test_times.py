from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.table import Column, Table
from hansa.data.parts import LEFT_OUT
from hansa.data.synthetic import loan_book
from hansa.data.times import TimeSplit, Window, vintages
from hansa.errors import ConfigError, DataError
from hansa.horizontal.prepare import Prepare
from tests.horizontal.banks import divided, fitted


def test_time_runs_from_train_to_test():
    days = np.array(["2022-12-31", "2023-01-01", "2023-06-30", "2023-07-01"], "datetime64[D]")
    table = Table.of({"issued": days, "year": [2022, 2023, 2023, 2024]})
    assert TimeSplit("issued", "2023-01-01", "2023-07-01").codes(table).tolist() == [0, 1, 1, 2]
    assert TimeSplit("year", 2023, 2024).codes(table).tolist() == [0, 1, 1, 2]
    with pytest.raises(ConfigError, match="begin before"):
        TimeSplit("year", 2024, 2023).codes(table)
    with pytest.raises(ConfigError, match="does not fit"):
        TimeSplit("issued", "spring", "summer").codes(table)
    with pytest.raises(DataError, match="Read it as a date or a number"):
        TimeSplit("when", 1, 2).codes(Table.of({"when": ["early", "late"]}))
    with pytest.raises(DataError, match="1 gaps"):
        TimeSplit("x", 1, 2).codes(Table.of({"x": [1, None]}))


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.integers(0, 60), st.integers(0, 90))
def test_months_are_those_of_the_calendar(day, months, days):
    known = Window(months, days).after([(day - dt.date(1970, 1, 1)).days])[0]
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = (dt.date(year + (month == 11), (month + 1) % 12 + 1, 1) - dt.timedelta(1)).day
    then = dt.date(year, month + 1, min(day.day, last)) + dt.timedelta(days if months or days else 0)
    assert dt.date(1970, 1, 1) + dt.timedelta(int(known)) == then


def test_no_row_trains_whose_outcome_was_not_known_at_the_cut():
    book = loan_book(3000, seed=1)
    issued = book.column("issued").values
    split = TimeSplit("issued", "2022-07-01", "2023-04-01", months=6, known_until="2024-01-01")
    codes = split.codes(book)
    known = issued.astype("datetime64[M]") + 6  # the book's days are the first of their months
    for part, end in {0: "2022-07", 1: "2023-04", 2: "2024-01"}.items():
        assert (codes == part).sum() > 100
        assert (known[codes == part] <= np.datetime64(end)).all()
    early = TimeSplit("issued", "2022-07-01", "2023-04-01").codes(book)
    assert (early[codes != LEFT_OUT] == codes[codes != LEFT_OUT]).all()
    assert (codes == LEFT_OUT).mean() > 0.2


def test_rows_that_are_left_out_train_nothing_and_are_no_feature():
    book = loan_book(2000, seed=2)
    split = TimeSplit("issued", "2022-07-01", "2023-04-01", months=6)
    prepared, _ = fitted(Prepare(split, numeric="none", drop=("region",)), divided(book, []), min_rows=20)
    codes = split.codes(book)
    assert prepared.rows == tuple(int((codes == part).sum()) for part in range(3))
    assert sum(prepared.rows) < len(book)
    assert "issued" not in prepared.columns


def test_windows_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="before its row"):
        TimeSplit("year", 2023, 2024, gap=-1)
    with pytest.raises(ConfigError, match="has no months"):
        TimeSplit("year", 2023, 2024, months=3).codes(Table.of({"year": [2022, 2023]}))
    with pytest.raises(ConfigError, match="does not fit"):
        TimeSplit("year", 2023, 2024, known_until="soon").codes(Table.of({"year": [2022, 2023]}))
    assert TimeSplit("year", 2023, 2024, gap=1).codes(Table.of({"year": [2021, 2022, 2023]})).tolist() == [0, 0, 1]


def test_vintages_are_labels_in_the_order_of_time():
    column = Column.of("opened", ["2023-12-31", "2024-01-01", "2024-05-31"], "date")
    assert vintages(column).values.tolist() == ["2023", "2024", "2024"]
    assert vintages(column, "quarter").values.tolist() == ["2023-Q4", "2024-Q1", "2024-Q2"]
    assert vintages(column, "month").values.tolist() == ["2023-12", "2024-01", "2024-05"]
    year = Column.of("year", [2023, 2024])
    assert vintages(year) is year
