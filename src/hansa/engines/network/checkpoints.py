"""Bringing a database's log into its place, in a thread and by a connection of its own: no commit waits for it.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as path:
    ...     connection = sqlite3.connect(f"{path}/notes.db", isolation_level=None)
    ...     _ = connection.execute("PRAGMA journal_mode = WAL")
    ...     _ = connection.execute("CREATE TABLE notes (what TEXT)")
    ...     checkpoints = Checkpoints(lambda: sqlite3.connect(f"{path}/notes.db", check_same_thread=False))
    ...     checkpoints.begin()
    ...     checkpoints.close()
    ...     connection.close()
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Callable


@final
class Checkpoints:
    """Checkpoints of one database, each when it is asked for; one that fails is made up for by a later one."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Take a way to open the database once more; nothing runs yet."""
        self._connect = connect
        self._due: SimpleQueue[str] = SimpleQueue()  # an empty word ends it
        self._thread: Thread | None = None

    def begin(self) -> None:
        """Bring into its place what the log holds by now, beside whoever reads and writes."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="checkpoints", daemon=True)
            self._thread.start()
        if self._due.empty():
            self._due.put("now")

    def close(self) -> None:
        """End, once what is under way is done."""
        if self._thread is not None:
            self._due.put("")
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        with suppress(sqlite3.Error, OSError), closing(self._connect()) as connection:
            while self._due.get():
                with suppress(sqlite3.Error):
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
