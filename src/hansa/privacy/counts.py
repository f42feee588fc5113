"""Counts with exact noise: what histograms and cross tables are told with, where they shall be private."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from hansa.privacy.sampling import discrete_gaussian

if TYPE_CHECKING:
    from numpy.typing import NDArray


def noised_counts(counts: NDArray[Any], tables: int, noise_multiplier: float) -> NDArray[np.float64]:
    """Whole counts `[k]` of some tables with discrete Gaussian noise; whoever adds them up makes those below 0 none.

    A record more or less changes one cell of each table by one, so sqrt(tables) in L2; the noise is
    `noise_multiplier` times that (Canonne, Kamath and Steinke 2020, theorem 4).

    Example:
        >>> noised_counts(np.array([3.0, 4.0]), tables=1, noise_multiplier=0.0).tolist()
        [3.0, 4.0]
        >>> bool(abs(noised_counts(np.full(500, 90.0), 4, 1.0).mean() - 90) < 1)
        True
    """
    if not noise_multiplier:
        return counts.astype(np.float64)
    told: NDArray[np.float64] = np.rint(counts) + discrete_gaussian(noise_multiplier * sqrt(tables), len(counts))
    return told
