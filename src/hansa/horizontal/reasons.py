"""Reasons for a decline: the characteristics that cost the most points; both halves of the conversation on this page.

A reason is a characteristic of the card on which the applicant got fewer points than a reference: the mean of all
applicants, the mean of those just approved, or the best that anybody can get (12 CFR part 1002, supplement I, 9(b)(2),
names the first two among the methods). The coordinator's half is `Explain.plan`. What leaves a party, once: how many of
its training rows score between two scores, and the sums of their points by characteristic; nothing where fewer than
`min_rows` customers score there, or all but so few. For the best, nothing is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Handler, Memory, Site
from hansa.core.plan import Asks, Keep, Plan
from hansa.core.step import Done, Event, Roster
from hansa.data.parts import PARTS
from hansa.errors import ConfigError, DataError
from hansa.horizontal.card import Card, Whole
from hansa.horizontal.design import floors_at, parts_at, prepared_of
from hansa.horizontal.scorecard import CardFound

if TYPE_CHECKING:
    from hansa.core.table import Table

Against: TypeAlias = Literal["applicants", "just_approved", "best"]
Kind: TypeAlias = Literal["value", "special", "missing"]

MOST: Final = 4
"""The most reasons that an applicant is given: more are unlikely to help (12 CFR part 1002, supplement I, 9(b)(2))."""

_FINE: Final = 1000


@final
@dataclass(frozen=True)
class Reason:
    """One reason: the characteristic, how many points `below` the reference it is, and what stood in the column.

    `kind`: a value, a special code, or no value; each wants words of its own.

    Example:
        >>> Reason("income", 12.5).kind
        'value'
    """

    column: str
    below: float
    kind: Kind = "value"


@final
@dataclass(frozen=True)
class Reference:
    """What points are compared with, by characteristic in the card's order, in thousandths; from `rows` rows.

    Example:
        >>> Reference.best(Card((), 600))
        Reference(points=(), against='best', rows=0.0)
    """

    points: tuple[float, ...]
    against: Against = "applicants"
    rows: float = 0.0

    @classmethod
    def best(cls, card: Card) -> Reference:
        """The most points that each characteristic gives."""
        return cls(tuple(float(max(one.points)) for one in card.characteristics), "best")


@final
@dataclass(frozen=True)
class Reasons:
    """The reasons of a card: at most `most`, those that cost the most points first.

    Points and reference are compared in whole thousandths, and of equal ones the card's first characteristic comes
    first, so that the same applicant has the same reasons at any time and on any machine.

    Raises:
        DataError: the reference is of another card, or nobody could be counted for it.
        ConfigError: `most` is not between 1 and 4.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.card import Characteristic
        >>> from hansa.horizontal.woe import Cells
        >>> age = Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 0), (-0.6, 0.7, 0.0))
        >>> reasons = Reasons(Card((age,), 540), Reference((4.5,)))
        >>> reasons.of(Table.of({"age": [25, 40, None]}))
        ((Reason(column='age', below=13.5, kind='value'),), (), (Reason(column='age', below=4.5, kind='missing'),))
    """

    card: Card
    reference: Reference
    most: int = MOST

    def __post_init__(self) -> None:
        """Check that both are of one card."""
        if len(self.reference.points) != len(self.card.characteristics):
            raise DataError("The reference is not of this card.", mend="Take both from the same run.")
        if not np.isfinite(self.reference.points).all():
            raise DataError(
                "There is nobody to compare an applicant with.",
                "No party had min_rows training rows there and as many elsewhere.",
                "Compare with the best, widen the band, or lower min_rows.",
            )
        if not 1 <= self.most <= MOST:
            raise ConfigError(f"An applicant is given 1 to {MOST} reasons.", f"Got most={self.most}.")

    @property
    def below(self) -> tuple[Whole, ...]:
        """Each characteristic's thousandths of points below the reference, by cell; what is not below is negative or 0.

        Example:
            >>> Reasons(Card((), 600), Reference(())).below
            ()
        """
        return tuple(
            np.rint(_FINE * np.array(reference) - _FINE * np.array(one.points)).astype(np.int64)
            for one, reference in zip(self.card.characteristics, self.reference.points, strict=True)
        )

    def of(self, table: Table) -> tuple[tuple[Reason, ...], ...]:
        """Each row's reasons; none for somebody who is nowhere below the reference.

        Raises:
            DataError: a column is missing, or of another kind than the card was made for.
        """
        self.card.points(table)  # names a column that is missing
        ones, belows = self.card.characteristics, self.below
        places = [one.cells.place(table.column(one.column)) for one in ones]
        lost = np.array([below[place] for below, place in zip(belows, places, strict=True)], np.int64)
        lost = lost.reshape(len(ones), len(table)).T
        order = np.argsort(-lost, axis=1, kind="stable")[:, : self.most]
        return tuple(
            tuple(
                Reason(ones[i].column, float(lost[row, i]) / _FINE, kind_of(self.card, i, int(places[i][row])))
                for i in order[row].tolist()
                if lost[row, i] > 0
            )
            for row in range(len(table))
        )

    @property
    def possible(self) -> tuple[tuple[str, Kind], ...]:
        """Every reason that anybody can be given: column and kind, in the card's order."""
        found = (
            (one.column, kind_of(self.card, i, cell))
            for i, (one, below) in enumerate(zip(self.card.characteristics, self.below, strict=True))
            for cell in np.flatnonzero(below > 0).tolist()
        )
        return tuple(dict.fromkeys(found))


def kind_of(card: Card, characteristic: int, cell: int) -> Kind:
    """What stands in a cell of a characteristic.

    Example:
        >>> from hansa.horizontal.card import Characteristic
        >>> from hansa.horizontal.woe import Cells
        >>> late = Characteristic(Cells("late", edges=(0.0,), special_codes=(98.0,)), (9, 0, -4, 0), ())
        >>> [kind_of(Card((late,), 600), 0, cell) for cell in range(4)]
        ['value', 'value', 'special', 'missing']
    """
    cells = card.characteristics[characteristic].cells
    if cell == cells.size - 1:
        return "missing"
    return "special" if not cells.words and cell >= cells.bins else "value"


@final
@dataclass(frozen=True)
class Means(Ask):
    """What do points add up to by characteristic, over your training rows that score `low` to `high`?

    Example:
        >>> Means(Card((), 600), 590, 610).high
        610
    """

    card: Card
    low: int
    high: int


@final
@dataclass(frozen=True)
class Explain:
    """Find what a scorecard's reasons for a decline are measured against; comes after the scorecard.

    `against`: the mean of all applicants, the mean of those just approved, or the best points. Just approved are those
    who score at least `cut_off` and less than `band` points more. Without a `cut_off` it is the one of the highest
    expected profit, where the card names gain and loss.

    Raises:
        ConfigError: a band that is not above 0, or a cut-off where none is needed.

    Example:
        >>> Explain(against="just_approved", cut_off=560).title
        'reasons'
    """

    against: Against = "applicants"
    cut_off: int | None = None
    band: int = 20

    def __post_init__(self) -> None:
        """Check the range."""
        if self.band <= 0:
            raise ConfigError("band must be above 0 points.", f"Got {self.band}.")
        if self.cut_off is not None and self.against != "just_approved":
            raise ConfigError(
                "A cut-off is needed for those just approved alone.", mend="Leave it out, or set against."
            )

    @property
    def title(self) -> str:
        """The step's name."""
        return "reasons"

    @property
    def state(self) -> type[Reference]:
        """What the plan keeps and returns."""
        return Reference

    def events(self) -> tuple[Event, ...]:
        """Nothing that an accountant could bound."""
        return ()

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half; for the best, nothing is asked."""
        return {} if self.against == "best" else {Means: Averager()}

    def often(self) -> Mapping[type[Ask], int]:
        """Once: from sums between other scores, those of a few customers could be told."""
        return {Means: 1}

    def plan(self, parties: Roster, kept: Reference | None, done: Done) -> Plan[Reference]:
        """One ask, or none."""
        card = done.last(CardFound).card
        found = kept
        if found is None and self.against == "best":
            found = Reference.best(card)
        elif found is None:
            low, high = self._between(done.last(CardFound))
            reply = yield Asks(dict.fromkeys(parties, Means(card, low, high)), until=parties.until(len(parties)))
            rows, sums = float(reply.value["rows"][0, 0]), reply.value["sums"][0]
            means = np.rint(_FINE * sums / rows) / _FINE if rows else np.full(len(card.columns), np.nan)
            found = Reference(tuple(means.tolist()), self.against, rows)
        yield Keep(found, {"rows": found.rows})
        return found

    def _between(self, found: CardFound) -> tuple[int, int]:
        if self.against == "applicants":
            return found.card.lowest, found.card.highest
        best = found.best
        if self.cut_off is None and best is None:
            raise ConfigError(
                "Those just approved need a cut-off.",
                "The scorecard names no gain and loss to find one by.",
                "Set cut_off, or gain and loss in the scorecard.",
            )
        low = self.cut_off if self.cut_off is not None or best is None else best.score
        return int(low or 0), int(low or 0) + self.band - 1


@final
@dataclass(frozen=True)
class Averager:
    """The party's half of `Means`.

    Example:
        >>> isinstance(Explain().handlers()[Means], Averager)
        True
    """

    def answer(self, ask: Means, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Sum the points over the training rows between; nothing of few, nor of all but a few."""
        prepared = prepared_of(site, memory)
        split = None if prepared is None else prepared.split
        rows = np.flatnonzero(parts_at(site, split) == PARTS.index("train"))
        points = ask.card.points(site.table.take(rows))
        there = between(ask.card.base + points.sum(axis=1), ask.low, ask.high)
        floors = floors_at(site, memory, "train")
        here, elsewhere = int(there.sum()), int((~there).sum())
        if not floors.suffice(here) or (elsewhere and not floors.suffice(elsewhere)):
            there = np.zeros(len(rows), bool)
        sums = points[there].sum(axis=0, dtype=np.float64)
        return Answer(Load({"rows": np.array([[float(there.sum())]]), "sums": sums[None, :]})), memory


def between(score: Whole, low: int, high: int) -> NDArray[np.bool_]:
    """Which scores `[rows]` lie from low to high, both included.

    Example:
        >>> between(np.array([590, 600, 620]), 600, 619).tolist()
        [False, True, False]
    """
    return np.asarray((score >= low) & (score <= high))


@final
@dataclass(frozen=True)
class Words:
    """How one characteristic is named in a letter: for a `value`, for a special code, and where there was none.

    Example:
        >>> Words("Income insufficient for amount of credit requested", missing="Unable to verify income").of("missing")
        'Unable to verify income'
    """

    value: str
    missing: str = ""
    special: str = ""

    def of(self, kind: Kind) -> str:
        """The words for a kind of reason; empty where there are none."""
        return {"value": self.value, "missing": self.missing, "special": self.special}[kind]


def check_words(reasons: Reasons, words: Mapping[str, Words]) -> None:
    """Refuse words that leave out a reason that somebody can be given, before anybody is.

    Raises:
        ConfigError: names the characteristic and the kind of reason that has no words.

    Example:
        >>> from hansa.horizontal.card import Characteristic
        >>> from hansa.horizontal.woe import Cells
        >>> age = Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 0), (-0.6, 0.7, 0.0))
        >>> check_words(Reasons(Card((age,), 540), Reference((4.5,))), {"age": Words("Length of credit history")})
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: There are no words for 'age' where it is missing. An applicant can be declined for \
it, and a letter must name the specific reason. Give it words of its own: Words(..., missing="...").
    """
    said = {"value": "", "missing": " where it is missing", "special": " where it is a special code"}
    for column, kind in reasons.possible:
        if column not in words or not words[column].of(kind).strip():
            field = "..." if kind == "value" else f'..., {kind}="..."'
            raise ConfigError(
                f"There are no words for '{column}'{said[kind]}.",
                "An applicant can be declined for it, and a letter must name the specific reason.",
                f"Give it words of its own: Words({field}).",
            )


def worded(reasons: Sequence[Reason], words: Mapping[str, Words]) -> tuple[str, ...]:
    """One applicant's reasons in words, in their order.

    Raises:
        DataError: there is no reason to give.
        ConfigError: a reason has no words; see `check_words`.

    Example:
        >>> worded([Reason("age", 13.5)], {"age": Words("Length of credit history")})
        ('Length of credit history',)
    """
    if not reasons:
        raise DataError(
            "There is no reason to give: the applicant is nowhere below the reference.",
            "A letter must name at least one that was really scored.",
            "Compare with those just approved, or with the best.",
        )
    for one in reasons:
        if one.column not in words or not words[one.column].of(one.kind).strip():
            raise ConfigError(
                f"There are no words for '{one.column}'.", mend="Call check_words before the first letter."
            )
    return tuple(words[one.column].of(one.kind) for one in reasons)
