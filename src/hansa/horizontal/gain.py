"""A party's own book: the federated model beside the party's own on its sealed test rows, and what it gains."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import isfinite, nan, sqrt
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics import PairedAUC, paired_delong, student_quantile, too_few
from hansa.core.on_disk import by_blocks
from hansa.core.party import Memory, Site
from hansa.core.pytree import unravel
from hansa.core.trainer import Design, Trainer
from hansa.horizontal.design import prepared_of
from hansa.horizontal.prepared import told
from hansa.horizontal.training import layout_of

_LEVEL = 0.95
_FEW = 30
ROUGH = f"below {_FEW} rows of a class: a rough interval"
"""What is said of a gain whose interval covers a little less than it says."""
NOTES = (
    "",
    "too few test rows",
    "too few rows of one class in the test part",
    "its own model could not be trained",
    "too few test rows are right, or wrong",
    "did not answer",
)
"""Why a party has no gain to show, by code."""


@final
@dataclass(frozen=True)
class Own:
    """One party's own book: its model and the federated one on its sealed test, and the gain with its 95 % interval.

    The figures are AUC, accuracy, or mean squared error, by the task; `gain` is positive where the federated model is
    better. `se` is its standard error; `note` says why there is none.

    Example:
        >>> Own("bank-a", rows=40, note="too few test rows").gain
        nan
    """

    party: str
    rows: int = 0
    positives: int = 0
    federated: float = nan
    local: float = nan
    gain: float = nan
    low: float = nan
    high: float = nan
    se: float = nan
    note: str = ""

    @property
    def paired(self) -> PairedAUC:
        """The two AUC as they were compared, to be pooled with other parties'."""
        pair = (self.local, self.federated, self.gain, self.se, self.low, self.high, nan)
        return PairedAUC(*pair, self.rows - self.positives, self.positives)

    @property
    def rough(self) -> bool:
        """Whether the interval rests on few rows of a class."""
        return isfinite(self.low) and 0 < min(self.positives, self.rows - self.positives) < _FEW


@final
@dataclass(frozen=True)
class Scoring:
    """A model and the rows that it scores, by a trainer that knows what their columns are.

    Example:
        >>> from hansa.trainers import Linear
        >>> zero = {"coef": np.zeros((1, 1)), "intercept": np.zeros(1)}
        >>> Scoring(Linear(), zero, Design(np.ones((2, 1)), np.array([0.0, 1.0]))).predict().tolist()
        [0.5, 0.5]
    """

    trainer: Trainer
    params: Any
    data: Design

    @classmethod
    def of(cls, trainer: Trainer, site: Site, memory: Memory, params: NDArray[np.floating], data: Design) -> Scoring:
        """A model's vector `[d]` and rows made by the preparation in `memory`."""
        own = told(trainer, prepared_of(site, memory))
        return cls(own, unravel(layout_of(own, data.features), params), data)

    def margin(self) -> NDArray[np.floating]:
        """The scores before squashing, `[rows]` or `[rows, classes]`."""
        return by_blocks(partial(self.trainer.margin, self.params), self.data.X)

    def predict(self) -> NDArray[np.floating]:
        """Probabilities or values, `[rows]` or `[rows, classes]`."""
        return by_blocks(partial(self.trainer.predict, self.params), self.data.X)


def gain_of(name: str, local: Scoring, federated: Scoring, least: int = 1) -> Own:
    """Compare two models, each with its own design of the same rows: paired DeLong, or paired differences by row.

    An AUC with fewer than `least` rows of a class would tell of single customers, and so would an accuracy with fewer
    that are right, or wrong; there is none.

    Example:
        >>> from hansa.trainers import Linear
        >>> X, y = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0.0, 1.0, 0.0, 1.0])
        >>> one, other = ({"coef": np.array([[k]]), "intercept": np.zeros(1)} for k in (-1.0, 1.0))
        >>> found = gain_of("bank-a", Scoring(Linear(), one, Design(X, y)), Scoring(Linear(), other, Design(X, y)))
        >>> found.local, found.federated, found.gain
        (0.25, 0.75, 0.5)
    """
    with np.errstate(over="ignore", invalid="ignore"):  # one of them may have diverged
        return _gain(name, local, federated, least)


def _gain(name: str, local: Scoring, federated: Scoring, least: int) -> Own:
    y, task = federated.data.y, federated.trainer.task
    if task == "binary":
        positives = int(y.sum())
        if min(positives, len(y) - positives) < max(least, 1):
            return Own(name, rows=len(y), note=NOTES[2])
        pair = paired_delong(local.margin(), federated.margin(), y)
        return Own(name, len(y), positives, pair.auc_b, pair.auc_a, pair.gain, pair.low, pair.high, pair.se)
    if task == "multiclass":
        one, two = (np.argmax(model.margin(), axis=1) == y for model in (local, federated))
        if too_few(one, least) or too_few(two, least):
            return Own(name, rows=len(y), note=NOTES[4])
        better = two.astype(np.float64) - one
    else:
        one, two = ((model.predict().astype(np.float64) - y) ** 2 for model in (local, federated))
        better = one - two
    if len(y) < 2:
        return Own(name, rows=len(y), note=NOTES[1])
    gain, se = float(better.mean()), float(better.std(ddof=1)) / sqrt(len(y))
    wide = student_quantile(_LEVEL, len(y) - 1) * se
    return Own(name, len(y), 0, float(two.mean()), float(one.mean()), gain, gain - wide, gain + wide, se)
