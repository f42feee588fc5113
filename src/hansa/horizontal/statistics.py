"""Statistics: moments, correlations and cross tables over all parties; both halves of the conversation on this page.

What leaves a party: its columns' names and kinds, and labels that `min_cell` of its customers share; of each numeric
column how many values there are and their sum; sums of powers of values less the pooled mean, and of products of two
columns over rows without a gap; rows by two columns' cells. Few gaps count as a value from the middle of their column,
cells with fewer than `min_cell` rows are told jointly, and a party with fewer than `min_rows` rows adds nothing. No
minimum, maximum or sketch of values leaves. Only training rows are looked at. With noise, nothing leaves but figures
that hold it, of all rows as they are (see `noised_moments`); ranges and labels are the contract's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.codec import pack
from hansa.core.contract import Domain
from hansa.core.fold import Collect
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Handler, Memory, Site
from hansa.core.plan import Asks, Gather, Keep, Plan
from hansa.core.step import Done, Event, Roster
from hansa.core.table import Table
from hansa.data.parts import PART_COLUMN, HashSplit, Split
from hansa.errors import ConfigError, DataError, nearest
from hansa.horizontal.columns import NUMERIC
from hansa.horizontal.description import CrossTable, Description, Moments, described
from hansa.horizontal.design import train_of
from hansa.horizontal.fitter import other
from hansa.horizontal.fitting import check_alike
from hansa.horizontal.floors import Floors
from hansa.horizontal.groups import Told
from hansa.horizontal.labels import in_order, shared
from hansa.horizontal.noise import Noise, as_agreed, check_agreed
from hansa.horizontal.noised_moments import POWERS, Powers, moments_of, powers_of
from hansa.horizontal.regressors import triangle, whole
from hansa.horizontal.veil import Veil
from hansa.horizontal.woe import Cells
from hansa.privacy.sampling import Mechanism

CROSSED: Final = 0.5
"""The share of a description's privacy that cross tables cost, where there are any; moments cost the rest."""


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
    `customer_rows`: all that is told holds noise, as in `Binning`; only columns whose range is agreed are described.

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
        """The noise on all that the step tells, as one release."""
        return Noise(self.noise_multiplier, self.customer_rows, self.noise_mechanism)

    @property
    def noises(self) -> tuple[Noise, Noise]:
        """The noise of the moments, and that of the cross tables."""
        return (self.noise.part(1 - CROSSED), self.noise.part(CROSSED)) if self.cross else (self.noise, self.noise)

    @property
    def digest(self) -> str:
        """SHA-256 over the settings, as hex."""
        return sha256(pack(self)).hexdigest()

    def events(self) -> tuple[Event, ...]:
        """What the whole step costs, where it has noise; else nothing that an accountant could bound."""
        return (self.noise.event,) if self.noise_multiplier else ()

    def releases(self) -> Mapping[type[Ask], tuple[Event, ...]]:
        """With noise, the sums of powers and the cross tables; names and kinds are the contract's."""
        if not self.noise_multiplier:
            return {}
        moments, crossed = self.noises
        return {Kinds: (), Powers: (moments.event,), **({Cross: (crossed.event,)} if self.cross else {})}

    def often(self) -> Mapping[type[Ask], int]:
        """Each kind once."""
        return dict.fromkeys(self._kinds, 1)

    def check_domains(self, domains: Mapping[str, Domain]) -> None:
        """With noise, ranges must be agreed, and labels of what is crossed; a column with `splits` needs no range."""
        if self.noise_multiplier:
            crossed = [name for pair in self.cross for name in pair]
            used = dict.fromkeys([*(name for name in domains if self._uses(name)), *self.keep, *crossed])
            names = [name for name in used if name not in self.splits]
            words = {name for name, domain in domains.items() if domain.words}
            check_agreed(self.title, domains, [name for name in names if name in crossed or name not in words])
            if bare := ", ".join(f"'{name}'" for name in names if name in crossed and name not in words):
                raise ConfigError(
                    f"With noise, a cross table needs the edges of a numeric column: {bare}.",
                    "Numbers are labels without, and those are not looked up in the rows.",
                    "Give splits, or a category's levels in data.schema.",
                )

    def clear(self) -> Statistics:
        """The same description without noise."""
        return replace(self, noise_multiplier=0.0, noise_mechanism="gaussian", customer_rows=0)

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half: one describer answers every kind."""
        return dict.fromkeys(self._kinds, Describer(self))

    @property
    def _kinds(self) -> tuple[type[Ask], ...]:
        if self.noise_multiplier:
            return (Kinds, Powers, *(Cross,) * bool(self.cross))
        return (Kinds, Firsts, Seconds, Cross)

    def collects(self) -> frozenset[type[Ask]]:
        """Names and kinds of columns."""
        return frozenset({Kinds})

    def used(self, table: Table) -> tuple[str, ...]:
        """The columns of a table that are described, and those of cross tables."""
        crossed = [name for pair in self.cross for name in pair if name in table.columns]
        return tuple(dict.fromkeys([*(name for name in table.features if self._uses(name)), *crossed]))

    def _uses(self, name: str) -> bool:
        return name in self.keep if self.keep else name not in {PART_COLUMN, *self.drop}

    def plan(self, parties: Roster, kept: Description | None, done: Done) -> Plan[Description]:
        """Kinds, sums, powers and products, cross tables."""
        del done
        found = kept if kept is not None else (yield from self._describe(parties))
        yield Keep(found, {"rows": float(found.rows), "columns": float(len(found.moments))})
        return found

    def _describe(self, parties: Roster) -> Gather[Description]:
        reply = yield Asks(dict.fromkeys(parties, Kinds()), Collect(), parties.until(len(parties)))
        said = {parties.names[place]: a.text() for place, a in reply.value.rows}
        check_alike({party: one["kinds"] for party, one in said.items()}, ())
        here, names = reply.counted, next(iter(said.values()))["kinds"]
        for name in (*self.keep, *self.splits, *(name for pair in self.cross for name in pair)):
            if name not in names:
                raise DataError(f"There is no column '{name}'.", mend=nearest(name, names))
        if self.noise_multiplier:
            return (yield from self._noised(parties, here, said))
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

    def _noised(self, parties: Roster, here: tuple[str, ...], said: Mapping[str, Any]) -> Gather[Description]:
        """The same from figures with noise, over the ranges of the contract."""
        agreed = {name: Domain(*one) for name, one in next(iter(said.values()))["domains"].items()}
        ask = Powers(tuple(name for name, domain in agreed.items() if domain.closed and not domain.words))
        reply = yield Asks(dict.fromkeys(here, ask), until=parties.until(len(here)))
        told, least = reply.value["powers"][0], self.noises[0].seen(ask.figures, len(reply.counted))
        moments, products = moments_of(told, ask.names, agreed, least)
        tables = yield from self._tables(here, said)
        return described(round(told[0]), moments, products, tables)

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
        self._check(ask, site)
        (table, floors), (moments, crossed) = self._train(site), self.step.noises
        if isinstance(ask, Kinds):
            noised = self.step.noise.multiplier > 0
            said = as_agreed(site, self.step, self.step.used(table)) if noised else self._kinds(table, floors)
            return Answer.of_text(said), memory
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
        if isinstance(ask, Powers):
            domains = self._agreed(site, ask.names)
            told = moments.sums(powers_of(table, ask.names, domains), ask.figures)
            return Answer(Load({"powers": told[None, :]})), memory
        if isinstance(ask, Cross):
            told = np.concatenate([_crossed(table, one, other, floors.cell) for one, other in ask.pairs])
            return Answer(Load({"counts": crossed.counts(told, ask.figures)[None, :]})), memory
        raise DataError(f"A description has no answer to {type(ask).__name__}.")

    def _check(self, ask: Ask, site: Site) -> None:
        """Refuse columns that the job does not describe."""
        names = ask.names if isinstance(ask, Firsts | Seconds | Powers) else ()
        pairs = ask.pairs if isinstance(ask, Cross) else ()
        if not {*names, *(one.column for pair in pairs for one in pair)} <= {*self.step.used(site.table)}:
            raise other("columns")

    def _train(self, site: Site) -> tuple[Table, Floors]:
        step = self.step
        return site.derived(f"statistics/train/{step.digest}", lambda: train_of(site, step.split, step.noise))

    def _agreed(self, site: Site, names: tuple[str, ...]) -> dict[str, Domain]:
        """The ranges of columns that are asked for, as the contract has them."""
        agreed = {} if site.job.data.schema is None else site.job.data.schema.domains
        check_agreed(self.step.title, agreed, names)
        return {name: agreed[name] for name in names}

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
