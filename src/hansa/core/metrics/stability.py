"""How far one distribution has moved from another, from counts over the same groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hansa.core.metrics.tails import chi2_quantile
from hansa.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from hansa.core.metrics.rows import Floats


def population_stability(expected: ArrayLike, actual: ArrayLike) -> float:
    """The population stability index of two counts over groups `[groups]`: sum of (a - e) ln(a / e) over shares.

    Below .1 is called stable in credit risk, above .25 a shift (Siddiqi 2006). It is the symmetric divergence of
    Jeffreys (1946). Where a group is empty on one side, half a row is added to every group of that side. NaN where a
    side has no rows.

    Raises:
        DataError: counts that differ in length, are negative or are not finite.

    Example:
        >>> round(population_stability([50, 30, 20], [40, 30, 30]), 4)
        0.0629
        >>> population_stability([50, 30, 20], [500, 300, 200])
        0.0
    """
    before, after = _shares(expected), _shares(actual)
    if before.shape != after.shape:
        raise DataError("Stability is told from counts over the same groups.", "The two differ in length.")
    return float(((after - before) * np.log(after / before)).sum()) if len(before) else float("nan")


def stability_alarm(expected: float, actual: float, groups: int, level: float = 0.99) -> float:
    """The index that a population which has not moved stays below with the chance `level`, for so many rows.

    Without drift the index is about (1 / expected + 1 / actual) times a chi-squared variable of groups - 1 degrees of
    freedom (Yurdakul and Naranjo 2020, Risk Model Validation 14(4)). The .1 and .25 of the rule of thumb know no rows.

    Raises:
        ConfigError: a level outside of (0, 1), or fewer than two groups.

    Example:
        >>> round(stability_alarm(200, 200, 10), 3), round(stability_alarm(20_000, 20_000, 10), 4)
        (0.217, 0.0022)
    """
    if not min(expected, actual) > 0:
        return float("nan")
    return (1 / expected + 1 / actual) * chi2_quantile(level, groups - 1)


def _shares(counts: ArrayLike) -> Floats:
    held = np.asarray(counts, np.float64)
    if held.ndim != 1 or not bool((np.isfinite(held) & (held >= 0)).all()):
        raise DataError("Stability is told from counts.", "Some are negative, or not finite.")
    if not held.sum():
        return np.full(len(held), np.nan)
    if (held == 0).any():
        held = held + 0.5
    return np.asarray(held / held.sum())
