"""The columns of a table: an ordered, immutable mapping, with a compact form for floats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.column import Column, Rows, sealed
from hansa.errors import DataError


@final
@dataclass(frozen=True, eq=False, slots=True)
class Columns(Mapping[str, Column]):
    """An ordered, immutable mapping name -> Column.

    Float columns may share one matrix [rows, k] named by `block`: their Column objects are then
    made on demand, so that a hundred thousand small tables cost little more than their numbers.

    Example:
        >>> columns = Columns.of([Column.of("age", [31, 58])])
        >>> list(columns), columns.rows
        (['age'], 2)
    """

    names: tuple[str, ...]
    rows: int
    loose: Mapping[str, Column]
    block: tuple[str, ...] = ()
    matrix: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, columns: Iterable[Column]) -> Columns:
        """Columns in the order given; DataError where names repeat or lengths differ.

        Example:
            >>> Columns.of([]).rows
            0
        """
        row = tuple(columns)
        names = tuple(column.name for column in row)
        check_distinct(names)
        lengths = {len(column) for column in row}
        if len(lengths) > 1:
            longest = max(row, key=len)
            shortest = min(row, key=len)
            raise DataError(
                what="The columns differ in length.",
                why=f"{longest.name!r} has {len(longest)} rows, {shortest.name!r} has {len(shortest)}.",
                mend="Give every column one value a row, and mark gaps with None or NaN.",
            )
        return cls(names, lengths.pop() if lengths else 0, dict(zip(names, row, strict=True)))

    def __getitem__(self, name: str) -> Column:
        column = self.loose.get(name)
        if column is not None:
            return column
        if self.matrix is None or name not in self.names or name not in self.block:
            raise KeyError(name)
        return Column(name, "float", self.matrix[:, self.block.index(name)])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.names, self.rows, self.loose, self.block, self.matrix)

    def take(self, rows: Rows) -> Columns:
        """The named rows of every column.

        Example:
            >>> Columns.of([Column.of("x", [1, 2, 3])]).take([2, 0])["x"].values.tolist()
            [3, 1]
        """
        matrix = None if self.matrix is None else sealed(self.matrix[rows])
        loose = {name: column.take(rows) for name, column in self.loose.items()}
        lengths = [len(part) for part in (matrix, *loose.values()) if part is not None]
        return Columns(self.names, lengths[0] if lengths else 0, loose, self.block, matrix)


def check_distinct(names: tuple[str, ...]) -> None:
    """DataError where a name is empty or stands twice.

    Example:
        >>> check_distinct(("age", "income"))
    """
    if len(set(names)) == len(names) and all(names):
        return
    twice = next((name for i, name in enumerate(names) if name and name in names[:i]), None)
    raise DataError(
        what="A column has no name." if twice is None else f"Column {twice!r} stands there twice.",
        why="Columns are found by their names.",
        mend="Give each column a name of its own.",
    )


def _rebuilt(
    names: tuple[str, ...],
    rows: int,
    loose: Mapping[str, Column],
    block: tuple[str, ...],
    matrix: NDArray[np.float64] | None,
) -> Columns:
    """From a pickle, where numpy forgets that an array was read-only."""
    return Columns(names, rows, loose, block, None if matrix is None else sealed(matrix))
