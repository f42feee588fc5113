"""Where merged rows are drawn: counts that leave a choice are settled by the most even placement that they allow.

For pictures only. Figures and their intervals come from `hansa.core.metrics`, which settles nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hansa.core.metrics import ScoreCounts, unkey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.metrics.rows import Floats

_FARTHEST: Final = 130.0
_CLOSEST: Final = 1e-6


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
    """Spread each group evenly, by margin, between the bins where it may lie; exact counts stay as they are.

    The k-th lowest row of a label lies between its place in `low` and its place in `high`. An outermost group may reach
    to infinity; it is taken to be as wide as the equally many rows next to it.

    Example:
        >>> from hansa.core.metrics import first_edges, merge_small, score_keys
        >>> keys, label = score_keys(np.linspace(-1, 1, 400)), np.arange(400) % 2
        >>> drawn = placed(merge_small(keys, label, first_edges(), 10))
        >>> drawn.totals, is_merged(drawn)
        ((200.0, 200.0), False)
    """
    if not is_merged(counts):
        return counts
    at = np.clip(unkey(np.append(counts.edges[:-1], counts.edges[-1] - np.uint64(1))), -_FARTHEST, _FARTHEST)
    rows = [_spread(counts.low[i].astype(np.float64), counts.high[i].astype(np.float64), at) for i in (0, 1)]
    return ScoreCounts.exact(counts.edges, np.stack(rows))


def _spread(low: Floats, high: Floats, at: Floats) -> Floats:
    """Pair the two placements of one label by rank, and lay each pair's mass between them."""
    low_upto, high_upto = np.cumsum(low), np.cumsum(high)
    upto = np.unique(np.concatenate([[0.0], low_upto, high_upto]))
    rank = (upto[1:] + upto[:-1]) / 2
    mass, last = np.diff(upto), len(low) - 1
    start = np.minimum(np.searchsorted(low_upto, rank), last)
    stop = np.minimum(np.searchsorted(high_upto, rank), last)
    first, final = _begin(low, high, at), last - _begin(high[::-1], low[::-1], -at[::-1])
    start = np.maximum(start, min(first, stop.min(initial=last)))
    return _even(start, np.minimum(stop, np.maximum(final, start)), mass, at)


def _begin(low: Floats, high: Floats, at: Floats) -> int:
    """The bin where a label's lowest rows are taken to begin: their group is as wide as its neighbour of equal mass."""
    if not low.any():
        return 0
    first = int(np.flatnonzero(low)[0])
    upto = np.cumsum(high)
    inner, outer = (min(int(np.searchsorted(upto, k * low[first])), len(low) - 1) for k in (1, 2))
    begin = at[inner] - (at[outer] - at[inner])
    return max(first, min(int(np.searchsorted(at, begin, side="right")) - 1, inner))


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
