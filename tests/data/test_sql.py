"""Tables from databases: SQLite, and a real PostgreSQL."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from hansa.core.on_disk import on_disk
from hansa.data.source import Reading
from hansa.data.sql import read_sql
from hansa.errors import ConfigError, DataError

sql = pytest.importorskip("sqlalchemy", reason="needs sqlalchemy (extra 'sql')")

CANARY = "Ingrid-Tischbein-4711"
BOOK = """
create table loans (
  id integer, age integer, income numeric(12, 2), rate double precision, opened date, seen timestamp, home text,
  note text, late boolean
)
"""
ROW = "insert into loans values (:id, :age, :income, :rate, :opened, :seen, :home, :note, :late)"


def rows(count=50):
    return [
        {
            "id": i,
            "age": None if i == 3 else 20 + i,
            "income": None if i == 4 else f"{1000 + i}.25",
            "rate": i / 8,
            "opened": None if i == 5 else f"2024-01-{1 + i % 28:02}",
            "seen": f"2024-02-{1 + i % 28:02} 10:30:00",
            "home": None if i == 6 else ("own", "rent", "甲")[i % 3],
            "note": f"{CANARY} {i}",
            "late": i % 4 == 0,
        }
        for i in range(count)
    ]


@pytest.fixture
def lite(tmp_path):
    """A small SQLite file."""
    with closing(sqlite3.connect(tmp_path / "loans.db")) as base:
        base.execute(BOOK)
        base.executemany(ROW, rows())
        base.commit()
    return f"sqlite:///{tmp_path}/loans.db"


@pytest.fixture(scope="module")
def served(postgres):
    """The same rows in PostgreSQL, in a schema of their own beside a view."""
    password = "pass%2Fword"
    engine = sql.create_engine(
        postgres.replace("postgresql:", "postgresql+psycopg:").replace("${HANSA_TEST_PASSWORD}", password)
    )
    with engine.begin() as base:
        base.execute(sql.text(BOOK))
        base.execute(sql.text(ROW), rows())
        base.execute(sql.text("create schema risk; create view risk.young as select * from loans where age < 40"))
        base.execute(sql.text("create table spans (id integer, span interval); insert into spans values (1, '1 day')"))
    engine.dispose()
    return postgres


def check(table):
    assert [table.column(name).kind for name in ("age", "income", "rate", "late")] == [
        "integer",
        "float",
        "float",
        "integer",
    ]
    assert table.column("age").gaps.nonzero()[0].tolist() == [3]
    assert table.column("income").floats()[:2].tolist() == [1000.25, 1001.25]
    assert np.isnan(table.column("income").floats()[4])
    assert table.column("home").levels == ("own", "rent", "甲")
    assert table.column("home").values[6] == -1
    assert table.column("late").values[:5].tolist() == [1, 0, 0, 0, 1]


def test_a_table_of_postgresql_comes_as_it_is(served):
    table = read_sql(served, "loans", target="late", id="id")
    check(table)
    assert table.column("opened").kind == table.column("seen").kind == "date"
    assert np.isnat(table.column("opened").values[5])
    assert table.column("seen").values[0] == np.datetime64("2024-02-01")
    assert (table.target, table.id) == ("late", "id")


def test_a_table_of_sqlite_comes_as_it_is(lite):
    table = read_sql(lite, "loans", Reading(kinds={"opened": "date"}))
    check(table)
    assert table.column("opened").values[1] == np.datetime64("2024-01-02")


def test_a_view_in_a_schema_and_a_query_are_tables_too(served, lite):
    assert len(read_sql(served, "risk.young")) == 19
    query = "select age * 2 as twice, '10:30' as clock, home from loans where home like 'o%' and age::text <> '1'"
    assert read_sql(served, query).names == ("twice", "clock", "home")
    assert read_sql(lite, query.replace("age::text", "age") + ";").column("clock").levels == ("10:30",)
    assert len(read_sql(lite, "select age from loans -- all of them")) == 50


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ([("age", ">=", 60)], 10),
        ([("age", "missing")], 1),
        ([("age", "present"), ("home", "in", ("own", "甲"))], 31),
        ([("home", "not in", ("own",))], 33),
        ([("opened", ">", "2024-01-27")], 1),
        ([("home", "==", "' or 1=1 --")], 0),
        ([("rate", "<", 1), ("late", "!=", True)], 6),
    ],
)
def test_filters_are_the_databases_work(served, lite, where, wanted):
    for url in (served, lite):
        if not wanted:
            with pytest.raises(DataError, match="has no rows"):
                read_sql(url, "loans", Reading(where=where))
        else:
            assert len(read_sql(url, "loans", Reading(["id"], where))) == wanted


def test_the_statement_names_the_columns_and_binds_the_values(lite):
    heard = []

    def hear(*told):
        heard.append(told[2:4])

    sql.event.listen(sql.engine.Engine, "before_cursor_execute", hear)
    read_sql(lite, "loans", Reading(["age"], [("home", "==", "own")]))
    sql.event.remove(sql.engine.Engine, "before_cursor_execute", hear)
    statement, values = heard[-1]
    assert "SELECT loans.age" in statement
    assert "own" not in statement
    assert values == ("own",)


def test_a_session_of_postgresql_may_not_write(served):
    with pytest.raises(DataError) as found:
        read_sql(served, "with gone as (delete from loans returning id) select id from gone")
    assert len(read_sql(served, "loans", Reading(["id"]))) == 50
    assert CANARY not in str(found.value)


_BIG = """
import resource, sys
from hansa.data.source import Reading
from hansa.data.sql import read_sql
query = "select i as id, i * 0.5 as x, repeat('w', 200) || (i % 5) as w from generate_series(1, 600000) as i"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = read_sql(sys.argv[1], query, Reading(["id", "x", "w"], on_disk=True))
print(len(table), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_rows_come_through_a_cursor_at_the_server(served):
    found = subprocess.run([sys.executable, "-c", _BIG, served], capture_output=True, text=True, check=True)
    rows, grown = map(int, found.stdout.split())
    assert rows == 600_000
    assert grown < 200  # MiB; fetched at once, the rows alone are more


def test_columns_lie_on_disk_where_they_shall(lite):
    table = read_sql(lite, "loans", Reading(on_disk=True))
    check(table)
    assert all(on_disk(table.column(name).values) for name in ("age", "rate", "home"))


@pytest.mark.parametrize(
    ("url", "table", "kind", "words"),
    [
        ("loans.db", "loans", ConfigError, "address of the database"),
        ("sqlite:////nowhere/loans.db", "loans", DataError, "no database file"),
        ("postgresql://u:${HANSA_UNSET}@h/b", "loans", ConfigError, "HANSA_UNSET is not set"),
        ("nosuch://h/b", "loans", ConfigError, "Nothing here speaks to 'nosuch'"),
        ("postgresql://risk:topsecret@127.0.0.1:1/base", "loans", DataError, "connection or the statement failed"),
        ("postgresql://127.0.0.1:1/b?user=x&password=topsecret", "loans", DataError, "connection or the statement"),
        ("postgresql://u:p@topsecret@127.0.0.1:1/b", "loans", ConfigError, "address of the database"),
        ("postgresql://u:topsecret@127.0.0.1:1x/b", "loans", ConfigError, "address of the database"),
    ],
)
def test_what_cannot_be_reached_is_said(url, table, kind, words):
    with pytest.raises(kind, match=words) as found:
        read_sql(url, table)
    assert "topsecret" not in str(found.value)


@pytest.mark.parametrize(
    ("table", "settings", "words"),
    [
        ("loan", {}, "no table 'loan'. Did you mean 'loans'"),
        ("loans", {"columns": ["aeg"]}, "no column 'aeg'. Did you mean 'age'"),
        ("loans", {"where": [("aeg", ">", 1)]}, "no column 'aeg'"),
        ("loans", {"kinds": {"note": "float"}, "columns": ["note"]}, "note"),
        ("select nothing from nowhere", {}, "cannot be read"),
        ("drop table loans", {}, "cannot be read"),
        ("select note::integer from loans", {}, "cannot be read"),
        ("spans", {}, "holds values of type timedelta"),
        ("select age, note as age from loans", {}, "'age' stands twice"),
    ],
)
def test_a_wrong_statement_is_one_clear_error_without_a_value(served, table, settings, words):
    with pytest.raises((DataError, ConfigError)) as found:
        read_sql(served, table, Reading(**settings))
    assert words in str(found.value)
    assert CANARY not in str(found.value)
    assert "pass" not in str(found.value).lower().replace("password", "")
    assert len(read_sql(served, "loans", Reading(["id"]))) == 50


def test_numbers_and_words_in_one_column_are_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / "odd.db")) as base:
        base.execute("create table odd (x)")
        base.executemany("insert into odd values (?)", [(1,), (CANARY,)])
        base.commit()
    with pytest.raises(DataError, match="more than one sort") as found:
        read_sql(f"sqlite:///{tmp_path}/odd.db", "odd")
    assert CANARY not in str(found.value)
