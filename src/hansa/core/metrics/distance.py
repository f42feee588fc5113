"""How sure a Kolmogorov-Smirnov distance is, from summed counts of scores."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from hansa.core.metrics.curves import Bounded, ks, one_class
from hansa.core.metrics.tails import normal_within

if TYPE_CHECKING:
    from hansa.core.metrics.counts import ScoreCounts


def ks_interval(counts: ScoreCounts, level: float = 0.95) -> Bounded:
    """Coordinator side: the distance of two score distributions, with a confidence interval at `level`.

    It is the difference of two shares at the score where they are furthest apart: the interval is that of such a
    difference (Wald), widened by what the counts leave open. That the score was chosen for being the widest is not in
    it: of few rows, a distance is too large rather than too small.

    Raises:
        ConfigError: a level outside of (0, 1).

    Example:
        >>> from hansa.core.metrics import first_edges, merge_small, score_keys
        >>> counts = merge_small(score_keys(np.arange(400.0)), np.arange(400) > 250, first_edges(), min_cell=1)
        >>> found = ks_interval(counts)
        >>> found.low < found.value <= found.high
        True
    """
    wide = normal_within(level)
    why = one_class(counts)
    if why:
        return Bounded.none(why)
    found, totals = ks(counts), np.array(counts.totals)
    shares = np.cumsum(counts.middle, axis=1) / totals[:, None]
    at = shares[:, int(np.argmax(np.abs(shares[0] - shares[1])))]
    reach = wide * sqrt(float((at * (1 - at) / totals).sum()))
    return Bounded(found.value, max(0.0, found.low - reach), min(1.0, found.high + reach))
