"""Counts of whole scores by outcome, and what is read from them: calibration, grades and cut-offs."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics.keys import LOWEST, TOP, Keys, score_keys
from hansa.core.metrics.lines import logistic_line
from hansa.horizontal.card import Calibration, Card

if TYPE_CHECKING:
    from hansa.horizontal.card import Scaling

_MOST_BINS = 1000


def score_edges(card: Card) -> Keys:
    """The bins over which rows are counted by risk, the negative score: one for each whole score, wider ones of many.

    Example:
        >>> from hansa.core.metrics import unkey
        >>> unkey(score_edges(Card((), 600))[1:2]).tolist()
        [-600.0]
    """
    scores = np.arange(card.lowest, card.highest + 1, max(1, (card.highest - card.lowest) // _MOST_BINS))
    keys, ends = score_keys(-scores.astype(np.float64)), np.array([LOWEST, TOP], np.uint64)
    return np.unique(np.concatenate([ends, keys, keys + np.uint64(1)]))


@final
@dataclass(frozen=True)
class Grade:
    """A grade of the master scale: its scores, its rows, and its chance of the event as predicted and as observed.

    Example:
        >>> Grade(1, 620, 680, rows=200.0, bads=3.0, predicted=0.012).observed
        0.015
    """

    number: int
    lowest: int
    highest: int
    rows: float = 0.0
    bads: float = 0.0
    predicted: float = nan

    @property
    def observed(self) -> float:
        """The event rate of its rows; NaN where it has none."""
        return self.bads / self.rows if self.rows else nan


@final
@dataclass(frozen=True)
class CutOff:
    """What comes of approving everybody from `score` on: shares of rows, and the expected profit per applicant.

    Example:
        >>> CutOff(600, approval_rate=0.8, bad_rate=0.02, profit=0.5).score
        600
    """

    score: int
    approval_rate: float
    bad_rate: float
    profit: float


@final
@dataclass(frozen=True, eq=False)
class Tally:
    """Rows without and with the event by whole score, `counts [2, scores]`; the first score is `lowest`.

    `apart`: rows that parties could not tell apart for `min_cell`, and have spread over neighbouring scores.

    Example:
        >>> tally = Tally(598, np.array([[10.0, 20.0, 40.0, 80.0], [5.0, 5.0, 5.0, 5.0]]))
        >>> tally.rows, round(tally.event_rate, 4), tally.scores.tolist()
        (170.0, 0.1176, [598, 599, 600, 601])
        >>> [cut.score for cut in tally.cut_offs(gain=1.0, loss=3.0, steps=2)]
        [598, 601]
    """

    lowest: int
    counts: NDArray[np.float64]
    apart: float = 0.0

    @property
    def scores(self) -> NDArray[np.int64]:
        """The scores `[scores]`."""
        return np.arange(self.lowest, self.lowest + self.counts.shape[1])

    @property
    def rows(self) -> float:
        """How many rows were counted."""
        return float(self.counts.sum())

    @property
    def event_rate(self) -> float:
        """The share of rows with the event; NaN of none."""
        return float(self.counts[1].sum()) / self.rows if self.rows else nan

    @property
    def both(self) -> bool:
        """Whether both outcomes were counted."""
        return bool((self.counts.sum(axis=1) > 0).all())

    def calibration(self, scaling: Scaling, default_rate: float = 0.0) -> Calibration:
        """Fit the outcomes by a logistic regression on the scale's log odds, then shift it to a default rate (0: none).

        Points are log odds already, so a good card has a slope near 1. Where the outcomes name no rising line, the
        slope is 1 and the mean alone is fitted. The slope is rounded to 24 bits of log odds a point: equal scores then
        give equal chances to the bit, in whichever order points are added. The shift makes the mean predicted chance
        over the counted rows the given rate.

        Example:
            >>> from hansa.horizontal.card import Scaling
            >>> tally = Tally(0, np.array([[50.0, 60.0, 90.0], [50.0, 40.0, 10.0]]))
            >>> found = tally.calibration(Scaling(points=0, odds=1, pdo=1), default_rate=0.1)
            >>> odds = np.exp(found.intercept + found.slope * np.log(2) * tally.scores)
            >>> round(float(tally.counts.sum(axis=0) @ (1 / (1 + odds)) / tally.rows), 6)
            0.1
        """
        if not self.both:
            return Calibration()
        z = scaling.log_odds(self.scores)
        slope = float(np.float32(self._slope(z) / scaling.factor)) * scaling.factor
        return Calibration(self._intercept(slope * z, default_rate or self.event_rate), slope)

    def grades(self, card: Card) -> tuple[Grade, ...]:
        """The rows by grade of the card's master scale, the safest first; grades that no score reaches are left out.

        Example:
            >>> card = Card((), base=600, grades=(0.02,))
            >>> Tally(599, np.array([[40.0, 50.0], [1.0, 1.0]])).grades(card)[0].lowest
            600
        """
        mine, chance, rows = card.grade(self.scores), card.probability(self.scores), self.counts.sum(axis=0)
        found = []
        for number in range(1, len(card.grades) + 2):
            here = np.flatnonzero(mine == number)
            if not len(here):
                continue
            scores, own = self.scores[here], float(rows[here].sum())
            mean = float(rows[here] @ chance[here]) / own if own else nan
            found.append(Grade(number, int(scores[0]), int(scores[-1]), own, float(self.counts[1, here].sum()), mean))
        return tuple(found)

    def cut_offs(self, gain: float = 0.0, loss: float = 0.0, steps: int = 20) -> tuple[CutOff, ...]:
        """Cut-offs that approve everybody, then a share less by `1 / steps` each, down to the last that approves any.

        Profit is `gain` for each good and -`loss` for each bad that is approved, per applicant (Thomas 2009).
        """
        if not self.rows:
            return ()
        above = np.cumsum(self.counts[:, ::-1], axis=1)[:, ::-1]
        approved = above.sum(axis=0)
        found: dict[int, CutOff] = {}
        for step in range(steps):
            most = self.rows * (1 - step / steps) * (1 + 1e-12)
            place = int(np.argmax(approved <= most))
            if not 0 < approved[place] <= most:
                continue
            goods, bads = above[:, place].tolist()
            share, profit = float(approved[place]) / self.rows, (gain * goods - loss * bads) / self.rows
            found[place] = CutOff(int(self.scores[place]), share, bads / (goods + bads), profit)
        return tuple(found.values())

    def best(self, gain: float, loss: float) -> CutOff:
        """The cut-off with the highest expected profit, over all scores; the lowest such.

        Example:
            >>> Tally(598, np.array([[10.0, 20.0, 40.0], [9.0, 5.0, 5.0]])).best(gain=1.0, loss=3.0).score
            599
        """
        goods, bads = np.cumsum(self.counts[:, ::-1], axis=1)[:, ::-1]
        place = int(np.argmax(gain * goods - loss * bads))
        approved = float(goods[place] + bads[place])
        profit = float(gain * goods[place] - loss * bads[place]) / max(self.rows, 1e-300)
        bad_rate = float(bads[place]) / approved if approved else nan
        return CutOff(int(self.scores[place]), approved / max(self.rows, 1e-300), bad_rate, profit)

    def _slope(self, z: NDArray[np.float64]) -> float:
        """The slope of goods over bads; 1 where there is no finite one above 0."""
        line = logistic_line(z, self.counts[0], self.counts.sum(axis=0))
        return line[1] if line is not None and line[1] > 0 else 1.0

    def _intercept(self, line: NDArray[np.float64], rate: float) -> float:
        """What must be added to log odds so that the mean chance of the event is this rate, by bisection."""
        share = self.counts.sum(axis=0) / self.rows
        low, high = -60.0 - float(line.max()), 60.0 - float(line.min())
        for _ in range(200):
            middle = (low + high) / 2
            if float(share @ (1 / (1 + np.exp(np.clip(middle + line, -700, 700))))) > rate:
                low = middle
            else:
                high = middle
        return (low + high) / 2
