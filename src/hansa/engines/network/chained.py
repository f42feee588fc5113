r"""A table that only grows, each row bound to the one before by its SHA-256: a change, or a missing row, shows.

Its columns are `sequence`, those of its own, `before` and `hash`.

Example:
    >>> import sqlite3
    >>> connection = sqlite3.connect(":memory:")
    >>> for statement in ("CREATE TABLE told (sequence, what, before, hash)", *growing("told")):
    ...     _ = connection.execute(statement)
    >>> [append(connection, "told", (what,)) for what in ("a", "b")]
    [1, 2]
    >>> rows = connection.execute("SELECT * FROM told").fetchall()
    >>> first_wrong(rows), first_wrong([rows[0], (*rows[1][:1], "c", *rows[1][2:])])
    (None, 2)
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hansa.engines.network.site_store import SiteStore
    >>> with tempfile.TemporaryDirectory() as path:
    ...     store = SiteStore(Path(path))
    ...     head(store.database, "ledger") == (0, FIRST)
    ...     store.close()
    True
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgpack

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from hansa.engines.network.database import Database

FIRST: Final = "0" * 64
"""What stands before the first row."""
_LAST: Final = "SELECT sequence, hash FROM {} ORDER BY sequence DESC LIMIT 1"
_ADD: Final = "INSERT INTO {} VALUES ({})"


def growing(table: str) -> tuple[str, str]:
    """The statements that keep a table's rows as they are written."""
    keep = "BEGIN SELECT raise(ABORT, 'the ledger only grows'); END"
    return (
        f"CREATE TRIGGER {table}_stays BEFORE UPDATE ON {table} {keep}",
        f"CREATE TRIGGER {table}_keeps BEFORE DELETE ON {table} {keep}",
    )


def append(connection: sqlite3.Connection, table: str, values: tuple[Any, ...]) -> int:
    """Add a row within a transaction; its number."""
    last = connection.execute(_LAST.format(table)).fetchone()
    row = (last[0] + 1, *values, last[1]) if last else (1, *values, FIRST)
    connection.execute(_ADD.format(table, ", ".join("?" * (len(row) + 1))), (*row, _hash(row)))
    return int(row[0])


def head(database: Database, table: str) -> tuple[int, str]:
    """Number and hash of the last row: kept elsewhere too, they tell when rows at the end were taken away."""
    rows = database.rows(_LAST.format(table))
    return (rows[0][0], rows[0][1]) if rows else (0, FIRST)


def first_wrong(rows: Iterable[tuple[Any, ...]]) -> int | None:
    """The number of the first row that was changed, moved or taken away; None: all are as they were written."""
    before = FIRST
    for number, row in enumerate(rows, start=1):
        if row[0] != number or row[-2] != before or row[-1] != _hash(row[:-1]):
            return number
        before = row[-1]
    return None


def _hash(row: tuple[Any, ...]) -> str:
    """The hash of a row from its columns, the last of which is the hash of the row before."""
    packed: bytes = msgpack.packb(row[:-1])
    return sha256(str(row[-1]).encode() + packed).hexdigest()
