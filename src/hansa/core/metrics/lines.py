"""Coordinator side: the line of calibration, from counts of scores alone; it costs no more privacy than they do."""

from __future__ import annotations

from math import log, nan
from typing import TYPE_CHECKING

import numpy as np

from hansa.core.metrics.counts import ScoreCounts
from hansa.core.metrics.keys import unkey
from hansa.core.metrics.rows import probability
from hansa.core.metrics.tables import calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS = 100
_AT_REST = 1e-10
_SINGULAR = 1e12
_TINY = 1e-12


def bin_chances(edges: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The predicted probability of each bin `[bins]`: the mean of those at its two ends.

    Example:
        >>> from hansa.core.metrics import score_keys
        >>> bin_chances(score_keys(np.array([-1.0, 0.0, 1.0]))).round(2).tolist()
        [0.38, 0.62]
    """
    ends: NDArray[np.float64] = probability(unkey(edges[:-1])) + probability(unkey(edges[1:] - np.uint64(1)))
    return ends / 2


def calibration_line(counts: ScoreCounts, groups: int = 10) -> tuple[float, float]:
    """Intercept and slope of the observed log odds over those predicted: 0 and 1 of a calibrated model (Cox 1958).

    Over tenths of the rows, or other parts, so that a few at either end count for no more than they are. A slope below
    1 says that chances are too far apart. NaN where the counts name no line.

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> margin, edges = np.repeat([-1.0, 1.0], 100), first_edges()
        >>> event = np.arange(200) % 100 < np.repeat([10, 90], 100)
        >>> found = calibration_line(ScoreCounts.exact(edges, bin_counts(score_keys(margin), event, edges)))
        >>> [round(abs(figure), 1) for figure in found]
        [0.0, 2.2]
    """
    sums = ScoreCounts.exact(counts.edges, counts.middle * bin_chances(counts.edges))
    found = calibration(counts, sums, groups)
    chance = np.clip(found.predicted, _TINY, 1 - _TINY)
    return logistic_line(np.log(chance / (1 - chance)), found.observed * found.rows, found.rows) or (nan, nan)


def logistic_line(
    x: NDArray[np.float64], events: NDArray[np.float64], rows: NDArray[np.float64]
) -> tuple[float, float] | None:
    """Intercept and slope of a logistic regression of `events [k]` among `rows [k]` on `x [k]`; None of no finite one.

    Newton's steps, none longer than 1.

    Example:
        >>> line = logistic_line(np.array([-1.0, 1.0]), np.array([25.0, 75.0]), np.array([100.0, 100.0]))
        >>> [round(abs(figure), 3) for figure in line]
        [0.0, 1.099]
    """
    none = float((rows - events).sum())
    if not (none > 0 and events.sum() > 0):
        return None
    X = np.stack([np.ones(len(x)), x - x.mean()], axis=1)
    beta = np.array([log(float(events.sum()) / none), 0.0])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-X @ beta))
        information = (X * (rows * chance * (1 - chance))[:, None]).T @ X
        if np.linalg.cond(information) > _SINGULAR:
            return None
        step = np.linalg.solve(information, X.T @ (events - rows * chance))
        beta = beta + np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) <= _AT_REST:
            return float(beta[0] - beta[1] * x.mean()), float(beta[1])
    return None
