"""The scorecard: whole points from a regression, calibrated and graded by counts; both halves on this page.

The coordinator's half is `MakeCard.plan`. What leaves a party, once: how many of its training and of its validation
rows without and with the event have each whole score, and over how far points were rounded, as sums. Neighbouring
scores with fewer than `min_cell` rows of an outcome are told jointly, and spread evenly over them; a party with fewer
than `min_rows` rows of a part tells none of it. With noise, counts alone, in bands of scores (see `noised_tally`). The
party takes the points as the preparation of its columns, so that whatever comes after is about whole scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from numpy.typing import NDArray

from hansa import catalogue
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Handler, Memory, Site
from hansa.core.plan import Asks, Keep, Plan, Reply
from hansa.core.step import Done, Event, Roster, Step
from hansa.core.table import Table
from hansa.data.parts import PARTS, HashSplit, Split
from hansa.errors import ConfigError, DataError
from hansa.horizontal.binner import tell_outcomes
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.card import Card, Scaling
from hansa.horizontal.design import Part, floors_at, parts_at, prepared_of, remembered
from hansa.horizontal.noise import Noise
from hansa.horizontal.noised_tally import noised_bands, tally_of
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.prohibited import ProfileName, check_card
from hansa.horizontal.regression import CONST, regression_in
from hansa.horizontal.rounds import Learning
from hansa.horizontal.tally import CutOff, Grade, Tally
from hansa.horizontal.woe import Cells, Woe
from hansa.privacy.sampling import Mechanism

if TYPE_CHECKING:
    from hansa.core.trainer import Trainer

_COUNTED: tuple[Part, Part] = ("train", "validation")
_MOST_SCORES = 100_000


@final
@dataclass(frozen=True)
class Mark(Ask):
    """Take these points; how many of your rows have each score, and what did rounding the coefficients change?

    `beta [1 + characteristics]`: the regression's constant and coefficients, before rounding.

    Example:
        >>> Mark(Card((), 600), np.array([-2.0])).card.base
        600
    """

    card: Card
    beta: NDArray[np.float64]

    @property
    def figures(self) -> int:
        """How many counts a row changes: one."""
        return 1


@final
@dataclass(frozen=True)
class Rounding:
    """What rounding to whole points changes over `rows`: root mean square in points, and log loss before and after.

    Example:
        >>> Rounding.of(np.array([100.0, 4.0, 30.0, 31.0]))
        Rounding(rows=100.0, points=0.2, log_loss=0.3, whole_log_loss=0.31)
    """

    rows: float = 0.0
    points: float = nan
    log_loss: float = nan
    whole_log_loss: float = nan

    @classmethod
    def of(cls, sums: NDArray[np.float64]) -> Rounding:
        """Read the sums of rows, squared differences in points, and losses before and after."""
        rows, squares, exact, whole = sums.tolist()
        least = max(rows, 1.0)
        return cls(rows, float(np.sqrt(max(squares, 0.0) / least)), exact / least, whole / least)


@final
@dataclass(frozen=True, eq=False)
class CardFound:
    """A scorecard with what was counted of it: `train` and `validation` rows by score, and the rounding on `on`.

    `gain`, `loss`: what the user earns by a good and loses by a bad. `turned`: columns that were left out, as their
    points would reward what their event rates punish. `noise`: the standard deviation of the noise in the count of each
    outcome in each band of scores.

    Example:
        >>> card, none = Card((), base=600), Tally(600, np.zeros((2, 1)))
        >>> found = CardFound(card, none, none)
        >>> found.counted is none, found.prepared.width, found.learning(found.prepared).chosen.round(4).tolist()
        (True, 0, [-3.912])
    """

    card: Card
    train: Tally
    validation: Tally
    on: Part = "validation"
    rounding: Rounding = Rounding()
    gain: float = 0.0
    loss: float = 0.0
    split: Split = field(default_factory=HashSplit)
    config: str = ""
    turned: tuple[str, ...] = ()
    noise: float = 0.0

    @property
    def counted(self) -> Tally:
        """The rows that the card was calibrated on."""
        return self.validation if self.on == "validation" else self.train

    @property
    def grades(self) -> tuple[Grade, ...]:
        """The master scale over those rows."""
        return self.counted.grades(self.card)

    @property
    def cut_offs(self) -> tuple[CutOff, ...]:
        """What comes of each cut-off, by those rows."""
        return self.counted.cut_offs(self.gain, self.loss)

    @property
    def best(self) -> CutOff | None:
        """The cut-off with the highest expected profit; None where the user has named no gain and loss."""
        return self.counted.best(self.gain, self.loss) if self.gain and self.loss and self.counted.rows else None

    @property
    def prepared(self) -> Prepared:
        """The columns by their points, for any table of the same columns."""
        return Prepared(self.card.codings, self.split, self.config)

    def reads(self, prepared: Prepared | None) -> Prepared | None:
        """All of its own preparation."""
        return prepared

    def learning(self, prepared: Prepared | None) -> Learning:
        """The calibrated log odds of the event as a linear model of points: one coefficient for all columns."""
        del prepared
        card = self.card
        slope = float(np.float32(card.calibration.slope / card.scaling.factor))  # so that sums of points are exact
        start = card.calibration.intercept + slope * (card.base - card.scaling.offset)
        return Learning(len(card.columns), -np.array([*[slope] * len(card.columns), start]))


@final
@dataclass(frozen=True)
class MakeCard:
    """Turn a logistic regression on weights of evidence into a card of whole points, calibrated, graded and counted.

    `on`: the rows that calibrate it and that cut-offs are counted on; training rows where too few validation rows are
    told. `default_rate`: what the mean calibrated chance over those rows shall be, such as a long-run average; 0 takes
    their own. `grades`: the master scale, rising chances that end a grade. `gain`, `loss`: what a good earns and a bad
    costs, for the profit by cut-off. `profile`: the law by which columns are prohibited, with `protected` and `allow`;
    see `prohibited`. Such a column is refused here: leave it out of the binning. `noise_multiplier`,
    `noise_mechanism`, `customer_rows`: scores are counted in bands, with noise as in `Binning`, and nothing else is
    told.

    The regression is that of `glm`, or of `rounds` of a logistic `linear`, which may train privately. Of these, columns
    are left out whose coefficient has the wrong sign, for no selection has looked at them.

    Raises:
        ConfigError: settings outside their range.

    Example:
        >>> MakeCard(gain=1.0, loss=8.0).title
        'scorecard'
    """

    scaling: Scaling = field(default_factory=Scaling)
    on: Literal["validation", "train"] = "validation"
    default_rate: float = 0.0
    grades: tuple[float, ...] = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
    gain: float = 0.0
    loss: float = 0.0
    profile: ProfileName = "us"
    protected: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    noise_multiplier: float = 0.0
    noise_mechanism: Mechanism = "gaussian"
    customer_rows: int = 0

    def __post_init__(self) -> None:
        """Check ranges."""
        self.noise  # noqa: B018 - making it checks it
        if not 0 <= self.default_rate < 1 or self.gain < 0 or self.loss < 0:
            raise ConfigError("default_rate must lie in [0, 1), and gain and loss be at least 0.")
        if list(self.grades) != sorted({*self.grades}) or not all(0 < chance < 1 for chance in self.grades):
            raise ConfigError("grades must be rising chances between 0 and 1.", f"Got {list(self.grades)}.")

    @property
    def title(self) -> str:
        """The step's name."""
        return "scorecard"

    @property
    def state(self) -> type[CardFound]:
        """What the plan keeps and returns."""
        return CardFound

    @property
    def trainer(self) -> Trainer:
        """What scores a row by points."""
        linear: Trainer = catalogue.part("linear")("logistic")
        return linear

    def alone(self, *, first: bool = True) -> MakeCard:
        """The same for one party by itself; its own card is compared, not used, so that no rule stands against it."""
        del first
        own = replace(self, profile="none", protected=(), allow=())
        return replace(own, noise_multiplier=0.0, noise_mechanism="gaussian", customer_rows=0)

    @property
    def noise(self) -> Noise:
        """The noise on the counts of scores."""
        return Noise(self.noise_multiplier, self.customer_rows, self.noise_mechanism)

    def events(self) -> tuple[Event, ...]:
        """With noise one release; else nothing that an accountant could bound."""
        return (self.noise.event,) if self.noise_multiplier else ()

    def releases(self) -> Mapping[type[Ask], tuple[Event, ...]]:
        """With noise, all that is told."""
        return {Mark: (self.noise.event,)} if self.noise_multiplier else {}

    def check_after(self, after: Sequence[Step]) -> None:
        """Nothing that it is made of comes after."""
        if late := next((step.title for step in after if step.title in {"binning", "selection", "glm", "rounds"}), ""):
            raise ConfigError(
                f"{late} must stand before scorecard.", "Points are the last form of the columns.", "Move it up."
            )

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half."""
        return {Mark: Marker(self.noise)}

    def often(self) -> Mapping[type[Ask], int]:
        """Once: from counts by other points, more could be told apart."""
        return {Mark: 1}

    def plan(self, parties: Roster, kept: CardFound | None, done: Done) -> Plan[CardFound]:
        """One ask: everybody takes the points and counts its scores."""
        if kept is not None:
            return kept
        binning = done.last(BinningProcess)
        regression, turned = regression_in(done)
        card = replace(Card.of(regression, binning, self.scaling), grades=self.grades)
        check_card(card, self.profile, self.protected, self.allow)
        check_range(card)
        beta = np.array([regression.param(name) for name in (CONST, *card.columns)])
        reply = yield Asks(dict.fromkeys(parties, Mark(card, beta)), until=parties.until(len(parties)))
        found = replace(self._found(card, reply, binning), turned=turned)
        yield Keep(found, {"characteristics": float(len(card.columns)), "rounding": found.rounding.points})
        return found

    def _found(self, card: Card, reply: Reply, binning: BinningProcess) -> CardFound:
        told: Load = reply.value
        halves, noise = told["scores"][0].reshape(len(_COUNTED), -1), self.noise
        if noise.multiplier:
            train, validation = (tally_of(card, half, noise, len(reply.counted)) for half in halves)
        else:
            train, validation = (
                Tally(card.lowest, half.reshape(2, -1), apart)
                for half, apart in zip(halves, told["apart"][0].tolist(), strict=True)
            )
        on: Part = "validation" if self.on == "validation" and validation.both else "train"
        counted = validation if on == "validation" else train
        card = replace(card, calibration=counted.calibration(self.scaling, self.default_rate))
        rounding = Rounding()
        if not noise.multiplier:
            rounding = Rounding.of(told["rounding"][0].reshape(len(_COUNTED), -1)[_COUNTED.index(on)])
        made = CardFound(card, train, validation, on, rounding, self.gain, self.loss, binning.split, binning.config)
        return replace(made, noise=noise.deviation(1, len(reply.counted)))


@final
@dataclass(frozen=True)
class Marker:
    """The party's half of `Mark`.

    Example:
        >>> MakeCard(noise_multiplier=6.0).handlers()[Mark].noise.multiplier
        6.0
    """

    noise: Noise

    def answer(self, ask: Mark, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Count the scores of training and validation rows; the points are remembered as the preparation."""
        prepared = prepared_of(site, memory)
        if prepared is None:
            raise DataError("There is nothing to score by.", mend="Put binning and glm before the scorecard.")
        check_range(ask.card)
        taken = {**memory, **remembered(replace(prepared, encodings=ask.card.codings))}
        if self.noise.multiplier:
            counts = noised_bands(ask.card, site, prepared.split, _COUNTED, self.noise)
            return Answer(Load({"scores": counts[None, :]})), taken
        parts, told = parts_at(site, prepared.split), []
        for part in _COUNTED:
            floors = floors_at(site, memory, part)
            rows = np.flatnonzero(parts == PARTS.index(part))
            rows = rows if floors.suffice(len(rows)) else rows[:0]
            told.append(tell_scores(ask, site.table.take(rows), floors.cell))
        scores, apart, rounding = (np.concatenate(some) for some in zip(*told, strict=True))
        load = Load({"scores": scores[None, :], "apart": apart[None, :], "rounding": rounding[None, :]})
        return Answer(load), taken


def check_range(card: Card) -> None:
    """Refuse a card of so many scores that none of them would be counted twice.

    Raises:
        ConfigError: its scores span more than 100,000 points.

    Example:
        >>> check_range(Card((), base=600))
    """
    if card.highest - card.lowest > _MOST_SCORES:
        raise ConfigError(
            f"The scorecard's scores span {card.highest - card.lowest:,} points.",
            f"More than {_MOST_SCORES:,} are not counted.",
            "Lower the pdo of the scaling.",
        )


def tell_scores(
    ask: Mark, table: Table, cell: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Rows without and with the event by whole score `[2 * scores]`, how many were told jointly `[1]`, and sums `[4]`.

    The sums are those of `Rounding.of`.

    Example:
        >>> table = Table.of({"age": [20, 30], "late": [0, 1]}, target="late")
        >>> [part.round(2).tolist() for part in tell_scores(Mark(Card((), 600), np.array([-3.9])), table, cell=1)]
        [[1.0, 1.0], [0.0], [2.0, 0.24, 3.94, 3.95]]
    """
    card, event = ask.card, table.y() == 1
    size = card.highest - card.lowest + 1
    score = card.score(table)
    cells = Cells("score", edges=tuple(float(one) for one in range(card.lowest, card.highest)))
    counts, apart = tell_outcomes((score - card.lowest).astype(np.intp), event, cells, cell)
    woes = Prepared(tuple(Woe(one.cells, one.woe) for one in card.characteristics)).transform(table)
    exact = ask.beta[0] + woes @ ask.beta[1:]
    whole = -card.scaling.log_odds(score)
    losses = [float(np.logaddexp(0.0, np.where(event, -odds, odds)).sum()) for odds in (exact, whole)]
    off = float(((score - card.scaling.score(-exact)) ** 2).sum())
    return counts[:, :size].reshape(-1), np.array([apart]), np.array([float(len(table)), off, *losses])
