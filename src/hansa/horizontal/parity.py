"""How a scorecard treats groups of applicants: ratios and differences with intervals, from summed counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log, nan, sqrt
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.errors import ConfigError, nearest
from hansa.horizontal.woe import Cells

Z: Final = 1.959964
FOUR_FIFTHS: Final = 0.8
"""A ratio of approval rates below it is taken as a sign of adverse impact (29 CFR 1607.4(D))."""

SUMS: Final = ("approved", "declined", "goods_approved", "goods_declined", "scored", "score", "square")


@final
@dataclass(frozen=True)
class Measure:
    """A figure with its 95 % interval; NaN where it is not to be had.

    Example:
        >>> Measure(0.9, 0.85, 0.95).value
        0.9
    """

    value: float = nan
    low: float = nan
    high: float = nan


@final
@dataclass(frozen=True)
class Group:
    """A group beside its reference: ratio of approval rates, standardised mean difference, equal opportunity.

    `rows`, `approval_rate`: over the rows that were told. A negative `smd` says that the group scores lower; a negative
    `equal_opportunity` that fewer of its good applicants are approved.

    Example:
        >>> Group("sex", "f", "m", 900.0, 0.6, Measure(0.75, 0.7, 0.79)).adverse
        True
    """

    column: str
    group: str
    reference: str
    rows: float
    approval_rate: float
    ratio: Measure = Measure()
    smd: Measure = Measure()
    equal_opportunity: Measure = Measure()

    @property
    def adverse(self) -> bool:
        """Whether the ratio of approval rates is below four fifths."""
        return self.ratio.value < FOUR_FIFTHS


@final
@dataclass(frozen=True, eq=False)
class Counted:
    """What parties told of one protected column: `sums [cells.size, 7]`, in the order of `SUMS`.

    Example:
        >>> Counted(Cells("sex", labels=(("f",), ("m",))), np.zeros((4, 7))).cells.column
        'sex'
    """

    cells: Cells
    sums: NDArray[np.float64]

    def groups(self, reference: str = "") -> tuple[Group, ...]:
        """Each group that was told beside the reference; without a name, the one with the most rows.

        Raises:
            ConfigError: nobody was told of the reference.

        Example:
            >>> sums = np.zeros((4, 7))
            >>> sums[:2, :2] = [[60.0, 40.0], [160.0, 40.0]]
            >>> [(one.group, round(one.ratio.value, 2)) for one in Counted(
            ...     Cells("sex", labels=(("f",), ("m",))), sums).groups()]
            [('f', 0.75)]
        """
        names, rows = self.cells.names, self.sums[:, :2].sum(axis=1)
        told = [i for i in range(len(names)) if rows[i] > 0]
        if reference and reference not in [names[i] for i in told]:
            known = nearest(reference, [names[i] for i in told])
            raise ConfigError(f"'{self.cells.column}' has no such group to compare with.", mend=known)
        if not told:
            return ()
        base = names.index(reference) if reference else int(np.argmax(rows))
        return tuple(self._beside(i, base) for i in told if i != base)

    def _beside(self, i: int, base: int) -> Group:
        own, other = self.sums[i], self.sums[base]
        column, names, rows = self.cells.column, self.cells.names, float(own[:2].sum())
        figures = (
            ratio_of(own[0], own[:2].sum(), other[0], other[:2].sum()),
            smd_of(own[4:7], other[4:7]),
            difference_of(own[2], own[2:4].sum(), other[2], other[2:4].sum()),
        )
        return Group(column, names[i], names[base], rows, float(own[0]) / rows, *figures)


@final
@dataclass(frozen=True, eq=False)
class Parity:
    """A scorecard's treatment of protected groups at a cut-off, on validation rows that parties could tell.

    `untold`: how many groups of parties were too small for their approvals to be told.

    Example:
        >>> Parity(540, ()).groups
        ()
    """

    cut_off: int
    columns: tuple[Counted, ...]
    reference: Mapping[str, str] = field(default_factory=dict)
    untold: float = 0.0

    @property
    def groups(self) -> tuple[Group, ...]:
        """All groups of all columns, each beside its reference."""
        return tuple(
            one for column in self.columns for one in column.groups(self.reference.get(column.cells.column, ""))
        )


def ratio_of(a: float, n: float, b: float, m: float) -> Measure:
    """The ratio of `a` of `n` to `b` of `m`, with the interval of its logarithm (Katz et al. 1978).

    Example:
        >>> found = ratio_of(60, 100, 160, 200)
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.75, 0.63, 0.893)
    """
    if min(n, m) <= 0 or b <= 0:
        return Measure()
    if a <= 0:
        return Measure(0.0)
    ratio, spread = (a / n) / (b / m), Z * sqrt(max(1 / a - 1 / n + 1 / b - 1 / m, 0.0))
    return Measure(float(ratio), exp(log(ratio) - spread), exp(log(ratio) + spread))


def difference_of(a: float, n: float, b: float, m: float) -> Measure:
    """The share `a` of `n` less `b` of `m`, with Newcombe's interval from Wilson's (Newcombe 1998, method 10).

    Example:
        >>> found = difference_of(56, 70, 48, 80)
        >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
        (0.2, 0.0524, 0.3339)
    """
    if min(n, m) <= 0:
        return Measure()
    p, q = float(a / n), float(b / m)
    (low, high), (least, most) = _wilson(p, float(n)), _wilson(q, float(m))
    below, above = sqrt((p - low) ** 2 + (most - q) ** 2), sqrt((high - p) ** 2 + (q - least) ** 2)
    return Measure(p - q, p - q - below, p - q + above)


def smd_of(own: NDArray[np.float64], other: NDArray[np.float64]) -> Measure:
    """The standardised mean difference from rows, sum and sum of squares `[3]` (Hedges and Olkin 1985).

    Example:
        >>> found = smd_of(np.array([2.0, 2.0, 4.0]), np.array([2.0, 4.0, 10.0]))
        >>> round(found.value, 4)
        -0.7071
    """
    n, m = float(own[0]), float(other[0])
    if min(n, m) < 2:
        return Measure()
    means = own[1] / n, other[1] / m
    within = max(float(own[2] - n * means[0] ** 2 + other[2] - m * means[1] ** 2), 0.0) / (n + m - 2)
    if within <= 0:
        return Measure()
    d = float((means[0] - means[1]) / sqrt(within))
    spread = Z * sqrt((n + m) / (n * m) + d * d / (2 * (n + m)))
    return Measure(d, d - spread, d + spread)


def _wilson(p: float, n: float) -> tuple[float, float]:
    middle, half = p + Z**2 / (2 * n), Z * sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return (middle - half) / (1 + Z**2 / n), (middle + half) / (1 + Z**2 / n)
