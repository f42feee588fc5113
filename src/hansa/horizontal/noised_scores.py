"""The sealed test by noised counts: rows of each label between fixed scores, once; both halves on this page.

What leaves a party: how many of its test rows of each label score in each of some bins that know no data, with noise.
AUC, KS, average precision and the line of calibration are read from their sum; intervals are of the rows, not of the
noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.metrics import bin_counts, score_keys
from hansa.core.metrics.keys import LOWEST, TOP
from hansa.core.party import Memory, Site
from hansa.core.plan import Asks, Gather
from hansa.core.step import Roster
from hansa.errors import ConfigError
from hansa.horizontal.design import check_taken, design_of, floors_at
from hansa.horizontal.gain import Scoring
from hansa.horizontal.models import Modelling

if TYPE_CHECKING:
    from hansa.horizontal.noise import Noise

EDGES: Final = np.array([LOWEST, *score_keys(np.arange(-4.0, 4.25, 0.25)), TOP], np.uint64)
"""Bins of a quarter of a log odd from -4 to 4, and one to either side: finer ones tell less beside their noise."""


@final
@dataclass(frozen=True)
class NoisedScores(Ask):
    """How many of your test rows of each label score in each of the bins, by these parameters `[d]`?

    Example:
        >>> NoisedScores(np.zeros(2)).prepared
        ''
    """

    params: NDArray[np.floating]
    prepared: str = ""

    @property
    def figures(self) -> int:
        """How many counts a row changes: one."""
        return 1


@final
@dataclass(frozen=True)
class NoisedCounter:
    """The party's half: a row is in one count, and all rows are counted as they are.

    Example:
        >>> from hansa.horizontal.noise import Noise
        >>> NoisedCounter(Noise(4.0)).noise.multiplier
        4.0
    """

    noise: Noise

    def answer(self, ask: NoisedScores, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Count, and add the noise.

        Raises:
            ConfigError: the target is no event.
        """
        check_taken(memory, ask.prepared)
        trainer = next(step.trainer for step in reversed(site.job.steps[: site.step]) if isinstance(step, Modelling))
        if trainer.task != "binary":
            raise ConfigError(
                "A test with noise counts scores of an event, and the model's target is none.",
                "No bound on a loss is known, so no noise covers it.",
                "Set noise_multiplier to 0, or leave evaluate out.",
            )
        data = design_of(site, memory, "test", trainer.dtype)
        kept = self.noise.rows(np.arange(data.rows), floors_at(site, memory, "test").who)
        data = replace(data, X=data.X[kept], y=data.y[kept], weight=None)
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # no model may overflow on some rows, and a refusal tell of them
            keys = score_keys(np.nan_to_num(Scoring.of(trainer, site, memory, ask.params, data).margin()))
        counts = bin_counts(keys, data.y, EDGES).reshape(-1)
        return Answer(Load({"scores": self.noise.counts(counts, ask.figures)[None, :]})), memory


def counted(parties: Roster, ask: NoisedScores) -> Gather[tuple[NDArray[np.int64], int]]:
    """The coordinator's half: the summed counts `[2, bins]`, as `smoothed`; and how many have given no answer.

    Example:
        >>> next(counted(Roster(("bank-a",)), NoisedScores(np.zeros(2)))).to["bank-a"].params.tolist()
        [0.0, 0.0]
    """
    reply = yield Asks(dict.fromkeys(parties, ask), until=parties.until(len(parties)))
    return smoothed(reply.value["scores"][0].reshape(2, -1)), len(parties) - len(reply.counted)


def smoothed(counts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Counts `[2, bins]` none of which is below 0, with running sums midway between the nearest ones that never fall.

    Were each count cut at 0 by itself, empty bins would hold rows, and an AUC would come out nearer to a half.

    Example:
        >>> smoothed(np.array([[5.0, -3.0, 4.0], [0.0, 2.0, 1.0]])).tolist()
        [[4, 0, 2], [0, 2, 1]]
    """
    upto = np.cumsum(counts, axis=1)
    above = np.maximum.accumulate(upto, axis=1)
    below = np.minimum.accumulate(upto[:, ::-1], axis=1)[:, ::-1]
    middle = np.maximum(np.rint((above + below) / 2), 0.0)
    return np.diff(middle, axis=1, prepend=0.0).astype(np.int64)
