"""The party's half of `Validate`: what it is asked, and how it answers from its own rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.digest import digest
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.metrics import ScoreCounts, merge_small, placement_sums, score_keys, too_few
from hansa.core.party import Memory, Site
from hansa.core.table import Column, Table
from hansa.data.parts import LEFT_OUT, PARTS, TRAIN, Codes, Split
from hansa.data.times import TimeSplit, Window, moment, moments, timed, vintages
from hansa.errors import DataError
from hansa.horizontal.card import Card
from hansa.horizontal.design import check_taken, floors_at, parts_of, prepared_of
from hansa.horizontal.floors import Floors, floors_of
from hansa.horizontal.groups import Told
from hansa.horizontal.labels import placed, shared
from hansa.horizontal.portrait import (
    NOTES,
    Portrait,
    Sway,
    discrimination,
    drift_of,
    figures_of,
    information_of,
    ranked,
    sway_of,
)
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.regressors import triangle
from hansa.horizontal.tally import score_edges
from hansa.horizontal.woe import Woe

if TYPE_CHECKING:
    from hansa.horizontal.families import Floats
    from hansa.horizontal.validation import Validate

Vectors: TypeAlias = "dict[str, NDArray[Any]]"

MOMENTS: Final = ("rows", "bads", "expected", "variance")
"""What is summed of rows: their number, their bads, the calibrated chances of those, and the variance of their sum."""


@final
@dataclass(frozen=True)
class Origin(Ask):
    """What is the SHA-256 of your table, and which vintages do at least `min_cell` of your customers share?

    Example:
        >>> Origin()
        Origin()
    """


@final
@dataclass(frozen=True)
class Outturn(Ask):
    """How did this card do on your test, and in each of these vintages? `bands`: scores that end a band.

    `odds` [grades]: those of the event by grade, by which bads are placed that are told jointly. `beta` [1 + columns].

    Example:
        >>> Outturn(Card((), 600), np.zeros(1), np.ones(1)).vintages
        ()
    """

    card: Card
    beta: NDArray[np.float64]
    odds: NDArray[np.float64]
    bands: tuple[int, ...] = ()
    vintages: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Rank(Ask):
    """Where do your bads stand among the goods of all, over the whole test and in each vintage?

    `low`, `high` [1 + vintages, bins]: how many goods there are by risk, between two placements.

    Example:
        >>> Rank(Card((), 600), np.zeros((1, 3)), np.zeros((1, 3))).vintages
        ()
    """

    card: Card
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    vintages: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Recalibrate(Ask):
    """At this intercept and slope [2] on the card's log odds: what are gradient and information over your test?

    Example:
        >>> Recalibrate(Card((), 600), np.array([0.0, 1.0])).line.tolist()
        [0.0, 1.0]
    """

    card: Card
    line: NDArray[np.float64]


@final
@dataclass(frozen=True)
class Portray(Ask):
    """How does this card do at your bank alone, and how far would it move without you? See `Portrait`.

    `information` [1 + columns, 1 + columns]: of all; `pool`: the rows of all by cell of each characteristic.

    Example:
        >>> Portray(Card((), 600), np.zeros(1), np.eye(1)).pool
        ()
    """

    card: Card
    beta: NDArray[np.float64]
    information: NDArray[np.float64]
    pool: tuple[NDArray[np.float64], ...] = ()


@final
@dataclass(frozen=True)
class Proof:
    """Some of a party's rows with their floors and their vintages: its mature test rows, or those of one vintage.

    Example:
        >>> Proof(Table.of({"late": [0, 0, 1]}, target="late"), Floors(1, 2)).told  # one bad is a few
        False
    """

    table: Table
    floors: Floors
    times: Column | None = None

    @property
    def told(self) -> bool:
        """Whether something may be told of them: enough customers, and not a few of an outcome."""
        rows, bad = len(self.table), self.table.y()
        return rows > 0 and self.floors.suffice(rows) and not too_few(bad, self.floors.cell)

    def at(self, rows: NDArray[np.intp]) -> Proof:
        """Some of these rows."""
        return Proof(self.table.take(rows), self.floors.at(rows), None if self.times is None else self.times.take(rows))

    def divided(self, names: tuple[str, ...]) -> list[Proof]:
        """All of these rows, then those of each of these vintages."""
        if self.times is None:
            return [self]
        place = placed(self.times, names)
        return [self, *(self.at(np.flatnonzero(place == i)) for i in range(len(names)))]


@final
@dataclass(frozen=True)
class Validator:
    """The party's half of `Validate`; nothing is remembered.

    Example:
        >>> from hansa.horizontal.validation import Validate
        >>> Validator(Validate()).step.title
        'validate'
    """

    step: Validate

    def answer(self, ask: Ask, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Answer any of the step's asks."""
        times = self._times(site, memory)
        if isinstance(ask, Origin):
            labels = shared(times, floors_of(site)) if times is not None else []
            text = json.dumps({"table": digest(site.table), "vintages": labels}, ensure_ascii=False).encode()
            return Answer(Load({"text": np.frombuffer(text, np.uint8)[None, :]})), memory
        if not isinstance(ask, Outturn | Rank | Recalibrate | Portray):
            raise DataError(f"A validation has no answer to {type(ask).__name__}.")
        _check_card(ask.card, site, memory)
        every = Proof(site.table.select(_names(ask.card, site.table)), floors_of(site), times)
        test, immature = self._test(every, site, memory)
        if isinstance(ask, Outturn):
            some = {"immature": np.array([float(immature if immature >= test.floors.cell else 0)])}
            information = triangle(_train(ask.card, site, memory).information(ask.beta))
            told = {**some, **_outturn(ask, test, every), "information": information}
        elif isinstance(ask, Rank):
            groups = test.divided(ask.vintages)
            told = {"placed": np.concatenate([tell_ranks(ask, i, one) for i, one in enumerate(groups)])}
        elif isinstance(ask, Recalibrate):
            told = tell_line(ask, test.table if test.told else test.table.take(slice(0, 0)))
        else:
            told = figures_of(_portrait(ask, test, _train(ask.card, site, memory)), ask.card.columns)
        return Answer(Load({name: vector[None, :] for name, vector in told.items()})), memory

    def _times(self, site: Site, memory: Memory) -> Column | None:
        """Each row's vintage, by the column of the approved job: whoever asks names none."""
        split = _split(site, memory)
        name = self.step.vintage or (split.column if isinstance(split, TimeSplit) else "")
        if not name:
            return None
        key = f"validate/times/{name}/{self.step.period}"
        return site.derived(key, lambda: vintages(timed(site.table, name), self.step.period))

    def _test(self, every: Proof, site: Site, memory: Memory) -> tuple[Proof, int]:
        """The mature test rows, and how many rows are left out because their outcome is not known yet."""
        codes = _parts(site, memory)
        mine, immature = codes == PARTS.index("test"), int((codes == LEFT_OUT).sum())
        if self.step.known_until is not None:
            column = timed(site.table, self.step.vintage, self.step.months)
            known = Window(self.step.months, self.step.gap).after(moments(column))
            late = mine & (known > moment(column, self.step.known_until))
            mine, immature = mine & ~late, immature + int(late.sum())
        return every.at(np.flatnonzero(mine)), immature


@final
@dataclass(frozen=True)
class _Train:
    """A party's training rows as the regression took them: columns [rows, 1 + columns], outcomes, weights; or none."""

    table: Table
    floors: Floors
    X: Floats
    weight: Floats

    def information(self, beta: Floats) -> Floats:
        """Their part of the information matrix."""
        return information_of(self.X, beta, self.weight)


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


def tell_ranks(ask: Rank, group: int, proof: Proof) -> NDArray[np.float64]:
    """The sums of `placement_sums` over a group's bads `[4]`; zeros where not told, or of fewer than `min_rows` bads.

    Example:
        >>> rows, goods = Table.of({"late": [0, 0, 1]}, target="late"), np.array([[0, 2, 0]])
        >>> tell_ranks(Rank(Card((), 600), goods, goods), 0, Proof(rows, Floors(1, 1))).tolist()
        [1.0, 0.5, 0.5, 0.25]
    """
    bads = np.flatnonzero(proof.table.y() == 1)
    if not proof.told or not proof.floors.at(bads).suffice(len(bads)):
        return np.zeros(4)
    low, high = (np.stack([one[group], 0 * one[group]]) for one in (ask.low, ask.high))
    keys = score_keys(-ask.card.score(proof.table).astype(np.float64))
    return placement_sums(keys, proof.table.y(), ScoreCounts(score_edges(ask.card), low, high))


def tell_grades(
    place: NDArray[np.intp], bad: NDArray[np.bool_], odds: NDArray[np.float64], cell: int
) -> tuple[NDArray[np.float64], float]:
    """Rows without and with the event by grade `[2, grades]` as they leave a party; how many were told jointly.

    Goods that are told jointly are spread evenly over their grades, bads as the goods there and the grades' odds say:
    so few bads can speak against a card no louder than they were told.

    Example:
        >>> place, bad = np.repeat([0, 1, 2], [40, 40, 40]), np.arange(120) % 40 < np.repeat([1, 2, 9], 40)
        >>> tell_grades(place, bad, np.array([0.03, 0.06, 0.3]), cell=3)[0][1].round(2).tolist()
        [1.02, 1.98, 9.0]
    """
    told, apart = np.zeros((2, len(odds))), 0.0
    for side, mine in enumerate((place[~bad], place[bad])):
        made = Told.of(np.bincount(mine, minlength=len(odds)), cell, ordered=True)
        weight = np.maximum(told[0], 1e-9) * odds if side else np.ones(len(odds))
        told[side] = made.rows[made.into] * weight / np.bincount(made.into, weight, minlength=len(odds))[made.into]
        apart += float(made.rows[np.bincount(made.into, minlength=len(odds)) > 1].sum())
    return told, apart


def tell_line(ask: Recalibrate, table: Table) -> dict[str, NDArray[np.float64]]:
    """The sums of a regression of the event on the card's own log odds: gradient `[2]` and information `[3]`.

    Example:
        >>> rows = Table.of({"late": [0, 1]}, target="late")
        >>> tell_line(Recalibrate(Card((), 600), np.array([0.0, 0.0])), rows)["gradient"].round(4).tolist()
        [0.0, 0.0]
    """
    chance = ask.card.probability(ask.card.score(table))
    X = np.stack([np.ones(len(table)), np.log(chance / (1 - chance))], axis=1)
    gradient = X.T @ (table.y() - 1 / (1 + np.exp(-X @ ask.line)))
    return {"gradient": gradient, "information": triangle(information_of(X, ask.line, np.ones(len(table))))}


def _outturn(ask: Outturn, test: Proof, every: Proof) -> Vectors:
    """Scores of the whole test and of each vintage; grades and cells of the test; bands of it, and of all vintages."""
    card, floors = ask.card, test.floors
    groups = test.divided(ask.vintages)
    low, high, sums = zip(*(tell_scores(card, one) for one in groups), strict=True)
    shown = test.table if test.told else test.table.take(slice(0, 0))
    grades, apart = tell_grades(card.grade(card.score(shown)) - 1, shown.y() == 1, ask.odds, floors.cell)
    cells = [
        _rows(one.cells.place(shown.column(one.column)), one.cells.size, floors.cell, ordered=not one.cells.words)
        for one in card.characteristics
    ]
    return {
        "low": np.concatenate(low),
        "high": np.concatenate(high),
        "moments": np.concatenate(sums),
        "untold": np.array([float(len(one.table) > 0 and not one.told) for one in groups]),
        "grades": grades.reshape(-1),
        "apart": np.array([apart]),
        "cells": np.concatenate([*cells, np.empty(0)]),
        "bands": np.concatenate([_bands(ask, one) for one in (test, *every.divided(ask.vintages)[1:])]),
    }


def _bands(ask: Outturn, proof: Proof) -> NDArray[np.float64]:
    """Rows by band of score, whatever their outcome; none of too few customers."""
    table = proof.table if proof.floors.suffice(len(proof.table)) else proof.table.take(slice(0, 0))
    place = np.searchsorted(np.array(ask.bands), ask.card.score(table))
    return _rows(place, len(ask.bands) + 1, proof.floors.cell, ordered=True)


def _rows(place: NDArray[np.intp], size: int, cell: int, *, ordered: bool) -> NDArray[np.float64]:
    return Told.of(np.bincount(place, minlength=size), cell, ordered=ordered).spread


def _check_card(card: Card, site: Site, memory: Memory) -> None:
    """Refuse another card than the one whose points this party has taken; see `check_taken`."""
    prepared = prepared_of(site, memory) or Prepared(())
    check_taken(memory, replace(prepared, encodings=card.codings).digest)


def _names(card: Card, table: Table) -> list[str]:
    """The columns that a card is judged by: its own and the target."""
    return list(dict.fromkeys([*card.columns, *([table.target] if table.target else [])]))


def _split(site: Site, memory: Memory) -> Split | None:
    prepared = prepared_of(site, memory)
    return None if prepared is None else prepared.split


def _parts(site: Site, memory: Memory) -> Codes:
    split = _split(site, memory)
    return site.derived(f"validate/parts/{split}", lambda: parts_of(site.table, split))


def _train(card: Card, site: Site, memory: Memory) -> _Train:
    floors, rows = floors_at(site, memory, "train"), np.flatnonzero(_parts(site, memory) == TRAIN)
    names = [*_names(card, site.table), *([site.table.weight] if site.table.weight else [])]
    table = site.table.select(names).take(rows if floors.suffice(len(rows)) else rows[:0])
    weight = np.ones(len(table)) if table.weight is None else table.weights()
    return _Train(table, floors, _columns(card, table), weight)


def _columns(card: Card, table: Table) -> Floats:
    """A constant and the weights of evidence of the card's columns `[rows, 1 + columns]`."""
    woes = Prepared(tuple(Woe(one.cells, one.woe) for one in card.characteristics)).transform(table)
    return np.concatenate([np.ones((len(table), 1)), woes], axis=1)


def _portrait(ask: Portray, test: Proof, train: _Train) -> Portrait:
    """The bank's own figures; what few rows stand behind is left out, and the note says why."""
    card, bad = ask.card, test.table.y() == 1
    told = test.told and 0 < bad.sum() < len(bad)
    own = (_columns(card, test.table), test.table.y()) if told else None
    rows = (train.X, train.table.y(), train.weight)
    sway = sway_of(card.columns, ask.beta, ask.information, rows, own) if len(train.table) else Sway()
    pools = zip(card.characteristics, ask.pool, strict=True)
    drifts = tuple(drift_of(one, "", train.table, pool, train.floors.cell) for one, pool in pools)
    if not told:
        note = NOTES[2 if test.floors.suffice(len(bad)) and len(bad) else 1]
        return Portrait("", sway=sway, drifts=drifts, note=note)
    score = card.score(test.table)
    auc, ks = discrimination(ranked(card, score, bad))
    chance = float(card.probability(score).sum())
    return Portrait("", float(len(bad)), float(bad.sum()), chance, auc, ks, sway, drifts)
