r"""A SQLite database that a store trusts: each commit is on the disk, one process writes, versions lead on.

Example:
    >>> import tempfile
    >>> schema = Schema("notebook", 0x484E5A30, (("CREATE TABLE notes (what TEXT)",),))
    >>> with tempfile.TemporaryDirectory() as path:
    ...     database = Database(Path(path, "notes.db"), schema, LocalDisk())
    ...     with database.transaction() as connection:
    ...         _ = connection.execute("INSERT INTO notes VALUES ('durable')")
    ...     database.rows("SELECT what FROM notes")
    ...     database.close()
    [('durable',)]
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeAlias, final

from hansa.engines.network.checkpoints import Checkpoints
from hansa.engines.network.disk import LocalDisk
from hansa.errors import ConfigError, DataError, DiskFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hansa.engines.network.disk import Disk

__all__ = ["Database", "LocalDisk", "Schema"]

Row: TypeAlias = tuple[Any, ...]
_SETTINGS = (
    ("page_size", "16384"),  # a word in a row spans several pages: fewer and larger ones
    ("journal_mode", "WAL"),
    ("wal_autocheckpoint", "2000"),  # 32 MB: mostly `rest` comes before, and a log that does not grow is synced sooner
    ("synchronous", "FULL"),
    ("secure_delete", "FAST"),  # what is let go is not written once more as zeros, as it is not in a file
    ("foreign_keys", "ON"),
)
_MANY = 16  # commits from one checkpoint to the next, about
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


@final
@dataclass(frozen=True)
class Schema:
    """What a database is called in messages, its application id, and the statements that lead to each version."""

    name: str
    application: int
    versions: tuple[tuple[str, ...], ...]


@final
class Database:
    """One connection, used by any thread: WAL, synchronous=FULL, foreign keys, one writing process, or some (`shared`).

    Raises:
        ConfigError: open in another process, written by a newer version, something else, or not there to be read.
        DataError: damaged, or the disk does not let it be opened.
    """

    def __init__(self, path: Path, schema: Schema, disk: Disk, *, reading: bool = False, shared: bool = False) -> None:
        """Open it, or make it; lead an older version on to this one."""
        self.path, self.schema = path, schema
        self._lock, self._held = RLock(), -1
        self._commits, self._checkpoints = 0, Checkpoints(lambda: disk.connect(path))
        self._connection: sqlite3.Connection | None = None
        try:
            with self.translated():
                if not reading:
                    self._hold(wait=shared)
                self._connection = disk.connect(path, reading=reading)
                self._open(disk, reading=reading)
                if shared:
                    self._let_go()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it is durable when the block ends, or none of it happens. Raises DataError as `translated` does."""
        with self._lock, self.translated():
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
                self._commits += 1
            except BaseException:
                if connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise

    def rest(self) -> None:
        """Say that now is a good moment to bring the log into its place, as others are to do something first."""
        with self._lock:
            if self._commits >= _MANY:
                self._commits = 0
                self._checkpoints.begin()

    def rows(self, statement: str, *values: object) -> list[Row]:
        """What a statement finds. Raises DataError as `translated` does."""
        with self._lock, self.translated():
            return self._opened().execute(statement, values).fetchall()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Say in the house's words what a disk or SQLite says.

        Raises:
            DiskFailed: the disk fails or is full.
            DataError: the database is damaged.
        """
        try:
            yield
        except OSError as error:
            raise self._unwritten(f"{error.strerror or 'The disk failed'}.") from None
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
                raise self.damaged() from None
            raise self._unwritten(f"SQLite says: {error}.") from None

    def damaged(self, what: str = "") -> DataError:
        """An error that says that what was kept is not what was written."""
        return DataError(
            f"The {self.schema.name} '{self.path}' is damaged.",
            what,
            "Put the folder's last backup in its place, and start again.",
        )

    def close(self) -> None:
        """Close it and let other processes have it."""
        with self._lock:
            self._checkpoints.close()
            if self._connection is not None:
                with suppress(sqlite3.Error):
                    self._connection.close()
                self._connection = None
            self._let_go()

    def _hold(self, *, wait: bool) -> None:
        """Keep other writers out, or wait for one, and make an empty file that nobody else can read."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._held = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise ConfigError(
                f"The {self.schema.name} '{self.path}' is open in another process.",
                "Two would not know of each other's words.",
                "Stop the other one first.",
            ) from None
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _let_go(self) -> None:
        """Let other writers in."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def _open(self, disk: Disk, *, reading: bool) -> None:
        found, version = self._pragma("application_id"), self._pragma("user_version")
        empty = not self.rows("SELECT 1 FROM sqlite_master LIMIT 1")
        if (reading or not empty) and found != self.schema.application:
            raise ConfigError(f"'{self.path}' is no {self.schema.name}.", mend="Name its own folder.")
        if version > len(self.schema.versions):
            raise ConfigError(
                f"The {self.schema.name} '{self.path}' was written by a newer hansa.",
                f"It is of version {version}; this hansa knows versions up to {len(self.schema.versions)}.",
                "Install the newer hansa again, or put the backup from before the upgrade in its place.",
            )
        if reading:
            return
        for name, value in _SETTINGS:
            self._opened().execute(f"PRAGMA {name} = {value}")
        if self._pragma("quick_check(1)") != "ok":
            raise self.damaged()
        for number in range(version, len(self.schema.versions)):
            with self.transaction() as connection:
                for statement in self.schema.versions[number]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {self.schema.application}")
                connection.execute(f"PRAGMA user_version = {number + 1}")
        disk.fsync_folder(self.path.parent)

    def _pragma(self, name: str) -> Any:
        return self.rows(f"PRAGMA {name}")[0][0]

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ConfigError(f"The {self.schema.name} '{self.path}' was closed.", mend="Open it again.")
        return self._connection

    def _unwritten(self, why: str) -> DiskFailed:
        return DiskFailed(
            f"The {self.schema.name} '{self.path}' cannot be used.",
            why,
            "What it holds is whole. Make room or mend the disk, and start again: nothing is lost.",
        )
