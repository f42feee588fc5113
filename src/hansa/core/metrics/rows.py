"""Rows as every metric takes them: checked once, here, before anything is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hansa.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Flags: TypeAlias = "NDArray[np.bool_]"


def checked_margin(margin: ArrayLike) -> Floats:
    """Take scores as float64 `[n]`; infinities are scores, NaN is none.

    Raises:
        DataError: NaN, or not one dimension.

    Example:
        >>> checked_margin([0, 1]).tolist()
        [0.0, 1.0]
    """
    values = np.asarray(margin, dtype=np.float64)
    if values.ndim != 1:
        raise DataError(f"Scores must be one column; got the shape {values.shape}.")
    gaps = int(np.isnan(values).sum())
    if gaps:
        raise DataError(
            f"{gaps} of {len(values)} scores are NaN.", "A gap has no rank.", "Score the rows again or leave them out."
        )
    return values


def checked_label(label: ArrayLike, n: int) -> Flags:
    """Take binary labels as bool `[n]`, true for the positive class.

    Raises:
        DataError: another length, or a value other than 0 and 1.

    Example:
        >>> checked_label([0, 1.0], 2).tolist()
        [False, True]
    """
    values = np.asarray(label)
    if values.shape != (n,):
        raise DataError(f"There are {n} scores, and labels of the shape {values.shape}.")
    positive = values == 1
    odd = n - int(np.count_nonzero(positive | (values == 0)))
    if odd:
        raise DataError(
            "A binary label holds values other than 0 and 1.",
            f"{odd:,} of {n:,} rows have another.",
            "Map the target to 0 and 1 first.",
        )
    return np.asarray(positive, dtype=np.bool_)


def checked_weight(weight: ArrayLike | None, n: int) -> Floats:
    """Take weights as float64 `[n]`; none means one each.

    Raises:
        DataError: another length, or a weight that is negative or not finite.

    Example:
        >>> checked_weight(None, 2).tolist()
        [1.0, 1.0]
    """
    if weight is None:
        return np.ones(n)
    values = np.asarray(weight, dtype=np.float64)
    if values.shape != (n,):
        raise DataError(f"There are {n} rows, and weights of the shape {values.shape}.")
    if not (np.isfinite(values) & (values >= 0)).all():
        raise DataError("A row's weight is negative or not finite.")
    return values


def effective(weight: ArrayLike) -> float:
    """How many rows of equal weight tell as much as rows of these weights: (sum w)^2 / sum w^2, at most their number.

    Where one row outweighs all others it is 1, for a weighted sum is then that row's. Source: Kish (1965), "Survey
    Sampling", section 11.7.

    Example:
        >>> effective([2.0, 2.0, 2.0]), effective([5.0, 0.0, 0.0]), effective([])
        (3.0, 1.0, 0.0)
    """
    values = np.asarray(weight, dtype=np.float64)
    most = values.max(initial=0.0)
    if most <= 0:
        return 0.0
    share = values / most
    return round(float(share.sum() ** 2 / (share @ share)), 6)


def probability(margin: ArrayLike) -> Floats:
    """Turn margins (log odds) into probabilities, without overflow.

    Example:
        >>> probability([-1000.0, 0.0, 1000.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    values = np.asarray(margin, dtype=np.float64)
    small = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1.0, small) / (1.0 + small), dtype=np.float64)
