"""Tests of the noise itself, where nothing else was in an update: its size, its shape, and whether it is fresh.

Each gives the chance that honest noise looks as odd as this or odder; one below `ALARM` is no accident.
"""

from __future__ import annotations

from math import exp, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from hansa.core.metrics.tails import chi2_beyond, normal_beyond

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.privacy.sampling import Mechanism

ALARM: Final = 1e-9
_CELLS: Final = 33
_TINY: Final = 1e-300
_EPS: Final = 1e-16


def spread(noise: NDArray[np.floating], sigma: float) -> float:
    """Whether `noise [n]` has this standard deviation about 0: the sum of its squares is chi-squared.

    Example:
        >>> honest = np.random.default_rng(0).normal(size=10_000)
        >>> spread(honest, 1.0) > 0.01, spread(honest, 1.1) < ALARM
        (True, True)
    """
    above = chi2_beyond(float(np.square(noise.astype(np.float64) / sigma).sum()), len(noise))
    return 2 * min(above, 1 - above)


def shape(noise: NDArray[np.floating], sigma: float) -> float:
    """Whether `noise [n]` is normal: as much of it in each of 33 cells of equal chance (Pearson's chi-squared).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> shape(rng.normal(size=10_000), 1.0) > 0.01, shape(rng.uniform(-3**0.5, 3**0.5, 10_000), 1.0) < ALARM
        (True, True)
    """
    normal = NormalDist(0, sigma)
    edges = [normal.inv_cdf(i / _CELLS) for i in range(1, _CELLS)]
    counts = np.bincount(np.searchsorted(edges, noise), minlength=_CELLS)
    expected = len(noise) / _CELLS
    return chi2_beyond(float(np.square(counts - expected).sum() / expected), _CELLS - 1)


def apart(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Whether two vectors of noise `[n]` have nothing to do with each other, by their correlation.

    Example:
        >>> one, other = np.random.default_rng(0).normal(size=(2, 1000))
        >>> apart(one, other) > 0.01, apart(one, one) < ALARM
        (True, True)
    """
    one, other = one.astype(np.float64), other.astype(np.float64)
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return normal_beyond(float(one @ other) / size * sqrt(len(one))) if size else 0.0


def scored(noise: NDArray[np.floating], size: float, mechanism: Mechanism) -> NDArray[np.float64]:
    """`noise [n]` of a released sum or count as standard normals, if it has this size: a sigma, or a scale.

    A whole number stands for all of its chance, and a place in that is drawn: of Gaussian noise, what is rounded to it.
    Numbers that are not all whole lie on a fine grid, and are taken for continuous.

    Example:
        >>> from hansa.privacy.sampling import geometric
        >>> told = scored(geometric(2.0, 10_000), 2.0, "geometric")
        >>> spread(told, 1.0) > ALARM, shape(told, 1.0) > ALARM
        (True, True)
    """
    far, whole = np.abs(noise).astype(np.float64), bool((noise == np.rint(noise)).all())
    if mechanism == "gaussian" and not whole:
        return np.asarray(noise / size, np.float64)
    if mechanism == "gaussian":
        normal = NormalDist(0, size)
        high, low = (np.array([normal.cdf(end - one) for one in far.tolist()]) for end in (0.5, -0.5))
    else:
        fade = exp(-1 / size) if whole else 1.0
        high = np.exp(-far / size) / (1 + fade)
        low = high * fade
    tail = low + (high - low) * np.random.default_rng().random(len(far))
    z = [NormalDist().inv_cdf(one) for one in np.clip(tail, _TINY, 1 - _EPS).tolist()]
    return np.where(noise < 0, z, np.negative(z))


def poisson(sizes: NDArray[np.floating], units: int, rate: float, blur: float) -> float:
    """Whether `sizes [n]` are those of Poisson samples of `units`, each seen with noise of `blur`: mean and variance.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> poisson(rng.binomial(1000, 0.1, 60), 1000, 0.1, 0.0) > 0.01, poisson(np.full(60, 100.0), 1000, 0.1, 0.0)
        (True, 0.0)
    """
    about, sigma = sizes - units * rate, sqrt(units * rate * (1 - rate) + blur**2)
    return min(normal_beyond(float(about.mean()) * sqrt(len(sizes)) / sigma), spread(about, sigma))
