"""Versions lead on, newer ones are refused, commits are durable, and SQLite's words become the house's."""

from __future__ import annotations

import errno
import multiprocessing
import resource
import sqlite3
import subprocess
import sys

import pytest

from hansa.engines.network.database import Database, Schema
from hansa.engines.network.disk import LocalDisk
from hansa.errors import ConfigError, DataError
from tests.engines.network.disks import Dead, Disk

ONE = Schema("notebook", 0x484E5A31, (("CREATE TABLE notes (what TEXT NOT NULL)",),))
TWO = Schema("notebook", 0x484E5A31, (*ONE.versions, ("ALTER TABLE notes ADD COLUMN by TEXT NOT NULL DEFAULT ''",)))


def written(path, schema=ONE, what="x"):
    database = Database(path, schema, LocalDisk())
    with database.transaction() as connection:
        connection.execute("INSERT INTO notes (what) VALUES (?)", (what,))
    database.close()


def test_every_commit_waits_for_the_disk_and_rows_mind_their_keys(tmp_path):
    database = Database(tmp_path / "a.db", ONE, LocalDisk())
    found = {name: database.rows(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert database.rows("PRAGMA busy_timeout")[0][0] >= 1000
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())
    database.close()


def test_an_older_version_is_led_on_and_keeps_what_it_held(tmp_path):
    written(tmp_path / "a.db")
    database = Database(tmp_path / "a.db", TWO, LocalDisk())
    assert database.rows("SELECT what, by FROM notes") == [("x", "")]
    assert database.rows("PRAGMA user_version") == [(2,)]
    database.close()


def test_a_newer_version_is_refused_and_left_as_it_is(tmp_path):
    written(tmp_path / "a.db", TWO)
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(ConfigError, match=r"newer hansa.*version 2.*up to 1"):
        Database(tmp_path / "a.db", ONE, LocalDisk())
    assert (tmp_path / "a.db").read_bytes() == before


def test_an_upgrade_that_dies_on_its_way_begins_again(tmp_path):
    written(tmp_path / "0" / "a.db")
    for n in range(1, 30):
        folder, image = tmp_path / str(n - 1), tmp_path / str(n)
        disk = Disk(folder, image, n)
        try:
            Database(folder / "a.db", TWO, disk).close()
        except Dead:
            assert disk.dead
        else:
            break
    assert n > 4
    database = Database(folder / "a.db", TWO, LocalDisk())
    assert database.rows("SELECT what, by FROM notes") == [("x", "")]
    database.close()


def test_a_second_process_is_kept_out_but_may_read(tmp_path):
    database = Database(tmp_path / "a.db", ONE, LocalDisk())
    with pytest.raises(ConfigError, match="open in another process"):
        Database(tmp_path / "a.db", ONE, LocalDisk())
    reader = Database(tmp_path / "a.db", ONE, LocalDisk(), reading=True)
    with database.transaction() as connection:
        connection.execute("INSERT INTO notes VALUES ('seen')")
    assert reader.rows("SELECT what FROM notes") == [("seen",)]
    with pytest.raises(DataError), reader.transaction() as connection:
        connection.execute("INSERT INTO notes VALUES ('not')")
    reader.close()
    database.close()
    with pytest.raises(ConfigError, match="was closed"):
        database.rows("SELECT 1")


def write_some(path):
    database = Database(path, TWO, LocalDisk(), shared=True)
    for i in range(20):
        with database.transaction() as connection:
            connection.execute("INSERT INTO notes (what) VALUES (?)", (str(i),))
    database.close()


def test_a_shared_one_is_written_by_several_processes_and_made_by_the_first(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    both = [spawn.Process(target=write_some, args=(tmp_path / "a.db",)) for _ in range(2)]
    for one in both:
        one.start()
    write_some(tmp_path / "a.db")
    for one in both:
        one.join(60)
    assert [one.exitcode for one in both] == [0, 0]
    database = Database(tmp_path / "a.db", TWO, LocalDisk())
    assert database.rows("SELECT count(*) FROM notes") == [(60,)]
    database.close()


def test_a_failed_transaction_leaves_nothing(tmp_path):
    database = Database(tmp_path / "a.db", ONE, LocalDisk())
    with pytest.raises(DataError, match="NOT NULL"), database.transaction() as connection:
        connection.executemany("INSERT INTO notes VALUES (?)", [("half",), (None,)])
    assert database.rows("SELECT * FROM notes") == []
    database.close()


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_whichever_statement_fails_the_error_is_one_sentence_with_a_mend_and_the_next_try_succeeds(tmp_path, code):
    disk = Disk()
    database = Database(tmp_path / "a.db", ONE, disk)
    for n in range(1, 4):
        disk.n, disk.how = disk.calls + n, code
        with pytest.raises(DataError, match="nothing is lost"), database.transaction() as connection:
            connection.execute("INSERT INTO notes VALUES ('x')")
        assert database.rows("SELECT * FROM notes") == []
    with database.transaction() as connection:
        connection.execute("INSERT INTO notes VALUES ('x')")
    assert database.rows("SELECT * FROM notes") == [("x",)]
    database.close()


@pytest.mark.parametrize("damage", ["text", "noise", "middle"])
def test_a_damaged_file_is_a_data_error_that_names_the_mend(tmp_path, damage):
    path = tmp_path / "a.db"
    database = Database(path, ONE, LocalDisk())
    with database.transaction() as connection:
        connection.executemany("INSERT INTO notes VALUES (?)", [("y" * 500,)] * 500)
    database.close()
    data = bytearray(path.read_bytes())
    if damage == "middle":
        data[8192:40960] = b"\xff" * (40960 - 8192)
    path.write_bytes({"text": b"name = 'scores'\n" * 40, "noise": b"\x07" * 5000}.get(damage, bytes(data)))
    with pytest.raises(DataError, match=r"is damaged\..*backup"):
        Database(path, ONE, LocalDisk())


def test_another_programs_database_is_not_touched(tmp_path):
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE theirs (a)")
    connection.commit()
    connection.close()
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(ConfigError, match="no notebook"):
        Database(tmp_path / "a.db", ONE, LocalDisk())
    assert (tmp_path / "a.db").read_bytes() == before


FULL = """
import resource, sys
from pathlib import Path
from hansa.engines.network.database import Database, LocalDisk, Schema
from hansa.errors import DataError
schema = Schema("notebook", 0x484E5A31, (("CREATE TABLE notes (what TEXT NOT NULL)",),))
database = Database(Path(sys.argv[1]), schema, LocalDisk())
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
kept = 0
try:
    while True:
        with database.transaction() as connection:
            connection.execute("INSERT INTO notes VALUES (?)", ("x" * 20_000,))
        kept += 1
except DataError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
with database.transaction() as connection:
    connection.execute("INSERT INTO notes VALUES ('after')")
print(kept + 1, len(database.rows("SELECT 1 FROM notes")))
"""


def test_a_disk_that_is_really_full_loses_nothing_and_goes_on_when_there_is_room(tmp_path):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    told = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "a.db")], capture_output=True, text=True, check=True
    )
    said, counts = told.stdout.splitlines()
    assert "cannot be used" in said
    assert "nothing is lost" in said
    kept, found = map(int, counts.split())
    assert kept == found > 1
