"""The SELECT scores as hansa does, in SQLite and in a real PostgreSQL, whatever names and labels hold."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from hansa.errors import ConfigError
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.to_sql import as_sql
from hansa.horizontal.woe import Cells
from tests.data.conftest import postgres  # noqa: F401 - the server that tables are read from in tests of data
from tests.horizontal.cards import BRANCH, CARD, DEBT, HOME, MISSING, rows, scores

TABLE = 'app"licants'


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def check(found):
    """Hold scores, grades and chances, in the order of rows, against hansa's own."""
    expected = scores()
    np.testing.assert_array_equal([row[0] for row in found], expected)
    np.testing.assert_array_equal([row[1] for row in found], CARD.grade(expected))
    np.testing.assert_allclose([row[2] for row in found], CARD.probability(expected), rtol=1e-9)


def book(branch):
    kinds = f"{quoted(DEBT)} double precision, {quoted(HOME)} text, {quoted(BRANCH)} {branch}"
    return f"create table {quoted(TABLE)} (place integer, {kinds})"


@pytest.mark.parametrize("branch", ["integer", "real"])
def test_sqlite_scores_alike(branch):
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute(book(branch))
        values = [(i, *row.values()) for i, row in enumerate(rows())]
        base.executemany(f"insert into {quoted(TABLE)} values (?, ?, ?, ?)", values)  # noqa: S608
        sql = as_sql(CARD, MISSING, TABLE).rstrip().rstrip(";")
        check(base.execute(f"select score, grade, probability from ({sql}) order by place").fetchall())  # noqa: S608


@pytest.mark.parametrize("branch", ["integer", "double precision"])
def test_postgres_scores_alike_and_takes_nan_for_a_gap(postgres, branch):  # noqa: F811
    psycopg = pytest.importorskip("psycopg", reason="needs psycopg (extra 'postgres')")
    with psycopg.connect(postgres.replace("${HANSA_TEST_PASSWORD}", "pass%2Fword")) as base:
        base.execute(book(branch))
        values = [(i, *row.values()) for i, row in enumerate(rows())]
        values = [(i, float("nan") if debt is None and i % 2 else debt, *rest) for i, debt, *rest in values]
        base.cursor().executemany(f"insert into {quoted(TABLE)} values (%s, %s, %s, %s)", values)  # noqa: S608
        sql = as_sql(CARD, MISSING, TABLE).rstrip().rstrip(";").encode()
        check(base.execute(b"select score, grade, probability from (" + sql + b") as x order by place").fetchall())
        base.rollback()


def test_a_column_that_is_not_there_is_an_error_and_no_text():
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("create table applicants (other integer)")
        with pytest.raises(sqlite3.OperationalError, match="no such column"):
            base.execute(as_sql(CARD, {}))


def test_an_infinite_value_has_no_score():
    card = Card((Characteristic(Cells("x", edges=(0.0,)), (1, 2, 3), (0.0,) * 3),), 600)
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("create table applicants (x real)")
        base.executemany("insert into applicants values (?)", [(np.inf,), (-np.inf,), (0.0,)])
        assert [row[1] for row in base.execute(as_sql(card, {}))] == [None, None, 601]


def test_every_edge_is_read_as_the_very_same_number():
    draws = np.random.default_rng(5)
    edges = np.sort(draws.normal(size=2000) * 10.0 ** draws.integers(-9, 13, 2000))
    cells = Cells("x", edges=tuple(edges.tolist()))
    card = Card((Characteristic(cells, tuple(range(cells.size)), (0.0,) * cells.size),), 0)
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("create table applicants (x real)")
        base.executemany("insert into applicants values (?)", [(edge,) for edge in edges.tolist()])
        found = [row[1] for row in base.execute(as_sql(replace(card, grades=()), {}))]
    assert found == list(range(2000))


def test_a_zero_byte_is_refused():
    card = Card((Characteristic(Cells("x\0", edges=(0.0,)), (1, 2, 3), (0.0,) * 3),), 600)
    with pytest.raises(ConfigError, match="zero byte"):
        as_sql(card, {})
