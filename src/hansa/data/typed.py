"""Words that stream in from a file, as typed columns: first what they can be, then what they are.

Both passes see one block of rows at a time, so reading needs the memory of the finished column and of one block.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.column import LEVELS_KEPT, Column, Kind
from hansa.core.on_disk import forget, room
from hansa.data.spelling import CODE, Spelling, is_digits

MEASURED: Final[frozenset[Kind]] = frozenset({"integer", "float", "date"})
"""The kinds that a column of a file has only where every word of it reads as one."""

_NUMBERS: Final[frozenset[Kind]] = frozenset({"integer", "float"})
_AT_ONCE = 1 << 20


@final
@dataclass(frozen=True)
class Guess:
    """What the words of a column may be, as far as they have been seen: kinds of numbers, and formats of dates.

    Example:
        >>> guess = Guess.of(Spelling()).seeing(["03/04/2024"], Spelling())
        >>> guess.dates, guess.seeing(["03/31/2024"], Spelling()).dates
        (('%d/%m/%Y', '%m/%d/%Y'), ('%m/%d/%Y',))
    """

    numbers: frozenset[Kind]
    dates: tuple[str, ...]

    @classmethod
    def of(cls, spelling: Spelling, forced: Kind | None = None) -> Guess:
        """What a column may be that nobody has seen; of one whose kind is given, only how its dates are written.

        Example:
            >>> Guess.of(Spelling(), "float").kind(), Guess.of(Spelling(), "date").kind()
            ('category', 'date')
        """
        if forced is not None:
            return cls(frozenset(), spelling.formats if forced == "date" else ())
        return cls(_NUMBERS, tuple(form for form in spelling.formats if not is_digits(form)))

    def seeing(self, words: Sequence[str], spelling: Spelling) -> Guess:
        """What it may still be with these words (no gaps) too."""
        if not words or not (self.numbers or self.dates):
            return self
        dates = spelling.readable(words, self.dates) if self.dates else ()
        return Guess(possible(words, self.numbers, spelling), dates)

    def kind(self) -> Kind:
        """The narrowest kind that is left: words are a category."""
        if self.numbers:
            return "integer" if "integer" in self.numbers else "float"
        return "date" if self.dates else "category"


def possible(words: Sequence[str], among: frozenset[Kind], spelling: Spelling) -> frozenset[Kind]:
    """Tell which of these kinds of numbers every word (no gaps) reads as; codes such as 0042 are not numbers.

    Example:
        >>> sorted(possible(["1", "2.5"], frozenset({"integer", "float"}), Spelling()))
        ['float']
    """
    if not among or not words:
        return among
    if CODE.search("\n".join(words)):
        return frozenset()
    if "integer" in among:
        try:
            spelling.integers(words)
        except OverflowError:
            return frozenset()  # as a float, two long account numbers could become one
        except ValueError:
            among -= {"integer"}
        else:
            return among
    return among if reads_as(words, "float", spelling) else frozenset()


def reads_as(words: Sequence[str], kind: Kind, spelling: Spelling) -> bool:
    """Tell whether every word can be read as that kind: a date as one of the spelling's first format.

    Example:
        >>> reads_as(["2024-02-29"], "date", Spelling()), reads_as(["2023-02-29"], "date", Spelling())
        (True, False)
    """
    try:
        _read(words, kind, spelling)
    except (ValueError, OverflowError):
        return False
    return True


def _read(words: Sequence[str], kind: Kind, spelling: Spelling) -> NDArray[Any]:
    if kind == "integer":
        return spelling.integers(words)
    if kind == "float":
        return spelling.floats(words)
    if kind == "date":
        return spelling.days(words)
    return _as_text(words)


def _as_text(words: Sequence[str]) -> NDArray[Any]:
    return np.array(words, np.dtypes.StringDType())


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
    gaps: frozenset[str]
    forced: bool
    spelling: Spelling

    @classmethod
    def empty(
        cls,
        name: str,
        kind: Kind,
        rows: int,
        *,
        gaps: Collection[str],
        forced: bool,
        spelling: Spelling | None = None,
        disk: bool = False,
    ) -> Slot:
        """Make room for so many rows of one kind, in memory or on disk; words of text always lie in memory.

        Raises:
            DataError: the disk has no room for them.

        Example:
            >>> len(Slot.empty("x", "float", 4, gaps=(), forced=False).values)
            4
        """
        marks = frozenset(gaps)
        values = room((rows,), _DTYPES[kind]) if disk and kind != "text" else np.empty(rows, _DTYPES[kind])
        missing = room((rows,), "?") if disk else np.zeros(rows, bool)
        return cls(name, kind, values, missing, dict.fromkeys(marks, -1), marks, forced, spelling or Spelling())

    def fill(self, start: int, words: Sequence[str]) -> Slot:
        """Write a block of words from row `start` on; ValueError or OverflowError where one does not read."""
        here = slice(start, start + len(words))
        if self.kind == "category":
            codes = self.codes
            for word in set(words).difference(codes):
                codes[word] = len(codes) - len(self.gaps)
            self.values[here] = list(map(codes.__getitem__, words))
            many = len(codes) - len(self.gaps) > LEVELS_KEPT
            return self._as_text(here.stop) if many and not self.forced else self
        if not self.gaps.isdisjoint(words):
            missing = [word in self.gaps for word in words]
            self.missing[here] = missing
            if self.kind == "date":
                self.values[here] = np.datetime64("NaT")
                there = np.arange(here.start, here.stop)[~self.missing[here]]
                self.values[there] = self.spelling.days([word for word in words if word not in self.gaps])
                return self
            blank = _BLANKS[self.kind]
            words = [blank if gap else word for gap, word in zip(missing, words, strict=True)]
        self.values[here] = _read(words, self.kind, self.spelling)
        return self

    def column(self) -> Column:
        """Close the slot: the finished column, category levels in order of their labels."""
        if self.kind == "category":
            labels = sorted(label for label, code in self.codes.items() if code >= 0)
            place = np.full(len(labels) + 1, -1, np.int32)
            for i, label in enumerate(labels):
                place[self.codes[label]] = i
            for start in range(0, len(self.values), _AT_ONCE):
                here = slice(start, start + _AT_ONCE)
                self.values[here] = place[self.values[here]]
                self.forget()
            return Column(self.name, "category", self.values, levels=tuple(labels))
        masked = self.kind in {"integer", "text"} and bool(self.missing.any())
        return Column(self.name, self.kind, self.values, self.missing if masked else None)

    def forget(self) -> None:
        """Give back the memory of what has been filled, where it lies on disk."""
        forget(self.values, self.missing)

    def _as_text(self, filled: int) -> Slot:
        labels = sorted((code, label) for label, code in self.codes.items() if code >= 0)
        words = np.array([*(label for _, label in labels), ""], np.dtypes.StringDType())
        values = np.empty(len(self.values), np.dtypes.StringDType())
        values[:filled] = words[self.values[:filled]]
        self.missing[:filled] = self.values[:filled] < 0
        return replace(self, kind="text", values=values)
