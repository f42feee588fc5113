"""Moments and correlations from noised sums, once; what a party sums, and what follows from the total.

What leaves a party, with noise: its training rows, the values of each column and their first four powers on a scale
from -1 to 1 over the range that the contract states, and sums and products over rows without a gap. Values beyond a
range count at its end. Means, variances and correlations follow from the total, and cost nothing more. What the noise
hides is no number: a variance, a skewness or a kurtosis is NaN then, and a column is left out of the correlations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.contract import Domain
from hansa.core.message import Ask
from hansa.errors import DataError
from hansa.horizontal.columns import numbers
from hansa.horizontal.description import Moments
from hansa.horizontal.noise import PARTS_OF_ONE, added
from hansa.horizontal.regressors import triangle, whole

if TYPE_CHECKING:
    from hansa.core.table import Table

Floats = NDArray[np.float64]

POWERS: Final = 4
_ROWS: Final = 1 << 16


@final
@dataclass(frozen=True)
class Powers(Ask):
    """How many rows and values are there, and what do powers and products of values add up to on their ranges' scale?

    Example:
        >>> Powers(("age", "income")).figures  # rows; 5 of each column; complete rows, 2 sums, 3 products
        17
    """

    names: tuple[str, ...]

    @property
    def figures(self) -> int:
        """How many figures a row changes, by at most one each."""
        k = len(self.names)
        return 2 + (2 + POWERS) * k + k * (k + 1) // 2


def powers_of(table: Table, names: tuple[str, ...], domains: Mapping[str, Domain]) -> Floats:
    """The sums of a party, `[figures]`, over all of its rows as they are.

    Example:
        >>> from hansa.core.table import Table
        >>> powers_of(Table.of({"age": [50, 75, None]}), ("age",), {"age": Domain(0.0, 100.0)}).tolist()
        [3.0, 2.0, 0.5, 0.25, 0.125, 0.0625, 2.0, 0.5, 0.25]
    """
    k = len(names)
    held, complete = np.zeros(k), 0
    powers, sums, products = np.zeros((k, POWERS), np.int64), np.zeros(k, np.int64), np.zeros((k, k), np.int64)
    for start in range(0, len(table), _ROWS):
        some = table.take(slice(start, start + _ROWS))
        Z = np.empty((len(some), k))
        for i, name in enumerate(names):
            middle, half = _scale(domains[name])
            Z[:, i] = np.clip((numbers(some.column(name), ())[0] - middle) / half, -1.0, 1.0)
        there = ~np.isnan(Z)
        held += there.sum(axis=0)
        powers += np.stack([added(np.where(there, Z, 0.0) ** power) for power in range(1, POWERS + 1)], axis=1)
        full = Z[there.all(axis=1)]
        complete, sums = complete + len(full), sums + added(full)
        products += np.stack([added(full * full[:, [i]]) for i in range(k)]) if k else 0
    each = np.concatenate([held[:, None], powers / PARTS_OF_ONE], axis=1)
    both = np.concatenate([sums, triangle(products.astype(np.float64))]) / PARTS_OF_ONE
    return np.concatenate([[len(table)], each.reshape(-1), [complete], both])


def moments_of(
    told: Floats, names: tuple[str, ...], domains: Mapping[str, Domain], least: float
) -> tuple[tuple[Moments, ...], tuple[float, Floats, Floats]]:
    """The moments of each column from summed figures; and complete rows, their sums and products, as `described` takes.

    `least`: the least figure that stands out of its noise. Eigenvalues of the covariance are raised to what the noise
    hides, so that correlations are some.

    Raises:
        DataError: the noise hides whether there are rows.

    Example:
        >>> ages = {"age": Domain(0.0, 100.0)}
        >>> told = np.array([900.0, 800.0, 40.0, 90.0, 6.0, 20.0, 800.0, 40.0, 90.0])
        >>> (age,), _ = moments_of(told, ("age",), ages, least=20.0)
        >>> age.values, age.mean, round(age.deviation, 2)
        (800.0, 52.5, 16.58)
    """
    if told[0] < max(least, 1.0):
        raise DataError("The noise hides whether there are rows.", mend="Lower noise_multiplier, or bring more rows.")
    k, rows = len(names), float(told[0])
    own, (complete, *rest) = np.split(told[1:], [(1 + POWERS) * k])
    each = own.reshape(k, 1 + POWERS)
    moments = tuple(
        _moments(name, rows, one, _scale(domains[name]), least) for name, one in zip(names, each, strict=True)
    )
    if complete < max(least, 1.0):
        return moments, (0.0, np.zeros(k), np.zeros((k, k)))
    shift = np.clip(np.array(rest[:k]) / complete, -1.0, 1.0)
    values, vectors = np.linalg.eigh(whole(np.array(rest[k:])) / complete - np.outer(shift, shift))
    covariance = (vectors * np.maximum(values, least / complete)) @ vectors.T
    halves = np.array([_scale(domains[name])[1] for name in names])
    products = (covariance + np.outer(shift, shift)) * np.outer(halves, halves)
    return moments, (float(complete), complete * shift * halves, complete * products)


def _moments(name: str, rows: float, figures: Floats, scale: tuple[float, float], least: float) -> Moments:
    """One column's moments, as far as they stand out of the noise: the third and fourth where it moves them by 1."""
    held, powers = min(float(figures[0]), rows), figures[1:]
    if held < max(least, 1.0):
        return Moments(name, rows, 0.0)
    (middle, half), hidden = scale, least / held
    powers = np.clip(powers / held, [-1.0, 0.0, -1.0, 0.0], 1.0)
    variance = float(powers[1] - powers[0] ** 2)
    made = Moments.of(name, rows, held, middle, held * powers * half ** np.arange(1, POWERS + 1))
    if variance <= hidden:
        return replace(made, variance=nan, skewness=nan, kurtosis=nan)
    if hidden > variance**1.5:
        made = replace(made, skewness=nan)
    return replace(made, kurtosis=nan) if hidden > variance**2 else made


def _scale(domain: Domain) -> tuple[float, float]:
    """The middle of a range, and half its width."""
    return (domain.low + domain.high) / 2, (domain.high - domain.low) / 2
