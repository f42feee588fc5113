r"""Exact score counts of a sealed test whose rows one machine sees: in simulation only, for pictures and an interval.

Example:
    >>> rng = np.random.default_rng(0)
    >>> found = fine_counts(rng.normal(size=500), rng.random(500) < 0.3)
    >>> again = from_csv(to_csv(found))
    >>> again.totals == found.totals, np.array_equal(again.edges, found.edges)
    (True, True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hansa.core.metrics import ScoreCounts, auc_interval, bin_counts, first_edges, score_keys, unkey
from hansa.core.metrics.keys import LOWEST, TOP
from hansa.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_HEAD: Final = "margin from,negatives,positives"
_CUTS: Final = 1000
_STEP: Final = 1e-3
_FARTHEST: Final = 1e6
_ENDS: Final = np.array([LOWEST, TOP], dtype=np.uint64)


def fine_counts(margin: ArrayLike, label: ArrayLike) -> ScoreCounts:
    """Count scores `[n]` over bins that each hold next to nothing: 0.001 wide around a thousand of the quantiles.

    Up to a thousand rows each have a bin of that width; of more rows, no bin between holds above a thousandth of them
    or is wider than one of `first_edges`.

    Example:
        >>> fine_counts([-1.0, 0.25, 0.2504, 2.0], [0, 1, 0, 1]).totals
        (2.0, 2.0)
    """
    values = np.asarray(margin, dtype=np.float64)
    some = np.quantile(np.clip(values, -_FARTHEST, _FARTHEST), np.linspace(0, 1, _CUTS + 1), method="lower")
    steps = np.floor(np.unique(some) / _STEP)
    cuts = score_keys(np.concatenate([steps, steps + 1]) * _STEP)
    edges = np.union1d(first_edges(), cuts)
    counts = bin_counts(score_keys(values), label, edges)
    held = np.flatnonzero(counts.any(axis=0))
    kept = np.unique(np.concatenate([[0], held, held + 1, [len(edges) - 1]]))
    return ScoreCounts.exact(edges[kept], np.add.reduceat(counts, kept[:-1], axis=1))


def exact_interval(margin: ArrayLike, label: ArrayLike) -> dict[str, Any]:
    """DeLong's 95 % interval of the AUC of scores `[n]`, with nothing left open; {} where the rows cannot give one.

    Source: DeLong, DeLong and Clarke-Pearson (1988), as in `hansa.core.metrics.delong`.

    Example:
        >>> found = exact_interval([-1.0, 0.0, 1.0, 2.0], [0, 1, 0, 1])
        >>> round(found["se"], 3), found["method"], exact_interval([1.0], [1])
        (0.354, 'DeLong', {})
    """
    keys = score_keys(margin)
    distinct = np.unique(keys)
    edges = np.unique(np.concatenate([_ENDS, distinct, distinct + np.uint64(1)]))
    found = auc_interval(ScoreCounts.exact(edges, bin_counts(keys, label, edges)))
    if not np.isfinite(found.se):
        return {}
    return {"low": found.low, "high": found.high, "se": found.se, "level": found.level, "method": "DeLong"}


def to_csv(counts: ScoreCounts) -> str:
    r"""Write exact counts: a line for each bin, with the margin from which it reaches to the next.

    Example:
        >>> to_csv(fine_counts([0.0, 0.0], [0, 1]))
        'margin from,negatives,positives\n-inf,0,0\n0.0,1,1\n5e-324,0,0\n'
    """
    negatives, positives = counts.low.tolist()
    starts = ["-inf", *map(repr, unkey(counts.edges[1:-1]).tolist())]
    lines = [f"{start},{n},{p}" for start, n, p in zip(starts, negatives, positives, strict=True)]
    return "\n".join([_HEAD, *lines, ""])


def from_csv(text: str) -> ScoreCounts:
    r"""Read what `to_csv` has written.

    Raises:
        DataError: it is something else.

    Example:
        >>> from_csv("margin from,negatives,positives\n-inf,3,0\n0.5,1,2\n").totals
        (4.0, 2.0)
    """
    try:
        rows = [line.split(",") for line in text.removeprefix(f"{_HEAD}\n").splitlines()]
        starts = np.array([float(start) for start, _, _ in rows[1:]])
        counts: NDArray[np.int64] = np.array([[int(n), int(p)] for _, n, p in rows]).T
        return ScoreCounts.exact(np.concatenate([_ENDS[:1], score_keys(starts), _ENDS[1:]]), counts)
    except (ValueError, OverflowError, DataError):
        raise DataError("The score counts of the run are damaged.", mend="Run the job again.") from None
