"""Prepare: how columns become numbers, fitted from sums and counts over all parties.

What leaves a party: its columns' names and kinds; labels that `min_cell` of its customers share; then sums and counts
over its training rows: rows, gaps, labels, values and their centred squares, and how many values lie at or below edges.
Gaps and labels of fewer than `min_cell` count as something else (see `veil`), and values below edges are counted in
steps of at least as many (see `rungs`). A party with fewer training rows than `min_rows`, or fewer values in a column,
adds nothing to the sums and takes the preparation all the same. The party's half stands in `fitter`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.codec import pack
from hansa.core.contract import Domain
from hansa.core.fold import Collect
from hansa.core.message import Ask
from hansa.core.party import Handler
from hansa.core.plan import Asks, Gather, Keep, Plan
from hansa.core.step import Done, Event, Roster, Step
from hansa.core.table import Table
from hansa.data.folds import PurgedFolds
from hansa.data.parts import PART_COLUMN, HashSplit, Split
from hansa.data.schema import Field, KnownAt, Schema
from hansa.data.times import TimeSplit
from hansa.errors import ConfigError, DataError, TooFewParties
from hansa.horizontal.amounts import EDGES, Amounts, NoisedFitter, fitted
from hansa.horizontal.columns import LABELLED, Coding
from hansa.horizontal.crowds import LEVELS, Crowds
from hansa.horizontal.fitter import Adopt, Below, Count, Describe, Fitter, Spread
from hansa.horizontal.fitting import Fit, counted
from hansa.horizontal.labels import CODES
from hansa.horizontal.noise import Noise, check_agreed
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.wanted import wants_of
from hansa.privacy.sampling import Mechanism

Fits: TypeAlias = tuple[Fit, ...]
Names: TypeAlias = tuple[str, ...]

_MOST_ASKS = 40
_MOST_PASSES = 8
"""How often all is counted anew, where parties drop out."""


@final
@dataclass(frozen=True)
class Prepare:
    """Fit, from sums and counts over all parties, how columns become numbers.

    `split`: which rows train, validate and are the sealed test; what a split by time reads is no feature unless `keep`
    or `columns` names it. `numeric`, `categorical`: how columns of these kinds are coded unless `columns` says
    otherwise by name. `max_n_bins`: quantile bins of a column coded as "bins". `winsorise`: the share of rows cut at
    either end of a standardised column. `signed_log`: heavy tails by sign(x) log(1 + |x|). `drop`: columns left out;
    `keep`: the only ones used, where given. `known_at`: when a column is known; a feature that is known later than
    `decision` is refused. `noise_multiplier`, `noise_mechanism`, `customer_rows`: all that is told holds
    noise, as in `Binning`.

    Raises:
        ConfigError: a column known later than the decision, or settings that contradict each other.

    Example:
        >>> Prepare(numeric="bins", max_n_bins=10).title
        'prepare'
        >>> Prepare(known_at={"duration": "outcome"})
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: Known too late for a decision at application: 'duration' at outcome. A model that \
learns from them looks better than it will ever be. Drop them (drop = ["duration"]), or move the decision to 'outcome' \
if it is really taken then.
    """

    split: Split = field(default_factory=HashSplit)
    numeric: Literal["standardise", "bins", "none"] = "standardise"
    categorical: Literal["onehot", "ordinal", "codes"] = "onehot"
    max_n_bins: int = 10
    winsorise: float = 0.0
    signed_log: bool = False
    columns: Mapping[str, Coding] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    known_at: Mapping[str, KnownAt] = field(default_factory=dict)
    decision: KnownAt = "application"
    noise_multiplier: float = 0.0
    noise_mechanism: Mechanism = "gaussian"
    customer_rows: int = 0

    def __post_init__(self) -> None:
        """Check ranges, and refuse columns that are known too late."""
        self.noise  # noqa: B018 - making it checks it
        if self.max_n_bins < 2 or not 0 <= self.winsorise < 0.5:
            raise ConfigError("max_n_bins must be at least 2 and winsorise a share in [0, 0.5).")
        scales = "standardise" in {self.numeric, *(coding.how for coding in self.columns.values())}
        if (self.winsorise or self.signed_log) and not scales:
            raise ConfigError(
                f"No column coded as '{self.numeric}' honours winsorise or signed_log.",
                mend='Leave them out, or set numeric = "standardise".',
            )
        out = {*self.drop, *(set(self.columns) - set(self.keep or self.columns))}
        if both := ", ".join(sorted(out & {*self.keep, *self.columns})):
            raise ConfigError(f"Left out by drop or keep, and used all the same: {both}.", mend="Decide on one.")
        used = set(self.keep or self.known_at) - set(self.drop)
        schema = Schema(tuple(Field(name, "float", when) for name, when in self.known_at.items() if name in used))
        late = ", ".join(f'"{name}"' for name in schema.leaks(self.decision))
        try:
            schema.refuse_leaks(self.decision)
        except ConfigError as error:
            mend = error.mend.replace('role = "ignore"', f"drop = [{late}]")
            raise ConfigError(error.what, error.why, mend) from None

    @property
    def title(self) -> str:
        """The step's name."""
        return "prepare"

    @property
    def state(self) -> type[Prepared]:
        """What the plan returns."""
        return Prepared

    @property
    def noise(self) -> Noise:
        """The noise on all that the step tells, as one release."""
        return Noise(self.noise_multiplier, self.customer_rows, self.noise_mechanism)

    @property
    def noises(self) -> tuple[Noise, Noise]:
        """The noise of one of the counts for quantiles, and that of the amounts."""
        return (self.noise.part(EDGES / LEVELS), self.noise.part(1 - EDGES)) if self.looks else (self.noise, self.noise)

    @property
    def looks(self) -> bool:
        """Whether quantiles of any column may be looked for."""
        looked = self.numeric == "bins" or self.winsorise > 0
        return looked or any(one.how == "bins" or bool(one.winsorise) for one in self.columns.values())

    @property
    def digest(self) -> str:
        """SHA-256 over the settings, as hex."""
        return sha256(pack(self)).hexdigest()

    def events(self) -> tuple[Event, ...]:
        """What the whole step costs, where it has noise; else nothing that an accountant could bound."""
        return (self.noise.event,) if self.noise_multiplier else ()

    def releases(self) -> Mapping[type[Ask], tuple[Event, ...]]:
        """With noise, the counts of a search for quantiles and the amounts; names and kinds are the contract's."""
        if not self.noise_multiplier:
            return {}
        quantiles, amounts = self.noises
        looked: dict[type[Ask], tuple[Event, ...]] = {Crowds: (quantiles.event,)} if self.looks else {}
        return {Describe: (), **looked, Amounts: (amounts.event,), Adopt: ()}

    def check_domains(self, domains: Mapping[str, Domain]) -> None:
        """With noise, ranges and labels must be agreed; of a text, or where a coding has `levels`, they need not be."""
        if self.noise_multiplier:
            names = [name for name in domains if self._uses(name)] + [n for n in self.keep if n not in domains]
            how = {name: self.columns.get(name, Coding()) for name in names}
            agreed = {n: d for n, d in domains.items() if n in how and (d.words or how[n].how not in LABELLED)}
            check_agreed(self.title, agreed, [n for n in names if not how[n].levels and how[n].how != "tokens"])

    def clear(self) -> Prepare:
        """The same preparation without noise."""
        return replace(self, noise_multiplier=0.0, noise_mechanism="gaussian", customer_rows=0)

    def check_after(self, after: Sequence[Step]) -> None:
        """No second one comes after: two differ by what neither tells, and a row that trained may be tested."""
        if any(isinstance(step, Prepare) for step in after):
            raise ConfigError(
                "A job prepares its columns once.",
                "What two preparations tell could be subtracted, and another split would test rows that have trained.",
                "Take one prepare step out.",
            )

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half: one fitter answers every kind."""
        if self.noise_multiplier:
            return dict.fromkeys((Describe, *(Crowds,) * self.looks, Amounts, Adopt), NoisedFitter(self))
        return dict.fromkeys((Describe, Count, Below, Spread, Adopt), Fitter(self))

    def often(self) -> Mapping[type[Ask], int]:
        """Names once; counts, sums and edges as often as the plan may count anew. What is adopted tells of nobody."""
        if self.noise_multiplier:
            return {Describe: 1, Crowds: LEVELS * self.looks, Amounts: 1}
        below = (_MOST_ASKS + _MOST_PASSES) * self.looks
        return {Describe: 1, Count: _MOST_PASSES, Below: below, Spread: 2 * _MOST_PASSES}

    def collects(self) -> frozenset[type[Ask]]:
        """Names, kinds and frequent labels of columns."""
        return frozenset({Describe})

    def used(self, table: Table) -> tuple[str, ...]:
        """The columns of a table that the step would use, in the table's order."""
        return tuple(name for name in table.features if self._uses(name))

    def _uses(self, name: str) -> bool:
        out = {PART_COLUMN, *self.drop}
        if isinstance(self.split, TimeSplit | PurgedFolds) and self.split.column not in self.columns:
            out.add(self.split.column)
        return name in self.keep if self.keep else name not in out

    def plan(self, parties: Roster, kept: Prepared | None, done: Done) -> Plan[Prepared]:
        """Columns, counts, quantiles, spread; then everybody takes what was fitted."""
        del done
        prepared = kept
        if prepared is None and self.noise_multiplier:
            prepared = self._prepared(*(yield from fitted(self, parties)))
        elif prepared is None:
            prepared = yield from self._fit(parties)
        yield Asks(dict.fromkeys(parties, Adopt(prepared)), until=parties.until(len(parties)))
        yield Keep(prepared, prepared.measures)
        return prepared

    def _fit(self, parties: Roster) -> Gather[Prepared]:
        """Ask until the pooled figures are known, of those who answer to the end.

        Where a quorum does without one that drops out, the others are counted anew, at the edges that they have told.
        Once values were summed, edges and ends stay: two sums with other ends would tell the values in between.
        """
        reply = yield Asks(dict.fromkeys(parties, Describe()), Collect(), parties.until(len(parties)))
        said = {parties.names[place]: one.text() for place, one in reply.value.rows}
        here, wants = reply.counted, wants_of(self, said)
        if not wants:
            raise DataError("The parties have no column to learn from.", mend="Look at drop, keep and the tables.")
        fits, summed, asked = Fits(), False, 0
        for _ in range(_MOST_PASSES):
            reply = yield Asks(dict.fromkeys(here, Count(wants)), until=parties.until(len(here)))
            here, facts = reply.counted, reply.value["facts"][0]
            if not facts[0]:  # no party had enough
                mend = "Lower min_rows, or bring more rows."
                raise DataError("No party has enough training rows to prepare.", mend=mend)
            found = [(want, some, parties.min_cell) for want, some in counted(wants, reply.value["counts"][0])]
            if summed:
                fits = tuple(replace(fit, found=some) for fit, (_, some, _) in zip(fits, found, strict=True))
            else:
                begun = tuple(Fit.of(*one) for one in found)
                fits, stay, asked = yield from _ranked(parties, here, begun, fits, asked)
                if len(stay) < len(here):
                    here = stay
                    continue
            summed = True
            spread, stay = yield from _summed(parties, here, fits)
            if len(stay) == len(here):
                return self._prepared(spread, facts)
            here = stay
        raise TooFewParties(
            f"Parties dropped out of the preparation {_MOST_PASSES} times.",
            "Each time the others are counted anew, and more often they need not answer.",
            "Mend what keeps them from answering, and submit the job anew.",
        )

    def _prepared(self, fits: tuple[Fit, ...], facts: NDArray[np.float64]) -> Prepared:
        found = {fit.name: fit.encoding() for fit in fits}
        kept = tuple(encoding for encoding, _ in found.values() if encoding is not None)
        if not kept:
            raise DataError("No column is left to learn from.", mend="Look at drop, keep and the columns' values.")
        train, validation, test, twins, parties, odd, *told = facts.tolist()
        codes, present = told[:CODES], [code for code, there in enumerate(told[CODES:]) if there]
        classes = max(2, present[-1] + 1) if present and not odd else 0
        return Prepared(
            kept,
            self.split,
            self.digest,
            {name: why for name, (encoding, why) in found.items() if encoding is None},
            (int(train), int(validation), int(test)),
            int(parties),
            classes,
            codes[1] / sum(codes) if classes == 2 else 0.0,
            int(twins),
            one_class=len(present) == 1 and classes == 2,
        )


def _ranked(parties: Roster, here: Names, fits: Fits, before: Fits, asked: int) -> Gather[tuple[Fits, Names, int]]:
    """Ask until the quantiles are known, or somebody drops out; who stayed, and how many asks there were so far.

    Edges that were asked `before` come first. So those who stay tell nothing new, and no stretch of a few values is
    ever cut again.
    """
    ladders = {fit.name: fit.ladder for fit in before if fit.ladder is not None}
    edges = {name: ladder.edges for name, ladder in ladders.items() if len(ladder.edges)} or _probes(fits)
    again = asked > 0
    while edges and (asked < _MOST_ASKS or again):
        codes = {fit.name: fit.want.special_codes for fit in fits if fit.name in edges}
        reply, asked = (yield Asks(dict.fromkeys(here, Below(edges, codes)), until=parties.until(len(here)))), asked + 1
        if len(reply.counted) < len(here):
            return before or fits if again else fits, reply.counted, asked
        fits = tuple(fit.learned(edges, reply.value["below"][0]) for fit in fits)
        edges, again = _probes(fits), False
    return fits, here, asked


def _probes(fits: Fits) -> dict[str, NDArray[np.float64]]:
    return {fit.name: edges for fit in fits if len(edges := fit.probes())}


def _summed(parties: Roster, here: Names, fits: Fits) -> Gather[tuple[Fits, Names]]:
    """The mean of what was cut and logged, then the squares around it, unless somebody drops out; who stayed."""
    for _ in range(2):
        scaled = tuple(fit for fit in fits if fit.is_scaled)
        ask = Spread(tuple(fit.bare for fit in scaled))
        reply = yield Asks(dict.fromkeys(here, ask), until=parties.until(len(here)))
        if len(reply.counted) < len(here):
            return fits, reply.counted
        sums = dict(zip((fit.name for fit in scaled), reply.value["sums"].reshape(-1, 2), strict=True))
        fits = tuple(fit.centred_at(sums[fit.name]) if fit.name in sums else fit for fit in fits)
    return fits, here
