"""Vectors with exact noise: on a grid, in whole steps, so that no rounding tells what was under the noise.

A float plus a float of noise has lowest bits that depend on both (Mironov 2012). Here a vector is first rounded to a
grid that is fine beside the noise, and whole numbers of discrete Gaussian or geometric noise are added to whole ones.
"""

from __future__ import annotations

from math import floor, log2, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hansa.errors import PolicyRefusal
from hansa.privacy.sampling import whole_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.privacy.sampling import Mechanism

_FINE: Final = 30  # the noise is 2^30 to 2^31 steps of the grid
_ROOM: Final = 2.0**62  # steps: two billion times the noise, as exact integers of 64 bits


def noised(
    vector: NDArray[Any], sensitivity: float, noise_multiplier: float, mechanism: Mechanism = "gaussian"
) -> NDArray[np.float64]:
    """The vector `[k]` with noise of at least `noise_multiplier` x `sensitivity`: its bound in L2, for geometric in L1.

    Rounding moves two neighbouring vectors apart by at most a step in each place, so sqrt(k) steps in L2 and k in L1;
    the noise is larger by as much.

    Raises:
        PolicyRefusal: a vector that is not finite, or so large beside its noise that the grid cannot hold it.

    Example:
        >>> drawn = noised(np.full(2000, 5.0), sensitivity=0.5, noise_multiplier=2.0)
        >>> bool(abs(drawn.mean() - 5.0) < 0.15), bool(abs(drawn.std() - 1.0) < 0.1)
        (True, True)
    """
    if not noise_multiplier:
        return vector.astype(np.float64)
    step = 2.0 ** (floor(log2(noise_multiplier * sensitivity)) - _FINE)
    rounding = len(vector) if mechanism == "geometric" else sqrt(len(vector))
    wide = noise_multiplier * (sensitivity / step + rounding)
    return (in_steps(vector, step) + whole_noise(mechanism, wide, len(vector))).astype(np.float64) * step


def in_steps(vector: NDArray[Any], step: float) -> NDArray[np.int64]:
    """The vector `[k]` in whole steps, to the nearest; `step` is a power of two, so that nothing else is rounded.

    Raises:
        PolicyRefusal: it is not finite, or has too many steps.

    Example:
        >>> in_steps(np.array([0.26, -1.0]), 0.25).tolist()
        [1, -4]
    """
    steps: NDArray[np.float64] = np.rint(vector.astype(np.float64) / step)
    if not (np.abs(steps) < _ROOM).all():
        raise PolicyRefusal(
            "An update or a sum is not finite, or too large beside its noise.",
            "Noise cannot be added to it exactly.",
            "Look at the training, and at the contract's ranges; or raise the noise_multiplier.",
        )
    return steps.astype(np.int64)
