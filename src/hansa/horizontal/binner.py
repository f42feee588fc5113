"""The party's half of `Binning`: what it is asked, and its counts over its training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Memory, Site
from hansa.core.table import Table
from hansa.errors import DataError
from hansa.horizontal.columns import NUMERIC
from hansa.horizontal.crowds import LEVELS, Crowds, crowded
from hansa.horizontal.design import remembered, train_of
from hansa.horizontal.fitter import First, other
from hansa.horizontal.floors import Floors
from hansa.horizontal.groups import Told
from hansa.horizontal.labels import shared
from hansa.horizontal.noise import Noise, as_agreed
from hansa.horizontal.optimal import Rule
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.rungs import Rungs, told_below
from hansa.horizontal.veil import held
from hansa.horizontal.woe import Cells

if TYPE_CHECKING:
    from hansa.horizontal.binning import Binning

EDGES: Final = 0.25
"""The share of a binning's privacy that its edges cost; the rest is that of the outcomes."""


@final
@dataclass(frozen=True)
class Inquire(Ask):
    """Which columns do you have, of which kinds, and which labels do at least `min_cell` of your customers share?

    Example:
        >>> Inquire()
        Inquire()
    """


@final
@dataclass(frozen=True)
class Beneath(Ask):
    """How many values of each column are there, and how many lie at or below these edges?

    Example:
        >>> Beneath({"age": np.array([30.0])}).edges["age"].tolist()
        [30.0]
    """

    edges: Mapping[str, NDArray[np.float64]]


@final
@dataclass(frozen=True)
class Outcomes(Ask):
    """How many of your rows without and with the event fall into each cell of each column?

    Example:
        >>> Outcomes((Cells("age", edges=(30.0,)),)).cells[0].size
        3
    """

    cells: tuple[Cells, ...]

    @property
    def figures(self) -> int:
        """How many counts a row changes: one of each column."""
        return len(self.cells)


@final
@dataclass(frozen=True)
class Encode(Ask):
    """Take these weights of evidence as the preparation of your columns.

    Example:
        >>> Encode(Prepared(())).prepared.width
        0
    """

    prepared: Prepared


@final
@dataclass(frozen=True)
class Binner:
    """The party's half: counts over its training rows.

    Example:
        >>> from hansa.horizontal.binning import Binning
        >>> Binner(Binning()).step.title
        'binning'
    """

    step: Binning

    def answer(self, ask: Ask, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Answer any of the step's asks; only `Encode` is remembered, and then there is nothing more to count."""
        first = First.of(memory)
        if isinstance(ask, Encode):
            kept = {**first.taking(ask.prepared).into(memory), **remembered(ask.prepared)}
            return Answer(Load({"taken": np.ones((1, 1))})), kept
        self._check(ask, site, first)
        (table, floors), noise = self._train(site), self.step.noise
        if isinstance(ask, Inquire):
            said = (
                as_agreed(site, self.step, self.step.used(site.table))
                if noise.multiplier
                else self._described(table, floors)
            )
            return Answer.of_text(said), memory
        if isinstance(ask, Beneath):
            return Answer(told_below({self._rungs(site, name): edges for name, edges in ask.edges.items()})), memory
        if isinstance(ask, Crowds):
            return crowded(ask, table, noise.part(EDGES / LEVELS)), memory
        if isinstance(ask, Outcomes):
            event = _events(table)
            if noise.multiplier:
                return Answer(_noised(ask, table, event, noise.part(1 - EDGES))), memory
            made = [tell_both(one.place(table.column(one.column)), event, one, floors.cell) for one in ask.cells]
            outcomes = np.concatenate([counts.reshape(-1) for counts, _ in made])
            return Answer(Load({"outcomes": outcomes[None, :], "apart": np.array([[few for _, few in made]])})), memory
        raise DataError(f"A binning has no answer to {type(ask).__name__}.")

    def _check(self, ask: Ask, site: Site, first: First) -> None:
        """Refuse columns and special codes that the job does not count, and whatever is asked after the fit."""
        cells = ask.cells if isinstance(ask, Outcomes) else ()
        names = ask.edges if isinstance(ask, Beneath | Crowds) else [one.column for one in cells]
        if first.taken or not set(names) <= {*self.step.used(site.table)}:
            raise other("columns")
        if any(one.special_codes != self.step.columns.get(one.column, Rule()).special_codes for one in cells):
            raise other("special codes")

    def _train(self, site: Site) -> tuple[Table, Floors]:
        step = self.step
        return site.derived(f"binning/train/{step.digest}", lambda: train_of(site, step.split, step.noise))

    def _described(self, table: Table, floors: Floors) -> dict[str, Any]:
        kinds, labels = {}, {}
        for name in self.step.used(table):
            column = table.column(name)
            word = column.kind not in NUMERIC
            kinds[name] = "empty" if column.gaps.all() else "label" if word else "number"
            if (word or self.step.columns.get(name, Rule()).categorical) and len(table):
                labels[name] = shared(column, floors)
        return {"kinds": kinds, "labels": labels}

    def _rungs(self, site: Site, name: str) -> Rungs:
        """Where the training rows' values of a column count."""

        def make() -> Rungs:
            (table, floors), codes = self._train(site), self.step.columns.get(name, Rule()).special_codes
            return Rungs.of(held(table.column(name), codes, floors), floors.cell)

        return site.derived(f"binning/rungs/{self.step.digest}/{name}", make)


def tell_outcomes(
    place: NDArray[np.intp], event: NDArray[np.bool_], cells: Cells, cell: int
) -> tuple[NDArray[np.float64], float]:
    """Rows without and with the event by cell `[2, size]` as they leave a party; and how many were told jointly.

    What is told jointly is spread evenly, events as the rows without one. An outcome of fewer than `cell` rows in all
    is told as none of it.

    Example:
        >>> place, event = np.repeat([0, 1, 2], [30, 20, 30]), np.arange(80) % 10 == 0
        >>> tell_outcomes(place, event, Cells("age", edges=(30.0, 60.0)), cell=3)[0].tolist()
        [[27.0, 18.0, 27.0, 0.0], [3.0, 2.0, 3.0, 0.0]]
    """
    told, apart = np.zeros((2, cells.size)), 0.0
    for side, mine in enumerate((place[~event], place[event])):
        if len(mine) < cell:
            continue
        made = Told.of(np.bincount(mine, minlength=cells.size), cell, ordered=not cells.words)
        beside = told[0] if side else np.zeros(cells.size)
        weight = np.where(np.bincount(made.into, beside, minlength=cells.size)[made.into] > 0, beside, 1.0)
        told[side] = made.rows[made.into] * weight / np.bincount(made.into, weight, minlength=cells.size)[made.into]
        apart += float(made.rows[np.bincount(made.into, minlength=cells.size) > 1].sum())
    return told, apart


def tell_both(
    place: NDArray[np.intp], event: NDArray[np.bool_], cells: Cells, cell: int
) -> tuple[NDArray[np.float64], float]:
    """The same where a party's rows below edges are known: from rows and one outcome, the other could be subtracted.

    So both are told jointly, over cells that hold none or at least `cell` rows of each together, and spread as rows
    are. An outcome of fewer than `cell` rows in all counts as the other.

    Example:
        >>> place, event = np.repeat([0, 1, 2], [30, 20, 30]), np.arange(80) % 10 == 0
        >>> tell_both(place, event, Cells("age", edges=(30.0, 60.0)), cell=3)[0].tolist()
        [[27.0, 18.0, 27.0, 0.0], [3.0, 2.0, 3.0, 0.0]]
    """
    counts = np.stack([np.bincount(place[event == side], minlength=cells.size) for side in (False, True)])
    told, apart, few = np.zeros((2, cells.size)), 0.0, counts.sum(axis=1) < cell
    if few.any():
        counts = counts.sum(axis=0) * (~few & ~few.all())[:, None]
    near = Told.of(counts.sum(axis=0), cell, ordered=not cells.words).spread
    for group in _together(counts, cell, ordered=not cells.words):
        told[:, group] = counts[:, group].sum(axis=1)[:, None] * near[group] / near[group].sum()
        apart += float(sum(own.sum() for own in counts[:, group] if _few(own, cell)))
    return told, apart


def _together(counts: NDArray[np.intp], cell: int, *, ordered: bool) -> list[list[int]]:
    """Groups of neighbours, or of the smallest, that hold none or enough rows of each outcome; of empty cells none."""
    rows, groups = counts.sum(axis=0), list[list[int]]()
    for place in (int(i) for i in (np.arange(len(rows)) if ordered else np.argsort(-rows, kind="stable")) if rows[i]):
        short = _short(counts[:, groups[-1]].sum(axis=1), cell) if groups else np.zeros(2, bool)
        if not short.any():
            groups.append([place])
        elif _few(counts[:, place], cell) or (short & (counts[:, place] > 0)).any():
            groups[-1].append(place)
        else:
            groups.insert(-1, [place])  # it needs nobody, and is no help
    while len(groups) > 1 and _few(counts[:, groups[-1]].sum(axis=1), cell):
        last = groups.pop()
        groups[-1] += last
    return groups


def _short(counts: NDArray[np.intp], cell: int) -> NDArray[np.bool_]:
    return (counts > 0) & (counts < cell)


def _few(counts: NDArray[np.intp], cell: int) -> bool:
    return bool(_short(counts, cell).any())


def _noised(ask: Outcomes, table: Table, event: NDArray[np.bool_], noise: Noise) -> Load:
    """Each cell's rows without and with the event, as they are but for their noise; a row is in one of each column."""
    made = []
    for one in ask.cells:
        place = one.place(table.column(one.column)) + one.size * event
        made.append(np.bincount(place, minlength=2 * one.size))
    counts = noise.counts(np.concatenate(made), ask.figures)
    return Load({"outcomes": counts[None, :], "apart": np.zeros((1, len(made)))})


def _events(table: Table) -> NDArray[np.bool_]:
    y = table.y()
    if not bool(np.isin(y, (0.0, 1.0)).all()):
        raise DataError("Binning needs a target of zeros and ones.", mend="Give the label of the event as `positive`.")
    return np.asarray(y == 1)
