"""Validate: what a validator asks of a scorecard on the sealed test.

What leaves a party, of its mature test rows: counts of their scores by outcome, in groups of `min_cell` as `Evaluate`
tells them, for the whole test and for each vintage; rows, bads and the sums of calibrated chances with them; sums of
where its bads stand among the goods of all; counts by grade and outcome, and by cell of each characteristic; the sums
of a regression on the card's own log odds. Of all its rows: counts by band of score and vintage. Of its training rows:
counts by cell and by band, and the information matrix at the card's coefficients, in a sum. In clear: the SHA-256 of
its table, vintages that `min_cell` customers share, and the figures of its `Portrait`. A vintage or test of fewer than
`min_rows` customers, or with a few of an outcome, is told as none. The party's half stands in `validator`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from hansa.core.fold import Collect, Each
from hansa.core.message import Ask
from hansa.core.party import Handler
from hansa.core.plan import Asks, Gather, Keep, Plan
from hansa.core.step import Done, Event, Roster, Step
from hansa.data.parts import Split
from hansa.data.times import Bound, Period, TimeSplit, Window
from hansa.errors import ConfigError
from hansa.horizontal.card import Card
from hansa.horizontal.labels import in_order
from hansa.horizontal.portrait import NOTES, Portrait, portrait_from
from hansa.horizontal.proof import MOMENTS
from hansa.horizontal.regression import CONST, regression_in
from hansa.horizontal.regressors import whole
from hansa.horizontal.scorecard import CardFound
from hansa.horizontal.tally import Tally, score_edges
from hansa.horizontal.validated import Line, Validated
from hansa.horizontal.validator import Origin, Outturn, Portray, Rank, Recalibrate, Validator

_BANDS = 10
_MOST_STEPS = 25
_AT_REST = 1e-9


@final
@dataclass(frozen=True)
class Validate:
    """Open the test for a validator: discrimination, calibration, vintages, stability, each bank beside the others.

    Comes after the scorecard; nothing after it may change the card. `vintage`: a column of dates or numbers by which
    figures are told apart, by `period`; without, that of a split by time. A row is mature when its outcome was known at
    `known_until`, `months` and `gap` after its moment (see `Window`); test rows that are not are left out and counted.

    Raises:
        ConfigError: a window without a vintage, or one that is negative.

    Example:
        >>> Validate("issued", months=12, known_until="2025-12-31").title
        'validate'
    """

    vintage: str = ""
    period: Period = "year"
    months: int = 0
    gap: float = 0.0
    known_until: Bound | None = None

    def __post_init__(self) -> None:
        """Check the window."""
        Window(self.months, self.gap)
        if (self.months or self.gap or self.known_until is not None) and not (
            self.vintage and self.known_until is not None
        ):
            raise ConfigError(
                "A performance window needs a vintage and known_until.",
                "A row is mature if its outcome was known by then.",
                "Name the column of the rows' moments, and the day up to which outcomes are known.",
            )

    @property
    def title(self) -> str:
        """The step's name."""
        return "validate"

    @property
    def state(self) -> type[Validated]:
        """What the plan keeps and returns."""
        return Validated

    def events(self) -> tuple[Event, ...]:
        """Nothing that an accountant could bound."""
        return ()

    def check_after(self, after: Sequence[Step]) -> None:
        """Nothing after it makes another card."""
        changes = {"binning", "selection", "glm", "rounds", "scorecard", "validate"}
        if late := next((step.title for step in after if step.title in changes), ""):
            raise ConfigError(
                f"{late} must stand before validate.", "A card is validated once, when it is finished.", "Move it up."
            )

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half: one validator answers every kind."""
        return dict.fromkeys((Origin, Outturn, Rank, Recalibrate, Portray), Validator(self))

    def collects(self) -> frozenset[type[Ask]]:
        """Where rows came from, and each bank's own figures."""
        return frozenset({Origin, Portray})

    def often(self) -> Mapping[type[Ask], int]:
        """All but Newton's steps once: from counts by other cards, more could be told apart."""
        return {Origin: 1, Outturn: 1, Rank: 1, Recalibrate: _MOST_STEPS, Portray: 1}

    def plan(self, parties: Roster, kept: Validated | None, done: Done) -> Plan[Validated]:
        """Vintages and fingerprints; counts and ranks; a line of calibration; then each bank's own figures."""
        found = kept if kept is not None else (yield from self._found(parties, done))
        yield Keep(found, {"rows": found.rows, "bads": found.bads})
        return found

    def _found(self, parties: Roster, done: Done) -> Gather[Validated]:
        made, (regression, _) = done.last(CardFound), regression_in(done)
        card, names = made.card, (CONST, *made.card.columns)
        beta = np.array([regression.param(name) for name in names])
        until = parties.until(len(parties))
        reply = yield Asks(dict.fromkeys(parties, Origin()), Collect(), until)
        here = reply.counted
        origins = {parties.names[i]: a.text() for i, a in reply.value.rows}
        vintages = in_order({one for said in origins.values() for one in said["vintages"]})
        ask = Outturn(card, beta, *_odds(made), _bands(made.train), vintages)
        reply = yield Asks(dict.fromkeys(here, ask))
        told = {name: vector[0] for name, vector in reply.value.vectors.items()}
        low, high = (told[name].reshape(1 + len(vintages), 2, -1).astype(np.int64) for name in ("low", "high"))
        reply = yield Asks(dict.fromkeys(here, Rank(card, low[:, 0], high[:, 0], vintages)))
        ranks = reply.value["placed"][0].reshape(1 + len(vintages), -1)
        line = (yield from _line(here, card)) if told["moments"][0] else Line()
        ends = np.cumsum([one.cells.size for one in card.characteristics])[:-1]
        pool, tested = (tuple(np.split(one, ends)) for one in np.split(told["cells"], 2))
        trained, *bands = told["bands"].reshape(2 + len(vintages), -1)
        reply = yield Asks(dict.fromkeys(here, Portray(card, beta, whole(told["information"]), pool)), Collect())
        return Validated(
            card,
            vintages,
            tuple(self._portraits(parties, reply.value, card)),
            {party: said["table"] for party, said in origins.items()},
            score_edges(card),
            low,
            high,
            ranks,
            told["moments"].reshape(1 + len(vintages), len(MOMENTS)),
            told["grades"].reshape(2, -1),
            _chances(made),
            trained,
            np.stack(bands),
            pool,
            tested,
            line,
            float(told["apart"][0]),
            float(told["immature"][0]),
            told["untold"],
            made.on,
            isinstance(made.split, TimeSplit),
            self._window(made.split),
        )

    def _window(self, split: Split) -> str:
        """What makes a row mature, in words; nothing where all are taken to be."""
        if self.known_until is not None:
            months, gap, name, until = self.months, self.gap, self.vintage, self.known_until
        elif isinstance(split, TimeSplit) and (split.months or split.gap) and split.known_until is not None:
            months, gap, name, until = split.months, split.gap, split.column, split.known_until
        else:
            return ""
        after = " and ".join([f"{months} months"] * bool(months) + [f"{gap:g} more"] * bool(gap)) or "at once"
        return f"outcomes known by {until}; {after} after '{name}'"

    def _portraits(self, parties: Roster, each: Each, card: Card) -> list[Portrait]:
        said = {parties.names[place]: answer.load for place, answer in each.rows}
        return [
            portrait_from(name, card.columns, said[name]) if name in said else Portrait(name, note=NOTES[3])
            for name in parties
        ]


def _line(here: tuple[str, ...], card: Card) -> Gather[Line]:
    """Newton's steps of the regression of outcomes on the card's own log odds; none where there is no finite one."""
    at = np.array([0.0, 1.0])
    for _ in range(_MOST_STEPS):
        reply = yield Asks(dict.fromkeys(here, Recalibrate(card, at)))
        information = whole(reply.value["information"][0])
        if not np.linalg.cond(information) < 1e12:
            return Line()
        cov = np.linalg.inv(information)
        step = np.clip(cov @ reply.value["gradient"][0], -1.0, 1.0)
        at = at + step
        if float(np.abs(step).max()) < _AT_REST:
            return Line(*at.tolist(), *np.sqrt(np.diag(cov)).tolist())
    return Line()


def _chances(made: CardFound) -> NDArray[np.float64]:
    """The mean chance of the event by grade [grades], over the rows that the card was calibrated on; NaN of none."""
    chances = np.full(len(made.card.grades) + 1, np.nan)
    for grade in made.grades:
        chances[grade.number - 1] = grade.predicted
    return chances


def _odds(made: CardFound) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By grade [grades]: the goods that it was calibrated on, and the odds of the event amid its scores, or 1."""
    goods, odds = np.zeros(len(made.card.grades) + 1), np.ones(len(made.card.grades) + 1)
    for grade in made.grades:
        chance = float(made.card.probability(np.array([(grade.lowest + grade.highest) / 2]))[0])
        goods[grade.number - 1] = grade.rows - grade.bads
        odds[grade.number - 1] = chance / max(1 - chance, 1e-9)
    return goods, odds


def _bands(train: Tally) -> tuple[int, ...]:
    """The last score of each band but the highest: about tenths of the training rows."""
    upto = np.cumsum(train.counts.sum(axis=0))
    if not train.rows:
        return ()
    ends = np.searchsorted(upto, train.rows * np.arange(1, _BANDS) / _BANDS)
    return tuple(sorted({int(train.scores[end]) for end in ends if end < len(upto) - 1}))
