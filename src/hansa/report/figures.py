"""Numbers as people read them; what is not a number is a dash."""

from __future__ import annotations

from math import floor, isfinite, log10
from typing import Final

NONE: Final = "–"
"""What stands where a figure is missing."""


def count(value: float) -> str:
    """A whole number with its thousands apart.

    Example:
        >>> count(20_431), count(float("nan"))
        ('20,431', '–')
    """
    return f"{round(value):,}" if isfinite(value) else NONE


def figure(value: float) -> str:
    """A measure: four decimals, fewer where it is large, more where it is tiny; extremes in powers of ten.

    Example:
        >>> figure(0.77131), figure(1234.5678), figure(2.5e9), figure(3e-5), figure(3e-7)
        ('0.7713', '1,234.6', '2.5000e+09', '0.000030', '3.0e-07')
    """
    if not isfinite(value):
        return NONE
    size = abs(value)
    if size >= 1e7:
        return f"{value:.4e}"
    if 5e-7 <= size < 5e-5:
        return f"{value:.6f}"
    if 0 < size < 5e-7:
        return f"{value:.1e}"
    decimals = 4 if size < 10 else max(0, 4 - floor(log10(size)))
    return f"{value:,.{decimals}f}"


def signed(value: float) -> str:
    """A difference, with its sign and a true minus; what rounds to nothing is written as nothing.

    Example:
        >>> signed(0.0213), signed(-0.0213), signed(0.0)
        ('+0.0213', '−0.0213', '0.0000')
    """
    if not isfinite(value):
        return NONE
    words = figure(abs(value))
    return words if value == 0 else f"{'−' if value < 0 else '+'}{words}"


def between(low: float, high: float) -> str:
    """The ends of an interval of differences.

    Example:
        >>> between(-0.001, 0.02), between(float("nan"), 0.02)
        ('−0.0010 to +0.0200', '–')
    """
    return f"{signed(low)} to {signed(high)}" if isfinite(low) and isfinite(high) else NONE


def percent(value: float, decimals: int = 1) -> str:
    """A share in per cent.

    Example:
        >>> percent(0.0832), percent(0.5, 0)
        ('8.3 %', '50 %')
    """
    return f"{100 * value:.{decimals}f} %" if isfinite(value) else NONE


def duration(seconds: float) -> str:
    """A time span in the two units that matter.

    Example:
        >>> duration(8.24), duration(83), duration(7384)
        ('8.2 s', '1 min 23 s', '2 h 3 min')
    """
    if not isfinite(seconds) or seconds < 0:
        return NONE
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def counted(number: int, one: str = "", many: str = "") -> str:
    """A number, in words up to twelve, of things if they are named.

    Example:
        >>> counted(1, "bank"), counted(5, "bank"), counted(40, "bank"), counted(2, "loss", "losses")
        ('one bank', 'five banks', '40 banks', 'two losses')
    """
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    shown = words[number] if 0 <= number < len(words) else f"{number:,}"
    if not one:
        return shown
    return f"{shown} {one if number == 1 else many or one + 's'}"
