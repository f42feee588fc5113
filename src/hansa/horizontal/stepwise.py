"""Which columns belong into a logistic regression, from sums alone: correlations, inflation, score and Wald tests.

What is here is pure: it knows sums over standardised columns, and no rows. Ties go to the column that comes first, and
so do values that differ by rounding alone, so that no partition of the rows decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from hansa.errors import DataError
from hansa.horizontal.families import Floats

_ROUNDING = 1e-6
_OPEN = 1e-8
"""A column of which others leave less than this share open is determined by them."""


@final
@dataclass(frozen=True, eq=False)
class Standing:
    """Where a regression stands: coefficients `[1 + k]` of all candidates (0 of those outside), and the sums there.

    The constant comes first; columns are numbered from 0. `asks`: how many it took to get here.

    Example:
        >>> half = Standing(np.zeros(2), 8.0, np.array([0.0, 2.0]), np.array([[4.0, 0.0], [0.0, 2.0]]))
        >>> half.score(0, inside=[])
        (2.0, 1.0)
        >>> half.step([0]).tolist()
        [0.0, 1.0]
    """

    beta: Floats
    deviance: float
    gradient: Floats
    information: Floats
    asks: int = 1

    def of(self, columns: Sequence[int]) -> Standing:
        """The same place among fewer candidates."""
        at = _with_constant(columns)
        information = self.information[np.ix_(at, at)]
        return Standing(self.beta[at], self.deviance, self.gradient[at], information, self.asks)

    def step(self, inside: Sequence[int]) -> Floats:
        """Newton's step `[1 + k]` of the constant and the columns inside.

        Raises:
            DataError: the columns inside determine each other.
        """
        at = _with_constant(inside)
        made = np.zeros(len(self.beta))
        made[at] = self.inverse(inside) @ self.gradient[at]
        return made

    def inverse(self, inside: Sequence[int]) -> Floats:
        """The inverse of the information `[1 + inside, 1 + inside]`; its diagonal holds squared standard errors."""
        at = _with_constant(inside)
        try:
            return np.asarray(np.linalg.inv(self.information[np.ix_(at, at)]))
        except np.linalg.LinAlgError:
            raise DataError(
                "The columns of a selection determine each other.",
                "Their information matrix is singular.",
                "Lower max_correlation or max_vif, or force fewer columns.",
            ) from None

    def score(self, column: int, inside: Sequence[int]) -> tuple[float, float]:
        """Rao's chi-squared of a column outside, with one degree of freedom, and which way its coefficient would go.

        0 of a column that those inside determine. Source: Rao (1948); here with the gradient less what those inside
        explain of it, which is 0 at their maximum.
        """
        at, j = _with_constant(inside), column + 1
        shares = self.inverse(inside) @ self.information[at, j]
        rest = float(self.information[j, j] - self.information[j, at] @ shares)
        if rest <= _OPEN * float(self.information[j, j]):
            return 0.0, 0.0
        slope = float(self.gradient[j] - self.gradient[at] @ shares)
        return slope**2 / rest, float(np.sign(slope))

    def wald(self, inside: Sequence[int]) -> Floats:
        """Each coefficient inside by its standard error `[inside]`."""
        spread = np.sqrt(np.maximum(np.diag(self.inverse(inside)), 1e-300))
        return np.asarray(self.beta[_with_constant(inside)] / spread)[1:]


def correlations(products: Floats) -> Floats:
    """Correlations `[k, k]` from sums of products `[1 + k, 1 + k]` of the constant and the columns.

    Example:
        >>> correlations(np.array([[4.0, 4.0, 0.0], [4.0, 6.0, 2.0], [0.0, 2.0, 2.0]])).round(12).tolist()
        [[1.0, 1.0], [1.0, 1.0]]
    """
    centred = products[1:, 1:] - np.outer(products[0, 1:], products[0, 1:]) / products[0, 0]
    root = np.sqrt(np.maximum(np.diag(centred), 1e-300))
    return np.asarray(centred / np.outer(root, root))


def inflation(correlation: Floats) -> Floats:
    """Variance inflation `[k]`: 1 / (1 - R squared) of each column on the others; infinite of a determined one.

    Example:
        >>> inflation(np.array([[1.0, 0.6], [0.6, 1.0]])).round(4).tolist()
        [1.5625, 1.5625]
    """
    found = np.full(len(correlation), np.inf)
    for j in range(len(correlation)):
        others = [i for i in range(len(correlation)) if i != j]
        shares = np.linalg.lstsq(correlation[np.ix_(others, others)], correlation[others, j], rcond=1e-10)[0]
        rest = 1.0 - float(correlation[j, others] @ shares)
        found[j] = 1 / rest if rest > _OPEN else np.inf
    return found


def greatest(values: Sequence[float]) -> int:
    """The place of the greatest value; of those that rounding alone tells apart, the first.

    Example:
        >>> greatest([1.0, 2.0, 2.0000000001])
        1
    """
    top = max(values)
    slack = _ROUNDING * abs(top) if np.isfinite(top) else 0.0
    return next(place for place, value in enumerate(values) if value >= top - slack)


def _with_constant(inside: Sequence[int]) -> list[int]:
    return [0, *(place + 1 for place in inside)]
