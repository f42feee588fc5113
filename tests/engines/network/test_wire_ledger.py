"""The wire ledger only grows, and whoever changes it is found out, line by line."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from hansa.core.load import Load
from hansa.core.message import Answer, Name, Refusal, Sealed
from hansa.engines.network.database import Database, Schema
from hansa.engines.network.wire_ledger import TABLE, Line, Shape, WireLedger, append, contents
from hansa.errors import DataError
from tests.engines.network.disks import Disk

SCHEMA = Schema("ledger", 1, (TABLE,))
COLUMNS = {
    "time": 9.0,
    "job": "another",
    "step": 7,
    "keep": 7,
    "turn": 7,
    "attempt": 7,
    "kind": "Shape",
    "size": 8,
    "shapes": "[]",
    "digest": "cd",
    "protection": "secure sum",
    "before": "ab" * 32,
    "hash": "ab" * 32,
}


def line(i, job="5e1f"):
    return Line(float(i), job, Name(0, i, 0), "Train", 24, (Shape("delta", "<f8", (1, 3)),), f"{i:064x}", "none")


@pytest.fixture
def ledger(tmp_path):
    database = Database(tmp_path / "site.db", SCHEMA, Disk())
    with database.transaction() as connection:
        for i in range(6):
            append(connection, line(i, "5e1f" if i % 2 else "aaaa"))
    yield WireLedger(database)
    database.close()


def tampered(ledger, statement, *values):
    """What somebody with the file in his hands does, past the triggers."""
    connection = ledger.database._connection
    connection.execute("DROP TRIGGER IF EXISTS ledger_stays")
    connection.execute("DROP TRIGGER IF EXISTS ledger_keeps")
    connection.execute(statement, values)


def test_lines_are_read_as_they_were_written(ledger):
    assert [one.line for one in ledger.lines("5e1f")] == [line(i) for i in (1, 3, 5)]
    assert [one.sequence for one in ledger.lines()] == [1, 2, 3, 4, 5, 6]
    assert ledger.verify() is None
    assert ledger.head() == (6, ledger.lines()[-1].hash)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("number", [1, 3, 6])
def test_any_change_names_its_line(ledger, column, number):
    tampered(ledger, f"UPDATE ledger SET {column} = ? WHERE sequence = ?", COLUMNS[column], number)  # noqa: S608
    assert ledger.verify() == number


def test_a_line_that_was_taken_away_moved_or_put_in_is_named(ledger):
    tampered(ledger, "DELETE FROM ledger WHERE sequence = 3")
    assert ledger.verify() == 3
    tampered(ledger, "UPDATE ledger SET sequence = sequence - 1 WHERE sequence > 3")
    assert ledger.verify() == 3
    head = ledger.head()
    tampered(ledger, "DELETE FROM ledger WHERE sequence = 5")
    assert ledger.head() != head


def test_a_change_with_a_hash_of_its_own_breaks_the_next_line(ledger):
    """Whoever can write the file can write hashes too: then every later line and the head are others."""
    head = ledger.head()
    rows = ledger.database.rows("SELECT * FROM ledger WHERE sequence = 3")
    tampered(ledger, "DELETE FROM ledger WHERE sequence >= 3")
    with ledger.database.transaction() as connection:
        append(connection, line(99))
    assert ledger.verify() is None
    assert ledger.head() != head
    assert rows


def test_the_database_itself_lets_nobody_change_a_line(ledger):
    for statement in ("UPDATE ledger SET size = 0", "DELETE FROM ledger WHERE sequence = 6"):
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            ledger.database._connection.execute(statement)
    with pytest.raises(sqlite3.IntegrityError):
        ledger.database._connection.execute("INSERT INTO ledger SELECT * FROM ledger WHERE sequence = 1")


def test_a_line_that_cannot_be_read_is_a_data_error_that_names_it(ledger):
    tampered(ledger, "UPDATE ledger SET shapes = 'no list' WHERE sequence = 2")
    with pytest.raises(DataError, match=r"Line 2 .*backup"):
        ledger.lines()


def test_contents_count_vectors_letters_and_sentences():
    vectors = {"delta": np.zeros((1, 3), "f4"), "weight": np.ones((1, 1))}
    size, shapes = contents(Answer(Load(vectors), {"bank-b": Sealed(b"12345")}))
    assert size == 12 + 8 + 5
    assert shapes == (Shape("delta", "<f4", (1, 3)), Shape("weight", "<f8", (1, 1)))
    assert contents(Refusal("No.", "", "甲")) == (6, ())
