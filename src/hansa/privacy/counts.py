"""Counts with exact noise: what histograms and cross tables are told with, where they shall be private."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hansa.privacy.sampling import whole_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.privacy.sampling import Mechanism


def noised_counts(
    counts: NDArray[Any], change: float, noise_multiplier: float, mechanism: Mechanism = "gaussian"
) -> NDArray[np.float64]:
    """Whole counts `[k]` with exact noise; whoever adds them up makes those below 0 none.

    The noise is `noise_multiplier` times what one unit changes at most: in L2 for discrete Gaussian noise (Canonne,
    Kamath and Steinke 2020, theorem 4), in L1 for geometric noise (Ghosh, Roughgarden and Sundararajan 2009).

    Example:
        >>> noised_counts(np.array([3.0, 4.0]), 1.0, noise_multiplier=0.0).tolist()
        [3.0, 4.0]
        >>> bool(abs(noised_counts(np.full(500, 90.0), 4.0, 0.5, "geometric").mean() - 90) < 2)
        True
    """
    if not noise_multiplier:
        return counts.astype(np.float64)
    told: NDArray[np.float64] = np.rint(counts) + whole_noise(mechanism, noise_multiplier * change, len(counts))
    return told
