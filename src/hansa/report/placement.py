"""Where merged rows are drawn: counts that leave a choice are settled by the most even placement that they allow.

For pictures only. Figures and their intervals come from `hansa.core.metrics`, which settles nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from hansa.core.metrics import ScoreCounts, first_edges, unkey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.metrics.rows import Floats

_FARTHEST: Final = 130.0
_CLOSEST: Final = 1e-6
_PIECES: Final = 9


def is_merged(counts: ScoreCounts) -> bool:
    """Tell whether rows were merged into groups before they left a party, so that the counts leave a choice.

    Example:
        >>> from hansa.core.metrics import first_edges, merge_small, score_keys
        >>> keys, label, edges = score_keys(np.linspace(-1, 1, 40)), np.arange(40) % 2, first_edges()
        >>> is_merged(merge_small(keys, label, edges, 10)), is_merged(merge_small(keys, label, edges, 1))
        (True, False)
    """
    return not np.array_equal(counts.low, counts.high)


def placed(counts: ScoreCounts) -> ScoreCounts:
    """Spread each group evenly, by margin, over the bins where it may lie; exact, narrow bins stay as they are.

    The k-th lowest row of a label lies between its place in `low` and its place in `high`. An outermost group may reach
    to infinity; it is drawn as an exponential tail that goes on from the rows next to it. A label of one group only
    is spread over the known scores of both.

    Example:
        >>> from hansa.core.metrics import first_edges, merge_small, score_keys
        >>> keys, label = score_keys(np.linspace(-1, 1, 400)), np.arange(400) % 2
        >>> drawn = placed(merge_small(keys, label, first_edges(), 10))
        >>> drawn.totals, is_merged(drawn)
        ((200.0, 200.0), False)
    """
    finer = _finer(counts)
    if not is_merged(finer):
        return counts
    counts = finer
    at = np.clip(unkey(np.append(counts.edges[:-1], counts.edges[-1] - np.uint64(1))), -_FARTHEST, _FARTHEST)
    low, high = (np.flatnonzero(mass.sum(axis=0)) for mass in (counts.low, counts.high))
    reach = (int(min(high[0], low[-1])), int(max(high[0], low[-1])))
    rows = [_spread(counts.low[i].astype(np.float64), counts.high[i].astype(np.float64), at, reach) for i in (0, 1)]
    return ScoreCounts.exact(counts.edges, np.stack(rows))


def _finer(counts: ScoreCounts) -> ScoreCounts:
    """The same counts over bins as narrow as the first ones; a row lies between the ends of the bin that it was in."""
    edges = np.union1d(counts.edges, first_edges())
    bins = np.searchsorted(edges, counts.edges)
    low, high = np.zeros((2, len(edges) - 1)), np.zeros((2, len(edges) - 1))
    low[:, bins[:-1]], high[:, bins[1:] - 1] = counts.low, counts.high
    return ScoreCounts(edges, low, high)


def _spread(low: Floats, high: Floats, at: Floats, reach: tuple[int, int]) -> Floats:
    """Pair the two placements of one label by rank, and lay each pair's mass between them."""
    last, total = len(low) - 1, float(low.sum())
    below = _Tail.of(low, high, at, reach[1])
    above = _Tail.of(high[::-1], low[::-1], -at[::-1], last - reach[0])
    sums = (np.cumsum(low), np.cumsum(high))
    upto = np.unique(np.concatenate([[0.0], *sums, below.ranks, total - above.ranks]))
    rank = (upto[1:] + upto[:-1]) / 2
    start, stop = (np.minimum(np.searchsorted(one, rank), last) for one in sums)
    if below.mass >= total:
        start, stop = np.maximum(start, np.minimum(reach[0], stop)), np.minimum(stop, np.maximum(reach[1], start))
    else:
        start, stop = below.within(upto, start, stop)
        top, bottom = above.within(total - upto[::-1], last - stop[::-1], last - start[::-1])
        start, stop = last - bottom[::-1], last - top[::-1]
    return _even(start, stop, np.diff(upto), at)


@final
@dataclass(frozen=True)
class _Tail:
    """A label's lowest group, of a mass below a border: it falls to one half over each `span` further out."""

    first: int
    mass: float
    border: float
    span: float
    at: Floats

    @classmethod
    def of(cls, low: Floats, high: Floats, at: Floats, most: int) -> _Tail:
        """The group of the lowest bin of `low`; its span is what the equally many rows above it take."""
        first, last = int((low > 0).argmax()), len(low) - 1
        inner, outer = (min(int(np.searchsorted(np.cumsum(high), k * low[first])), last) for k in (1, 2))
        border = float(at[inner + 1])
        return cls(first, float(low[first]), border, max(0.0, float(at[min(outer, most) + 1]) - border), at)

    @property
    def ranks(self) -> Floats:
        """Where the tail is cut into pieces."""
        return np.asarray(self.mass * 2.0 ** (-np.arange(_PIECES) / 2))

    def within(
        self, upto: Floats, start: NDArray[np.intp], stop: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Narrow the bins of the pieces between ranks `upto` that belong to the tail."""
        mine = (upto[1:] + upto[:-1]) / 2 < self.mass
        highest = np.where(mine, np.minimum(stop, self._bin(upto[1:])), stop)
        lowest = np.where(mine, np.clip(self._bin(upto[:-1]), start, highest), start)
        return lowest, np.maximum(highest, lowest)

    def _bin(self, rank: Floats) -> NDArray[np.intp]:
        """The bin of the tail's row of each rank."""
        share = np.clip(rank / max(self.mass, 1e-300), 2.0 ** (-_PIECES / 2), 1.0)
        place = self.border + self.span * np.log2(share)
        found = np.searchsorted(self.at, place, side="left") - 1
        return np.clip(found, self.first, len(self.at) - 2)


def _even(start: NDArray[np.intp], stop: NDArray[np.intp], mass: Floats, at: Floats) -> Floats:
    """Lay masses evenly over the bins `start` to `stop`; those that span next to nothing go into the first."""
    wide = at[stop + 1] - at[start]
    point = (start == stop) | (wide < _CLOSEST)
    found = np.bincount(start[point], mass[point], minlength=len(at) - 1)
    slope = np.zeros(len(at))
    np.add.at(slope, start[~point], mass[~point] / wide[~point])
    np.subtract.at(slope, stop[~point] + 1, mass[~point] / wide[~point])
    spread = np.maximum(np.cumsum(slope[:-1]), 0.0) * np.diff(at)
    whole = spread.sum()
    total: Floats = found + (spread * (mass[~point].sum() / whole) if whole > 0 else 0.0)
    return total
