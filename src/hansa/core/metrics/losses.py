"""Losses by sums: what a party sums over its rows, and what the coordinator makes of the total.

Each `..._sums` is the party's half and returns one float64 vector, which adds up over parties; each `..._losses` is the
coordinator's and reads the total. A figure without rows is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from hansa.core.metrics.counts import too_few
from hansa.core.metrics.rows import checked_label, checked_margin, checked_weight, probability
from hansa.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from hansa.core.metrics.rows import Floats


@final
@dataclass(frozen=True)
class BinaryLosses:
    """Means over rows: log loss (nats), Brier score; over the `told` of them also the last three.

    These are the accuracy at a margin of 0, the predicted and the observed rate.

    Example:
        >>> binary_losses(binary_sums([2.0, -2.0], [1, 0])).accuracy
        1.0
    """

    rows: float
    log_loss: float
    brier: float
    told: float
    accuracy: float
    predicted: float
    observed: float


@final
@dataclass(frozen=True)
class RegressionLosses:
    """Mean squared and absolute error, R squared, and the means of target and prediction, in the target's units.

    Example:
        >>> regression_losses(regression_sums([1.0, 2.0], [1.0, 4.0])).mae
        1.0
    """

    rows: float
    mse: float
    mae: float
    r2: float
    target: float
    predicted: float

    @property
    def rmse(self) -> float:
        """The root of the mean squared error."""
        return float(np.sqrt(self.mse))


@final
@dataclass(frozen=True)
class ClassLosses:
    """Means over rows for one of several classes: log loss (nats), and the accuracy of the `told` of them.

    Example:
        >>> class_losses(class_sums([[9.0, 0.0], [0.0, 9.0]], [0, 0])).accuracy
        0.5
    """

    rows: float
    log_loss: float
    told: float
    accuracy: float


def binary_sums(margin: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None, min_cell: int = 1) -> Floats:
    """Party side: sums over rows `[7]`: weight, log loss, squared error; weight, right ones, probability, positives.

    The last four are counts of customers; they are 0 where fewer than `min_cell` rows have one of the labels, or are
    right, or wrong.

    The log loss comes from the margin, log(1 + exp(-m)) for a positive and log(1 + exp(m)) for a negative, so it stays
    exact where the probability has rounded to 1.

    Raises:
        DataError: NaN margins, labels other than 0 and 1, or lengths that differ.

    Example:
        >>> binary_sums([0.0, 0.0], [0, 1]).round(4).tolist()
        [2.0, 1.3863, 0.5, 2.0, 1.0, 1.0, 1.0]
    """
    margin = checked_margin(margin)
    positive = checked_label(label, len(margin))
    mass = checked_weight(weight, len(margin))
    loss = np.logaddexp(0.0, np.where(positive, -margin, margin))
    chance = probability(margin)
    right = positive == (margin >= 0)
    hidden = too_few(positive, min_cell, mass) or too_few(right, min_cell, mass)
    counts = _sums(np.zeros_like(mass) if hidden else mass, [np.ones_like(mass), right, chance, positive])
    return np.concatenate([_sums(mass, [np.ones_like(mass), loss, (chance - positive) ** 2]), counts])


def binary_losses(sums: Floats) -> BinaryLosses:
    """Coordinator side: the means that summed `binary_sums` make.

    Example:
        >>> binary_losses(binary_sums([2.0, -1.0], [1, 1])).accuracy
        0.5
    """
    values = _checked(sums, 7)
    return BinaryLosses(*_means(values[:3]), *_means(values[3:]))


def regression_sums(
    prediction: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None, centre: float = 0.0
) -> Floats:
    """Party side: sums over rows `[6]`: weight, squared and absolute error, target, its square, prediction.

    Target and prediction are summed as distances from `centre`, which all parties share: a target of mean 1e6 and
    spread 1 leaves nothing of R squared without it. A mean known from the preparation is a good one.

    Raises:
        DataError: NaN, or lengths that differ.

    Example:
        >>> regression_sums([1.0, 2.0], [1.0, 4.0]).tolist()
        [2.0, 4.0, 2.0, 5.0, 17.0, 3.0]
    """
    guess, truth = checked_margin(prediction), checked_margin(target)
    if len(guess) != len(truth):
        raise DataError(f"There are {len(guess)} predictions and {len(truth)} targets.")
    mass = checked_weight(weight, len(guess))
    with np.errstate(over="ignore", invalid="ignore"):  # what a model that has diverged predicts may have no square
        error = guess - truth
        near = truth - centre
        return _sums(mass, [np.ones_like(mass), error**2, np.abs(error), near, near**2, guess - centre])


def regression_losses(sums: Floats, centre: float = 0.0) -> RegressionLosses:
    """Coordinator side: the figures that summed `regression_sums` over one `centre` make.

    R squared is 1 - SSE / SST; it is NaN where the target does not vary.

    Example:
        >>> round(regression_losses(regression_sums([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])).r2, 4)
        0.7857
    """
    rows, mse, mae, target, square, predicted = _means(_checked(sums, 6))
    spread = square - target**2
    r2 = 1 - mse / spread if spread > 0 else float("nan")
    return RegressionLosses(rows, mse, mae, r2, target + centre, predicted + centre)


def class_sums(margin: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None, min_cell: int = 1) -> Floats:
    """Party side: sums over rows `[4]` for margins `[n, classes]` and class labels `[n]`: weight, log loss; right ones.

    Probabilities are the margins' softmax; of equal margins the first class is the prediction. The last two are the
    weight of the rows that are told to be right or wrong, and of the right ones: 0 where either are below `min_cell`.

    Raises:
        DataError: margins that are no matrix or not finite, or a label that is no class.

    Example:
        >>> class_sums([[0.0, 0.0], [0.0, 9.0]], [0, 1]).round(3).tolist()
        [2.0, 0.693, 2.0, 2.0]
    """
    values = np.asarray(margin, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise DataError(
            f"Margins of several classes must be a finite [rows, classes] matrix; got the shape {values.shape}."
        )
    truth = checked_classes(label, len(values), values.shape[1])
    mass = checked_weight(weight, len(values))
    top = values.max(axis=1, initial=-np.inf)
    spread = np.log(np.exp(values - top[:, None]).sum(axis=1))
    loss = spread + top - values[np.arange(len(values)), truth]
    right = values.argmax(axis=1) == truth
    counts = _sums(np.zeros_like(mass) if too_few(right, min_cell, mass) else mass, [np.ones_like(mass), right])
    return np.concatenate([_sums(mass, [np.ones_like(mass), loss]), counts])


def class_losses(sums: Floats) -> ClassLosses:
    """Coordinator side: the means that summed `class_sums` make.

    Example:
        >>> class_losses(class_sums([[0.0, 9.0, 0.0]], [1])).accuracy
        1.0
    """
    values = _checked(sums, 4)
    return ClassLosses(*_means(values[:2]), *_means(values[2:]))


def checked_classes(label: ArrayLike, n: int, classes: int) -> NDArray[np.int64]:
    """Take class labels 0 to `classes` - 1 as int64 `[n]`.

    Raises:
        DataError: another length, or a label that is no class.

    Example:
        >>> checked_classes([0.0, 2.0], 2, classes=3).tolist()
        [0, 2]
    """
    values = np.asarray(label)
    if values.shape != (n,):
        raise DataError(f"There are {n} rows, and labels of the shape {values.shape}.")
    whole = values.astype(np.int64)
    if not ((whole == values) & (whole >= 0) & (whole < classes)).all():
        raise DataError(f"A class label is none of 0 to {classes - 1}.", mend="Map the target to class numbers first.")
    return whole


def _sums(mass: Floats, columns: list[NDArray[np.float64] | NDArray[np.bool_]]) -> Floats:
    # A row of no weight adds nothing, however wrong: 0 times infinity would be NaN.
    held = mass > 0
    return np.array([mass[held] @ column[held] for column in columns])


def _checked(sums: Floats, n: int) -> Floats:
    if np.shape(sums) != (n,):
        raise DataError(f"Expected {n} sums; got the shape {np.shape(sums)}.")
    return np.asarray(sums, dtype=np.float64)


def _means(sums: Floats) -> tuple[float, ...]:
    """The first sum, which is the rows' weight, and the means that the others make."""
    rows, *totals = sums.tolist()
    return rows, *(total / rows if rows > 0 else float("nan") for total in totals)
