"""One address, one way to read: CSV, Parquet and databases give the same table."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from hansa.core.codec import build, plain
from hansa.data.csv_format import CsvFormat
from hansa.data.filters import Filter
from hansa.data.source import Reading
from hansa.errors import ConfigError

NAMES = ("age", "rate", "opened", "home")
ROWS = [
    (
        None if i % 7 == 3 else 20 + i,
        i / 8,
        f"2024-01-{1 + i % 28:02}",
        None if i % 7 == 6 else ("own", "rent", "甲")[i % 3],
    )
    for i in range(40)
]


@pytest.fixture
def folder(tmp_path):
    """The same rows three times."""
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow (extra 'parquet')")
    pytest.importorskip("sqlalchemy", reason="needs sqlalchemy (extra 'sql')")
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in (NAMES, *ROWS)]
    (tmp_path / "loans.csv").write_text("\n".join(lines), encoding="utf-8")
    from pyarrow import parquet

    columns = dict(zip(NAMES, zip(*ROWS, strict=True), strict=True))
    days = arrow.array([dt.date.fromisoformat(day) for day in columns["opened"]])
    parquet.write_table(arrow.table({**columns, "opened": days}), tmp_path / "loans.parquet", row_group_size=9)
    with closing(sqlite3.connect(tmp_path / "loans.db")) as base:
        base.execute("create table loans (age integer, rate real, opened text, home text)")
        base.executemany("insert into loans values (?, ?, ?, ?)", ROWS)
        base.commit()
    return tmp_path


@pytest.mark.parametrize(
    "where",
    [
        (),
        (Filter("age", ">=", 40),),
        (Filter("age", "missing"),),
        (Filter("home", "present"), Filter("rate", "<", 3)),
        (Filter("home", "in", ("own", "甲")),),
        (Filter("home", "not in", ("own",)), Filter("age", "!=", 25)),
        (Filter("opened", "<=", "2024-01-09"),),
        (Filter("age", "in", (21, 25, 30)),),
    ],
)
def test_every_source_gives_the_same_rows(folder, where):
    reading = Reading(("home", "age"), where)
    kinds = {"opened": "date"}
    of_csv = reading.read("loans.csv", folder)
    of_parquet = reading.read("loans.parquet", folder)
    assert of_csv.names == of_parquet.names == ("home", "age")
    if not any(one.column == "opened" for one in where):  # SQLite has no dates
        of_base = Reading(("home", "age"), where, query="loans").read("sqlite:///loans.db", folder)
        assert of_base.column("home").strings().tolist() == of_csv.column("home").strings().tolist()
        assert np.array_equal(of_base.column("age").floats(), of_csv.column("age").floats(), equal_nan=True)
    assert of_parquet.column("home").strings().tolist() == of_csv.column("home").strings().tolist()
    assert np.array_equal(of_parquet.column("age").floats(), of_csv.column("age").floats(), equal_nan=True)
    assert Reading(kinds=kinds, where=where).read("loans.csv", folder).column("opened").kind == "date"


def test_how_a_table_is_read_travels_as_plain_data():
    reading = Reading(
        ("a",), (Filter("a", "in", ("x", "y")),), {"a": "text"}, CsvFormat(delimiter=";"), "", on_disk=True
    )
    assert build(Reading, plain(reading)) == reading


@pytest.mark.parametrize(
    ("reading", "address", "words"),
    [
        (Reading(), "sqlite:///loans.db", "no table"),
        (Reading(query="loans"), "loans.csv", "no database"),
        (Reading(("aeg",)), "loans.csv", "no column 'aeg'. Did you mean 'age'"),
        (Reading(where=(Filter("aeg", "<", 1),)), "loans.csv", "no column 'aeg' to filter by"),
        (Reading(where=(Filter("age", "<", "x"),)), "loans.csv", "filter on 'age' does not fit"),
        (Reading(where=(Filter("opened", "<", "soon"),)), "loans.csv", "filter on 'opened' does not fit"),
        (Reading(where=(Filter("home", "==", 2),)), "loans.csv", "filter on 'home' does not fit"),
    ],
)
def test_settings_that_do_not_fit_the_source_are_refused(folder, reading, address, words):
    with pytest.raises(ConfigError) as found:
        reading.read(address, folder)
    assert words in str(found.value)
