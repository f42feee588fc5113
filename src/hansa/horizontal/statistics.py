"""Statistics: moments, correlations and cross tables over all parties; both halves of the conversation on this page.

What leaves a party: its columns' names and kinds, and labels that `min_cell` of its customers share; of each numeric
column how many values there are and their sum; sums of powers of values less the pooled mean, and of products of two
columns over rows without a gap; rows by two columns' cells. Few gaps count as a value from the middle of their column,
cells with fewer than `min_cell` rows are told jointly, and a party with fewer than `min_rows` rows adds nothing. No
minimum, maximum or sketch of values leaves. Only training rows are looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.codec import pack
from hansa.core.fold import Collect
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Handler, Memory, Site
from hansa.core.plan import Asks, Gather, Keep, Plan
from hansa.core.step import Done, Event, Roster
from hansa.core.table import Table
from hansa.data.parts import PART_COLUMN, TRAIN, HashSplit, Split
from hansa.errors import ConfigError, DataError, nearest
from hansa.horizontal.columns import NUMERIC
from hansa.horizontal.description import CrossTable, Description, Moments, described
from hansa.horizontal.design import parts_at
from hansa.horizontal.fitting import check_alike
from hansa.horizontal.floors import Floors, floors_of
from hansa.horizontal.groups import Told
from hansa.horizontal.labels import in_order, shared
from hansa.horizontal.noise import Noise
from hansa.horizontal.regressors import triangle, whole
from hansa.horizontal.veil import Veil
from hansa.horizontal.woe import Cells
from hansa.privacy.sampling import Mechanism

POWERS = 4


@final
@dataclass(frozen=True)
class Kinds(Ask):
    """Which columns do you have, of which kinds, and which labels do at least `min_cell` of your customers share?

    Example:
        >>> Kinds()
        Kinds()
    """


@final
@dataclass(frozen=True)
class Firsts(Ask):
    """How many values of each column are there, and what do they add up to?

    Example:
        >>> Firsts(("age",)).names
        ('age',)
    """

    names: tuple[str, ...]


@final
@dataclass(frozen=True)
class Seconds(Ask):
    """What do powers of the values less these centres add up to, and their products over rows without a gap?

    Example:
        >>> Seconds(("age",), np.array([40.0])).centre.tolist()
        [40.0]
    """

    names: tuple[str, ...]
    centre: NDArray[np.float64]


@final
@dataclass(frozen=True)
class Cross(Ask):
    """How many of your rows fall into each pair of cells?

    Example:
        >>> Cross(((Cells("age", edges=(30.0,)), Cells("late", labels=(("0",), ("1",)))),)).pairs[0][1].size
        4
    """

    pairs: tuple[tuple[Cells, Cells], ...]

    @property
    def figures(self) -> int:
        """How many counts a row changes: one of each pair."""
        return len(self.pairs)


@final
@dataclass(frozen=True)
class Statistics:
    """Describe the columns of all parties: moments, correlations, variance inflation, cross tables.

    `split`: which rows train. `drop`, `keep`: columns left out, or the only ones. `cross`: pairs of columns that are
    counted against each other; the target may be one. `splits`: the edges of a numeric one, each the last value of its
    bin; without, its numbers are labels. Rows count once, whatever their weight. `noise_multiplier`, `noise_mechanism`,
    `customer_rows`: cross tables are told with noise as in `Binning`, and are charged; all else that is asked leaves as
    it is.

    Raises:
        ConfigError: a pair of a column with itself, or settings of noise that protect nobody.

    Example:
        >>> Statistics(cross=(("age", "home"),), splits={"age": (30.0, 60.0)}).title
        'statistics'
    """

    split: Split = field(default_factory=HashSplit)
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    cross: tuple[tuple[str, str], ...] = ()
    splits: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    noise_multiplier: float = 0.0
    noise_mechanism: Mechanism = "gaussian"
    customer_rows: int = 0

    def __post_init__(self) -> None:
        """Check the pairs and the noise."""
        self.noise  # noqa: B018 - making it checks it
        if any(one == other for one, other in self.cross):
            raise ConfigError("A cross table needs two columns.", mend="Name another one.")

    @property
    def title(self) -> str:
        """The step's name."""
        return "statistics"

    @property
    def state(self) -> type[Description]:
        """What the plan keeps and returns."""
        return Description

    @property
    def noise(self) -> Noise:
        """The noise on cross tables."""
        return Noise(self.noise_multiplier, self.customer_rows, self.noise_mechanism)

    @property
    def digest(self) -> str:
        """SHA-256 over the settings, as hex."""
        return sha256(pack(self)).hexdigest()

    def events(self) -> tuple[Event, ...]:
        """Cross tables with noise; nothing else that an accountant could bound."""
        return (self.noise.event,) if self.noise_multiplier else ()

    def releases(self) -> Mapping[type[Ask], tuple[Event, ...]]:
        """All cross tables are one release; what else is asked leaves as it is."""
        return {Cross: self.events()} if self.noise_multiplier else {}

    def often(self) -> Mapping[type[Ask], int]:
        """Each kind once."""
        return dict.fromkeys((Kinds, Firsts, Seconds, Cross), 1)

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half: one describer answers every kind."""
        return dict.fromkeys((Kinds, Firsts, Seconds, Cross), Describer(self))

    def collects(self) -> frozenset[type[Ask]]:
        """Names and kinds of columns."""
        return frozenset({Kinds})

    def used(self, table: Table) -> tuple[str, ...]:
        """The columns of a table that are described, and those of cross tables."""
        out = {PART_COLUMN, *self.drop}
        crossed = [name for pair in self.cross for name in pair if name in table.columns]
        used = (name for name in table.features if (name in self.keep if self.keep else name not in out))
        return tuple(dict.fromkeys([*used, *crossed]))

    def plan(self, parties: Roster, kept: Description | None, done: Done) -> Plan[Description]:
        """Kinds, sums, powers and products, cross tables."""
        del done
        found = kept if kept is not None else (yield from self._describe(parties))
        yield Keep(found, {"rows": float(found.rows), "columns": float(len(found.moments))})
        return found

    def _describe(self, parties: Roster) -> Gather[Description]:
        reply = yield Asks(dict.fromkeys(parties, Kinds()), Collect(), parties.until(len(parties)))
        said = {parties.names[place]: json.loads(a.load["text"][0].tobytes()) for place, a in reply.value.rows}
        check_alike({party: one["kinds"] for party, one in said.items()}, ())
        here, names = reply.counted, next(iter(said.values()))["kinds"]
        for name in (*self.keep, *self.splits, *(name for pair in self.cross for name in pair)):
            if name not in names:
                raise DataError(f"There is no column '{name}'.", mend=nearest(name, names))
        words = {name for one in said.values() for name, kind in one["kinds"].items() if kind == "label"}
        numeric = tuple(name for name in names if name not in words)
        reply = yield Asks(dict.fromkeys(here, Firsts(numeric)))
        rows, held, sums = (reply.value[word][0] for word in ("rows", "held", "sums"))
        if not rows[0]:
            raise DataError("No party has enough training rows to describe.", mend="Lower min_rows.")
        centre = sums / np.maximum(held, 1.0)
        reply = yield Asks(dict.fromkeys(here, Seconds(numeric, centre)))
        powers, products = reply.value["powers"][0].reshape(POWERS, -1), whole(reply.value["products"][0])
        moments = tuple(
            Moments.of(name, float(rows[0]), float(held[i]), float(centre[i]), powers[:, i])
            for i, name in enumerate(numeric)
        )
        complete, shift = float(reply.value["complete"][0, 0]), reply.value["shift"][0]
        tables = yield from self._tables(here, said)
        return described(int(rows[0]), moments, (complete, shift, products), tables)

    def _tables(self, here: tuple[str, ...], said: Mapping[str, Any]) -> Gather[tuple[CrossTable, ...]]:
        if not self.cross:
            return ()
        cells = {}
        for name in {name for pair in self.cross for name in pair}:
            labels = in_order({label for one in said.values() for label in one["labels"].get(name, ())})
            edges = self.splits.get(name, ())
            groups = () if edges else tuple((label,) for label in labels)
            cells[name] = Cells(name, edges, groups, categorical=not edges)
        pairs = tuple((cells[one], cells[other]) for one, other in self.cross)
        reply = yield Asks(dict.fromkeys(here, Cross(pairs)))
        ends = np.cumsum([one.size * other.size for one, other in pairs])[:-1]
        parts = np.split(np.maximum(reply.value["counts"][0], 0.0), ends)
        return tuple(
            CrossTable(one, other, part.reshape(one.size, other.size))
            for (one, other), part in zip(pairs, parts, strict=True)
        )


@final
@dataclass(frozen=True)
class Describer:
    """The party's half: sums and counts over its training rows.

    Example:
        >>> Describer(Statistics()).step.title
        'statistics'
    """

    step: Statistics

    def answer(self, ask: Ask, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Answer any of the step's asks; nothing is remembered."""
        noise = self.step.noise if isinstance(ask, Cross) else Noise(0.0)
        table, floors = self._train(site, noise)
        if isinstance(ask, Kinds):
            text = json.dumps(self._kinds(table, floors), ensure_ascii=False).encode()
            return Answer(Load({"text": np.frombuffer(text, np.uint8)[None, :]})), memory
        if isinstance(ask, Firsts):
            X = self._values(site, table, floors, ask.names)
            there = ~np.isnan(X)
            sums = np.where(there, X, 0.0).sum(axis=0)
            counts = {"rows": np.array([[float(len(table))]]), "held": there.sum(axis=0, dtype=np.float64)[None, :]}
            return Answer(Load({**counts, "sums": sums[None, :]})), memory
        if isinstance(ask, Seconds):
            X = self._values(site, table, floors, ask.names) - ask.centre
            powers = [np.where(np.isnan(X), 0.0, X**k).sum(axis=0) for k in range(1, POWERS + 1)]
            full = X[~np.isnan(X).any(axis=1)]
            full = full if floors.suffice(len(full)) else full[:0]
            sums = {"powers": np.concatenate(powers), "products": triangle(full.T @ full), "shift": full.sum(axis=0)}
            shown = {word: one[None, :] for word, one in sums.items()}
            return Answer(Load({**shown, "complete": np.array([[float(len(full))]])})), memory
        if isinstance(ask, Cross):
            if noise.customer_rows:
                table = table.take(noise.rows(np.arange(len(table)), floors.who))
            told = np.concatenate([_crossed(table, one, other, floors.cell) for one, other in ask.pairs])
            return Answer(Load({"counts": noise.counts(told, ask.figures)[None, :]})), memory
        raise DataError(f"A description has no answer to {type(ask).__name__}.")

    def _train(self, site: Site, noise: Noise) -> tuple[Table, Floors]:
        """The training rows, or none where they are too few and no noise hides that, and their floors."""

        def make() -> tuple[Table, Floors]:
            rows = np.flatnonzero(parts_at(site, self.step.split) == TRAIN)
            floors = noise.floors(floors_of(site).at(rows))
            rows = rows if floors.suffice(len(rows)) else rows[:0]
            return site.table.take(rows), floors

        return site.derived(f"statistics/train/{self.step.digest}/{noise}", make)

    def _kinds(self, table: Table, floors: Floors) -> dict[str, Any]:
        kinds, labels = {}, {}
        crossed = {name for pair in self.step.cross for name in pair} - set(self.step.splits)
        for name in self.step.used(table):
            column = table.column(name)
            kinds[name] = "empty" if column.gaps.all() else "number" if column.kind in NUMERIC else "label"
            if name in crossed and len(table):
                labels[name] = shared(column, floors)
        return {"kinds": kinds, "labels": labels}

    def _values(self, site: Site, table: Table, floors: Floors, names: tuple[str, ...]) -> NDArray[np.float64]:
        """The columns' values `[rows, names]`; NaN for gaps, unless they are few, and for all of a thin column."""

        def make() -> NDArray[np.float64]:
            X = np.full((len(table), len(names)), np.nan)
            for i, name in enumerate(names):
                column = table.column(name)
                blocks = Veil.of(column, (), floors.cell).blocks(column)
                values = np.concatenate([np.empty(0), *(values for values, _, _ in blocks)])
                if np.count_nonzero(~np.isnan(values)) >= floors.rows:
                    X[:, i] = values
            return X

        return site.derived(f"statistics/values/{self.step.digest}/{'/'.join(names)}", make)


def _crossed(table: Table, one: Cells, other: Cells, cell: int) -> NDArray[np.float64]:
    """Rows by pairs of cells, flat; small ones told jointly and spread over the pairs that they come from."""
    place = one.place(table.column(one.column)) * other.size + other.place(table.column(other.column))
    counts = np.bincount(place, minlength=one.size * other.size)
    return Told.of(counts, cell, ordered=False).spread if len(table) >= cell else np.zeros(len(counts))
