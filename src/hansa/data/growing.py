"""Columns that grow block by block, in memory or on disk, as readers of files and databases bring them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.column import KINDS, LEVELS_KEPT, Column, Kind
from hansa.core.on_disk import Pile
from hansa.core.table import Table
from hansa.errors import ConfigError, DataError, nearest

_NUMBERS: Final = frozenset({"integer", "float"})
_DTYPES: Final[Mapping[Kind, str]] = {"float": "f8", "integer": "i8", "category": "i4", "date": "M8[D]"}


@final
class Growing:
    """A column in the making: its first block with a value says its kind; integers become floats where one is.

    Strings are a category until they have more than LEVELS_KEPT labels, then text, unless `kind` says otherwise. Text
    always lies in memory.

    Example:
        >>> age = Growing("age")
        >>> age.add(Column.of("age", [31, None]))
        >>> age.add(Column.of("age", [58.5]))
        >>> age.column().values.tolist()
        [31.0, nan, 58.5]
    """

    def __init__(self, name: str, kind: Kind | None = None, *, disk: bool = False) -> None:
        """Begin with nothing; `kind` forces how strings are kept."""
        self._name, self._forced, self._disk = name, kind, disk
        self._kind: Kind | None = None
        self._levels: dict[str, int] = {}
        self._texts: list[NDArray[Any]] | None = None
        self._blank = 0
        self._values, self._gaps = Pile("f8", disk=disk), Pile("?", disk=disk)

    def add(self, block: Column) -> None:
        """Add rows below; DataError where numbers, dates and words stand in one column."""
        kind: Kind = "category" if block.kind == "text" else block.kind
        gaps = block.gaps
        if self._kind is None:
            if gaps.all():
                self._blank += len(block)
                return
            self._start(kind)
        elif kind != self._kind and not gaps.all():
            if {kind, self._kind} != _NUMBERS:
                raise DataError(
                    what=f"Column {self._name!r} holds values of more than one sort.",
                    why=f"It is {self._kind} in some rows and {kind} in others.",
                    mend="Make it one sort at the source, or leave it out.",
                )
            if self._kind == "integer":
                self._become_float()
        self._lay(block, gaps)

    def column(self) -> Column:
        """Close it: the finished column."""
        if self._kind is None:
            self._start("float")
        if self._texts is not None:
            words = np.concatenate(self._texts)
            gaps = self._gaps.done()
            return Column(self._name, "text", words, gaps if gaps.any() else None)
        values, gaps = self._values.done(), self._gaps.done()
        if self._kind == "category":
            return self._category(values)
        masked = self._kind == "integer" and bool(gaps.any())
        return Column(self._name, self._kind or "float", values, gaps if masked else None)

    def _start(self, kind: Kind) -> None:
        self._kind, blank = kind, np.ones(self._blank, bool)
        self._values = Pile(_DTYPES[kind], disk=self._disk)
        if kind == "category" and self._forced == "text":
            self._texts = []
        if self._blank:
            self._lay(Column("gaps", "float", np.full(self._blank, np.nan)), blank)

    def _become_float(self) -> None:
        whole, gaps = self._values.done(), self._gaps.done()
        self._kind = "float"
        self._values, self._gaps = Pile("f8", disk=self._disk), Pile("?", disk=self._disk)
        for start in range(0, len(whole), 1 << 20):
            here = slice(start, start + (1 << 20))
            self._lay(Column(self._name, "integer", whole[here], gaps[here]), gaps[here])

    def _lay(self, block: Column, gaps: NDArray[np.bool_]) -> None:
        if self._kind == "category":
            self._words(block, gaps)
        elif self._kind == "float":
            self._values.add(block.floats() if block.kind != "date" else np.full(len(block), np.nan))
        elif gaps.all():
            self._values.add(np.full(len(block), np.datetime64("NaT") if self._kind == "date" else 0))
        else:
            self._values.add(block.values)
        if self._kind == "integer":
            self._gaps.add(gaps)

    def _words(self, block: Column, gaps: NDArray[np.bool_]) -> None:
        worded = block.kind in {"category", "text"}
        if self._texts is not None:
            self._texts.append(block.strings() if worded else _blank(len(block)))
            self._gaps.add(gaps)
            return
        if not worded:
            self._values.add(np.full(len(block), -1))
            return
        if block.kind == "category":
            place = [self._levels.setdefault(level, len(self._levels)) for level in block.levels]
            codes = np.array([*place, -1])[block.values]
        else:
            words: list[str] = block.values.tolist()
            codes = np.array([self._levels.setdefault(word, len(self._levels)) for word in words])
            codes[gaps] = -1
        self._values.add(codes)
        if len(self._levels) > LEVELS_KEPT and self._forced != "category":
            self._become_text()

    def _become_text(self) -> None:
        codes = self._values.done()
        words = np.array([*self._levels, ""], np.dtypes.StringDType())
        self._texts, self._levels = [words[codes]], {}
        self._gaps.add(codes < 0)

    def _category(self, codes: NDArray[Any]) -> Column:
        """Put the levels in order of their labels, those that a gap in text or an unused level has left behind out."""
        used = np.zeros(len(self._levels) + 1, bool)
        order = Pile("i4", disk=self._disk)
        blocks = [slice(start, start + (1 << 20)) for start in range(0, len(codes), 1 << 20)]
        for here in blocks:
            used[np.unique(codes[here])] = True
        used[-1] = True
        labels = sorted(label for label, code in self._levels.items() if used[code])
        place = np.full(len(self._levels) + 1, -1, np.int32)
        for i, label in enumerate(labels):
            place[self._levels[label]] = i
        for here in blocks:
            order.add(place[codes[here]])
        return Column(self._name, "category", order.done(), levels=tuple(labels))


def table_of(
    blocks: Iterable[Sequence[Column]],
    names: Sequence[str],
    kinds: Mapping[str, Kind],
    roles: tuple[str | None, str | None, str | None],
    *,
    disk: bool,
    where: str,
) -> Table:
    """Grow a table from blocks of columns; `roles` are target, id and weight, and an id that is no number is text.

    Raises:
        DataError: there are no rows, or a column is of two sorts.
        ConfigError: `kinds` names a column that is not there, or a kind that there is not.

    Example:
        >>> blocks = [[Column.of("x", [1.0])], [Column.of("x", [2.0])]]
        >>> table_of(blocks, ["x"], {}, (None, None, None), disk=False, where="loans").column("x").values.tolist()
        [1.0, 2.0]
    """
    for name, kind in kinds.items():
        if name not in names or kind not in KINDS:
            known = names if name not in names else KINDS
            what = f"There is no column {name!r} in {where}." if name not in names else f"There is no kind {kind!r}."
            raise ConfigError(
                what, f"A kind was given for {name!r}.", nearest(name if name not in names else kind, known)
            )
    forced: dict[str, Kind] = dict(kinds)
    if roles[1] is not None and forced.get(roles[1]) in {None, "category"}:
        forced[roles[1]] = "text"
    growing = [Growing(name, forced.get(name), disk=disk) for name in names]
    for block in blocks:
        for one, column in zip(growing, block, strict=True):
            one.add(column)
    columns = list(_closed(growing, kinds))
    if not columns or not len(columns[0]):
        raise DataError(
            what=f"{where} has no rows.",
            why="Nothing was found to read.",
            mend="Look at the source and the row filters.",
        )
    target, key, weight = roles
    return Table.of(columns, target=target, id=key, weight=weight)


def _closed(growing: Iterable[Growing], kinds: Mapping[str, Kind]) -> Iterator[Column]:
    for one in growing:
        column = one.column()
        kind = kinds.get(column.name)
        yield column if kind is None else column.to_kind(kind)


def _blank(rows: int) -> NDArray[Any]:
    return np.full(rows, "", np.dtypes.StringDType())
