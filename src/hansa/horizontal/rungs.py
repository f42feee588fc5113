"""Where a party's values count, so that no schedule of questions about edges singles out a few of them.

How many values lie at or below an edge is harmless once, and tells each value when it is asked again and again. So
neighbours count together at one number, and all that is ever told are these steps: two counts are the same, or at least
`cell` values apart. The steps follow from the party's values alone, whatever is asked, and whoever finds where one
stands has found nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.load import Load
from hansa.core.on_disk import beside
from hansa.horizontal.quantiles import roundest, roundest_of

Floats: TypeAlias = NDArray[np.float64]
Ranks: TypeAlias = NDArray[np.intp]


@final
@dataclass(frozen=True, eq=False)
class Rungs:
    """The numbers at which values count, `places` rising, and how many do up to each, `counts`; both [rungs].

    A value that `cell` rows share counts where it is. The others between two such values are cut into even groups of
    `cell` neighbours and more, and a group counts at the roundest number in its midst; fewer than `cell` count with the
    group before, or the first with that after. The outermost groups count behind their `cell` outermost values: how far
    out these lie is not told.

    Example:
        >>> rungs = Rungs.of(np.linspace(1.03, 2.02, 100), 10)
        >>> rungs.below(np.array([1.0, 1.2, 1.5, 1.51, 1.9, 3.0])).tolist()
        [0, 18, 52, 52, 100, 100]
    """

    places: Floats
    counts: Ranks

    @classmethod
    def of(cls, values: Floats, cell: int, like: NDArray[np.generic] | None = None) -> Rungs:
        """Those of a party's values [rows], in any order; on disk where `like` is."""
        values = np.sort(values)
        begins, places = _groups(values, cell) if len(values) else (np.empty(0, np.intp), np.empty(0))
        counts = np.append(begins[1:], len(values))[: len(begins)]
        return cls(places, counts) if like is None else cls(beside(places, like), beside(counts, like))

    @property
    def rows(self) -> int:
        """How many values there are."""
        return int(self.counts[-1]) if len(self.counts) else 0

    def below(self, edges: Floats) -> Ranks:
        """How many values count at or below each edge."""
        return np.append(0, self.counts)[np.searchsorted(self.places, edges, side="right")]


def told_below(asked: Mapping[Rungs, Floats]) -> Load:
    """How many values there are of each column, and how many count at or below each of its edges.

    Example:
        >>> told_below({Rungs.of(np.array([1.0, 2.0]), 1): np.array([1.5])})["below"].tolist()
        [[1.0]]
    """
    below = [np.empty(0), *(rungs.below(edges) for rungs, edges in asked.items())]
    held = np.array([[rungs.rows for rungs in asked]], np.float64)
    return Load({"held": held, "below": np.concatenate(below)[None, :].astype(np.float64)})


def _groups(values: Floats, cell: int) -> tuple[Ranks, Floats]:
    """The rank at which each group begins, and the number at which it counts."""
    rows = len(values)
    if rows < 2 * cell:
        return _one(float(values[0]), float(values[-1]))
    first, last = float(values[cell - 1]), float(values[rows - cell])
    begin, end = _shared(values, cell)
    low, high = first not in values[begin], last not in values[begin]
    if (low or high) and rows < 4 * cell:  # the outermost groups would meet
        return _one(first, last)
    start, stop, begins, places = 0, rows, [], []
    if low:
        places.append(roundest(first, float(values[2 * cell - 1])))
        start = int(np.searchsorted(values, places[-1], side="right"))
        begins.append(0)
    if high:
        places.append(roundest(float(values[rows - 2 * cell]), last))
        stop = int(np.searchsorted(values, places[-1]))
        begins.append(stop)
    inside = (begin >= start) & (end <= stop)
    begin, end = begin[inside], end[inside]
    cut, at = _even(values, np.append(start, end), np.append(begin, stop), cell)
    all_begins, all_places = np.concatenate([begins, begin, cut]), np.concatenate([places, values[begin], at])
    order = np.argsort(all_begins)
    return all_begins[order].astype(np.intp), all_places[order]


def _one(low: float, high: float) -> tuple[Ranks, Floats]:
    """All values in one group."""
    return np.zeros(1, np.intp), np.array([roundest(low, high) if low < high else low])


def _shared(values: Floats, cell: int) -> tuple[Ranks, Ranks]:
    """Where each value that `cell` rows share begins and ends."""
    some = np.unique(values[cell - 1 :: cell])  # one of so many neighbours is among these
    begin, end = np.searchsorted(values, some), np.searchsorted(values, some, side="right")
    many = end - begin >= cell
    return begin[many], end[many]


def _even(values: Floats, start: Ranks, stop: Ranks, cell: int) -> tuple[Ranks, Floats]:
    """Cut stretches of values that few share into even groups: where each begins, and counts."""
    size = stop - start
    parts = size // cell
    of = np.repeat(np.arange(len(parts)), parts)
    place = np.arange(len(of)) - np.repeat(np.cumsum(parts) - parts, parts)
    begin, end = (start[of] + size[of] * (place + one) // parts[of] for one in (0, 1))
    quarter = (end - begin) // 4
    low, high = values[begin + quarter], values[end - 1 - quarter]
    alike = low == high
    return begin, roundest_of(np.where(alike, values[begin], low), np.where(alike, values[end - 1], high))
