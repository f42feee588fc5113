"""Which rows train, which validate and which are the sealed test: by person, by time, or as given.

A person is in the same part at every member, because the part follows from a keyed hash of the customer's id and of
nothing else. Rows without an id go by a hash of their features, so that equal rows at least stay together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column, Table
from hansa.data.csv_file import read_csv
from hansa.data.csv_format import CsvFormat
from hansa.data.ids import as_one
from hansa.data.source import Reading
from hansa.errors import ConfigError, DataError

TRAIN, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, 3
PARTS = ("train", "validation", "test")
PART_COLUMN = "__part__"
"""An integer column of this name gives the rows' parts, overrides any split, and is never a feature."""
ROWS_A_BLOCK = 8192

Codes = NDArray[np.int8]


class Split(Protocol):
    """A way to say which part each row belongs to."""

    def codes(self, table: Table) -> Codes:
        """Give each row 0 (train), 1 (validation), 2 (test) or 3 (left out): int8 [rows]."""
        ...


@final
@dataclass(frozen=True)
class HashSplit:
    """Parts by a keyed hash of the id; `salt` is the key, the same at every member.

    Ids are compared as people write them: 7, "7" and "007" are one person. A table without an id goes by its features.
    Raises ConfigError where the parts do not add up to one.

    Example:
        >>> table = Table.of({"who": range(1000)}, id="who")
        >>> np.bincount(HashSplit().codes(table)).tolist()
        [607, 198, 195]
    """

    train: float = 0.6
    validation: float = 0.2
    test: float = 0.2
    salt: str = "hansa"

    def __post_init__(self) -> None:
        parts = (self.train, self.validation, self.test)
        if not (min(parts) >= 0 and abs(sum(parts) - 1.0) <= 1e-9):  # as nan compares false
            raise ConfigError(
                what=f"The parts {self.train}, {self.validation} and {self.test} do not divide the rows.",
                why="They are shares that add up to 1.",
                mend="Give for example train = 0.6, validation = 0.2, test = 0.2.",
            )

    def codes(self, table: Table) -> Codes:
        """Give each row its part: int8 [rows]; DataError where an id is missing."""
        bounds = np.array([self.train, self.train + self.validation])
        if self.test == 0:
            bounds[1] = 2.0
        return np.searchsorted(bounds, _places(table, self.salt), side="right").astype(np.int8)


@final
@dataclass(frozen=True)
class FixedTest:
    """A test part that others have published as ids; the other rows are hashed into train and validation.

    Example:
        >>> table = Table.of({"who": [1, 2, 3, 4]}, id="who")
        >>> (FixedTest((2, "4")).codes(table) == TEST).tolist()
        [False, True, False, True]
    """

    ids: tuple[int | str, ...] = field(repr=False)
    validation: float = 0.25
    salt: str = "hansa"

    @classmethod
    def from_csv(cls, path: str | Path, column: str | None = None, *, form: CsvFormat | None = None) -> FixedTest:
        """Read the ids from a file's column, by default its first.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     _ = Path(folder, "test.csv").write_bytes(b"id%c7%c9" % (10, 10))
            ...     FixedTest.from_csv(Path(folder, "test.csv")).ids
            ('7', '9')
        """
        table = read_csv(path, Reading(csv=form or CsvFormat()))
        return cls(tuple(table.column(column or table.names[0]).strings().tolist()))

    def codes(self, table: Table) -> Codes:
        """Give each row its part: int8 [rows]; DataError where the table has no id."""
        rest = HashSplit(1.0 - self.validation, self.validation, 0.0, self.salt).codes(table)
        table.ids()
        test = self._keys
        there = np.fromiter((key in test for key in _id_keys(table)), bool, len(table))
        rest[there] = TEST
        return rest

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(as_one(str(one)) for one in self.ids)


def features_of(table: Table) -> tuple[str, ...]:
    """A table's features, less the column of parts.

    Example:
        >>> features_of(Table.of({"age": [31], "__part__": [0], "late": [1]}, target="late"))
        ('age',)
    """
    return tuple(name for name in table.features if name != PART_COLUMN)


@final
@dataclass(frozen=True)
class Duplicates:
    """Counts of rows: all, those whose features stand in the table more than once, and those also in another part.

    Example:
        >>> Duplicates(rows=1000, repeated=4, across=2).across
        2
    """

    rows: int
    repeated: int
    across: int


def duplicates(table: Table, codes: Codes) -> Duplicates:
    """Count the rows whose features recur, and those that recur in another part: counts only, no row is named.

    Example:
        >>> duplicates(Table.of({"x": [1, 1, 2, 3, 3]}), np.array([0, 2, 0, 1, 1], np.int8))
        Duplicates(rows=5, repeated=4, across=2)
    """
    _, group = np.unique(row_hashes(table, "duplicates"), return_inverse=True)
    size = np.bincount(group)
    parts = np.zeros((len(size), len(PARTS) + 1), bool)
    parts[group, codes] = True
    parts[:, LEFT_OUT] = False
    return Duplicates(
        rows=len(table),
        repeated=int(size[size > 1].sum()),
        across=int(size[parts.sum(axis=1) > 1].sum()),
    )


def row_hashes(table: Table, salt: str) -> NDArray[np.uint64]:
    """Hash each row's features with a key: uint64 [rows]; equal rows have equal hashes, whatever their kinds' widths.

    Example:
        >>> hashes = row_hashes(Table.of({"x": [1, 1, 2], "c": ["a", "a", "a"]}), "key")
        >>> bool(hashes[0] == hashes[1]), bool(hashes[0] == hashes[2])
        (True, False)
    """
    key = sha256(salt.encode()).digest()
    columns = [table.column(name) for name in table.features]
    out = np.empty(len(table), np.uint64)
    for start in range(0, len(table), ROWS_A_BLOCK):
        here = slice(start, start + ROWS_A_BLOCK)
        words = np.stack([_words(column.take(here), key) for column in columns], axis=1) if columns else None
        if words is None:
            raise DataError(
                what="The table has no features.",
                why="Rows without an id are told apart by their features.",
                mend="Name the id, or keep at least one feature.",
            )
        out[here] = np.frombuffer(b"".join(_digest(row.tobytes(), key) for row in words), "<u8")
        table.forget()
    return out


def among(some: NDArray[np.uint64], others: NDArray[np.uint64]) -> int:
    """Count how many of `some` stand among `others`; `others` is sorted in its place.

    Example:
        >>> among(np.array([1, 3, 3], np.uint64), np.array([3, 2], np.uint64))
        2
    """
    if not len(others):
        return 0
    others.sort()
    near = others[np.minimum(np.searchsorted(others, some), len(others) - 1)]
    return int(np.count_nonzero(near == some))


def _words(column: Column, key: bytes) -> NDArray[np.uint64]:
    """Write each value as 64 bits: numbers as floats, dates as days, labels by their hash."""
    if column.kind in {"float", "integer"}:
        values = column.floats() + 0.0  # minus zero is zero
        values[np.isnan(values)] = np.nan
        return values.view(np.uint64)
    if column.kind == "date":
        return column.values.astype(np.int64).view(np.uint64)
    if column.kind == "category":
        known = b"".join(_digest(level.encode(), key) for level in column.levels)
        labels = np.append(np.frombuffer(known, "<u8"), np.uint64(0))
        return np.asarray(labels[column.values], np.uint64)
    texts = b"".join(_digest(text.encode(), key) for text in column.values.tolist())
    return np.frombuffer(texts, "<u8").astype(np.uint64)


def _places(table: Table, salt: str) -> NDArray[np.float64]:
    """Place each row in [0, 1) by the keyed hash of its id, or of its features where the table has none."""
    if table.id is None:
        hashes = row_hashes(table, salt)
    else:
        key = sha256(salt.encode()).digest()
        digests = (_digest(one.encode(), key) for one in _id_keys(table))
        hashes = np.fromiter(map(_word, digests), np.uint64, len(table))
    return np.asarray((hashes >> np.uint64(11)) * 2.0**-53)


def _id_keys(table: Table) -> Iterator[str]:
    ids = table.ids()
    for start in range(0, len(ids), ROWS_A_BLOCK):  # a list of all would be many times their size
        block: list[int | str] = ids[start : start + ROWS_A_BLOCK].tolist()
        yield from (str(one) if isinstance(one, int) else as_one(one) for one in block)


def _word(digest: bytes) -> int:
    return int.from_bytes(digest, "little")


def _digest(data: bytes, key: bytes) -> bytes:
    return blake2b(data, digest_size=8, key=key).digest()
