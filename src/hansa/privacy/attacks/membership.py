"""Who was in the training rows: the likelihood ratio attack with shadow models (Carlini et al. 2022, algorithm 1).

Many models are trained, each on a random half of the points. A point's score under models that had it, and under
models that had not, are two normals; which of them a model's score fits better says whether it had the point. Each
model is attacked with the help of all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hansa.core.metrics.exact import auc_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Rates(NamedTuple):
    """How well members are told from others: the AUC, and how many are found at .1 % and 1 % of false alarms."""

    auc: float
    at_one_in_1000: float
    at_one_in_100: float


def ratios(scores: NDArray[np.floating], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The log likelihood ratio of each point under each model, `[models, points]`, from `scores` of that shape.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> inside = rng.random((64, 50)) < 0.5
        >>> rates(ratios(rng.normal(size=(64, 50)) + 3 * inside, inside), inside).auc > 0.95
        True
    """
    found = np.zeros(scores.shape)
    for i in range(len(scores)):
        others = np.arange(len(scores)) != i
        had, had_not = (_normals(scores[others], here[others]) for here in (inside, ~inside))
        found[i] = _log_density(scores[i], *had) - _log_density(scores[i], *had_not)
    return found


def rates(found: NDArray[np.floating], inside: NDArray[np.bool_]) -> Rates:
    """Rank by what was found, over all models and points.

    Example:
        >>> rates(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
        Rates(auc=1.0, at_one_in_1000=1.0, at_one_in_100=1.0)
    """
    values, truth = found.ravel(), inside.ravel()
    others, members = np.sort(values[~truth]), values[truth]

    def at(share: float) -> float:
        alarms = int(share * len(others))
        return float((members > others[len(others) - 1 - alarms]).mean())

    return Rates(auc_of(values, truth), at(0.001), at(0.01))


def _normals(scores: NDArray[np.floating], here: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """The mean of each point's scores `[points]` where it is here, and one variance for all: few models each."""
    count = np.maximum(here.sum(axis=0), 1)
    mean: NDArray[np.float64] = (scores * here).sum(axis=0) / count
    variance = float((np.square(scores - mean) * here).sum() / max(here.sum() - here.shape[1], 1))
    return mean, max(variance, 1e-12)


def _log_density(score: NDArray[np.floating], mean: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    found: NDArray[np.float64] = -np.square(score - mean) / (2 * variance) - np.log(variance) / 2
    return found
