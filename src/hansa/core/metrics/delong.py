"""How sure an AUC is, and a gain in AUC: DeLong's variance from counts, and from the rows of one party.

DeLong, DeLong and Clarke-Pearson (1988), "Comparing the areas under two or more correlated receiver operating
characteristic curves"; by midranks as Sun and Xu (2014), "Fast implementation of DeLong's algorithm". A figure that
the rows cannot give is NaN, and `why` says the reason; this is no error, for small members of a federation are usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, isfinite, nan, sqrt
from typing import TYPE_CHECKING, Final, final

import numpy as np

from hansa.core.metrics.curves import auc, one_class
from hansa.core.metrics.keys import score_keys
from hansa.core.metrics.rows import checked_label
from hansa.core.metrics.student import checked_level, student_beyond, student_quantile
from hansa.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from hansa.core.metrics.counts import ScoreCounts
    from hansa.core.metrics.keys import Keys
    from hansa.core.metrics.rows import Flags, Floats


_NO_SPREAD: Final = 1e-12  # rounding; the least standard error of a gain is about 1 / (P N)
_ROUNDING: Final = 1e-9
_FAR: Final = 700.0  # of which e to the power is a number still


@final
@dataclass(frozen=True)
class AucInterval:
    """An AUC with its confidence interval at `level`; `error` is the counts' own bound, which the interval includes.

    `se` is the AUC's own; the interval is even on the scale of the log odds.

    Example:
        >>> AucInterval(auc=0.75, se=0.01, low=0.73, high=0.77, error=0.0001, level=0.95).auc
        0.75
    """

    auc: float
    se: float
    low: float
    high: float
    error: float
    level: float
    why: str = ""


@final
@dataclass(frozen=True)
class PairedAUC:
    """Two models on the same rows: `gain` is the AUC of b less that of a, with a confidence interval at `level`.

    `p_value` is two-sided, for no gain. It and the interval are NaN where `why` says so.

    Example:
        >>> paired_delong([1, 2, 3, 4], [1, 2, 3, 4], [0, 1, 0, 1]).rows
        4
        >>> paired_delong([1, 2], [1, 2], [1, 1]).why
        'no negative rows'
    """

    auc_a: float
    auc_b: float
    gain: float
    se: float
    low: float
    high: float
    p_value: float
    negatives: int
    positives: int
    level: float = 0.95
    why: str = ""

    @property
    def rows(self) -> int:
        """The rows of both labels."""
        return self.negatives + self.positives

    @property
    def freedom(self) -> int:
        """The degrees of freedom of the gain's interval: one less than the rows of the rarer label, at least 1."""
        return max(1, min(self.negatives, self.positives) - 1)


@final
@dataclass(frozen=True)
class Gain:
    """A gain pooled over parties, with its interval; `parties` is how many of them it rests on.

    Example:
        >>> pool_paired([]).by_rows.parties
        0
    """

    gain: float
    se: float
    low: float
    high: float
    p_value: float
    parties: int


@final
@dataclass(frozen=True)
class PooledGain:
    """Two means of the parties' gains: by test rows, as a customer drawn at random gains; by precision, the surest.

    Example:
        >>> alike = paired_delong([1, 2, 3, 4], [1, 2, 3, 4], [0, 1, 0, 1])
        >>> pooled = pool_paired([alike])
        >>> pooled.by_rows.p_value, pooled.by_precision.parties
        (1.0, 0)
    """

    by_rows: Gain
    by_precision: Gain


def auc_interval(counts: ScoreCounts, level: float = 0.95) -> AucInterval:
    """Coordinator side: the AUC of summed counts of rows, with DeLong's interval widened by the counts' own bound.

    The variance is exactly DeLong's where bins are single scores; otherwise the rows of a bin count as tied, and
    merged groups lie in the middle of their two placements. The interval is that of the log odds of the AUC, se / (a (1
    - a)), by Student's t with one degree of freedom less than the rarer label has rows: of ten positives and an AUC of
    .96, plain a - 1.96 se to a + 1.96 se covers 77 %, this 91 %. Where every pair is ranked alike DeLong's variance is
    0; then the far end is a^m = (1 - level) / 2 for the m disjoint pairs, which is exact and cautious.

    Raises:
        DataError: counts of weights, which have no such variance.
        ConfigError: a level outside of (0, 1).

    Example:
        >>> from hansa.core.metrics import first_edges, merge_small
        >>> counts = merge_small(score_keys([-1.0, 0.0, 1.0, 2.0]), [0, 1, 0, 1], first_edges(), min_cell=1)
        >>> found = auc_interval(counts)
        >>> found.auc, round(found.se, 3), found.low < 0.75 < found.high
        (0.75, 0.354, True)
    """
    checked_level(level)
    if not counts.whole:
        raise DataError(
            "DeLong's variance needs counts of rows.", "These are sums of weights.", "Ask for counts without weight."
        )
    why = one_class(counts)
    if why:
        return AucInterval(nan, nan, nan, nan, nan, level, why)
    area = auc(counts)
    n, p = counts.middle
    negatives, positives = counts.totals
    if min(negatives, positives) < 2:
        return AucInterval(area.value, nan, nan, nan, area.error, level, "fewer than two rows of a label")
    above = (np.cumsum(n) - n / 2) / negatives
    below = (positives - np.cumsum(p) + p / 2) / positives
    se = sqrt(_spread(above, p, positives) / positives + _spread(below, n, negatives) / negatives)
    wide = student_quantile(level, int(min(negatives, positives)) - 1) * se
    low, high = on_log_odds(area.low, -wide, area.value), on_log_odds(area.high, wide, area.value)
    if area.low == 1.0:
        low = ((1 - level) / 2) ** (1 / min(negatives, positives))
    if area.high == 0.0:
        high = 1 - ((1 - level) / 2) ** (1 / min(negatives, positives))
    return AucInterval(area.value, se, low, high, area.error, level)


def paired_delong(margin_a: ArrayLike, margin_b: ArrayLike, label: ArrayLike, level: float = 0.95) -> PairedAUC:
    """Party side: compare the AUC of two models on the same rows; what leaves is a handful of figures.

    The gain's variance comes from the differences, row by row, of the two models' placements: of each positive among
    the negatives and the other way round (DeLong et al. 1988, equations 4 to 8). It is of few rows itself, so the
    interval and the p-value are Student's, with `freedom` degrees of freedom; below about 30 rows of a label the
    interval is rough all the same.

    Raises:
        DataError: NaN scores, labels other than 0 and 1, or lengths that differ.
        ConfigError: a level outside of (0, 1).

    Example:
        >>> found = paired_delong([1, 2, 3, 4, 5, 6], [1, 2, 4, 3, 5, 6], [0, 0, 1, 0, 1, 1])
        >>> round(found.auc_a, 3), found.auc_b, round(found.gain, 3)
        (0.889, 1.0, 0.111)
    """
    checked_level(level)
    a, b = score_keys(margin_a), score_keys(margin_b)
    if len(a) != len(b):
        raise DataError(f"The two models scored {len(a)} and {len(b)} rows; a paired comparison needs the same ones.")
    positive = checked_label(label, len(a))
    p = int(positive.sum())
    n = len(positive) - p
    if min(n, p) == 0:
        missing = "no rows" if not n + p else f"no {'positive' if n else 'negative'} rows"
        return PairedAUC(nan, nan, nan, nan, nan, nan, nan, n, p, level, missing)
    (won_a, lost_a), (won_b, lost_b) = _placements(a, positive), _placements(b, positive)
    auc_a, auc_b = float(won_a.mean()), float(won_b.mean())
    found = PairedAUC(auc_a, auc_b, auc_b - auc_a, nan, nan, nan, nan, n, p, level)
    if min(n, p) < 2:
        return replace(found, why="fewer than two rows of a label")
    se = sqrt(np.var(won_b - won_a, ddof=1) / p + np.var(lost_b - lost_a, ddof=1) / n)
    if se < _NO_SPREAD and found.gain != 0:
        return replace(found, why="every pair gained alike, so the rows do not say how sure that is")
    low, high, p_value = _interval(found.gain, se, level, found.freedom)
    return replace(found, se=se, low=low, high=high, p_value=p_value)


def pool_paired(parties: Sequence[PairedAUC], level: float = 0.95) -> PooledGain:
    """Pool the parties' own gains, which are independent, for no row stands at two of them.

    By rows: sum(n_i g_i) / sum(n_i), with variance sum(n_i^2 v_i) / sum(n_i)^2. By precision: the fixed-effect mean
    with weights 1 / v_i and variance 1 / sum(1 / v_i); it leans towards parties where both models are sure of
    themselves. Intervals are Student's, with the degrees of freedom of Welch and Satterthwaite (Satterthwaite 1946,
    "An approximate distribution of estimates of variance components"). Neither is the gain in the AUC of the pooled
    rows, which also ranks customers of different parties. A party whose gain or standard error is NaN is in neither;
    one whose two models rank alike has no precision to weigh and is in the first alone.

    Raises:
        ConfigError: a level outside of (0, 1).

    Example:
        >>> party = paired_delong([1, 2, 3, 4, 5, 6], [1, 2, 4, 3, 5, 6], [0, 0, 1, 0, 1, 1])
        >>> pooled = pool_paired([party, party])
        >>> round(pooled.by_rows.gain, 3), pooled.by_rows.se < party.se, pooled.by_rows.parties
        (0.111, True, 2)
    """
    checked_level(level)
    known = [party for party in parties if isfinite(party.gain) and isfinite(party.se)]
    sure = [party for party in known if party.se > 0]
    rows = np.array([party.rows for party in known], dtype=np.float64)
    precision = np.array([party.se**-2 for party in sure])
    return PooledGain(_weighted(known, rows, level), _weighted(sure, precision, level))


def _weighted(parties: Sequence[PairedAUC], weight: Floats, level: float) -> Gain:
    if not parties:
        return Gain(nan, nan, nan, nan, nan, 0)
    share = weight / weight.sum()
    gain = float(share @ [party.gain for party in parties])
    variance = (share * [party.se for party in parties]) ** 2
    se = sqrt(variance.sum())
    spread = float(variance**2 @ [1 / party.freedom for party in parties])
    freedom = int(se**4 / spread + _ROUNDING) if spread > 0 else 1
    return Gain(gain, se, *_interval(gain, se, level, max(1, freedom)), len(parties))


def _interval(gain: float, se: float, level: float, freedom: int) -> tuple[float, float, float]:
    """Low end, high end and two-sided p-value of a figure whose standard error has so many degrees of freedom."""
    if se == 0:
        return (gain, gain, 1.0) if gain == 0 else (nan, nan, nan)
    wide = student_quantile(level, freedom) * se
    return max(-1.0, gain - wide), min(1.0, gain + wide), student_beyond(abs(gain) / se, freedom)


def on_log_odds(end: float, step: float, value: float) -> float:
    """Go a step from an end, in (0, 1), that is as long in log odds as it is at `value`.

    Example:
        >>> round(on_log_odds(0.75, 0.1, 0.75), 3)
        0.836
    """
    if not 0 < end < 1 or not 0 < value < 1:
        return min(1.0, max(0.0, end))
    return 1 / (1 + (1 - end) / end * exp(min(_FAR, -step / (value * (1 - value)))))


def _placements(keys: Keys, positive: Flags) -> tuple[Floats, Floats]:
    """The share of negatives below each positive, and of positives above each negative; ties count one half."""
    p = int(positive.sum())
    n = len(keys) - p
    every = _midranks(keys)
    won = (every[positive] - _midranks(keys[positive])) / n
    lost = 1 - (every[~positive] - _midranks(keys[~positive])) / p
    return won, lost


def _midranks(keys: Keys) -> Floats:
    _, place, size = np.unique(keys, return_inverse=True, return_counts=True)
    return (np.cumsum(size) - (size - 1) / 2)[place]


def _spread(value: Floats, mass: Floats, total: float) -> float:
    """The sample variance of values that stand for so many rows each."""
    return float(mass @ (value - mass @ value / total) ** 2 / (total - 1))
