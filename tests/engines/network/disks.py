"""Disks that fail, tear and lose power, and a toy job that is carried over them."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from hashlib import sha256
from pathlib import Path

from hansa.core.carry import near
from hansa.core.job import Job
from hansa.core.post import in_process, seats_of
from hansa.engines.network.disk import LocalDisk
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.store import Store
from tests.core.toys import Toy, Walk, control, mean

TOML = "the toy job, which no file can name"
DIGEST = sha256(TOML.encode()).hexdigest()


class Dead(BaseException):
    """The process ends here."""


class Disk:
    """A disk that counts its calls, and at the n-th fails or ends the process.

    `how`: an errno; "die" before the call; "torn": half a write, then death. What the disk would hold after the death
    is copied to `image`; after a power cut, what was not synced is gone.
    """

    def __init__(self, folder=None, image=None, n=0, how="die", power=False):
        self.folder, self.image, self.n, self.how, self.power = folder, image, n, how, power
        self.calls, self.log, self.real, self.dead = 0, [], LocalDisk(), False
        self.dirty, self.unnamed = {}, set()

    def write(self, file, data):
        self.dirty[os.fstat(file).st_ino] = True
        self.call("write", lambda: self.real.write(file, memoryview(data)[: len(data) // 2]))
        self.real.write(file, data)

    def begin(self, file, start, end):
        self.call("begin")

    def fsync(self, file):
        self.call("fsync")
        self.dirty.pop(os.fstat(file).st_ino, None)

    def replace(self, old, new):
        self.call("replace")
        if not new.exists():
            self.unnamed.add(new)
        self.real.replace(old, new)

    def fsync_folder(self, folder):
        self.call("fsync folder")
        self.unnamed = {path for path in self.unnamed if path.parent != folder}

    def connect(self, path, *, reading=False):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Connection)
        connection.disk = self
        return connection

    def call(self, what, half=None):
        if self.dead:
            raise Dead
        self.calls += 1
        self.log.append(what)
        if self.calls != self.n:
            return
        if self.how == "torn" and half is not None:
            half()
        if isinstance(self.how, str):
            self.dead = True
            self.picture()
            raise Dead
        if what in {"write", "begin", "fsync", "replace", "fsync folder"}:
            raise OSError(self.how, os.strerror(self.how))
        full = self.how == errno.ENOSPC
        error = sqlite3.OperationalError("database or disk is full" if full else "disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_IOERR
        raise error

    def picture(self):
        """What the disk holds at this instant, for the next process to find."""
        if self.image is None:
            return
        shutil.copytree(self.folder, self.image, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
        if self.power:
            for path in list(self.folder.rglob("*")):
                there = self.image / path.relative_to(self.folder)
                if path in self.unnamed:
                    there.unlink()
                elif path.is_file() and path.stat().st_ino in self.dirty:
                    there.write_bytes(b"")


class Connection(sqlite3.Connection):
    """Statements that write are calls of the disk; waiting for the real disk would only take time here."""

    def execute(self, statement, *values):
        if statement.startswith("PRAGMA synchronous"):
            return super().execute("PRAGMA synchronous = OFF")
        if not statement.startswith(("SELECT", "PRAGMA", "ROLLBACK")):
            self.disk.call(statement.split()[0])
        return super().execute(statement, *values)

    def executemany(self, statement, rows):
        self.disk.call(statement.split()[0])
        return super().executemany(statement, rows)


def toy_job(rounds=2):
    return Job("toys", (Toy(rounds=rounds), Toy(rounds=rounds, chain=(control(), mean()))), quorum=1, min_parties=1)


def opened(folder, names, disk=None, inline=256):
    """A store that the toy job was submitted to."""
    store = Store(folder, disk or Disk(), lambda: 0.0, inline)
    try:
        store.submit(TOML, "anna", names)
    except BaseException:
        store.close()
        raise
    return store


def carried(job, members, store, clock=None, seats=None, sparing=0.0):
    """Run the job from the store; each snapshot is written where they are not spared."""
    journal = JobJournal(store, job, DIGEST, sparing)
    return near(job, seats or seats_of(job, members), in_process(job, members), journal, clock).run(), journal


def params(done):
    return done.last(Walk).params.tobytes()


def files(folder: Path):
    return sorted(path.name for path in (folder / "sheets").iterdir())
