"""The log comes into its place beside whoever writes, and a database that cannot be opened once more goes on."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from hansa.engines.network.checkpoints import Checkpoints
from hansa.engines.network.database import Database, LocalDisk, Schema

SCHEMA = Schema("notebook", 1, (("CREATE TABLE notes (what TEXT)",),))


def note(database, what="x"):
    with database.transaction() as connection:
        connection.execute("INSERT INTO notes VALUES (?)", (what,))


def in_place(path):
    """How many notes there are without the log."""
    alone = path.with_name("alone.db")
    shutil.copy(path, alone)
    with closing(sqlite3.connect(alone)) as connection:
        return connection.execute("SELECT count(*) FROM notes").fetchone()[0]


def test_many_commits_and_a_moment_of_rest_bring_the_log_into_its_place(tmp_path):
    path = tmp_path / "notes.db"
    database = Database(path, SCHEMA, LocalDisk())
    for _ in range(20):
        note(database)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        in_place(path)
    database.rest()
    database._checkpoints.close()
    assert in_place(path) == 20
    note(database)
    database.rest()
    database._checkpoints.close()
    assert in_place(path) == 20, "one commit is not worth it"
    assert database.rows("SELECT count(*) FROM notes") == [(21,)]
    database.close()


def test_a_checkpoint_goes_on_beside_a_transaction(tmp_path):
    database = Database(tmp_path / "notes.db", SCHEMA, LocalDisk())
    note(database)
    checkpoints = Checkpoints(lambda: LocalDisk().connect(tmp_path / "notes.db"))
    with database.transaction() as connection:
        connection.execute("INSERT INTO notes VALUES ('y')")
        checkpoints.begin()
        checkpoints.close()
    assert in_place(tmp_path / "notes.db") == 1
    assert database.rows("SELECT what FROM notes") == [("x",), ("y",)]
    database.close()


def test_a_database_that_cannot_be_opened_once_more_is_left_as_it_is(tmp_path):
    asked = []

    def refuse():
        asked.append(1)
        raise sqlite3.OperationalError

    checkpoints = Checkpoints(refuse)
    for _ in range(3):
        checkpoints.begin()
    checkpoints.close()
    assert asked == [1]
