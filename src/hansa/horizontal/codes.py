"""Columns as whole numbers that a network looks up: categories as codes, and texts as hashed words.

Such columns are for trainers that read `Inputs` and keep a table of vectors; as plain numbers they mean nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column
from hansa.errors import DataError
from hansa.horizontal.labels import placed

Block: TypeAlias = "NDArray[np.floating]"

_WORD = re.compile("[\u3400-\u9fff\uf900-\ufaff]|[^\\W\u3400-\u9fff\uf900-\ufaff]+")
"""A run of letters and digits; a Chinese character is a word."""


@final
@dataclass(frozen=True)
class Codes:
    """A category as its place among the known levels, from 2 on; 1 is any other label and 0 a gap.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.prepared import Prepared
        >>> grade = Codes("grade", ("a", "b"))
        >>> Prepared((grade,)).transform(Table.of({"grade": ["b", None, "z"]})).tolist(), grade.sizes
        ([[3.0], [0.0], [1.0]], (4,))
    """

    column: str
    known: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the column that it makes is called."""
        return (self.column,)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes there are."""
        return (len(self.known) + 2,)

    def write(self, column: Column, out: Block) -> None:
        """Fill a block of zeros [rows, 1]."""
        count = len(self.known)
        out[:, 0] = np.array([*range(2, count + 2), 1, 0])[placed(column, self.known)]


@final
@dataclass(frozen=True)
class Tokens:
    """A text as its first `length` words, each hashed to one of `buckets` codes from 1 on; 0 fills up.

    Nothing is fitted, so no word leaves a party. Two words may share a code (Weinberger et al. 2009).

    Raises:
        DataError: no words, or no codes for them.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.prepared import Prepared
        >>> note = Tokens("note", length=4, buckets=1000)
        >>> rows = Prepared((note,)).transform(Table.of({"note": ["Paid late, late!", None]}))
        >>> rows.shape, bool(rows[0, 1] == rows[0, 2]), rows[0, 3], rows[1].tolist()
        ((2, 4), True, np.float64(0.0), [0.0, 0.0, 0.0, 0.0])
    """

    column: str
    length: int
    buckets: int

    def __post_init__(self) -> None:
        """See that there is a code, before any row's words want one: a refusal then would tell of them."""
        if self.length < 1 or self.buckets < 1:
            raise DataError(f"'{self.column}' has no codes for its words.", mend="Fit the preparation anew.")

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns that it makes are called."""
        return tuple(f"{self.column} [{i}]" for i in range(self.length))

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes each column has."""
        return (self.buckets + 1,) * self.length

    def write(self, column: Column, out: Block) -> None:
        """Fill a block of zeros [rows, length]."""
        for row, (text, gap) in enumerate(zip(column.strings().tolist(), column.gaps.tolist(), strict=True)):
            if not gap:
                words = _WORD.findall(text.lower())[: self.length]
                out[row, : len(words)] = [1 + _crc(word) % self.buckets for word in words]


@lru_cache(maxsize=1 << 16)
def _crc(word: str) -> int:
    return crc32(word.encode())
