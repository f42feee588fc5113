"""Confusion matrices, binary from score counts and of several classes from their own, and the report made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from hansa.core.metrics.counts import ScoreCounts
from hansa.core.metrics.keys import unkey
from hansa.core.metrics.losses import checked_classes
from hansa.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from hansa.core.metrics.rows import Floats


@final
@dataclass(frozen=True)
class BinaryConfusion:
    """True (rows) against predicted (columns) labels `[2, 2]`, negatives first, at the margin `threshold`.

    A row is predicted positive if its margin is not below `threshold`. `unsure` `[2]` says for each true label how
    many rows merging has left open on which side they are; they stand half on each.

    Example:
        >>> BinaryConfusion(np.array([[90.0, 10.0], [5.0, 15.0]]), threshold=0.0, unsure=np.zeros(2)).table[1].tolist()
        [5.0, 15.0]
    """

    table: Floats
    threshold: float
    unsure: Floats


@final
@dataclass(frozen=True)
class Scores:
    """Precision, recall, F1 and support of one class, or of a mean over classes.

    Example:
        >>> Scores(precision=0.6, recall=0.75, f1=0.67, support=20).recall
        0.75
    """

    precision: float
    recall: float
    f1: float
    support: float


@final
@dataclass(frozen=True)
class ClassificationReport:
    """Scores of each class, and their means; `str()` is the text in scikit-learn's layout.

    `micro` counts rows and is the accuracy, `macro` is the plain mean over classes and `weighted` the one by support. A
    score without rows to divide by is 0.

    Example:
        >>> report = classification_report([[90, 10], [5, 15]])
        >>> report.accuracy, report.classes[1].recall
        (0.875, 0.75)
    """

    names: tuple[str, ...]
    classes: tuple[Scores, ...]
    micro: Scores
    macro: Scores
    weighted: Scores

    @property
    def accuracy(self) -> float:
        """The share of rows that are predicted right."""
        return self.micro.f1

    def __str__(self) -> str:
        return self.text()

    def text(self, digits: int = 2) -> str:
        """Lay the report out with so many decimals."""
        width = max(len("weighted avg"), digits, *(len(name) for name in self.names))

        def line(name: str, scores: Scores) -> str:
            figures = "".join(f" {figure:>9.{digits}f}" for figure in (scores.precision, scores.recall, scores.f1))
            return f"{name:>{width}} {figures} {scores.support:>9.10g}"

        head = " " * width + " " + "".join(f" {name:>9}" for name in ("precision", "recall", "f1-score", "support"))
        accuracy = f"{'accuracy':>{width}} {'':>10}{'':>10} {self.accuracy:>9.{digits}f} {self.micro.support:>9.10g}"
        rows = [line(name, scores) for name, scores in zip(self.names, self.classes, strict=True)]
        means = [line("macro avg", self.macro), line("weighted avg", self.weighted)]
        return "\n".join([head, "", *rows, "", accuracy, *means, ""])


def confusion_at(counts: ScoreCounts, threshold: float = 0.0) -> BinaryConfusion:
    """Coordinator side: the confusion matrix at the bins' edge nearest to a margin; the answer says which one that is.

    Zero is an edge of `first_edges`, and so is each threshold that it was given.

    Raises:
        DataError: a threshold of NaN.

    Example:
        >>> from hansa.core.metrics import bin_counts, first_edges, score_keys
        >>> edges = first_edges()
        >>> counts = ScoreCounts.exact(edges, bin_counts(score_keys([-1.0, -0.5, 0.0, 2.0]), [0, 1, 0, 1], edges))
        >>> confusion_at(counts).table.tolist(), confusion_at(counts, 0.51).threshold
        ([[1.0, 1.0], [1.0, 1.0]], 0.515625)
    """
    if np.isnan(threshold):
        raise DataError("A threshold of NaN parts no scores.")
    margins = unkey(counts.edges[:-1])
    near = (
        int(np.argmin(np.abs(margins - threshold)))
        if np.isfinite(threshold)
        else int(np.searchsorted(margins, threshold))
    )
    low, high = (placed[:, :near].sum(axis=1) for placed in (counts.high, counts.low))
    below = (low + high) / 2.0
    total = np.array(counts.totals)
    chosen = float(margins[near]) if near < counts.bins else float("inf")
    return BinaryConfusion(np.column_stack([below, total - below]), chosen, np.asarray(high - low, dtype=np.float64))


def confusion_counts(label: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Party side: count true (rows) against predicted (columns) classes 0, 1, ... `[classes, classes]`; they add up.

    Cells can be small: see `small_cells` before they leave in a plain sum.

    Raises:
        DataError: lengths that differ, or a label that is no class.

    Example:
        >>> confusion_counts([0, 1, 2, 2], [0, 2, 2, 2], classes=3).tolist()
        [[1, 0, 0], [0, 0, 1], [0, 0, 2]]
    """
    n = len(np.asarray(label))
    cell = checked_classes(label, n, classes) * classes + checked_classes(predicted, n, classes)
    return np.bincount(cell, minlength=classes * classes).reshape(classes, classes)


def small_cells(table: ArrayLike, min_cell: int) -> bool:
    """Party side: say whether a cell holds some, but fewer than `min_cell`, rows.

    Example:
        >>> small_cells([[50, 3], [0, 20]], min_cell=10), small_cells([[50, 0], [0, 20]], min_cell=10)
        (True, False)
    """
    cells = np.asarray(table)
    return bool(((cells > 0) & (cells < min_cell)).any())


def classification_report(table: ArrayLike, names: Sequence[str] = ()) -> ClassificationReport:
    """Precision, recall, F1 and support of each class of a confusion matrix `[classes, classes]`, true by predicted.

    Raises:
        DataError: a table that is not square, or names that do not fit it.

    Example:
        >>> print(classification_report([[90, 10], [5, 15]], ["good", "bad"]))
                      precision    recall  f1-score   support
        <BLANKLINE>
                good       0.95      0.90      0.92       100
                 bad       0.60      0.75      0.67        20
        <BLANKLINE>
            accuracy                           0.88       120
           macro avg       0.77      0.82      0.79       120
        weighted avg       0.89      0.88      0.88       120
        <BLANKLINE>
    """
    cells = np.asarray(table, dtype=np.float64)
    if cells.ndim != 2 or cells.shape[0] != cells.shape[1] or not cells.size:
        raise DataError(f"A confusion matrix must be [classes, classes]; got the shape {cells.shape}.")
    labels = tuple(names) or tuple(str(i) for i in range(len(cells)))
    if len(labels) != len(cells):
        raise DataError(f"There are {len(cells)} classes, and {len(labels)} names.")
    right, support, chosen = np.diag(cells), cells.sum(axis=1), cells.sum(axis=0)
    precision, recall, f1 = _over(right, chosen), _over(right, support), _over(2 * right, chosen + support)
    total = float(support.sum())
    figures = np.column_stack([precision, recall, f1])
    accuracy = float(right.sum() / total) if total else 0.0
    return ClassificationReport(
        names=labels,
        classes=tuple(_scores(row, n) for row, n in zip(figures, support, strict=True)),
        micro=Scores(accuracy, accuracy, accuracy, total),
        macro=_scores(figures.mean(axis=0), total),
        weighted=_scores(_over(support @ figures, np.full(3, total)), total),
    )


def _scores(figures: Floats, support: float) -> Scores:
    precision, recall, f1 = figures.tolist()
    return Scores(precision, recall, f1, float(support))


def _over(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
