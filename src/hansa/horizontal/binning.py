"""Binning: columns in bins of high information value, from summed counts.

What leaves a party: its columns' names and kinds, and labels that `min_cell` of its customers share; counts of values
at or below edges, as in `Prepare`; then, once, its rows without and with the event in each cell of each column's
pre-bins. Cells with fewer than `min_cell` rows of an outcome are told jointly with their neighbours, and spread evenly
over them; at `min_cell = 1`, inside a secure sum, the counts are exact. Which bins are joined, and what is changed by
hand, is decided on these counts alone: nobody is asked again. Rows count once, whatever their weight. Only training
rows are counted, and a party with fewer than `min_rows` counts nothing. With noise, nothing leaves but counts that hold
it, of all rows as they are; ranges and labels are the contract's. The party's half stands in `binner`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import ceil
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.codec import pack
from hansa.core.contract import Domain
from hansa.core.fold import Collect, Sum
from hansa.core.load import Load
from hansa.core.message import Ask
from hansa.core.party import Handler
from hansa.core.plan import Asks, Gather, Keep, Plan
from hansa.core.step import Done, Event, Roster, Step
from hansa.core.table import Table
from hansa.data.parts import PART_COLUMN, HashSplit, Split
from hansa.errors import ConfigError, DataError, nearest
from hansa.horizontal.binner import EDGES, Beneath, Binner, Encode, Inquire, Outcomes
from hansa.horizontal.binning_process import BinningProcess, ordered, rearranged
from hansa.horizontal.binning_table import BinningTable
from hansa.horizontal.crowds import LEVELS, Crowds, searched
from hansa.horizontal.fitting import check_alike
from hansa.horizontal.labels import in_order
from hansa.horizontal.noise import Noise, check_agreed
from hansa.horizontal.optimal import Limits, Rule, Trend
from hansa.horizontal.quantiles import Ladder, bin_edges, bin_ranks
from hansa.horizontal.woe import Cells
from hansa.privacy.sampling import Mechanism

_MOST_ASKS = 40
_TAIL = 0.01


@final
@dataclass(frozen=True)
class Binning:
    """Bin every column by its weight of evidence, from counts summed over all parties; words as in optbinning.

    `split`: which rows train. `prebinning_method`: "quantile", or "uniform" (equal width between the pooled 1 % and
    99 % quantiles), into `max_n_prebins`. `solver`: "optimal" (the highest information value by dynamic programming),
    or "chimerge". `monotonic_trend`: of event rates; "auto" is the better of ascending and descending; categories are
    put in the order of their event rates. `cat_cutoff`: labels of a smaller share of rows are one group, with those
    that no party may name. `drop`, `keep`: columns left out, or the only ones. `columns`: what differs, by column.
    `by_party`: also keep each party's counts, which no secure sum can hide then. `noise_multiplier`: each party adds
    exact noise to all that it counts, of so much by what one record changes, the whole step told as one release; or by
    what one customer changes, of whom at most `customer_rows` rows count then. `noise_mechanism`: discrete "gaussian"
    noise, or "geometric", whose epsilon is 1 / noise_multiplier and needs no delta (see `noise`).

    Raises:
        ConfigError: settings outside their range, or that contradict each other.

    Example:
        >>> Binning(max_n_bins=5, monotonic_trend="peak").title
        'binning'
    """

    split: Split = field(default_factory=HashSplit)
    max_n_prebins: int = 20
    prebinning_method: Literal["quantile", "uniform"] = "quantile"
    solver: Literal["optimal", "chimerge"] = "optimal"
    max_n_bins: int = 10
    min_bin_size: float = 0.05
    min_bin_n_event: int = 1
    min_bin_n_nonevent: int = 1
    min_event_rate_diff: float = 0.0
    monotonic_trend: Trend = "auto"
    cat_cutoff: float = 0.01
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    columns: Mapping[str, Rule] = field(default_factory=dict)
    by_party: bool = False
    noise_multiplier: float = 0.0
    noise_mechanism: Mechanism = "gaussian"
    customer_rows: int = 0

    def __post_init__(self) -> None:
        """Check ranges."""
        self.noise  # noqa: B018 - making it checks it
        if self.max_n_prebins < 2 or not 0 <= self.cat_cutoff < 1:
            raise ConfigError("max_n_prebins must be at least 2 and cat_cutoff a share in [0, 1).")
        trends = {self.monotonic_trend, *(rule.monotonic_trend for rule in self.columns.values())}
        if self.solver == "chimerge" and trends & {"peak", "valley"}:
            raise ConfigError("chi-merge cannot honour a peak or a valley.", mend='Set solver = "optimal".')
        for name in self.columns:
            self.limits(name)
        self.limits("")
        if both := ", ".join(sorted({*self.drop} & {*self.keep, *self.columns})):
            raise ConfigError(f"Left out by drop, and used all the same: {both}.", mend="Decide on one.")

    @property
    def title(self) -> str:
        """The step's name."""
        return "binning"

    @property
    def state(self) -> type[BinningProcess]:
        """What the plan keeps and returns."""
        return BinningProcess

    @property
    def noise(self) -> Noise:
        """The noise on all that the step tells, as one release."""
        return Noise(self.noise_multiplier, self.customer_rows, self.noise_mechanism)

    @property
    def digest(self) -> str:
        """SHA-256 over the settings, as hex."""
        return sha256(pack(self)).hexdigest()

    def events(self) -> tuple[Event, ...]:
        """What the whole step costs, where it has noise; else nothing that an accountant could bound."""
        return (self.noise.event,) if self.noise_multiplier else ()

    def releases(self) -> Mapping[type[Ask], tuple[Event, ...]]:
        """With noise, the counts of a search for edges and those of outcomes; names and kinds are the contract's."""
        if not self.noise_multiplier:
            return {}
        level, outcomes = self.noise.part(EDGES / LEVELS).event, self.noise.part(1 - EDGES).event
        return {Inquire: (), Crowds: (level,), Outcomes: (outcomes,), Encode: ()}

    def often(self) -> Mapping[type[Ask], int]:
        """Names and outcomes once; edges until they are fine enough, or with noise as often as is paid for."""
        edges: dict[type[Ask], int] = {Crowds: LEVELS} if self.noise_multiplier else {Beneath: 1 + _MOST_ASKS}
        return {Inquire: 1, **edges, Outcomes: 1}

    def check_domains(self, domains: Mapping[str, Domain]) -> None:
        """With noise, ranges and labels must be agreed; a column with `splits` needs no range."""
        if self.noise_multiplier:
            rules = {name: self.columns.get(name, Rule()) for name in self.keep or domains if name not in self.drop}
            agreed = {n: d for n, d in domains.items() if d.words or n not in rules or not rules[n].categorical}
            check_agreed(self.title, agreed, [name for name, rule in rules.items() if not rule.splits])

    def clear(self) -> Binning:
        """The same binning without noise."""
        return replace(self, noise_multiplier=0.0, noise_mechanism="gaussian", customer_rows=0)

    def check_after(self, after: Sequence[Step]) -> None:
        """No other preparation of columns comes after."""
        if any(step.title in {"binning", "prepare"} for step in after):
            raise ConfigError("A job prepares its columns once.", mend="Take one of prepare and binning out.")

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half: one counter answers every kind."""
        edges = Crowds if self.noise_multiplier else Beneath
        return dict.fromkeys((Inquire, edges, Outcomes, Encode), Binner(self))

    def collects(self) -> frozenset[type[Ask]]:
        """Names, kinds and labels of columns; counts too, where each party's own are asked for."""
        return frozenset({Inquire, Outcomes} if self.by_party else {Inquire})

    def limits(self, name: str) -> Limits:
        """What the bins of a column must keep to."""
        rule = self.columns.get(name, Rule())
        return Limits(
            rule.max_n_bins or self.max_n_bins,
            self.min_bin_size,
            self.min_bin_n_event,
            self.min_bin_n_nonevent,
            self.min_event_rate_diff,
            rule.monotonic_trend or self.monotonic_trend,
        )

    def used(self, table: Table) -> tuple[str, ...]:
        """The columns of a table that are binned."""
        out = {PART_COLUMN, *self.drop}
        return tuple(n for n in table.features if (n in self.keep if self.keep else n not in out))

    def plan(self, parties: Roster, kept: BinningProcess | None, done: Done) -> Plan[BinningProcess]:
        """Columns, quantiles, outcomes by cell; then everybody takes the weights of evidence."""
        del done
        found = kept if kept is not None else (yield from self._fit(parties))
        yield Asks(dict.fromkeys(parties, Encode(found.prepared)), until=parties.until(len(parties)))
        yield Keep(found, {"columns": float(len(found.tables)), "iv": max(table.iv for table in found.tables)})
        return found

    def _fit(self, parties: Roster) -> Gather[BinningProcess]:
        reply = yield Asks(dict.fromkeys(parties, Inquire()), Collect(), parties.until(len(parties)))
        here = reply.counted
        said = {parties.names[place]: a.text() for place, a in reply.value.rows}
        kinds = {party: one["kinds"] for party, one in said.items()}
        words = {name for name, rule in self.columns.items() if rule.categorical}
        check_alike(kinds, words)
        names = next(iter(kinds.values()))
        for name in (*self.keep, *self.columns):
            if name not in names:
                raise DataError(f"There is no feature '{name}'.", mend=nearest(name, names))
        words |= {name for name in names if any(one[name] == "label" for one in kinds.values())}
        numeric = [name for name in names if name not in words]
        if self.noise_multiplier:
            edges = yield from self._noised_edges(parties, here, numeric, next(iter(said.values()))["domains"])
        else:
            edges = yield from self._edges(here, numeric, parties.min_cell)
        cells = []
        for name in names:
            labels = {label for one in said.values() for label in one["labels"].get(name, ())}
            groups = tuple((label,) for label in in_order(labels))
            codes = self.columns.get(name, Rule()).special_codes
            cells.append(Cells(name, edges.get(name, ()), groups, codes, categorical=name in words))
        if not cells:
            raise DataError("The parties have no column to bin.", mend="Look at drop, keep and the tables.")
        reply = yield Asks(dict.fromkeys(here, Outcomes(tuple(cells))), Collect() if self.by_party else Sum())
        loads = {"": reply.value}
        if self.by_party:
            loads = {parties.names[place]: answer.load for place, answer in reply.value.rows}
        return self._process(tuple(cells), loads, len(reply.counted))

    def _noised_edges(
        self, parties: Roster, here: Sequence[str], names: list[str], domains: Mapping[str, Any]
    ) -> Gather[dict[str, tuple[float, ...]]]:
        """The edges of the pre-bins, from counts with noise over the ranges of the contract."""
        given = {name: rule.splits for name, rule in self.columns.items() if rule.splits}
        looked = {name: Domain(*domains[name]) for name in names if name not in given}
        codes = {name: self.columns.get(name, Rule()).special_codes for name in looked}
        noise = self.noise.part(EDGES / LEVELS)
        bins = dict.fromkeys(looked, self.max_n_prebins)
        crowds = yield from searched(parties, here, looked, codes, bins, noise)
        least = noise.seen(len(looked), len(here))
        if self.prebinning_method == "quantile":
            return given | {name: crowd.ends(self.max_n_prebins, least) for name, crowd in crowds.items()}
        ends = {name: (crowd.quantile(_TAIL), crowd.quantile(1 - _TAIL)) for name, crowd in crowds.items()}
        return given | {name: _even(*pair, self.max_n_prebins) for name, pair in ends.items()}

    def _edges(self, here: Sequence[str], names: list[str], cell: int) -> Gather[dict[str, tuple[float, ...]]]:
        """The edges of the pre-bins: those that are given, and the others by counts below edges."""
        given = {name: rule.splits for name, rule in self.columns.items() if rule.splits}
        names = [name for name in names if name not in given]
        if not names:
            return given
        reply = yield Asks(dict.fromkeys(here, Beneath(dict.fromkeys(names, np.empty(0)))))
        held = dict(zip(names, reply.value["held"][0].tolist(), strict=True))
        ladders = {name: Ladder.of(rows, cell) for name, rows in held.items() if rows >= 2 * cell}
        for _ in range(_MOST_ASKS):
            asked = {n: probes for n, one in ladders.items() if len(probes := one.probes(self._ranks(one)))}
            if not asked:
                break
            reply = yield Asks(dict.fromkeys(here, Beneath(asked)))
            ends = np.cumsum([len(probes) for probes in asked.values()])[:-1]
            for (name, probes), below in zip(asked.items(), np.split(reply.value["below"][0], ends), strict=True):
                ladders[name] = ladders[name].learned(probes, below)
        return given | {name: self._cut(ladder) for name, ladder in ladders.items()}

    def _ranks(self, ladder: Ladder) -> list[int]:
        if self.prebinning_method == "quantile":
            return bin_ranks(ladder, self.max_n_prebins)
        tail = max(round(_TAIL * ladder.rows), ladder.min_cell)
        return [tail, ladder.rows - tail]

    def _cut(self, ladder: Ladder) -> tuple[float, ...]:
        if self.prebinning_method == "quantile":
            return bin_edges(ladder, self.max_n_prebins)
        low, high = (ladder.edge(rank) for rank in self._ranks(ladder))
        return _even(low, high, self.max_n_prebins)

    def _process(self, cells: tuple[Cells, ...], loads: Mapping[str, Load], parties: int) -> BinningProcess:
        ends = np.cumsum([2 * one.size for one in cells])[:-1]
        apart = sum((load["apart"][0] for load in loads.values()), np.zeros(len(cells)))
        split = {party: np.split(load["outcomes"][0], ends) for party, load in loads.items()}
        tables, least = [], self.noise.part(1 - EDGES).seen(len(cells), parties)
        for i, one in enumerate(cells):
            own = {party: parts[i].reshape(2, -1) for party, parts in split.items()}
            total = _out_of_noise(sum(own.values(), np.zeros((2, one.size))), one, least)
            if not total.sum():
                mend = "noise_multiplier" if least else "min_rows"
                raise DataError("No party has enough training rows to bin.", mend=f"Lower {mend}, or bring more rows.")
            if one.words:
                rare = max(self.cat_cutoff, least / total.sum())
                one, order = ordered(one, total, rare)  # noqa: PLW2901 - the same cells, in their order
                own = {party: rearranged(counts, order) for party, counts in own.items()}
                total = rearranged(total, order)
            rule, limits = self.columns.get(one.column, Rule()), self.limits(one.column).at_least(ceil(least))
            if one.words and limits.monotonic_trend != "none":
                limits = replace(limits, monotonic_trend="ascending")
            if rule.fixed:
                made = BinningTable(one, total, tuple(range(one.bins)))
            else:
                made = BinningTable.of(one, total, limits, self.solver)
            tables.append(replace(made, apart=float(apart[i]), parties=own if self.by_party else {}))
        return BinningProcess(tuple(tables), self.split, self.digest)


def _even(low: float, high: float, bins: int) -> tuple[float, ...]:
    """The edges of bins of equal width, from one end to the other."""
    return tuple(sorted({*np.linspace(low, high, bins - 1).tolist()}))


def _out_of_noise(counts: NDArray[np.float64], cells: Cells, least: float) -> NDArray[np.float64]:
    """Counts `[2, size]` none of which is below 0; a special code, other labels or gaps hold `least` rows, or none."""
    if not least:
        return counts
    made = np.maximum(counts, 0.0)
    beside = made[:, cells.bins :]
    beside[:, beside.sum(axis=0) < least] = 0.0
    return made
