"""A preparation from noised counts and sums: no row says where its column lies; both halves on this page.

What leaves a party, with noise: how many values lie in the stretches of a column's range, where quantiles are looked
for (see `crowds`); then, once, its rows by part and its training rows by class, each column's gaps, labels and special
codes, and of a column that stays a number the sums of its values and of their squares, on a scale from -1 to 1 over the
range. Kinds, ranges and labels are the contract's. A range that is far wider than its values leaves little of them
beside the noise: winsorise such a column, or take signed logs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.contract import Domain
from hansa.core.fold import Collect
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Memory, Site
from hansa.core.plan import Asks, Gather
from hansa.core.step import Roster
from hansa.core.table import Column, Table
from hansa.data.parts import PARTS
from hansa.errors import DataError
from hansa.horizontal.columns import numbers, tamed
from hansa.horizontal.crowds import Crowd, Crowds, crowded, searched
from hansa.horizontal.design import parts_at, train_of
from hansa.horizontal.fitter import Adopt, Describe, Fitter
from hansa.horizontal.fitting import Fit, Want
from hansa.horizontal.floors import Floors, floors_of
from hansa.horizontal.labels import CODES, classes_of
from hansa.horizontal.noise import PARTS_OF_ONE, Noise, added, as_agreed
from hansa.horizontal.veil import in_blocks
from hansa.horizontal.wanted import check_names, wants_of

if TYPE_CHECKING:
    from hansa.horizontal.prepare import Prepare

Floats = NDArray[np.float64]

EDGES: Final = 0.25
"""The share of a preparation's privacy that quantiles cost, where it looks for any; the rest is that of the amounts."""
_FACTS: Final = len(PARTS) + 1 + CODES
_NO_CLASS: Final = 1e-6
"""The chance at which noise is taken for a third class: one that is not there would spoil the whole job."""


@final
@dataclass(frozen=True)
class Amounts(Ask):
    """How many rows of which part and class, gaps, labels and codes are there; what do values add up to in their range?

    Example:
        >>> Amounts((Fit(Want("age", "standardise"), np.zeros(0), 1, low=18.0, high=99.0),)).fits[0].high
        99.0
    """

    fits: tuple[Fit, ...]

    @property
    def figures(self) -> int:
        """How many amounts a row changes, by at most one each: a part, a class, of each column a count, or three."""
        return 2 + sum(3 if fit.is_scaled else 1 for fit in self.fits)


@final
@dataclass(frozen=True)
class NoisedFitter:
    """The party's half of a preparation with noise.

    Example:
        >>> from hansa.horizontal.prepare import Prepare
        >>> NoisedFitter(Prepare(noise_multiplier=2.0)).step.title
        'prepare'
    """

    step: Prepare

    def answer(self, ask: Ask, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Answer any of the step's asks; only `Adopt` is remembered."""
        if isinstance(ask, Adopt):
            return Fitter(self.step).answer(ask, site, memory)
        if isinstance(ask, Describe):
            check_names(self.step, site.table)
            said = as_agreed(site, self.step, self.step.used(site.table))
            return Answer.of_text(said), memory
        quantiles, amounts = self.step.noises
        key = f"prepare/train/{self.step.digest}"
        table, _ = site.derived(key, lambda: train_of(site, self.step.split, self.step.noise))
        if isinstance(ask, Crowds):
            return crowded(ask, table, quantiles), memory
        if isinstance(ask, Amounts):
            facts = self._facts(site, table, amounts)
            told = np.concatenate([facts, *(amounts_of(fit, table.column(fit.name)) for fit in ask.fits)])
            return Answer(Load({"amounts": amounts.sums(told, ask.figures)[None, :]})), memory
        raise DataError(f"A preparation with noise has no answer to {type(ask).__name__}.")

    def _facts(self, site: Site, train: Table, noise: Noise) -> Floats:
        """Rows by part, and training rows by class, the first for a target that is none: of a row, one of either."""
        codes, floors = parts_at(site, self.step.split), floors_of(site)
        kept = codes[noise.rows(np.arange(len(codes)), floors.who)]
        rows = np.bincount(kept, minlength=len(PARTS))[: len(PARTS)]
        y = np.zeros(0) if train.target is None else train.y()
        classes = classes_of(y, Floors())[1 : 1 + CODES]
        return np.array([*rows, len(y) - sum(classes), *classes], np.float64)


def amounts_of(fit: Fit, column: Column) -> Floats:
    """A column's counts as `Want.count` gives them, all rows as they are; of one that stays a number, two sums too.

    These are of its values on a scale from -1 to 1 over [low, high], and of their squares, in the places of the sum and
    after the codes, `added`. Ends that make no scale put all of them in its middle: nobody refuses for values.

    Example:
        >>> fit = Fit(Want("age", "standardise"), np.zeros(0), 1, low=0.0, high=100.0)
        >>> amounts_of(fit, Column.of("age", [50, 75, 200, None])).tolist()
        [3.0, 1.0, 1.5, 1.25]
    """
    counts = replace(fit.want, winsorise=0.25).count(column)  # without the sum of values, which nothing bounds
    if not fit.is_scaled:
        return counts
    middle, half = _scale(fit)
    sums = np.zeros(2, np.int64)
    for block in in_blocks(column):
        values, _, _ = numbers(block, fit.want.special_codes)
        shown = tamed(values[~np.isnan(values)], fit.low, fit.high, signed_log=fit.want.signed_log)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            scaled = np.clip(np.nan_to_num((shown - middle) / half), -1.0, 1.0)
        sums += added(np.stack([scaled, np.square(scaled)], axis=1))
    total, squares = (sums / PARTS_OF_ONE).tolist()
    return np.array([*counts[:2], total, *counts[3:], squares])


def fitted(step: Prepare, parties: Roster) -> Gather[tuple[tuple[Fit, ...], Floats]]:
    """The coordinator's half: each column's fit, and the sum of what `facts_of` would tell, less twins.

    Example:
        >>> from hansa.horizontal.prepare import Prepare
        >>> next(fitted(Prepare(noise_multiplier=2.0), Roster(("bank-a",)))).to
        {'bank-a': Describe()}
    """
    reply = yield Asks(dict.fromkeys(parties, Describe()), Collect(), parties.until(len(parties)))
    said = {parties.names[place]: one.text() for place, one in reply.value.rows}
    here, wants = reply.counted, wants_of(step, said)
    if not wants:
        raise DataError("The parties have no column to learn from.", mend="Look at drop, keep and the tables.")
    domains = {name: Domain(*one) for name, one in next(iter(said.values()))["domains"].items()}
    looked = {want.name: want for want in wants if want.looks}
    codes = {name: want.special_codes for name, want in looked.items()}
    parts = {name: want.max_n_bins if want.how == "bins" else ceil(1 / want.winsorise) for name, want in looked.items()}
    quantiles, amounts = step.noises
    crowds = yield from searched(parties, here, {name: domains[name] for name in looked}, codes, parts, quantiles)
    least = quantiles.seen(len(looked), len(here))
    fits = tuple(_begun(want, domains[want.name], crowds.get(want.name), least) for want in wants)
    ask = Amounts(fits)
    reply = yield Asks(dict.fromkeys(here, ask), until=parties.until(len(here)))
    told, least = reply.value["amounts"][0], amounts.seen(ask.figures, len(reply.counted))
    ends = _FACTS + np.cumsum([0, *(_size(fit) for fit in fits)])
    cell = max(parties.min_cell, ceil(least))
    made = [_settled(fit, told[i:j], cell, least) for fit, i, j in zip(fits, ends[:-1], ends[1:], strict=True)]
    *rows, odd = np.where(told[: _FACTS - CODES] < least, 0.0, np.rint(told[: _FACTS - CODES])).tolist()
    classes, sure = told[_FACTS - CODES : _FACTS], amounts.seen(ask.figures, len(reply.counted), _NO_CLASS)
    classes = np.where(classes < np.where(np.arange(CODES) < 2, least, sure), 0.0, classes)
    return tuple(made), np.array([*rows, 0.0, len(reply.counted), odd, *classes, *(classes > 0)])


def _begun(want: Want, domain: Domain, crowd: Crowd | None, least: float) -> Fit:
    """A column under way: between which ends it is summed, and its edges where it is binned."""
    fit = Fit(want, np.zeros(0), 1, low=domain.low, high=domain.high)
    if crowd is None:
        return fit
    if want.how == "bins":
        return replace(fit, edges=crowd.ends(want.max_n_bins, least))
    low, high = crowd.quantile(want.winsorise), crowd.quantile(1 - want.winsorise)
    return replace(fit, low=low, high=high) if low < high else fit


def _settled(fit: Fit, told: Floats, cell: int, least: float) -> Fit:
    """A column with its pooled figures; a spread that the noise hides is taken for as large as it may be."""
    found = np.maximum(told[: fit.want.size], 0.0)
    fit = replace(fit, found=found, min_cell=cell)
    rows = found[0]
    if not fit.is_scaled or rows < cell:
        return fit
    middle, half = _scale(fit)
    mean = float(np.clip(told[2] / rows, -1.0, 1.0))
    variance = min(max(told[-1] / rows - mean**2, least / rows), 1.0)
    return replace(fit, centre=middle + half * mean, variance=float(variance * half**2))


def _scale(fit: Fit) -> tuple[float, float]:
    """The middle of a column's range, cut and logged, and half its width."""
    low, high = tamed(np.array([fit.low, fit.high]), fit.low, fit.high, signed_log=fit.want.signed_log).tolist()
    return (low + high) / 2, (high - low) / 2


def _size(fit: Fit) -> int:
    return fit.want.size + fit.is_scaled
