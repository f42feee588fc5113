"""Rows that a card is held against, and what a party tells of them: counts and sums that keep its floors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics import ScoreCounts, merge_small, placement_sums, score_keys, too_few
from hansa.core.table import Column, Table
from hansa.horizontal.card import Card
from hansa.horizontal.floors import Floors
from hansa.horizontal.groups import Told
from hansa.horizontal.labels import placed
from hansa.horizontal.portrait import information_of
from hansa.horizontal.regressors import triangle
from hansa.horizontal.tally import score_edges

if TYPE_CHECKING:
    from hansa.horizontal.families import Floats

MOMENTS: Final = ("rows", "bads", "expected", "variance")
"""What is summed of rows: their number, their bads, the calibrated chances of those, and the variance of their sum."""


@final
@dataclass(frozen=True)
class Proof:
    """Some of a party's rows with their floors and their vintages: its mature test rows, or those of one vintage.

    `kept`: nothing may be told of them, for others could be told by the difference.

    Example:
        >>> Proof(Table.of({"late": [0, 0, 1]}, target="late"), Floors(1, 2)).told  # one bad is a few
        False
    """

    table: Table
    floors: Floors
    times: Column | None = None
    kept: bool = False

    @property
    def many(self) -> bool:
        """Whether enough customers stand behind them, and they are not kept for the sake of others."""
        return not self.kept and len(self.table) > 0 and self.floors.suffice(len(self.table))

    @property
    def told(self) -> bool:
        """Whether something may be told of their outcomes: they are many, and not a few of one."""
        return self.many and not too_few(self.table.y(), self.floors.cell)

    def at(self, rows: NDArray[np.intp]) -> Proof:
        """Some of these rows."""
        return Proof(self.table.take(rows), self.floors.at(rows), None if self.times is None else self.times.take(rows))

    def divided(self, names: tuple[str, ...], *, outcomes: bool = True) -> list[Proof]:
        """All of these rows, then those of each of these vintages; told are outcomes, or rows alone.

        What is not told is known together, as all less the others: where that is few, the smallest others are kept too.
        """
        if self.times is None:
            return [self]
        place = placed(self.times, names)
        each = [self.at(np.flatnonzero(place == i)) for i in range(len(names))]
        told = [i for i in np.argsort([len(one.table) for one in each]) if (each[i].told if outcomes else each[i].many)]
        while told and len((rest := self.at(np.flatnonzero(~np.isin(place, told)))).table):
            if rest.told if outcomes else rest.many:
                break
            told = told[1:]
        return [self, *(replace(one, kept=i not in told) for i, one in enumerate(each))]


def tell_scores(card: Card, proof: Proof) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
    """Rows by outcome and risk between two placements, `[2 * bins]` each, and `MOMENTS`; zeros where not told.

    Example:
        >>> rows = Table.of({"late": [0, 0, 1]}, target="late")
        >>> low, _, sums = tell_scores(Card((), 600), Proof(rows, Floors(1, 1)))
        >>> int(low.sum()), sums.round(2).tolist()
        (3, [3.0, 1.0, 0.06, 0.06])
    """
    edges = score_edges(card)
    if not proof.told:
        none = np.zeros(2 * (len(edges) - 1), np.int64)
        return none, none, np.zeros(len(MOMENTS))
    score, bad = card.score(proof.table), proof.table.y()
    counts = merge_small(score_keys(-score.astype(np.float64)), bad, edges, proof.floors.cell)
    chance = card.probability(score)
    sums = np.array([len(bad), bad.sum(), chance.sum(), (chance * (1 - chance)).sum()])
    return counts.low.reshape(-1), counts.high.reshape(-1), sums


def tell_ranks(card: Card, low: NDArray[np.int64], high: NDArray[np.int64], proof: Proof) -> NDArray[np.float64]:
    """The sums of `placement_sums` over the bads `[4]`; zeros where not told, or of fewer than `min_rows` bads.

    `low`, `high` [bins]: the goods of all by risk, between two placements.

    Example:
        >>> rows, goods = Table.of({"late": [0, 0, 1]}, target="late"), np.array([0, 2, 0])
        >>> tell_ranks(Card((), 600), goods, goods, Proof(rows, Floors(1, 1))).tolist()
        [1.0, 0.5, 0.5, 0.25]
    """
    bads = np.flatnonzero(proof.table.y() == 1)
    if not proof.told or not proof.floors.at(bads).suffice(len(bads)):
        return np.zeros(4)
    keys = score_keys(-card.score(proof.table).astype(np.float64))
    goods = ScoreCounts(score_edges(card), *(np.stack([one, 0 * one]) for one in (low, high)))
    return placement_sums(keys, proof.table.y(), goods)


def tell_grades(
    place: NDArray[np.intp], bad: NDArray[np.bool_], goods: Floats, odds: Floats, cell: int
) -> tuple[NDArray[np.float64], float]:
    """Rows without and with the event by grade `[2, grades]` as they leave a party; how many were told jointly.

    Goods that are told jointly are spread over their grades as `goods` are, bads as the goods there and the grades'
    odds say: so few bads can speak against a card no louder than they were told.

    Example:
        >>> place, bad = np.repeat([0, 1, 2], [40, 40, 40]), np.arange(120) % 40 < np.repeat([1, 2, 9], 40)
        >>> tell_grades(place, bad, np.ones(3), np.array([0.03, 0.06, 0.3]), cell=3)[0][1].round(2).tolist()
        [1.02, 1.98, 9.0]
    """
    told, apart = np.zeros((2, len(odds))), 0.0
    for side, mine in enumerate((place[~bad], place[bad])):
        made = Told.of(np.bincount(mine, minlength=len(odds)), cell, ordered=True)
        weight = np.maximum(told[0], 1e-9) * odds if side else np.maximum(goods, 1e-9)
        told[side] = made.rows[made.into] * weight / np.bincount(made.into, weight, minlength=len(odds))[made.into]
        apart += float(made.rows[np.bincount(made.into, minlength=len(odds)) > 1].sum())
    return told, apart


def tell_line(card: Card, line: Floats, table: Table) -> dict[str, NDArray[np.float64]]:
    """The sums of a regression of the event on the card's own log odds, at `line` [2]: gradient and information `[3]`.

    Example:
        >>> rows = Table.of({"late": [0, 1]}, target="late")
        >>> tell_line(Card((), 600), np.zeros(2), rows)["gradient"].round(4).tolist()
        [0.0, 0.0]
    """
    chance = card.probability(card.score(table))
    X = np.stack([np.ones(len(table)), np.log(chance / (1 - chance))], axis=1)
    gradient = X.T @ (table.y() - 1 / (1 + np.exp(-X @ line)))
    return {"gradient": gradient, "information": triangle(information_of(X, line, np.ones(len(table))))}


def tell_rows(
    place: NDArray[np.intp], size: int, cell: int, *, ordered: bool, beside: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Rows by place `[size]` as they leave a party; those of a few are joined with others, and spread evenly.

    `beside` [size]: counts that were told of other rows; in proportion to those they are spread, so that a few rows
    look no more unlike the others than they were told.

    Example:
        >>> place = np.repeat([0, 1, 2], [40, 3, 7])
        >>> tell_rows(place, 3, 4, ordered=True).tolist()
        [40.0, 5.0, 5.0]
        >>> tell_rows(place, 3, 4, ordered=True, beside=np.array([90.0, 10.0, 30.0])).tolist()
        [40.0, 2.5, 7.5]
    """
    made = Told.of(np.bincount(place, minlength=size), cell, ordered=ordered)
    if beside is None:
        return made.spread
    sums = np.bincount(made.into, beside, minlength=size)[made.into]
    weight = np.where(sums > 0, beside, 1.0)
    return np.asarray(made.rows[made.into] * weight / np.bincount(made.into, weight, minlength=size)[made.into])
