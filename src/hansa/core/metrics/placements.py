"""An AUC where positives are few: each party places its own among the negatives of all, and tells sums of that.

Counts of few positives go in large groups, and leave an AUC wide open. The many negatives are counted finely all the
same; against those the placement of a positive, the share of negatives below it, is known to the party that has it,
and the mean of all placements is the AUC (DeLong et al. 1988).
"""

from __future__ import annotations

from math import nan, sqrt
from typing import TYPE_CHECKING

import numpy as np

from hansa.core.metrics.delong import AucInterval, on_log_odds
from hansa.core.metrics.keys import Keys, bin_of
from hansa.core.metrics.rows import checked_label
from hansa.core.metrics.student import student_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from hansa.core.metrics.counts import ScoreCounts
    from hansa.core.metrics.rows import Floats


def placement_sums(keys: Keys, label: ArrayLike, counts: ScoreCounts) -> Floats:
    """Party side: positives, the sums of their least and of their largest placements, and of the squares between `[4]`.

    `counts`: those of all parties; only their negatives are read.

    Raises:
        DataError: labels other than 0 and 1, or lengths that differ.

    Example:
        >>> from hansa.core.metrics import ScoreCounts, bin_counts, first_edges, score_keys
        >>> keys, label, edges = score_keys([-3.0, -1.0, 1.0, 3.0]), [0, 1, 0, 1], first_edges()
        >>> placement_sums(keys, label, ScoreCounts.exact(edges, bin_counts(keys, label, edges))).tolist()
        [2.0, 1.5, 1.5, 1.25]
    """
    total = max(float(counts.totals[0]), 1.0)
    least, most = (np.cumsum(some[0]) - some[0] for some in (counts.high, counts.low))
    half = np.where(counts.single, 0.5, 0.0)
    least = (least + half * counts.high[0]) / total
    most = (most + np.where(counts.single, 0.5, 1.0) * counts.low[0]) / total
    place = bin_of(keys[checked_label(label, len(keys))], counts.edges)
    low, high = least[place], most[place]
    return np.array([float(len(place)), low.sum(), high.sum(), (((low + high) / 2) ** 2).sum()])


def auc_by_placements(sums: Floats, negatives: float, level: float = 0.95) -> AucInterval:
    """Coordinator side: the AUC of summed placements `[4]` among so many negatives, with its interval.

    The variance of the positives' placements is DeLong's, that of the negatives' Hanley and McNeil's (1982, Radiology
    143), which needs no scores. The interval is even on the log odds and by Student's t, as in `auc_interval`.

    Raises:
        ConfigError: a level outside of (0, 1).

    Example:
        >>> found = auc_by_placements(np.array([40.0, 30.0, 30.0, 23.5]), 400.0)
        >>> found.auc, round(found.low, 3), round(found.high, 3)
        (0.75, 0.687, 0.804)
    """
    positives, least, most, squares = sums.tolist()
    if min(positives, negatives) < 2:
        return AucInterval(nan, nan, nan, nan, nan, level, "fewer than two rows of a label")
    low, high = least / positives, most / positives
    area = (low + high) / 2
    own = max(squares - positives * area**2, 0.0) / (positives - 1)
    other = max(2 * area**2 / (1 + area) - area**2, 0.0)
    se = sqrt(own / positives + other / negatives)
    wide = student_quantile(level, int(min(positives, negatives)) - 1) * se
    ends = on_log_odds(low, -wide, area), on_log_odds(high, wide, area)
    return AucInterval(area, se, *ends, (high - low) / 2, level)
