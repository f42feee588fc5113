"""A disk that is full for a while: a job waits, at the coordinator or at a bank, and goes on to the same bits."""

from __future__ import annotations

import errno
import os
import sqlite3
import time

import pytest

from hansa.engines.network import coordinator, jobs
from hansa.engines.network.disk import LocalDisk
from hansa.engines.network.store import COUNTED, Store
from tests.engines.network import town as place
from tests.engines.network.federation import TEXT, alone, chosen, job_of, members
from tests.engines.network.test_coordinator import follow, until
from tests.engines.network.town import Town

EVERYTHING, SNAPSHOTS = " ", "INTO snapshots"
WRITES = ("INSERT ", "UPDATE ", "DELETE ")


class FullDisk:
    """A disk that takes nothing more while it is `full`, or nothing of what is `full`; reading goes on."""

    def __init__(self):
        self.full, self.met, self.real = "", 0, LocalDisk()

    def check(self):
        if self.full == EVERYTHING:
            self.met += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def __getattr__(self, name):
        def checked(*arguments):
            self.check()
            return getattr(self.real, name)(*arguments)

        return checked

    def connect(self, path, *, reading=False):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=FullConnection)
        connection.disk = self
        return connection


class FullConnection(sqlite3.Connection):
    """Statements that write meet the full disk."""

    def execute(self, statement, *values):
        self.check(statement)
        return super().execute(statement, *values)

    def executemany(self, statement, rows):
        self.check(statement)
        return super().executemany(statement, rows)

    def check(self, statement):
        if self.disk.full and self.disk.full in statement and statement.startswith(WRITES):
            self.disk.met += 1
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error


@pytest.fixture
def disk():
    return FullDisk()


@pytest.fixture
def town(tmp_path, monkeypatch, request, disk):
    """Banks and a coordinator, one of which has the disk; a job waits for a tenth of a second at first."""
    monkeypatch.setattr(jobs, "_FIRST_PAUSE", 0.1)
    room, name, owner = (coordinator, "Store", "") if request.param == "coordinator" else (place, "SiteStore", "bank-1")
    real = getattr(room, name)
    monkeypatch.setattr(room, name, lambda folder, *more: real(folder, disk if owner in str(folder) else None, *more))
    made = Town(tmp_path, members())
    made.open()
    for party in made.parties:
        made.join(party)
    yield made
    disk.full = ""
    made.close()


@pytest.mark.parametrize(
    ("town", "what"),
    [("coordinator", EVERYTHING), ("coordinator", SNAPSHOTS), ("bank-1", EVERYTHING)],
    indirect=["town"],
)
def test_a_job_waits_while_a_disk_is_full_and_goes_on_by_itself(town, disk, what):
    job, calls = job_of(TEXT.replace("rounds = 4", "rounds = 40")), town.calls("anna", "scientist")
    digest = calls.submit(job)
    until(lambda: len(calls.log(digest)[0]) >= 3)
    disk.full = what
    until(lambda: disk.met >= 3)
    known = len(calls.log(digest)[0])
    assert calls.status(digest)[0].state == "running"
    time.sleep(0.3)
    assert len(calls.log(digest)[0]) <= known + 1, "it waits"
    disk.full = ""
    assert chosen(follow(town, job)) == alone(job, town.parties)
    town.shut()
    store = Store(town.org.folder / "store")
    try:
        assert "conflict" not in [note.kind for note in store.notes(digest)]
        counts = store.database.rows(
            "SELECT party, count(*) FROM words WHERE kind = 'Train' AND fate = ? GROUP BY party", COUNTED
        )
        assert counts == [(party.name, 40) for party in town.parties]
    finally:
        store.close()
    town.open()


@pytest.mark.parametrize("town", ["coordinator"], indirect=True)
def test_a_job_that_waits_for_a_disk_can_be_stopped_and_resumed(town, disk, monkeypatch):
    monkeypatch.setattr(jobs, "_FIRST_PAUSE", 60.0)
    job, calls = job_of(TEXT.replace("rounds = 4", "rounds = 40")), town.calls("anna", "scientist")
    digest = calls.submit(job)
    until(lambda: len(calls.log(digest)[0]) >= 3)
    disk.full = SNAPSHOTS
    until(lambda: disk.met >= 1)
    time.sleep(0.2)
    disk.full = ""
    calls.stop(digest)
    until(lambda: calls.status(digest)[0].state == "stopped")
    calls.resume(digest)
    assert chosen(follow(town, job)) == alone(job, town.parties)
