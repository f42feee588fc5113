"""Coordinator side: figures from summed counts, each with the interval that the counts leave open.

Counts do not say how the rows of one bin, or of one merged group, are ordered. Every figure here is the middle of the
lowest and the highest value that any such order could give, so it is never further from the truth than half that
interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from hansa.core.metrics.counts import ScoreCounts, mass_below
from hansa.core.metrics.keys import unkey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.metrics.rows import Floats


@final
@dataclass(frozen=True)
class Bounded:
    """A figure, and the ends between which it must lie; NaN, with the reason in `why`, where it has no meaning.

    Example:
        >>> print(Bounded.between(0.7712, 0.7714))
        0.7713 ± 0.0001
    """

    value: float
    low: float
    high: float
    why: str = ""

    @classmethod
    def between(cls, low: float, high: float) -> Bounded:
        """The middle of an interval."""
        return cls((low + high) / 2, low, high)

    @classmethod
    def none(cls, why: str) -> Bounded:
        """No figure, and the reason."""
        return cls(float("nan"), float("nan"), float("nan"), why)

    @property
    def error(self) -> float:
        """The most by which the value can be wrong."""
        return (self.high - self.low) / 2

    def __str__(self) -> str:
        return self.why or f"{self.value:.4f} ± {self.error:.2g}"


@final
@dataclass(frozen=True)
class Curve:
    """Rates `[points]` over falling thresholds (margins) of the negatives and of the positives that score at least so.

    This is the ROC curve (`fpr`, `tpr`), from (0, 0) to (1, 1), and also the pair of distributions whose gap is KS.

    Example:
        >>> Curve(np.array([np.inf, 1.0, -1.0]), np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0])).gap.tolist()
        [0.0, 1.0, 0.0]
    """

    threshold: Floats
    fpr: Floats
    tpr: Floats

    @property
    def gap(self) -> Floats:
        """How much more of the positives than of the negatives lies above each threshold, `[points]`."""
        return self.tpr - self.fpr


def one_class(counts: ScoreCounts) -> str:
    """Say why two classes cannot be told apart, or nothing where they can.

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> edges = first_edges()
        >>> one_class(ScoreCounts.exact(edges, bin_counts(score_keys([1.0]), [1], edges)))
        'no negative rows'
    """
    negatives, positives = counts.totals
    missing = [name for name, mass in (("negative", negatives), ("positive", positives)) if mass <= 0]
    return f"no {' and no '.join(missing)} rows" if missing else ""


def auc(counts: ScoreCounts) -> Bounded:
    """Area under the ROC curve; with exact counts the error is half the sum over bins of p_b n_b / (P N).

    The lower end places each positive at the bottom and each negative at the top of where it may be, the upper end the
    other way round. Two rows in a bin of one single score are a tie, and count as one half (Mann and Whitney 1947).

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> edges = first_edges()
        >>> print(auc(ScoreCounts.exact(edges, bin_counts(score_keys([0.1, 0.2, 0.3, 0.3]), [0, 1, 0, 1], edges))))
        0.6250 ± 0.12
    """
    why = one_class(counts)
    if why:
        return Bounded.none(why)
    (low_n, low_p), (high_n, high_p) = counts.low.astype(np.float64), counts.high.astype(np.float64)
    negatives, positives = counts.totals
    tie = counts.single * 0.5
    least = low_p @ (_below(high_n) + tie * high_n)
    most = high_p @ (_below(low_n) + (1.0 - tie) * low_n)
    return Bounded.between(float(least / (positives * negatives)), float(most / (positives * negatives)))


def gini(counts: ScoreCounts) -> Bounded:
    """Gini coefficient (accuracy ratio), 2 AUC - 1.

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> edges = first_edges()
        >>> gini(ScoreCounts.exact(edges, bin_counts(score_keys([-1.0, 1.0]), [0, 1], edges))).value
        1.0
    """
    area = auc(counts)
    return Bounded(2 * area.value - 1, 2 * area.low - 1, 2 * area.high - 1, area.why)


def ks(counts: ScoreCounts) -> Bounded:
    """Kolmogorov-Smirnov distance: the largest gap between the score distributions of the two labels.

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> edges = first_edges()
        >>> print(ks(ScoreCounts.exact(edges, bin_counts(score_keys([0.1, 0.2, 0.3, 0.4]), [0, 1, 0, 1], edges))))
        0.5000 ± 0
    """
    why = one_class(counts)
    if why:
        return Bounded.none(why)
    scale = np.array(counts.totals)[:, None]
    most, least = mass_below(counts.low) / scale, mass_below(counts.high) / scale
    (most_n, most_p), (least_n, least_p) = most, least
    at_edges = np.maximum(least_n - most_p, least_p - most_n).max()
    inside = np.maximum(most_n[1:] - least_p[:-1], most_p[1:] - least_n[:-1])[~counts.single]
    top = max(np.maximum(most_n - least_p, most_p - least_n).max(), inside.max(initial=0.0))
    return Bounded.between(max(0.0, float(at_edges)), min(1.0, float(top)))


def average_precision(counts: ScoreCounts) -> Bounded:
    """Average precision: the mean, over the positives, of the precision at each one's score.

    The k-th best positive lies between the k-th best of the low and of the high placement. It has at least k
    positives at or above it, and at most all that may be there; the negatives above it are as many, or as few, as its
    place allows. Sums of k / (k + F) over neighbouring ranks are bounded below by their integral, which the concave k
    / (k + F) permits.

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> edges = first_edges()
        >>> counts = ScoreCounts.exact(edges, bin_counts(score_keys([0.1, 0.2, 0.3, 0.4]), [0, 1, 0, 1], edges))
        >>> low, high = average_precision(counts).low, average_precision(counts).high
        >>> low < (1 + 2 / 3) / 2 <= high
        True
    """
    positives = counts.totals[1]
    if positives <= 0:
        return Bounded.none("no positive rows")
    # From the best score down, so that sums up to a bin count what lies at or above it.
    (low_n, low_p), (high_n, high_p) = np.cumsum(counts.low[:, ::-1], axis=1), np.cumsum(counts.high[:, ::-1], axis=1)
    single = counts.single[::-1]
    upto = np.unique(np.concatenate([[0], low_p, high_p]))
    start, rank = upto[:-1].astype(np.float64), upto[1:]
    worst = np.minimum(np.searchsorted(low_p, rank), counts.bins - 1)
    best = np.minimum(np.searchsorted(high_p, rank), counts.bins - 1)
    length, false = rank - start, high_n[worst].astype(np.float64)

    known = single[worst] & (worst == best)
    tied = length * low_p[worst] / (low_p[worst] + false)
    least = np.where(known, tied, _rank_sums(start, length, false, 0.5 if counts.whole else 0.0))

    fewest = np.where(single, low_n, np.append(0, low_n[:-1]))
    precision = high_p / np.maximum(high_p + fewest, np.finfo(np.float64).tiny)
    most = length * _range_max(precision, best, worst)
    return Bounded.between(float(least.sum() / positives), min(1.0, float(most.sum() / positives)))


def roc(counts: ScoreCounts) -> Curve:
    """The ROC curve at the bins' edges; with merged counts, the middle of both placements.

    The curve is empty where one of the labels has no rows.

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> edges = first_edges()
        >>> curve = roc(ScoreCounts.exact(edges, bin_counts(score_keys([-1.0, 1.0]), [0, 1], edges)))
        >>> curve.threshold.tolist(), curve.fpr.tolist(), curve.tpr.tolist()
        ([inf, 1.0, -1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    """
    if one_class(counts):
        return Curve(np.empty(0), np.empty(0), np.empty(0))
    middle = counts.middle
    held = np.flatnonzero(middle.any(axis=0))[::-1]
    rates = np.cumsum(middle[:, held], axis=1) / np.array(counts.totals)[:, None]
    fpr, tpr = np.minimum(np.pad(rates, ((0, 0), (1, 0))), 1.0)
    return Curve(np.append(np.inf, unkey(counts.edges[held])), fpr, tpr)


def _below(mass: Floats) -> Floats:
    return np.cumsum(mass) - mass


def _rank_sums(start: Floats, length: Floats, false: Floats, shift: float) -> Floats:
    """Bound from below the sums of k / (k + false) over the ranks k after `start`."""
    base = start + shift + false
    return length - false * np.log1p(length / np.where(base > 0, base, 1.0))


def _range_max(values: Floats, start: NDArray[np.intp], stop: NDArray[np.intp]) -> Floats:
    """The largest of `values[start : stop + 1]` for each pair, over a table of windows of 2^k."""
    level = np.floor(np.log2(stop - start + 1)).astype(np.intp)
    found = np.empty(len(start))
    window = values
    for k in range(int(level.max(initial=0)) + 1):
        at = level == k
        found[at] = np.maximum(window[start[at]], window[stop[at] + 1 - 2**k])
        window = np.maximum(window[: -(2**k)], window[2**k :])
    return found
