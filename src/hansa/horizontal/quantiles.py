"""Quantiles of rows that nobody sees: found from counts of how many values lie at or below an edge.

The search walks over the 64 bits of a float, turned so that they sort like the numbers. It begins with edges that know
no data and stops at a stretch with fewer than `min_cell` values, or at a single value that at least `min_cell` rows
share. So no value of a few customers is ever pinned down, and the edges depend on pooled counts alone. Those come in
steps (see `rungs`); where a cell is one row, any division of the rows over parties gives the same edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics.keys import Keys, score_keys, unkey

Floats = NDArray[np.float64]

_LARGEST: Final = float(np.finfo(np.float64).max)
_ENDS: Final = score_keys([-np.inf, _LARGEST])
_CUTS: Final = 64
_EXPONENTS: Final = range(-24, 40)
_TENTHS: Final = 300
_TENS: Final = np.array([10.0**power for power in range(-_TENTHS, 309)])


@final
@dataclass(frozen=True, eq=False)
class Ladder:
    """What is known of a column's `rows` pooled values: at each rung, how many lie at or below it.

    `keys` rise from minus infinity to the largest float; `counts` rise from 0 to `rows`.

    Example:
        >>> values, ladder = np.arange(1000.0), Ladder.of(1000, min_cell=10)
        >>> while len(edges := ladder.probes([500])):
        ...     ladder = ladder.learned(edges, np.searchsorted(values, edges, side="right"))
        >>> ladder.edge(500)
        499.0
    """

    keys: Keys
    counts: Floats
    min_cell: int

    @classmethod
    def of(cls, rows: float, min_cell: int) -> Ladder:
        """Nothing known but the number of rows."""
        return cls(_ENDS, np.array([0.0, rows]), min_cell)

    @property
    def rows(self) -> int:
        """How many values there are."""
        return int(self.counts[-1])

    @property
    def edges(self) -> Floats:
        """The edges that were asked about, rising."""
        return unkey(self.keys[1:-1])

    def probes(self, ranks: list[int]) -> Floats:
        """The edges to ask about next, rising; none when every rank is settled."""
        places = {self._place(rank) for rank in ranks}
        open_ = sorted(i for i in places if not self._settled(i))
        if not open_:
            return np.empty(0)
        if len(self.keys) == 2:
            return _first_edges()
        return unkey(np.unique(np.concatenate([self._cuts(i) for i in open_])))

    def learned(self, edges: Floats, counts: Floats) -> Ladder:
        """The same ladder with more rungs: how many values lie at or below each of `edges`."""
        keys, first = np.unique(np.concatenate([self.keys, score_keys(edges)]), return_index=True)
        return Ladder(keys, np.concatenate([self.counts, np.asarray(counts, np.float64)])[first], self.min_cell)

    def edge(self, rank: int) -> float:
        """The number up to which about `rank` values lie: exact where many share it, else the roundest nearby."""
        low, high, _, _ = self._stretch(self._place(rank))
        return high if self._is_value(self._place(rank)) else roundest(low, high)

    def upto(self, rank: int) -> float:
        """How many values lie at or below `edge(rank)`, or a little above it."""
        return float(self.counts[self._place(rank)])

    def atoms(self, ranks: list[int], mass: float) -> list[tuple[float, float, float]]:
        """The single values that hold a rank and more than `mass` rows: value, rows below it, rows up to it."""
        found = sorted({self._place(rank) for rank in ranks})
        stretches = [self._stretch(i) for i in found if self._is_value(i)]
        return [(high, below, upto) for _, high, below, upto in stretches if upto - below > mass]

    def _place(self, rank: int) -> int:
        return int(np.searchsorted(self.counts, rank, side="left"))

    def _stretch(self, i: int) -> tuple[float, float, float, float]:
        low, high = unkey(self.keys[i - 1 : i + 1])
        return float(low), float(high), float(self.counts[i - 1]), float(self.counts[i])

    def _is_value(self, i: int) -> bool:
        low, high, _, _ = self._stretch(i)
        return _before(high) <= low

    def _settled(self, i: int) -> bool:
        return self._is_value(i) or self.counts[i] - self.counts[i - 1] < self.min_cell

    def _cuts(self, i: int) -> Keys:
        """Even cuts of a stretch, and its roundest number taken out by itself: people like round numbers."""
        low, high = int(self.keys[i - 1]), int(self.keys[i])
        parts = min(_CUTS, high - low)
        even = [low + (high - low) * j // parts for j in range(1, parts)]
        one = roundest(*self._stretch(i)[:2])
        single = score_keys([_before(one), one]).tolist()
        return np.array(sorted({*even, *single} - {low, high}), np.uint64)


def tail_ranks(rows: int, share: float, min_cell: int) -> list[int]:
    """The two ranks that cut a share of the rows off either end, at least `min_cell`; none where rows are too few.

    Example:
        >>> tail_ranks(1000, 0.05, 10), tail_ranks(1000, 0.001, 10), tail_ranks(15, 0.05, 10)
        ([50, 950], [10, 990], [])
    """
    cut = max(round(share * rows), min_cell)
    return [] if share == 0 or 2 * cut > rows else [cut, rows - cut]


def bin_ranks(ladder: Ladder, bins: int) -> list[int]:
    """The ranks at which so many bins of equal size end, as far as single heavy values leave rows to divide.

    A value that fills a bin by itself gets one, and the rest of the bins are spread over the rows below and above it: a
    column of zeros with a tail keeps its tail. Call it again after each ask: once heavy values are known, ranks change.

    Example:
        >>> bin_ranks(Ladder.of(100, min_cell=10), 4)
        [25, 50, 75]
    """
    even = _even(0, ladder.rows, bins, _floor(ladder, bins))
    if len(ladder.probes(even)):
        return even
    atoms = ladder.atoms(even, ladder.rows / bins)
    spare = ladder.rows - sum(upto - below for _, below, upto in atoms)
    ranks: list[int] = []
    start = 0.0
    for _, below, upto in (*atoms, (0.0, float(ladder.rows), 0.0)):
        share = (below - start) / max(spare, 1.0)
        ranks += _even(start, below, max(1, round(share * (bins - len(atoms)))), _floor(ladder, bins))
        start = upto
    return ranks


def bin_edges(ladder: Ladder, bins: int) -> tuple[float, ...]:
    """The edges of the bins, rising and merged where equal; a heavy value is cut out on both sides.

    Example:
        >>> values = np.sort(np.concatenate([np.zeros(950), np.arange(1.0, 51.0)]))
        >>> ladder = Ladder.of(1000, min_cell=10)
        >>> while len(edges := ladder.probes(bin_ranks(ladder, 4))):
        ...     ladder = ladder.learned(edges, np.searchsorted(values, edges, side="right"))
        >>> bin_edges(ladder, 4)
        (0.0, 28.0)
    """
    ranks = bin_ranks(ladder, bins)
    edges = {ladder.edge(rank): ladder.upto(rank) for rank in ranks}
    for value, below, upto in ladder.atoms(_even(0, ladder.rows, bins, _floor(ladder, bins)), ladder.rows / bins):
        if below >= ladder.min_cell:
            edges[_before(value)] = below
        if ladder.rows - upto >= ladder.min_cell:
            edges[value] = upto
    kept: list[float] = []
    for edge in sorted(edges):
        if not kept or edges[edge] > edges[kept[-1]]:  # else no value lies between the two
            kept.append(edge)
    return tuple(kept)


def _floor(ladder: Ladder, bins: int) -> float:
    """The fewest rows of a bin: a tenth of an even one, and two cells."""
    return max(2.0 * ladder.min_cell, ladder.rows / (10 * bins))


def _even(start: float, end: float, bins: int, least: float) -> list[int]:
    parts = int(min(bins, (end - start) // least))
    return [round(start + (end - start) * j / parts) for j in range(1, parts)]


def _before(number: float) -> float:
    """The next float below."""
    return float(np.nextafter(number, -np.inf))


def _first_edges() -> Floats:
    """Edges that know no data: zero, and four to each power of two on both sides."""
    steps = np.concatenate([2.0**e * np.array([1.0, 1.25, 1.5, 1.75]) for e in _EXPONENTS])
    zero = np.array([_before(0.0), 0.0])
    return np.concatenate([-steps[::-1], zero, steps])


def roundest(low: float, high: float) -> float:
    """The number in (low, high] that is written with the fewest digits.

    Example:
        >>> roundest(1.1337, 1.2441), roundest(-3.0, 5.0)
        (1.2, 0.0)
    """
    return float(roundest_of(np.array([low]), np.array([high]))[0])


def roundest_of(low: Floats, high: Floats) -> Floats:
    """The roundest number of each stretch `[k]`.

    Example:
        >>> roundest_of(np.array([44.2, -0.31]), np.array([45.9, -0.22])).tolist()
        [45.0, -0.3]
    """
    low, found = np.maximum(low, -_LARGEST), high.copy()
    zero = (low < 0) & (high >= 0)
    found[zero] = 0.0
    open_ = np.flatnonzero(~zero)
    top = np.floor(np.log10(np.maximum(np.abs(low), np.abs(high))[open_])).astype(np.intp)
    for digit in range(18):
        power = np.maximum(top - digit, -_TENTHS)
        units = np.floor(high[open_] / _TENS[power + _TENTHS])
        number = np.where(power < 0, units / _TENS[_TENTHS - power], units * _TENS[power + _TENTHS])
        there = (low[open_] < number) & (number <= high[open_])
        found[open_[there]] = number[there]
        open_, top = open_[~there], top[~there]
    return found
