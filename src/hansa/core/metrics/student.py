"""Student's t of whole degrees of freedom: how far out an interval of few rows must reach."""

from __future__ import annotations

from math import atan, cos, erfc, pi, sin, sqrt, tan
from statistics import NormalDist
from typing import Final

from hansa.errors import ConfigError

_MANY: Final = 1000  # from here on the expansions are as good as exact
_HALVINGS: Final = 60


def student_beyond(t: float, freedom: int) -> float:
    """The chance that a Student t with so many degrees of freedom lies beyond -t or t, for t >= 0: a two-sided p-value.

    Source: Abramowitz and Stegun (1964), 26.7.3 and 26.7.4; from 1000 degrees on, the normal that 26.7.8 gives.

    Example:
        >>> round(student_beyond(2.0, 1), 4), round(student_beyond(2.0, 10), 4)
        (0.2952, 0.0734)
    """
    if freedom >= _MANY:
        near = t * (1 - 1 / (4 * freedom)) / sqrt(1 + t * t / (2 * freedom))
        return erfc(near / sqrt(2))
    return max(0.0, 1 - _within(atan(t / sqrt(freedom)), freedom))


def student_quantile(level: float, freedom: int) -> float:
    """The t within which a Student t with so many degrees of freedom lies with the chance `level`.

    Source: the same, inverted by halving; from 1000 degrees on Abramowitz and Stegun (1964), 26.7.5.

    Raises:
        ConfigError: a level outside of (0, 1).

    Example:
        >>> round(student_quantile(0.95, 9), 4), round(student_quantile(0.95, 10**6), 4)
        (2.2622, 1.96)
    """
    checked_level(level)
    if freedom >= _MANY:
        z = NormalDist().inv_cdf((1 + level) / 2)
        terms = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
        return float(z + sum(term / freedom**k for k, term in enumerate(terms, 1)))
    low, high = 0.0, pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return sqrt(freedom) * tan(low)


def checked_level(level: float) -> float:
    """Take a confidence level.

    Raises:
        ConfigError: it is outside of (0, 1).

    Example:
        >>> checked_level(0.95)
        0.95
    """
    if not 0 < level < 1:
        raise ConfigError(f"A confidence level of {level:g} is none.", mend="Choose one between 0 and 1, such as 0.95.")
    return level


def _within(angle: float, freedom: int) -> float:
    """The chance to lie within, by the angle whose tangent is t over the root of the degrees of freedom."""
    even = freedom % 2 == 0
    term = total = 1.0 if even else cos(angle)
    for k in range(2 if even else 3, freedom, 2):
        term *= cos(angle) ** 2 * (k - 1) / k
        total += term
    if even:
        return sin(angle) * total
    return 2 / pi * (angle + (sin(angle) * total if freedom > 1 else 0.0))
