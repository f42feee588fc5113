r"""What left a site: one line for each payload, never changed, each bound to the one before by its SHA-256.

    hash := SHA-256(hash of the line before (64 hex digits) + msgpack [sequence, time, job, name, ...])

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hansa.engines.network.database import Database, LocalDisk, Schema
    >>> line = Line(0.0, "5e1f", Name(0, 0, 0), "Train", 24, (Shape("delta", "<f8", (1, 3)),), "ab" * 32, "none")
    >>> with tempfile.TemporaryDirectory() as path:
    ...     database = Database(Path(path, "site.db"), Schema("ledger", 1, (TABLE,)), LocalDisk())
    ...     with database.transaction() as connection:
    ...         number = append(connection, line)
    ...     ledger = WireLedger(database)
    ...     number, ledger.verify(), ledger.head()[0], [one.line.size for one in ledger.lines()]
    ...     database.close()
    (1, None, 1, [24])
    >>> Recorded(1, line, "00", "11").line.shapes[0].shape
    (1, 3)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

from hansa.core.message import Answer, Masked, Name
from hansa.engines.network import chained
from hansa.engines.network.chained import growing
from hansa.errors import DataError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from hansa.core.message import Ask, Refusal
    from hansa.engines.network.database import Database

TABLE: Final = (
    (
        "CREATE TABLE ledger (sequence INTEGER PRIMARY KEY, time REAL NOT NULL, job TEXT NOT NULL,"
        " step INTEGER NOT NULL, keep INTEGER NOT NULL, turn INTEGER NOT NULL, attempt INTEGER NOT NULL,"
        " kind TEXT NOT NULL, size INTEGER NOT NULL, shapes TEXT NOT NULL, digest TEXT NOT NULL,"
        " protection TEXT NOT NULL, before TEXT NOT NULL, hash TEXT NOT NULL)"
    ),
    *growing("ledger"),
)
"""The statements that make the ledger's table."""


class Shape(NamedTuple):
    """A vector that left: its name, the type of its numbers, and its shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@final
@dataclass(frozen=True)
class Line:
    """A payload that left: when, to which ask of which kind, bytes, shapes, SHA-256 (hex), and what protects it."""

    time: float
    job: str
    name: Name
    kind: str
    size: int
    shapes: tuple[Shape, ...]
    digest: str
    protection: str


@final
@dataclass(frozen=True)
class Recorded:
    """A line in its place, with the hash of the line before and its own."""

    sequence: int
    line: Line
    before: str
    hash: str


def contents(said: Answer | Refusal) -> tuple[int, tuple[Shape, ...]]:
    """How many bytes a word holds, and in which vectors; letters and a refusal's sentences count as well.

    Example:
        >>> import numpy as np
        >>> from hansa.core.load import Load
        >>> contents(Answer(Load({"delta": np.zeros((1, 3))})))
        (24, (Shape(name='delta', dtype='<f8', shape=(1, 3)),))
    """
    if not isinstance(said, Answer):
        return len((said.what + said.why + said.mend + said.error).encode()), ()
    vectors = said.load.vectors
    size = sum(vector.nbytes for vector in vectors.values()) + sum(len(letter.data) for letter in said.mail.values())
    return size, tuple(Shape(name, vector.dtype.str, vector.shape) for name, vector in vectors.items())


def protection(ask: Ask, said: Answer | Refusal) -> str:
    """What protects a word beside TLS: a "secure sum" that hides it, letters "sealed" for other parties, or "none".

    Example:
        >>> from hansa.core.load import Load
        >>> from hansa.core.message import Refusal
        >>> protection(Masked(inner=None), Answer(Load({}))), protection(Masked(inner=None), Refusal("No."))
        ('secure sum', 'none')
    """
    if not isinstance(said, Answer):
        return "none"
    return "secure sum" if isinstance(ask, Masked) else "sealed" if said.mail else "none"


def append(connection: sqlite3.Connection, line: Line) -> int:
    """Add a line within a transaction; its number."""
    told = (line.kind, line.size, json.dumps(line.shapes, ensure_ascii=False), line.digest, line.protection)
    return chained.append(connection, "ledger", (float(line.time), line.job, *line.name, *told))


@final
class WireLedger:
    """Reads the ledger of a site's database."""

    def __init__(self, database: Database) -> None:
        """Take the database that holds it."""
        self.database = database

    def lines(self, job: str = "") -> tuple[Recorded, ...]:
        """All lines, or those of one job, in order.

        Raises:
            DataError: one cannot be read.
        """
        return tuple(self._recorded(row) for row in self._rows() if not job or row[2] == job)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last line: kept elsewhere too, they tell when lines at the end were taken away."""
        return chained.head(self.database, "ledger")

    def verify(self) -> int | None:
        """The number of the first line that was changed, moved or taken away; None: all are as they were written."""
        return chained.first_wrong(self._rows())

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        yield from self.database.rows("SELECT * FROM ledger ORDER BY sequence")

    def _recorded(self, row: tuple[Any, ...]) -> Recorded:
        number, at, job, *name, kind, size, shapes, digest, protection, before, hash_ = row
        try:
            found = tuple(Shape(one, dtype, tuple(shape)) for one, dtype, shape in json.loads(shapes))
        except (ValueError, TypeError):
            raise DataError(
                f"Line {number} of the wire ledger cannot be read.",
                "Somebody has changed it, or the disk has.",
                "Compare it with the last backup: hansa ledger wire names the first line that is not as it was.",
            ) from None
        return Recorded(number, Line(at, job, Name(*name), kind, size, found, digest, protection), before, hash_)
