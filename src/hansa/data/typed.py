"""Words that stream in from a file, as typed columns: first what they can be, then what they are.

Both passes see one block of rows at a time, so reading needs the memory of the finished column and of one block.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.column import LEVELS_KEPT, Column, Kind

MEASURED: frozenset[Kind] = frozenset({"integer", "float", "date"})
"""The kinds that a column of a file has only where every word of it reads as one."""

_CODE = re.compile(r"_|^[+-]?0[0-9]", re.MULTILINE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def possible(words: Sequence[str], among: frozenset[Kind]) -> frozenset[Kind]:
    """Tell which of these kinds every word (no gaps) reads as; codes such as 0042 are not numbers.

    Example:
        >>> sorted(possible(["1", "2.5"], MEASURED)), sorted(possible(["0042"], MEASURED))
        (['float'], [])
    """
    if not among or not words:
        return among
    if _CODE.search("\n".join(words)):
        among -= {"integer", "float"}
    if "integer" in among:
        try:
            integers(words)
        except OverflowError:
            among -= {"integer", "float"}  # as a float, two long account numbers could become one
        except ValueError:
            among -= {"integer"}
    if "float" in among and "integer" not in among and not reads_as(words, "float"):
        among -= {"float"}
    if "date" in among and not reads_as(words, "date"):
        among -= {"date"}
    return among


def reads_as(words: Sequence[str], kind: Kind) -> bool:
    """Tell whether every word can be read as that kind.

    Example:
        >>> reads_as(["2024-02-29"], "date"), reads_as(["2023-02-29"], "date")
        (True, False)
    """
    try:
        _READERS[kind](words)
    except (ValueError, OverflowError):
        return False
    return True


def integers(words: Sequence[str]) -> NDArray[np.int64]:
    """Read whole numbers [rows]; ValueError where one is none, OverflowError beyond 64 bits.

    Example:
        >>> integers(["7", "-1"]).tolist()
        [7, -1]
    """
    return np.array(list(map(int, words)), np.int64)


def floats(words: Sequence[str]) -> NDArray[np.float64]:
    """Read numbers [rows]; ValueError where one is none.

    Example:
        >>> floats(["7", "1e-3"]).tolist()
        [7.0, 0.001]
    """
    return np.array(list(map(float, words)), np.float64)


def days(words: Sequence[str]) -> NDArray[np.datetime64]:
    """Read ISO dates [rows], year-month-day; ValueError where one is none.

    Example:
        >>> days(["2024-05-01"]).dtype
        dtype('<M8[D]')
    """
    if not all(map(_DAY.fullmatch, words)):
        raise ValueError
    return np.array(words, "datetime64[D]")


def _as_text(words: Sequence[str]) -> NDArray[Any]:
    return np.array(words, np.dtypes.StringDType())


_READERS: dict[Kind, Callable[[Sequence[str]], NDArray[Any]]] = {
    "integer": integers,
    "float": floats,
    "date": days,
    "category": _as_text,
    "text": _as_text,
}
_DTYPES: dict[Kind, Any] = {
    "integer": np.int64,
    "float": np.float64,
    "date": "datetime64[D]",
    "category": np.int32,
    "text": np.dtypes.StringDType(),
}
_BLANKS: dict[Kind, str] = {"integer": "0", "float": "nan", "text": ""}


@final
@dataclass(frozen=True, eq=False)
class Slot:
    """A column in the making: its arrays have all their rows and are filled block by block.

    A category that is not forced becomes text at its first label beyond LEVELS_KEPT.

    Example:
        >>> slot = Slot.empty("age", "integer", 3, gaps={"NA"}, forced=False)
        >>> slot.fill(0, ["31", "NA"]).fill(2, ["58"]).column().floats().tolist()
        [31.0, nan, 58.0]
    """

    name: str
    kind: Kind
    values: NDArray[Any]
    missing: NDArray[np.bool_]
    codes: dict[str, int]
    gaps: Collection[str]
    forced: bool

    @classmethod
    def empty(cls, name: str, kind: Kind, rows: int, *, gaps: Collection[str], forced: bool) -> Slot:
        """Make room for so many rows of one kind.

        Example:
            >>> len(Slot.empty("x", "float", 4, gaps=(), forced=False).values)
            4
        """
        marks = frozenset(gaps)
        values = np.empty(rows, _DTYPES[kind])
        return cls(name, kind, values, np.zeros(rows, bool), dict.fromkeys(marks, -1), marks, forced)

    def fill(self, start: int, words: Sequence[str]) -> Slot:
        """Write a block of words from row `start` on; ValueError or OverflowError where one does not read."""
        here = slice(start, start + len(words))
        if self.kind == "category":
            codes = self.codes
            self.values[here] = [codes.setdefault(word, len(codes) - len(self.gaps)) for word in words]
            many = len(codes) - len(self.gaps) > LEVELS_KEPT
            return self._as_text(here.stop) if many and not self.forced else self
        missing = [word in self.gaps for word in words]
        if any(missing):
            self.missing[here] = missing
            if self.kind == "date":
                self.values[here] = np.datetime64("NaT")
                there = np.arange(here.start, here.stop)[~self.missing[here]]
                self.values[there] = days([word for word in words if word not in self.gaps])
                return self
            blank = _BLANKS[self.kind]
            words = [blank if gap else word for gap, word in zip(missing, words, strict=True)]
        self.values[here] = _READERS[self.kind](words)
        return self

    def column(self) -> Column:
        """Close the slot: the finished column, category levels in order of their labels."""
        if self.kind == "category":
            labels = sorted(label for label, code in self.codes.items() if code >= 0)
            place = np.full(len(labels) + 1, -1, np.int32)
            for i, label in enumerate(labels):
                place[self.codes[label]] = i
            return Column(self.name, "category", place[self.values], levels=tuple(labels))
        masked = self.kind in {"integer", "text"} and bool(self.missing.any())
        return Column(self.name, self.kind, self.values, self.missing if masked else None)

    def _as_text(self, filled: int) -> Slot:
        labels = sorted((code, label) for label, code in self.codes.items() if code >= 0)
        words = np.array([*(label for _, label in labels), ""], np.dtypes.StringDType())
        values = np.empty(len(self.values), np.dtypes.StringDType())
        values[:filled] = words[self.values[:filled]]
        self.missing[:filled] = self.values[:filled] < 0
        return replace(self, kind="text", values=values)
