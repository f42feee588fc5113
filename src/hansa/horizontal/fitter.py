"""The party's half of `Prepare`: what it is asked, and its counts and sums over its training rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.codec import pack, unpack
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.on_disk import forget
from hansa.core.party import AT_ONCE, Memory, Site
from hansa.core.table import Column, Table
from hansa.errors import DataError, PolicyRefusal
from hansa.horizontal.columns import LABELLED, NUMERIC, Coding
from hansa.horizontal.design import parts_at, remembered, train_of
from hansa.horizontal.facts import facts_of
from hansa.horizontal.fitting import Fit, Want, centred, refuse_infinite
from hansa.horizontal.floors import Floors, floors_of
from hansa.horizontal.labels import shared
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.rungs import Rungs
from hansa.horizontal.veil import held
from hansa.horizontal.wanted import check_names

if TYPE_CHECKING:
    from hansa.horizontal.prepare import Prepare

P = TypeVar("P", Want, Fit)

_FIRST: Final = f"{AT_ONCE}prepare"


@final
@dataclass(frozen=True)
class Describe(Ask):
    """Which columns do you have, of which kinds, and which labels do at least `min_cell` of your rows share?

    Example:
        >>> Describe()
        Describe()
    """


@final
@dataclass(frozen=True)
class Count(Ask):
    """How many rows, gaps and labels are there, and what do the values add up to, column by column?

    Example:
        >>> Count((Want("age", "none"),)).wants[0].name
        'age'
    """

    wants: tuple[Want, ...]


@final
@dataclass(frozen=True)
class Below(Ask):
    """How many values of each column lie at or below these edges?

    Example:
        >>> Below({"age": np.array([30.0, 60.0])}, {"age": ()}).edges["age"].tolist()
        [30.0, 60.0]
    """

    edges: Mapping[str, NDArray[np.float64]]
    special_codes: Mapping[str, tuple[float, ...]]


@final
@dataclass(frozen=True)
class Spread(Ask):
    """What do each column's values, cut and logged, less the fit's centre, add up to, and their squares?

    Example:
        >>> Spread((Fit(Want("age", "none"), np.zeros(3), 10, centre=40.0),)).fits[0].centre
        40.0
    """

    fits: tuple[Fit, ...]


@final
@dataclass(frozen=True)
class Adopt(Ask):
    """Take this preparation.

    Example:
        >>> Adopt(Prepared(())).prepared.width
        0
    """

    prepared: Prepared


@final
@dataclass(frozen=True)
class First:
    """What a party was asked first of a preparation: from answers to others, those of a few customers could be told.

    The columns that it counts; between which ends it sums each; and the preparation that it took, by its SHA-256. It
    remembers that at once, whether its answers count or not.

    Example:
        >>> first = First().counting((Want("age", "none"),))
        >>> first.counting((Want("age", "none"),)) == first
        True
        >>> first.counting((Want("age", "none", special_codes=(42.0,)),))
        Traceback (most recent call last):
            ...
        hansa.errors.PolicyRefusal: A step asks for other counts than its job, or than at first. The difference \
of two would tell of a few customers. Ask as the approved job does.
    """

    wants: tuple[Want, ...] = ()
    ends: tuple[tuple[str, float, float], ...] = ()
    taken: str = ""

    @classmethod
    def of(cls, memory: Memory) -> First:
        """What a memory holds of it."""
        return _remembered(memory[_FIRST].tobytes()) if _FIRST in memory else cls()

    def into(self, memory: Memory) -> Memory:
        """The memory with it."""
        return {**memory, _FIRST: _packed(self)}

    def counting(self, wants: tuple[Want, ...]) -> First:
        """Count these columns, as ever."""
        if self.taken or self.wants not in {(), wants}:
            raise other("counts")
        return replace(self, wants=wants)

    def check_below(self, ask: Below) -> None:
        """Count values below edges until some are summed: with edges of a later choice a sum would tell single ones."""
        codes = {want.name: want.special_codes for want in self.wants if want.looks}
        if self.ends or any(codes.get(name) != ask.special_codes.get(name, ()) for name in ask.edges):
            raise other("edges")

    def summing(self, fits: tuple[Fit, ...]) -> First:
        """Sum between these ends, as ever; a column whose whole sum was told is never cut."""
        ends = tuple((fit.name, fit.low, fit.high) for fit in fits)
        whole = all(fit.want.looks or (fit.low, fit.high) == (-np.inf, np.inf) for fit in fits)
        known = all(fit.is_scaled and fit.want in self.wants for fit in fits)
        if not (whole and known) or self.ends not in {(), ends}:
            raise other("sums")
        return replace(self, ends=ends)

    def taking(self, prepared: Prepared) -> First:
        """Take this preparation, as ever; the fit is over then."""
        digest = sha256(pack(prepared)).hexdigest()
        if self.taken not in {"", digest}:
            raise other("columns")
        return First(taken=digest)


@final
@dataclass(frozen=True)
class Fitter:
    """The party's half: counts and sums over its training rows.

    Example:
        >>> from hansa.horizontal.prepare import Prepare
        >>> Fitter(Prepare()).step.title
        'prepare'
    """

    step: Prepare

    def answer(self, ask: Ask, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Answer any of the step's asks, and remember what was asked first, and what is adopted."""
        first = First.of(memory)
        if isinstance(ask, Adopt):
            kept = {**first.taking(ask.prepared).into(memory), **remembered(ask.prepared)}
            for key in [key for key in site.cache if key.startswith("prepare/")]:  # the fit is over: free its columns
                del site.cache[key]
            return Answer(Load({"adopted": np.ones((1, 1))})), kept
        if isinstance(ask, Describe):
            return self._described(site), memory
        table, floors = self._train(site)
        if isinstance(ask, Count):
            if not {want.name for want in ask.wants} <= {*self.step.used(site.table)}:
                raise other("columns")
            if any(want.special_codes != self._coding(want.name).special_codes for want in ask.wants):
                raise other("special codes")
            first = first.counting(ask.wants)
            counts = np.concatenate([want.count(column, floors) for want, column in _with_columns(table, ask.wants)])
            facts = facts_of(site.table, self._codes(site), floors_of(site), table, self.step.used(site.table))
            return Answer(Load({"counts": counts[None, :], "facts": facts})), first.into(memory)
        if isinstance(ask, Below):
            first.check_below(ask)
            found = [self._below(site, name, edges, ask) for name, edges in ask.edges.items()]
            return Answer(Load({"below": np.concatenate(found)[None, :].astype(np.float64)})), memory
        if isinstance(ask, Spread):
            first = first.summing(ask.fits)
            sums = [centred(fit, column, floors) for fit, column in _with_columns(table, ask.fits)]
            answer = Answer(Load({"sums": np.array(sums, np.float64).reshape(1, -1)}))
            return answer, first.into(memory)
        raise DataError(f"A preparation has no answer to {type(ask).__name__}.")

    def _coding(self, name: str) -> Coding:
        return self.step.columns.get(name, Coding())

    def _codes(self, site: Site) -> NDArray[np.int8]:
        return parts_at(site, self.step.split)

    def _train(self, site: Site) -> tuple[Table, Floors]:
        step = self.step
        return site.derived(f"prepare/train/{step.digest}", lambda: train_of(site, step.split, step.noise))

    def _described(self, site: Site) -> Answer:
        check_names(self.step, site.table)
        table, floors = self._train(site)
        kinds, labels = {}, {}
        for name in self.step.used(table):
            column, whole = table.column(name), site.table.column(name)
            coding = self._coding(name)
            word = whole.kind not in NUMERIC
            if not word and coding.how not in {*LABELLED, "tokens"}:
                refuse_infinite(whole)
            kinds[name] = "empty" if whole.gaps.all() else "label" if word else "number"
            named = (word or coding.how in LABELLED) and coding.how != "tokens"  # nobody is told a text's words
            if named and not coding.levels and len(column):
                labels[name] = shared(column, floors)
            forget(column.values, whole.values)
        return Answer.of_text({"kinds": kinds, "labels": labels})

    def _below(self, site: Site, name: str, edges: NDArray[np.float64], ask: Below) -> NDArray[np.intp]:
        codes = ask.special_codes[name]
        key = f"prepare/rungs/{self.step.digest}/{name}/{codes}"
        table, floors = self._train(site)
        column = table.column(name)
        rungs = site.derived(key, lambda: Rungs.of(held(column, codes, floors), floors.cell, column.values))
        below = rungs.below(edges)
        forget(rungs.places, rungs.counts, column.values)
        return below


def _with_columns(table: Table, parts: Iterable[P]) -> Iterator[tuple[P, Column]]:
    """Each want or fit with its column, which is forgotten after its turn where it lies on disk."""
    for part in parts:
        column = table.column(part.name)
        yield part, column
        forget(column.values)


def other(what: str) -> PolicyRefusal:
    """Why a question is not answered that another one was asked before, or that the job does not ask.

    Example:
        >>> other("edges").what
        'A step asks for other edges than its job, or than at first.'
    """
    return PolicyRefusal(
        f"A step asks for other {what} than its job, or than at first.",
        "The difference of two would tell of a few customers.",
        "Ask as the approved job does.",
    )


@lru_cache(maxsize=64)
def _packed(first: First) -> NDArray[np.uint8]:
    """What is remembered, as bytes: the same of a thousand parties."""
    return np.frombuffer(pack(first), np.uint8)


@lru_cache(maxsize=64)
def _remembered(body: bytes) -> First:
    return unpack(First, body)
