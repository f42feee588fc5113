"""Groups into which parties count a column's rows, and counts that tell of no group with a few customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column
from hansa.horizontal.columns import NUMERIC
from hansa.horizontal.labels import placed

Counts: TypeAlias = "NDArray[np.float64]"
Places: TypeAlias = "NDArray[np.intp]"

FEW: Final = -1
"""What is told of a count that is above 0 and below `min_cell`."""


@final
@dataclass(frozen=True)
class Groups:
    """A column's groups: between `edges` (each the last value of its group) or by `levels`; then others, then gaps.

    Example:
        >>> Groups("age", edges=(30.0, 60.0)).place(Column.of("age", [30, 31, 75, None])).tolist()
        [0, 1, 2, 3]
        >>> Groups("home", levels=("own",)).place(Column.of("home", ["own", "boat", None])).tolist()
        [0, 1, 2]
    """

    name: str
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many groups."""
        return len(self.edges or self.levels) + 2

    @property
    def ordered(self) -> bool:
        """Whether neighbours are alike."""
        return bool(self.edges)

    def place(self, column: Column) -> Places:
        """Each row's group [rows]."""
        if not self.ordered:
            return placed(column, self.levels)
        values = finite(column)
        return np.where(np.isnan(values), len(self.edges) + 1, np.searchsorted(np.array(self.edges), values))


def finite(column: Column) -> Counts:
    """A numeric column's values [rows], dates as days since 1970; NaN for gaps and infinities.

    Example:
        >>> finite(Column.of("rate", [0.5, float("inf"), None])).tolist()
        [0.5, nan, nan]
    """
    if column.kind not in NUMERIC:
        return np.full(len(column), np.nan)
    values = column.values.astype(np.int64).astype(np.float64) if column.kind == "date" else column.floats()
    return np.where(column.gaps | ~np.isfinite(values), np.nan, values)


def told(count: int, of: int, cell: int) -> int:
    """A count out of `of` rows as it leaves a party: FEW below `cell`, and all where only a few are missing.

    Example:
        >>> [told(count, 100, 10) for count in (0, 3, 40, 97)]
        [0, -1, 40, 100]
    """
    if 0 < count < cell:
        return FEW
    return of if 0 < of - count < cell else count


@final
@dataclass(frozen=True)
class Told:
    """Counts by group as they leave a party: a group's rows stand at its first place, `into` [size] says where.

    Example:
        >>> Told.of(np.array([40, 0, 3, 5, 60]), 10, ordered=True).rows.tolist()
        [40.0, 0.0, 68.0, 0.0, 0.0]
    """

    rows: Counts
    into: Places

    @classmethod
    def of(cls, counts: NDArray[np.integer], cell: int, *, ordered: bool) -> Told:
        """Join neighbours, or the smallest ones, until no group holds a few; an empty one stays by itself."""
        order = np.arange(len(counts)) if ordered else np.argsort(-counts, kind="stable")
        groups: list[list[int]] = []
        held = cell
        for place in (int(place) for place in order if counts[place]):
            if held >= cell:
                groups.append([])
                held = 0
            groups[-1].append(place)
            held += int(counts[place])
        if held < cell and len(groups) > 1:
            short = groups.pop()
            groups[-1] += short
        into, rows = np.arange(len(counts)), np.zeros(len(counts))
        for group in groups:
            into[group] = min(group)
            rows[min(group)] = counts[group].sum()
        return cls(rows, into)

    @property
    def spread(self) -> Counts:
        """The rows [size], those of a joined group divided evenly over it."""
        size = np.bincount(self.into, minlength=len(self.into))
        return np.asarray((self.rows / np.maximum(size, 1))[self.into])

    def joined(self, counts: Counts) -> Counts:
        """Other counts [size] over the groups of these."""
        return np.bincount(self.into, counts, minlength=len(self.into)).astype(np.float64)[np.unique(self.into)]

    @property
    def own(self) -> Counts:
        """These counts over their groups."""
        return self.rows[np.unique(self.into)]
