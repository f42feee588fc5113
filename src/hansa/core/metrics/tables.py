"""Coordinator side: what credit risk reads from scores, from summed counts: the lift table and the calibration curve.

Both cut the pooled rows, best scores first or worst first, into groups of about equal size, at bins' edges: tied
scores are not parted, so groups may be uneven or fewer. With merged counts a figure is the middle of both placements,
and the ends between which the truth must lie stand beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from hansa.core.metrics.counts import ScoreCounts, mass_below
from hansa.core.metrics.keys import unkey
from hansa.errors import ConfigError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.metrics.rows import Floats


@final
@dataclass(frozen=True)
class LiftTable:
    """One entry a group `[groups]`, the riskiest first.

    `threshold` is the least margin of a group, `rate` its share of positives and `lift` that rate over the whole rate.
    `share` and `capture` add up: of all rows and of all positives, how many lie in this group and those before;
    `capture_low` and `capture_high` are the ends of the latter.

    Example:
        >>> from hansa.core.metrics import first_edges, merge_small, score_keys
        >>> keys = score_keys([-2.0, -1.0, 1.0, 2.0])
        >>> table = lift_table(merge_small(keys, [0, 0, 0, 1], first_edges(), min_cell=1), groups=2)
        >>> table.share.tolist(), table.capture.tolist(), table.cumulative_lift.tolist()
        ([0.5, 1.0], [1.0, 1.0], [2.0, 1.0])
    """

    threshold: Floats
    rows: Floats
    positives: Floats
    rate: Floats
    lift: Floats
    share: Floats
    capture: Floats
    capture_low: Floats
    capture_high: Floats

    @property
    def cumulative_lift(self) -> Floats:
        """The lift of each group and those before, together."""
        return self.capture / self.share


@final
@dataclass(frozen=True)
class Calibration:
    """One entry a group `[groups]`, lowest scores first: rows, mean predicted probability, observed share of positives.

    `observed_low` and `observed_high` are the ends of the latter; `error` is the mean over rows of |predicted -
    observed| (expected calibration error).

    Example:
        >>> rows, predicted, observed = np.array([8.0, 8.0]), np.array([0.2, 0.8]), np.array([0.25, 0.75])
        >>> round(Calibration(rows, predicted, observed, observed, observed).error, 3)
        0.05
    """

    rows: Floats
    predicted: Floats
    observed: Floats
    observed_low: Floats
    observed_high: Floats

    @property
    def error(self) -> float:
        """The expected calibration error; NaN without rows."""
        total = self.rows.sum()
        return float(self.rows @ np.abs(self.predicted - self.observed) / total) if total > 0 else float("nan")


def lift_table(counts: ScoreCounts, groups: int = 10) -> LiftTable:
    """Rank the rows by score and tell, for each tenth (or other part), how many positives are caught.

    Raises:
        ConfigError: fewer than one group.
        DataError: no positive rows.

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> margin, label, edges = np.linspace(-2, 2, 100), np.arange(100) >= 80, first_edges()
        >>> table = lift_table(ScoreCounts.exact(edges, bin_counts(score_keys(margin), label, edges)), groups=5)
        >>> table.rows.tolist(), table.lift.tolist()
        ([20.0, 20.0, 20.0, 20.0, 20.0], [5.0, 0.0, 0.0, 0.0, 0.0])
    """
    if counts.totals[1] <= 0:
        raise DataError("A lift table needs positive rows.", "There are none.")
    middle = counts.middle
    cut = counts.bins - _even_cuts(middle.sum(axis=0)[::-1], groups)
    above = _above(middle)[:, cut]
    (_, caught_low), (_, caught_high) = _above(counts.low)[:, cut], _above(counts.high)[:, cut]
    negatives, positives = np.diff(above, axis=1)
    rows, total = negatives + positives, sum(counts.totals)
    rate = positives / rows
    return LiftTable(
        threshold=unkey(counts.edges[cut[1:]]),
        rows=rows,
        positives=positives,
        rate=rate,
        lift=rate * total / counts.totals[1],
        share=above.sum(axis=0)[1:] / total,
        capture=above[1, 1:] / counts.totals[1],
        capture_low=caught_low[1:] / counts.totals[1],
        capture_high=caught_high[1:] / counts.totals[1],
    )


def calibration(counts: ScoreCounts, sums: ScoreCounts, groups: int = 10) -> Calibration:
    """Compare predicted probabilities with what came to pass, in groups of about equal size.

    `sums` are counts over the same edges whose weight is the predicted probability, times the row's weight if there
    is one.

    Raises:
        ConfigError: fewer than one group.
        DataError: counts and sums over different edges.

    Example:
        >>> from hansa.core.metrics import first_edges, merge_small, probability, score_keys
        >>> margin, edges = np.array([-2.0] * 8 + [2.0] * 8), first_edges()
        >>> keys, label = score_keys(margin), [1, 0, 0, 0, 0, 0, 0, 0] + [0, 1, 1, 1, 1, 1, 1, 1]
        >>> counts, sums = (merge_small(keys, label, edges, 0, weight) for weight in (None, probability(margin)))
        >>> found = calibration(counts, sums, groups=2)
        >>> found.predicted.round(3).tolist(), found.observed.tolist()
        ([0.119, 0.881], [0.125, 0.875])
    """
    if not np.array_equal(counts.edges, sums.edges):
        raise DataError("Counts and summed probabilities stand over different score bins.")
    middle = counts.middle
    cut = _even_cuts(middle.sum(axis=0), groups)
    rows = np.diff(mass_below(middle)[:, cut].sum(axis=0))
    predicted = np.diff(mass_below(sums.middle)[:, cut].sum(axis=0))
    observed = np.diff(mass_below(middle)[1, cut])
    (least_n, least_p), (most_n, most_p) = _inside(counts, cut)
    return Calibration(
        rows=rows,
        predicted=predicted / rows,
        observed=observed / rows,
        observed_low=_share(least_p, most_n),
        observed_high=_share(most_p, least_n),
    )


def _even_cuts(mass: Floats, groups: int) -> NDArray[np.intp]:
    """The edges, as numbers from 0, that cut bins into groups of about equal mass; no group is empty."""
    if groups < 1:
        raise ConfigError(f"Rows cannot be cut into {groups} groups.", mend="Ask for one or more.")
    upto = np.append(0.0, np.cumsum(mass))
    target = upto[-1] * np.arange(groups + 1) / groups
    after = np.minimum(np.searchsorted(upto, target), len(mass))
    before = np.maximum(after - 1, 0)
    nearest = np.where(target - upto[before] < upto[after] - target, before, after)
    nearest = np.searchsorted(upto, upto[nearest])
    cut = np.unique(nearest)
    cut[-1] = len(mass)
    return cut


def _above(mass: NDArray[np.float64] | NDArray[np.int64]) -> Floats:
    """Mass at or above each edge, `[2, bins + 1]`."""
    below = mass_below(mass)
    return below[:, -1:] - below


def _inside(counts: ScoreCounts, cut: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The least and the most mass `[2, groups]` that may lie between two cuts."""
    most_below, least_below = mass_below(counts.low)[:, cut], mass_below(counts.high)[:, cut]
    least = np.maximum(least_below[:, 1:] - most_below[:, :-1], 0.0)
    return least, most_below[:, 1:] - least_below[:, :-1]


def _share(part: Floats, rest: Floats) -> Floats:
    total = part + rest
    return np.divide(part, total, out=np.zeros_like(part), where=total > 0)
