"""Quality: how good the tables are, party by party and pooled, before anything is trained; both halves on this page.

What leaves a party: its columns' names and kinds, counts of rows, gaps, repeated rows and ids, of distinct values
(rounded up), and labels that `min_cell` of its customers share; then counts of values at or below edges, as in Prepare;
then its rows and events by group of each column; then, per column, how the groups rank its events. Counts below
`min_cell` are joined with others or told as "a few", and a party with fewer rows than `min_rows` tells nothing but
that. Rows of the sealed test are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.codec import pack
from hansa.core.fold import Collect
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.metrics import ScoreCounts, auc, merge_small, score_keys, too_few
from hansa.core.metrics.keys import LOWEST, TOP, Keys
from hansa.core.party import Handler, Memory, Site
from hansa.core.plan import Asks, Gather, Keep, Plan
from hansa.core.step import Done, Event, Roster
from hansa.core.table import Column, Table
from hansa.data.infer import outward
from hansa.data.parts import TRAIN, VALIDATION, Split, features_of, row_hashes
from hansa.data.schema import Field, KnownAt, Schema
from hansa.errors import ConfigError, DataError
from hansa.horizontal.columns import NUMERIC
from hansa.horizontal.design import parts_at
from hansa.horizontal.findings import Findings, Suspect, pooled, sheet_of
from hansa.horizontal.floors import Floors, floors_of
from hansa.horizontal.groups import Counts, Groups, Told, finite, told
from hansa.horizontal.labels import in_order, labelled
from hansa.horizontal.quantiles import Ladder, bin_edges, bin_ranks
from hansa.horizontal.rungs import Rungs, told_below

BINS = 10
_MOST_ASKS = 40
_SHARES = (0.05, 0.5, 0.95)


@final
@dataclass(frozen=True)
class Inventory(Ask):
    """Which columns have you, of which kinds; how many rows, gaps, distinct values, and rows and ids that recur?

    Example:
        >>> Inventory()
        Inventory()
    """


@final
@dataclass(frozen=True)
class Under(Ask):
    """How many values of each column are there, and how many lie at or below these edges?

    Example:
        >>> Under({"age": np.array([30.0])}).edges["age"].tolist()
        [30.0]
    """

    edges: Mapping[str, NDArray[np.float64]]


@final
@dataclass(frozen=True)
class Tally(Ask):
    """How many of your rows, and of your events, fall into each group of each column?

    Example:
        >>> Tally((Groups("age", edges=(30.0,)),)).groups[0].size
        3
    """

    groups: tuple[Groups, ...]


@final
@dataclass(frozen=True)
class Rank(Ask):
    """Where do your events stand among all rows, if each column's groups are put into this order?

    Example:
        >>> Rank((Groups("age", edges=(30.0,)),), {"age": np.array([1, 0, 2])}).order["age"].tolist()
        [1, 0, 2]
    """

    groups: tuple[Groups, ...]
    order: Mapping[str, NDArray[np.int64]]


@final
@dataclass(frozen=True)
class Quality:
    """Look at the tables: counts, gaps, ranges, cardinality, duplicates, constants, suspected leaks, drift.

    `split`: rows of its test part are not looked at; without one, all rows are. `leak`: a column whose groups alone
    rank the events with a pooled AUC above this is suspected to tell the target. `known_at`, `decision`: a column that
    is known later than the decision is suspected too.

    Raises:
        ConfigError: a threshold outside (0.5, 1).

    Example:
        >>> Quality(leak=0.9).title
        'quality'
    """

    split: Split | None = None
    leak: float = 0.95
    known_at: Mapping[str, KnownAt] = field(default_factory=dict)
    decision: KnownAt = "application"

    def __post_init__(self) -> None:
        """Check the range."""
        if not 0.5 < self.leak < 1:
            raise ConfigError("leak must lie between 0.5 and 1.", f"Got {self.leak}.", "It is an AUC.")

    @property
    def title(self) -> str:
        """The step's name."""
        return "quality"

    @property
    def state(self) -> type[Findings]:
        """What the plan keeps and returns."""
        return Findings

    @property
    def digest(self) -> str:
        """SHA-256 over the settings, as hex."""
        return sha256(pack(self)).hexdigest()

    def events(self) -> tuple[Event, ...]:
        """Nothing that an accountant could bound."""
        return ()

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half: one looker answers every kind."""
        return dict.fromkeys((Inventory, Under, Tally, Rank), Looker(self))

    def often(self) -> Mapping[type[Ask], int]:
        """Each kind once, and edges until they are fine enough."""
        return {Inventory: 1, Under: 1 + _MOST_ASKS, Tally: 1, Rank: 1}

    def collects(self) -> frozenset[type[Ask]]:
        """What each party's columns hold, and their rows and events by group."""
        return frozenset({Inventory, Tally})

    def plan(self, parties: Roster, kept: Findings | None, done: Done) -> Plan[Findings]:
        """Columns and counts, quantiles, groups, ranks."""
        del done
        if kept is None:
            kept = yield from self._look(parties)
            yield Keep(kept)
        return kept

    def _look(self, parties: Roster) -> Gather[Findings]:
        reply = yield Asks(dict.fromkeys(parties, Inventory()), Collect(), parties.until(len(parties)))
        said = {parties.names[place]: a.text() for place, a in reply.value.rows}
        here = tuple(party for party, one in said.items() if one["rows"])
        if not here:
            raise DataError("No party has enough rows to look at.", mend="Lower min_rows, or bring more rows.")
        columns = {name: kind for one in said.values() for name, (kind, *_) in one["columns"].items()}
        ladders = yield from self._ladders(here, [name for name, kind in columns.items() if kind in NUMERIC], parties)
        groups = _groups(ladders, columns, said)
        reply = yield Asks(dict.fromkeys(here, Tally(groups)), Collect())
        tallies = {parties.names[place]: _tallied(groups, answer.load) for place, answer in reply.value.rows}
        aucs = yield from self._aucs(here, groups, tallies)
        pool = {
            one.name: sum((tally[one.name][0].spread for tally in tallies.values()), np.zeros(one.size))
            for one in groups
        }
        named = {one.name: one for one in groups}
        sheets = tuple(sheet_of(party, one, named, tallies.get(party, {}), pool) for party, one in said.items())
        ranges = {name: _range(ladder) for name, ladder in ladders.items()}
        least = max(one["min_rows"] for one in said.values())
        return Findings(sheets, pooled(sheets, ranges, named), self._suspects(aucs), aucs, least, parties.min_cell)

    def _ladders(self, here: Sequence[str], names: list[str], parties: Roster) -> Gather[dict[str, Ladder]]:
        """Ask until the pooled quantiles are known."""
        edges = dict.fromkeys(names, np.empty(0))
        reply = yield Asks(dict.fromkeys(here, Under(edges)))
        held = dict(zip(names, reply.value["held"][0].tolist(), strict=True))
        ladders = {n: Ladder.of(rows, parties.min_cell) for n, rows in held.items() if rows >= 4 * parties.min_cell}
        for _ in range(_MOST_ASKS):
            edges = {name: found for name, one in ladders.items() if len(found := one.probes(_ranks(one)))}
            if not edges:
                break
            reply = yield Asks(dict.fromkeys(here, Under(edges)))
            ends = np.cumsum([len(found) for found in edges.values()])
            below = np.split(reply.value["below"][0], ends[:-1])
            ladders |= {n: ladders[n].learned(edges[n], part) for n, part in zip(edges, below, strict=True)}
        return ladders

    def _aucs(
        self, here: Sequence[str], groups: tuple[Groups, ...], tallies: Mapping[str, Mapping[str, tuple[Told, Told]]]
    ) -> Gather[dict[str, float]]:
        """Put each column's groups into the order of their event rates, and ask how that ranks the events."""
        order = {}
        for one in groups:
            rows, events = (
                sum((tally[one.name][i].spread for tally in tallies.values()), np.zeros(one.size)) for i in (0, 1)
            )
            rate = events / np.maximum(rows, 1)
            order[one.name] = np.argsort(np.argsort(rate, kind="stable"), kind="stable").astype(np.int64)
        reply = yield Asks(dict.fromkeys(here, Rank(groups, order)))
        found, start = {}, 0
        for one in groups:
            bins = one.size + 2
            low, high = (
                reply.value[side][0][start : start + 2 * bins].reshape(2, bins).astype(np.int64)
                for side in ("low", "high")
            )
            start += 2 * bins
            area = auc(ScoreCounts(_edges(one.size), low, high))
            if np.isfinite(area.value):
                found[one.name] = area.value
        return found

    def _suspects(self, aucs: Mapping[str, float]) -> tuple[Suspect, ...]:
        fields = tuple(Field(name, "float", when) for name, when in self.known_at.items())
        late = Schema(fields).leaks(self.decision)
        strong = [name for name, area in aucs.items() if area > self.leak]
        return (
            *(Suspect(name, aucs.get(name), f"known at {self.known_at[name]}") for name in late),
            *(Suspect(name, aucs[name], "it ranks the events by itself") for name in strong if name not in late),
        )


@final
@dataclass(frozen=True)
class Looker:
    """The party's half: counts over its rows but those of the sealed test.

    Example:
        >>> Looker(Quality()).step.title
        'quality'
    """

    step: Quality

    def answer(self, ask: Ask, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Answer any of the step's asks; nothing is remembered."""
        table, floors = self._rows(site)
        cell = site.job.min_cell
        if isinstance(ask, Inventory):
            return Answer.of_text(_inventory(table, floors)), memory
        if isinstance(ask, Under):
            return Answer(told_below({self._rungs(site, name): edges for name, edges in ask.edges.items()})), memory
        events = _events(table)
        if isinstance(ask, Tally):
            counted: list[Counts] = []
            for one in ask.groups:
                place = _placed(one, table)
                for mine in (place, place[:0] if events is None else place[events[: len(place)]]):
                    made = Told.of(np.bincount(mine, minlength=one.size), cell, ordered=one.ordered)
                    counted += [made.rows, made.into.astype(np.float64)]
            return Answer(Load({"counts": np.concatenate([np.empty(0), *counted])[None, :]})), memory
        if isinstance(ask, Rank):
            return Answer(Load(_ranked(ask, table, events, cell))), memory
        raise DataError(f"A look at the data has no answer to {type(ask).__name__}.")

    def _rows(self, site: Site) -> tuple[Table, Floors]:
        """The rows that are looked at, or none where they are too few, and their floors."""

        def make() -> tuple[Table, Floors]:
            codes, floors = parts_at(site, self.step.split), floors_of(site)
            rows = np.flatnonzero((codes == TRAIN) | (codes == VALIDATION))
            rows = rows if floors.at(rows).suffice(len(rows)) else rows[:0]
            return site.table.take(rows), floors.at(rows)

        return site.derived(f"quality/rows/{self.step.digest}", make)

    def _rungs(self, site: Site, name: str) -> Rungs:
        """Where a column's values count; none where they are few."""

        def make() -> Rungs:
            table, floors = self._rows(site)
            values = finite(table.column(name)) if name in table.columns else np.empty(0)
            values = values[~np.isnan(values)]
            return Rungs.of(values if len(values) >= floors.rows else values[:0], floors.cell)

        return site.derived(f"quality/rungs/{self.step.digest}/{name}", make)


def _inventory(table: Table, floors: Floors) -> dict[str, Any]:
    """What a party tells of its rows and columns."""
    cell, rows = floors.cell, len(table)
    said: dict[str, Any] = {"rows": rows, "min_rows": floors.min_rows, "columns": {}, "labels": {}}
    if not rows:
        return said
    names = features_of(table)
    events = _events(table)
    said["repeated"] = (
        told(rows - len(np.unique(row_hashes(table.select(names), "quality"))), rows, cell) if names else 0
    )
    said["ids"] = told(rows - len(np.unique(floors.who)), rows, cell) if floors.who is not None else 0
    said["events"] = None if events is None else told(int(events.sum()), rows, cell)
    for name in names:
        column = table.column(name)
        gaps, infinite = int(column.gaps.sum()), 0
        if column.kind in NUMERIC:
            infinite = int(np.isnan(finite(column)).sum()) - gaps
        codes, found = labelled(column)
        shared = floors.customers(codes, len(found)) >= floors.min_cell
        exact = bool(shared.all()) or len(found) <= 1
        distinct = len(found) if exact else int(outward(max(len(found), floors.min_cell), up=True))
        facts = (told(gaps, rows, cell), told(infinite, rows, cell), distinct, len(found) == 1 and rows - gaps >= cell)
        said["columns"][name] = (column.kind, *facts)
        if column.kind == "category":
            said["labels"][name] = [label for label, enough in zip(found, shared, strict=True) if enough]
    return said


def _events(table: Table) -> NDArray[np.bool_] | None:
    """Which rows have the event; None where the target is not one of zeros and ones."""
    if table.target is None or table.column(table.target).kind not in {"integer", "float"}:
        return None
    values = table.column(table.target).floats()
    return values == 1 if bool(np.isin(values, (0.0, 1.0)).all()) else None


def _placed(one: Groups, table: Table) -> NDArray[np.intp]:
    """Each row's group; nowhere where the party lacks the column, or has it in another form."""
    column: Column | None = table.column(one.name) if one.name in table.columns else None
    if column is None or (column.kind in NUMERIC) != one.ordered:
        return np.empty(0, np.intp)
    return one.place(column).astype(np.intp)


def _ranked(ask: Rank, table: Table, events: NDArray[np.bool_] | None, cell: int) -> dict[str, NDArray[np.float64]]:
    sides: dict[str, list[Counts]] = {"low": [np.empty(0)], "high": [np.empty(0)]}
    for one in ask.groups:
        place = _placed(one, table)
        if events is None or len(place) < len(events) or too_few(events.astype(float), cell):
            place = place[:0]
        label = np.zeros(0) if events is None else events[: len(place)].astype(float)
        made = merge_small(score_keys(ask.order[one.name][place]), label, _edges(one.size), cell)
        sides["low"].append(made.low.reshape(-1).astype(np.float64))
        sides["high"].append(made.high.reshape(-1).astype(np.float64))
    return {side: np.concatenate(counts)[None, :] for side, counts in sides.items()}


def _edges(size: int) -> Keys:
    """Bins of one place of an order each."""
    return np.unique(np.array([LOWEST, *score_keys(np.arange(size + 1.0)).tolist(), TOP], np.uint64))


def _ranks(ladder: Ladder) -> list[int]:
    return sorted({*bin_ranks(ladder, BINS), *_ends(ladder)})


def _range(ladder: Ladder) -> tuple[float, ...]:
    return tuple(ladder.edge(rank) for rank in _ends(ladder))


def _ends(ladder: Ladder) -> list[int]:
    """The ranks of the quantiles that are told, none of them with a few rows beyond."""
    return [min(max(round(share * ladder.rows), ladder.min_cell), ladder.rows - ladder.min_cell) for share in _SHARES]


def _groups(ladders: Mapping[str, Ladder], columns: Mapping[str, str], said: Mapping[str, Any]) -> tuple[Groups, ...]:
    """The groups that all parties count in: by pooled quantiles, or by the labels that any of them names."""
    found = []
    for name in columns:
        if name in ladders:
            low, _, high = _range(ladders[name])
            found.append(Groups(name, edges=tuple(sorted({*bin_edges(ladders[name], BINS), low, high}))))
        elif labels := {label for one in said.values() for label in one["labels"].get(name, ())}:
            found.append(Groups(name, levels=in_order(labels)))
    return tuple(found)


def _tallied(groups: tuple[Groups, ...], load: Load) -> dict[str, tuple[Told, Told]]:
    """A party's rows and events by column."""
    numbers, start = load["counts"][0], 0
    found = {}
    for one in groups:
        parts = numbers[start : start + 4 * one.size].reshape(4, one.size)
        start += 4 * one.size
        found[one.name] = (Told(parts[0], parts[1].astype(np.intp)), Told(parts[2], parts[3].astype(np.intp)))
    return found
