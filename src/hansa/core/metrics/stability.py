"""How far one distribution has moved from another, from counts over the same groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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


def _shares(counts: ArrayLike) -> Floats:
    held = np.asarray(counts, np.float64)
    if held.ndim != 1 or not bool((np.isfinite(held) & (held >= 0)).all()):
        raise DataError("Stability is told from counts.", "Some are negative, or not finite.")
    if not held.sum():
        return np.full(len(held), np.nan)
    if (held == 0).any():
        held = held + 0.5
    return np.asarray(held / held.sum())
