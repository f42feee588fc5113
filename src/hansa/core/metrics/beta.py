"""The beta distribution, and with it what few events can say of a rate: Jeffreys' interval and test."""

from __future__ import annotations

from math import exp, lgamma, log, log1p
from typing import Final

from hansa.core.metrics.student import checked_level
from hansa.errors import ConfigError

_TERMS: Final = 10_000
_EPS: Final = 1e-16
_TINY: Final = 1e-300
_HALVINGS: Final = 200


def beta_below(x: float, a: float, b: float) -> float:
    """The chance that a beta variable of shapes a and b is at most x: the regularised incomplete beta function.

    Source: the continued fraction of Abramowitz and Stegun (1964), 26.5.8, by the method of Lentz (1976); beyond
    the mean by the symmetry 26.5.2.

    Raises:
        ConfigError: shapes that are not above 0.

    Example:
        >>> round(beta_below(0.5, 2, 3), 4), beta_below(0.0, 1, 1), beta_below(1.0, 1, 1)
        (0.6875, 0.0, 1.0)
    """
    if not (a > 0 and b > 0):
        raise ConfigError("A beta variable needs shapes above 0.", f"Got {a:g} and {b:g}.")
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_below(1 - x, b, a)
    front = exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b)) / a
    return min(1.0, front * _fraction(x, a, b))


def beta_quantile(level: float, a: float, b: float) -> float:
    """The value that a beta variable of shapes a and b stays below with the chance `level`; by halving.

    Raises:
        ConfigError: a level outside of (0, 1), or shapes that are not above 0.

    Example:
        >>> round(beta_quantile(0.95, 2.5, 98.5), 4)
        0.0542
    """
    checked_level(level)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if beta_below(middle, a, b) < level else (low, middle)
    return (low + high) / 2


def jeffreys_interval(events: float, rows: float, level: float = 0.95) -> tuple[float, float]:
    """Jeffreys' interval of a rate with `events` of `rows`: quantiles of its posterior; closed at 0 and at 1.

    Source: Brown, Cai and DasGupta (2001), Statistical Science 16(2), section 3.1.2.

    Example:
        >>> [round(end, 4) for end in jeffreys_interval(2, 100)]
        [0.0042, 0.0626]
    """
    a, b = events + 0.5, rows - events + 0.5
    low = 0.0 if events <= 0 else beta_quantile((1 - level) / 2, a, b)
    return low, 1.0 if events >= rows else beta_quantile((1 + level) / 2, a, b)


def jeffreys_test(events: float, rows: float, predicted: float) -> float:
    """The posterior chance that a rate with `events` of `rows` is at most `predicted`: small where it was set too low.

    The one-sided test of ECB (2019), Instructions for reporting the validation results of internal models, 2.5.3.1.

    Example:
        >>> round(jeffreys_test(8, 200, 0.02), 4), round(jeffreys_test(4, 200, 0.02), 2)
        (0.032, 0.47)
    """
    return beta_below(predicted, events + 0.5, rows - events + 0.5)


def _fraction(x: float, a: float, b: float) -> float:
    d = 1 / (1 - (a + b) * x / (a + 1) or _TINY)
    c, total = 1.0, d
    for m in range(1, _TERMS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + step * d or _TINY)
            c = 1 + step / c or _TINY
            total *= c * d
        if abs(c * d - 1) < _EPS * 4:
            break
    return total
