"""Tables that only grow: the wire ledger and the privacy ledger stand on them, and hold more."""

from __future__ import annotations

import sqlite3

import pytest

from hansa.engines.network.chained import append, first_wrong, growing


@pytest.fixture
def table():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in ("CREATE TABLE told (sequence, what, before, hash)", *growing("told")):
        connection.execute(statement)
    for what in "abcdef":
        append(connection, "told", (what,))
    yield connection
    connection.close()


def rows(table):
    return table.execute("SELECT * FROM told ORDER BY sequence").fetchall()


@pytest.mark.parametrize("statement", ["UPDATE told SET what = 'x'", "DELETE FROM told"])
def test_nothing_is_changed_or_taken_away(table, statement):
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        table.execute(statement)
    assert first_wrong(rows(table)) is None


@pytest.mark.parametrize("number", [1, 3, 6])
@pytest.mark.parametrize("column", ["sequence", "what", "before", "hash"])
def test_whoever_does_it_all_the_same_is_found_out(table, number, column):
    table.execute("DROP TRIGGER told_stays")
    table.execute(f"UPDATE told SET {column} = 'x' WHERE sequence = ?", (number,))  # noqa: S608
    changed = sorted(rows(table), key=lambda row: number if row[0] == "x" else row[0])
    assert first_wrong(changed) == number
