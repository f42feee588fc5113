"""What a description of all parties' columns found: moments, correlations, variance inflation, cross tables."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics.tails import chi2_beyond
from hansa.errors import DataError, nearest
from hansa.horizontal.woe import Cells

_NULL = 1e-10


@final
@dataclass(frozen=True)
class Moments:
    """One column's moments over all parties: population variance, skewness, and kurtosis less 3; NaN of no values.

    Example:
        >>> Moments.of("age", 4, 3, 2.0, np.array([0.0, 2.0, 0.0, 2.0])).variance
        0.6666666666666666
    """

    name: str
    rows: float
    values: float
    mean: float = nan
    variance: float = nan
    skewness: float = nan
    kurtosis: float = nan

    @classmethod
    def of(cls, name: str, rows: float, values: float, centre: float, sums: NDArray[np.float64]) -> Moments:
        """From the sums of the first four powers of values less a centre."""
        if not values:
            return cls(name, rows, values)
        shift, second, third, fourth = (sums / values).tolist()
        variance = max(second - shift**2, 0.0)
        if variance <= 1e-24 * centre**2:
            return cls(name, rows, values, centre + shift, 0.0)
        m3 = third - 3 * shift * second + 2 * shift**3
        m4 = fourth - 4 * shift * third + 6 * shift**2 * second - 3 * shift**4
        return cls(name, rows, values, centre + shift, variance, m3 / variance**1.5, m4 / variance**2 - 3)

    @property
    def gaps(self) -> float:
        """Rows without a value."""
        return self.rows - self.values

    @property
    def deviation(self) -> float:
        """The population standard deviation."""
        return sqrt(self.variance)


@final
@dataclass(frozen=True, eq=False)
class CrossTable:
    """Rows by the cells of two columns, `counts [one.size, other.size]`.

    Example:
        >>> cells = Cells("age", edges=(30.0,)), Cells("late", edges=(0.0,))
        >>> table = CrossTable(*cells, np.array([[30.0, 10.0, 0.0], [10.0, 30.0, 0.0], [0.0, 0.0, 0.0]]))
        >>> table.chi2, table.cramers_v, table.pvalue < 1e-4
        (20.0, 0.5, True)
    """

    one: Cells
    other: Cells
    counts: NDArray[np.float64]

    @property
    def chi2(self) -> float:
        """Pearson's chi-squared of independence, over cells that have rows."""
        held = self._held()
        expected = held.sum(axis=1, keepdims=True) * held.sum(axis=0) / held.sum()
        return float(((held - expected) ** 2 / expected).sum())

    @property
    def pvalue(self) -> float:
        """The chance of so large a chi-squared without any dependence; NaN of a single row or column."""
        rows, columns = self._held().shape
        return chi2_beyond(self.chi2, (rows - 1) * (columns - 1)) if min(rows, columns) > 1 else nan

    @property
    def cramers_v(self) -> float:
        """Cramer's V (1946), in [0, 1]; NaN of a single row or column."""
        held = self._held()
        least = min(held.shape) - 1
        return sqrt(self.chi2 / (float(held.sum()) * least)) if least else nan

    def _held(self) -> NDArray[np.float64]:
        held: NDArray[np.float64] = self.counts[self.counts.sum(axis=1) > 0][:, self.counts.sum(axis=0) > 0]
        return held


@final
@dataclass(frozen=True, eq=False)
class Description:
    """What was found: moments by column, correlations `[k, k]` and variance inflation `[k]` by `names`, cross tables.

    Correlations are over the `complete` rows, which have a value in every column. `names` are the columns that vary.
    `vif` is 1 / (1 - R squared) of a column on all others: infinite where they determine it.

    Example:
        >>> found = described(4, (Moments("a", 4, 4, 1.0, 1.0),), (4.0, np.zeros(1), np.array([[4.0]])), ())
        >>> found.names, found.correlation.tolist(), found.vif.tolist()
        (('a',), [[1.0]], [1.0])
    """

    rows: int
    moments: tuple[Moments, ...]
    names: tuple[str, ...]
    correlation: NDArray[np.float64]
    vif: NDArray[np.float64]
    complete: float
    tables: tuple[CrossTable, ...] = ()

    def moment(self, name: str) -> Moments:
        """One column's moments.

        Raises:
            DataError: it was not described.
        """
        for one in self.moments:
            if one.name == name:
                return one
        raise DataError(f"'{name}' was not described.", mend=nearest(name, [one.name for one in self.moments]))


def described(
    rows: int,
    moments: tuple[Moments, ...],
    products: tuple[float, NDArray[np.float64], NDArray[np.float64]],
    tables: tuple[CrossTable, ...],
) -> Description:
    """A description from moments, and from the number, sums and products of complete rows, less the columns' means.

    Example:
        >>> described(0, (), (0.0, np.zeros(0), np.zeros((0, 0))), ()).complete
        0.0
    """
    complete, shift, sums = products
    covariance = sums - np.outer(shift, shift) / max(complete, 1.0)
    spread = np.diag(covariance)
    varies = np.array([one.variance > 0 for one in moments], bool) & (spread > 1e-18 * np.maximum(np.diag(sums), 0))
    kept = np.flatnonzero(varies & (spread > 0))
    root = np.sqrt(spread[kept])
    correlation = covariance[np.ix_(kept, kept)] / np.outer(root, root)
    np.fill_diagonal(correlation, 1.0)
    names = tuple(moments[i].name for i in kept)
    return Description(rows, moments, names, correlation, _inflation(correlation), complete, tables)


def _inflation(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The diagonal of the inverse; infinite for columns in the null space."""
    values, vectors = np.linalg.eigh(correlation)
    there = values > _NULL * max(len(values), 1)
    determined = (vectors[:, ~there] ** 2).sum(axis=1) > 1e-12
    inverse = (vectors[:, there] ** 2 / values[there]).sum(axis=1)
    return np.where(determined, np.inf, inverse)
