"""What a party makes of its rare rows before it counts a column, so that no count, sum or difference tells of few.

A party's counts of a column add up to its training rows, which it tells as well: what was left out would be told by the
difference. So rare rows count as something else, in each count and sum alike: labels of few rows as other ones, and
other labels and gaps of few rows as the largest group; in a column of numbers, few gaps as a value from the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column
from hansa.horizontal.columns import numbers
from hansa.horizontal.floors import Floors
from hansa.horizontal.labels import placed

Floats: TypeAlias = NDArray[np.float64]
Block: TypeAlias = tuple[Floats, NDArray[np.bool_], NDArray[np.intp]]

_ROWS = 1 << 20


@final
@dataclass(frozen=True)
class Veil:
    """How a party reads a column of numbers with special codes, where some of it is rare.

    `rare` `[codes]`: which codes count as gaps. `fill`: what gaps count as where they are few, else NaN. `thin`: values
    are few, and count as gaps.

    Example:
        >>> pay = Column.of("pay", [5, 6, 8, -9, None])
        >>> [(values, gaps, special)] = Veil.of(pay, (-9.0,), cell=3).blocks(pay)
        >>> values.tolist(), gaps.tolist()[3:], special.tolist()[3:]
        ([5.0, 6.0, 8.0, 6.0, 6.0], [False, False], [-1, -1])
    """

    codes: tuple[float, ...]
    rare: NDArray[np.bool_]
    fill: float = np.nan
    thin: bool = False

    @classmethod
    def of(cls, column: Column, codes: tuple[float, ...], cell: int) -> Veil:
        """Look for what fewer than `cell` rows share; with a `cell` of 1, nothing is."""
        shared, rows = np.zeros(len(codes), np.intp), 0
        for block in in_blocks(column):
            values, _, special = numbers(block, codes)
            shared += np.bincount(special[special >= 0], minlength=len(codes))
            rows += int(np.count_nonzero(~np.isnan(values)))
        rare = (shared > 0) & (shared < cell)
        gaps = len(column) - rows - int(shared[~rare].sum())
        if rows < cell:
            return cls(codes, rare, thin=True)
        return cls(codes, rare, fill=_middle(column, codes) if 0 < gaps < cell else np.nan)

    def blocks(self, column: Column) -> Iterator[Block]:
        """Values (NaN for gaps and codes), gaps, and which code, as `numbers` gives them; a long column in blocks."""
        for block in in_blocks(column):
            values, gaps, special = numbers(block, self.codes)
            if self.rare.any():
                rare = (special >= 0) & self.rare[special]
                gaps, special = gaps | rare, np.where(rare, -1, special)
            if self.thin:
                gaps, values = gaps | ~np.isnan(values), np.full(len(values), np.nan)
            if not np.isnan(self.fill):
                gaps, values = np.zeros_like(gaps), np.where(gaps, self.fill, values)
            yield values, gaps, special


def held(column: Column, special_codes: tuple[float, ...], floors: Floors) -> Floats:
    """A column's values `[values]` less gaps and special codes; none where too few would stand behind a sum.

    Example:
        >>> held(Column.of("age", [42, None, 31]), (), Floors(2)).tolist()
        [42.0, 31.0]
        >>> held(Column.of("age", [42]), (), Floors(2)).tolist()
        []
    """
    blocks = Veil.of(column, special_codes, floors.cell).blocks(column)
    values = np.concatenate([np.empty(0), *(values[~np.isnan(values)] for values, _, _ in blocks)])
    return values if len(values) >= floors.rows else values[:0]


def grouped(column: Column, levels: tuple[str, ...], floors: Floors) -> NDArray[np.intp]:
    """A party's rows of each level, of other labels and of gaps, `[levels + 2]`, none of them of few.

    Example:
        >>> home = Column.of("home", ["own"] * 5 + ["rent"] * 3 + ["boat", None])
        >>> [grouped(home, ("boat", "own", "rent"), Floors(1, cell)).tolist() for cell in (1, 3)]
        [[1, 5, 3, 0, 1], [0, 7, 3, 0, 0]]
    """
    other, place = len(levels), placed(column, levels)
    few = floors.customers(place, other + 2) < floors.min_cell
    few[other:] = False
    place = np.where(few[place], other, place)
    few = floors.customers(place, other + 2) < floors.min_cell
    place = np.where(few[place], np.bincount(place, minlength=other + 2).argmax(), place)
    behind = floors.customers(place, other + 2)
    return np.where(behind < floors.min_cell, 0, np.bincount(place, minlength=other + 2))


def in_blocks(column: Column) -> Iterator[Column]:
    """Views of a long column: what is made from one on its way to a sum never needs the memory of the whole.

    Example:
        >>> [len(block) for block in in_blocks(Column.of("age", [42, 31]))]
        [2]
    """
    return (column.take(slice(start, start + _ROWS)) for start in range(0, len(column), _ROWS))


def _middle(column: Column, codes: tuple[float, ...]) -> float:
    """The lower median of the first block that has values."""
    for block in in_blocks(column):
        values, _, _ = numbers(block, codes)
        values = np.sort(values[~np.isnan(values)])
        if len(values):
            return float(values[(len(values) - 1) // 2])
    return float("nan")
