"""Figures over rows at hand: at a party about its own model, and in tests of the pooled ones. Labels are 0 and 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hansa.core.metrics.keys import score_keys
from hansa.core.metrics.losses import binary_losses, binary_sums
from hansa.core.metrics.rows import checked_label, checked_weight

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from hansa.core.metrics.rows import Floats


def auc_of(margin: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve, ties counting one half; NaN where a label has no rows.

    Raises:
        DataError: NaN scores, labels other than 0 and 1, or lengths that differ.

    Example:
        >>> auc_of([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
        0.75
    """
    negatives, positives = _by_score(margin, label, weight)
    pairs = negatives.sum() * positives.sum()
    won = positives @ (np.cumsum(negatives) - negatives / 2)
    return float(won / pairs) if pairs > 0 else float("nan")


def ks_of(margin: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Kolmogorov-Smirnov distance between the labels' score distributions; NaN where a label has no rows.

    Raises:
        DataError: NaN scores, labels other than 0 and 1, or lengths that differ.

    Example:
        >>> ks_of([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
        0.5
    """
    negatives, positives = _by_score(margin, label, weight)
    n, p = negatives.sum(), positives.sum()
    return float(np.abs(np.cumsum(negatives) / n - np.cumsum(positives) / p).max()) if n * p > 0 else float("nan")


def average_precision_of(margin: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None) -> float:
    """The mean over the positives of the precision at each one's score; NaN without positives.

    Raises:
        DataError: NaN scores, labels other than 0 and 1, or lengths that differ.

    Example:
        >>> round(average_precision_of([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]), 4)
        0.8333
    """
    negatives, positives = _by_score(margin, label, weight)[:, ::-1]
    true, false = np.cumsum(positives), np.cumsum(negatives)
    if positives.sum() <= 0:
        return float("nan")
    precision = true / np.maximum(true + false, np.finfo(np.float64).tiny)
    return float(positives @ precision / positives.sum())


def log_loss_of(margin: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean log loss in nats of the probabilities that belong to the margins; NaN without rows.

    Raises:
        DataError: NaN scores, labels other than 0 and 1, or lengths that differ.

    Example:
        >>> log_loss_of([800.0, -800.0], [1, 0]), log_loss_of([800.0], [0])
        (0.0, 800.0)
    """
    return binary_losses(binary_sums(margin, label, weight)).log_loss


def _by_score(margin: ArrayLike, label: ArrayLike, weight: ArrayLike | None) -> Floats:
    """The mass of the negatives and positives at each distinct score, rising: `[2, scores]`."""
    distinct, place = np.unique(score_keys(margin), return_inverse=True)
    cell = place + len(distinct) * checked_label(label, len(place))
    mass = np.bincount(cell, checked_weight(weight, len(place)), minlength=2 * len(distinct))
    return mass.astype(np.float64).reshape(2, -1)
