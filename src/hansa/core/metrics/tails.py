"""Tails of the normal and of the chi-squared distribution, without a library of statistics."""

from __future__ import annotations

from math import erfc, exp, inf, lgamma, log, sqrt
from statistics import NormalDist
from typing import Final

from hansa.core.metrics.student import checked_level
from hansa.errors import ConfigError

_TERMS: Final = 10_000
_EPS: Final = 1e-16
_HALVINGS: Final = 200


def normal_beyond(z: float) -> float:
    """The chance that a standard normal lies beyond -z or z: a two-sided p-value.

    Example:
        >>> round(normal_beyond(1.96), 4), normal_beyond(0.0)
        (0.05, 1.0)
    """
    return erfc(abs(z) / sqrt(2))


def normal_within(level: float) -> float:
    """The z within which a standard normal lies with the chance `level`.

    Raises:
        ConfigError: a level outside of (0, 1).

    Example:
        >>> round(normal_within(0.95), 4)
        1.96
    """
    return NormalDist().inv_cdf((1 + checked_level(level)) / 2)


def chi2_beyond(x: float, freedom: float) -> float:
    """The chance that a chi-squared variable with so many degrees of freedom exceeds x.

    Source: the incomplete gamma function by its series below a + 1 and by its continued fraction from there on
    (Abramowitz and Stegun 1964, 6.5.29 and 6.5.31).

    Raises:
        ConfigError: no degrees of freedom.

    Example:
        >>> round(chi2_beyond(16.919, 9), 4), chi2_beyond(0.0, 3)
        (0.05, 1.0)
    """
    if not freedom > 0:
        raise ConfigError("A chi-squared variable needs degrees of freedom above 0.", f"Got {freedom:g}.")
    a, half = freedom / 2, x / 2
    if half <= 0:
        return 1.0
    if half == inf:
        return 0.0
    front = exp(a * log(half) - half - lgamma(a))
    return 1 - front * _series(a, half) if half < a + 1 else front * _fraction(a, half)


def chi2_quantile(level: float, freedom: float) -> float:
    """The value that a chi-squared variable stays below with the chance `level`; by halving.

    Raises:
        ConfigError: a level outside of (0, 1), or no degrees of freedom.

    Example:
        >>> round(chi2_quantile(0.99, 9), 3)
        21.666
    """
    checked_level(level)
    low, high = 0.0, max(freedom, 1.0)
    while 1 - chi2_beyond(high, freedom) < level:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - chi2_beyond(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def _series(a: float, x: float) -> float:
    term = total = 1 / a
    for k in range(1, _TERMS):
        term *= x / (a + k)
        total += term
        if term < total * _EPS:
            break
    return total


def _fraction(a: float, x: float) -> float:
    """The continued fraction by the method of Lentz (1976)."""
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    total = d
    for k in range(1, _TERMS):
        step = -k * (k - a)
        b += 2
        d = 1 / (step * d + b or tiny)
        c = b + step / c or tiny
        total *= d * c
        if abs(d * c - 1) < _EPS * 4:
            break
    return total
