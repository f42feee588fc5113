"""The party's half of `Validate`: what it is asked, and how it answers from its own rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.digest import digest
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Memory, Site
from hansa.core.table import Column, Table
from hansa.data.parts import LEFT_OUT, PARTS, TRAIN, Codes, Split
from hansa.data.times import TimeSplit, Window, moment, moments, timed, vintages
from hansa.errors import DataError
from hansa.horizontal.card import Card
from hansa.horizontal.design import check_taken, floors_at, parts_at, prepared_of
from hansa.horizontal.floors import Floors, floors_of
from hansa.horizontal.labels import shared
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
from hansa.horizontal.proof import Proof, tell_grades, tell_line, tell_ranks, tell_rows, tell_scores
from hansa.horizontal.regressors import triangle
from hansa.horizontal.woe import Woe

if TYPE_CHECKING:
    from hansa.horizontal.families import Floats
    from hansa.horizontal.validation import Validate

Vectors: TypeAlias = "dict[str, NDArray[Any]]"


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

    `goods`, `odds` [grades]: the goods of all banks by grade, and the odds of the event there; by these, rows are
    placed that are told jointly. `beta` [1 + columns].

    Example:
        >>> Outturn(Card((), 600), np.zeros(1), np.ones(1), np.ones(1)).vintages
        ()
    """

    card: Card
    beta: NDArray[np.float64]
    goods: NDArray[np.float64]
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
            return Answer.of_text({"table": digest(site.table), "vintages": labels}), memory
        if not isinstance(ask, Outturn | Rank | Recalibrate | Portray):
            raise DataError(f"A validation has no answer to {type(ask).__name__}.")
        _check_card(ask.card, site, memory)
        every = Proof(site.table.select(_names(ask.card, site.table)), floors_of(site), times)
        test, immature = self._test(every, site, memory)
        if isinstance(ask, Outturn):
            some = {"immature": np.array([float(immature if immature >= test.floors.cell else 0)])}
            told = {**some, **_outturn(ask, test, every, _train(ask.card, site, memory))}
        elif isinstance(ask, Rank):
            ranks = zip(ask.low, ask.high, test.divided(ask.vintages), strict=True)
            told = {"placed": np.concatenate([tell_ranks(ask.card, *one) for one in ranks])}
        elif isinstance(ask, Recalibrate):
            told = tell_line(ask.card, ask.line, test.table if test.told else test.table.take(slice(0, 0)))
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

    @property
    def proof(self) -> Proof:
        """The rows with their floors."""
        return Proof(self.table, self.floors)

    def information(self, beta: Floats) -> Floats:
        """Their part of the information matrix."""
        return information_of(self.X, beta, self.weight)


def _outturn(ask: Outturn, test: Proof, all_rows: Proof, train: _Train) -> Vectors:
    """Scores of the whole test and of each vintage; grades of the test; cells and bands of training, test and all."""
    card, floors = ask.card, test.floors
    groups = test.divided(ask.vintages)
    low, high, sums = zip(*(tell_scores(card, one) for one in groups), strict=True)
    shown = test.table if test.told else test.table.take(slice(0, 0))
    grades, apart = tell_grades(card.grade(card.score(shown)) - 1, shown.y() == 1, ask.goods, ask.odds, floors.cell)
    trained, first = _cells(card, train.proof), _bands(ask, train.proof)
    every = [test, *all_rows.divided(ask.vintages, outcomes=False)[1:]]
    return {
        "low": np.concatenate(low),
        "high": np.concatenate(high),
        "moments": np.concatenate(sums),
        "untold": np.array([float(len(one.table) > 0 and not one.told) for one in groups]),
        "grades": grades.reshape(-1),
        "apart": np.array([apart]),
        "cells": np.concatenate([*trained, *_cells(card, Proof(shown, floors), trained), np.empty(0)]),
        "bands": np.concatenate([first, *(_bands(ask, one, first) for one in every)]),
        "information": triangle(train.information(ask.beta)),
    }


def _cells(card: Card, proof: Proof, beside: list[Floats] | None = None) -> list[Floats]:
    """Rows by cell of each characteristic."""
    told = []
    for i, one in enumerate(card.characteristics):
        place, near = one.cells.place(proof.table.column(one.column)), None if beside is None else beside[i]
        told.append(tell_rows(place, one.cells.size, proof.floors.cell, ordered=not one.cells.words, beside=near))
    return told


def _bands(ask: Outturn, proof: Proof, beside: Floats | None = None) -> Floats:
    """Rows by band of score, whatever their outcome; none of too few customers."""
    table = proof.table if proof.many else proof.table.take(slice(0, 0))
    place = np.searchsorted(np.array(ask.bands), ask.card.score(table))
    return tell_rows(place, len(ask.bands) + 1, proof.floors.cell, ordered=True, beside=beside)


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
    return parts_at(site, _split(site, memory))


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
