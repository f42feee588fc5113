r"""Carrying asks and bringing replies in one process: names, envelopes, waiting, folding, and starting again.

Each answer is recorded before it counts. After a restart the plan begins at the last `Keep` and is fed the recorded
answers again; only missing ones are asked, under the same names. `Carrier` knows nothing of learning.

Example:
    >>> from hansa.core.job import Job
    >>> from hansa.core.party import Party
    >>> from hansa.core.table import Table
    >>> job = Job.from_toml('name = "scores"\nsteps = [{use = "rounds", rounds = 2, check_every = 0}]')
    >>> x = Table.of({"x": range(40), "late": [0, 1] * 20}, target="late")
    >>> banks = [Party(name, {"loans": x}) for name in ("bank-a", "bank-b", "bank-c")]
    >>> seats, kept = seats_of(job, banks), []
    >>> done = Carrier(job, seats, in_process(job, banks)).run(kept.append)
    >>> len(kept), done.results[0].round, run_alone(job, banks[0]).results[0].round
    (3, 2, 2)
    >>> Flight(at=2.5, party="bank-a", name=Name(0, 1, 0), answer=None, kind="Train").at
    2.5
    >>> snapshot = Snapshot(keep=3, at=kept[-1].state)
    >>> Closing(counted=(("bank-a", Name(0, 0, 0)),), refused=(), lost=(), flying=(), now=snapshot.now).lost
    ()
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeAlias, final

from hansa.core.fold import Mergeable
from hansa.core.job import At
from hansa.core.message import Answer, Envelope, Name, Refusal
from hansa.core.party import Seat, inner, site_of
from hansa.core.plan import First, Keep, Quorum, Reply
from hansa.core.step import Done
from hansa.core.work import Outcome, Work, do
from hansa.errors import PolicyRefusal, TooFewParties

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hansa.core.job import Job
    from hansa.core.message import Ask
    from hansa.core.party import Party
    from hansa.core.plan import Asks
    from hansa.core.work import Compute

_REMEMBERED = 4

Clock: TypeAlias = "Callable[[str, Name], float | None]"
"""Simulated seconds until a party's answer to an ask arrives; None: it never does."""


@final
@dataclass(frozen=True)
class Flight:
    """An answer on its way: when it arrives, whose it is, to which ask, and of which kind that was."""

    at: float
    party: str
    name: Name
    answer: Answer
    kind: str


@final
@dataclass(frozen=True)
class Closing:
    """How a turn was closed, so that a replay closes it the same way: who counted, in fold order, and when."""

    counted: tuple[tuple[str, Name], ...]
    refused: tuple[str, ...]
    lost: tuple[str, ...]
    flying: tuple[tuple[str, Name, float], ...]
    now: float


@final
@dataclass(frozen=True)
class Snapshot:
    """All that a coordinator needs to go on from a `Keep`."""

    keep: int
    at: At
    counted: Mapping[str, tuple[Name, ...]] = field(default_factory=dict)
    flying: tuple[Flight, ...] = ()
    now: float = 0.0


class Journal(Protocol):
    """A durable record of a run: each answer before it counts, each closing before it is acted on, each snapshot.

    One that is not `thorough` keeps snapshots only: what is asked again after one gives the same answers anyway.
    """

    @property
    def thorough(self) -> bool:
        """Whether single answers are recorded."""
        ...

    def latest(self) -> Snapshot | None:
        """The last snapshot, if there is one."""
        ...

    def save(self, snapshot: Snapshot) -> None:
        """Make a snapshot durable; what was recorded before it may go."""
        ...

    def answer(self, name: Name, party: str) -> Answer | Refusal | None:
        """A recorded answer."""
        ...

    def record(self, name: Name, party: str, said: Answer | Refusal) -> None:
        """Record an answer."""
        ...

    def closing(self, name: Name) -> Closing | None:
        """How a turn was closed, if it was."""
        ...

    def close(self, name: Name, closing: Closing) -> None:
        """Record how a turn is closed."""
        ...


@final
class Carrier:
    """Drives a job's plan over the seats of its parties.

    Without a journal, a clock or guards a turn goes the short way: workers fold what they computed and single answers
    are never built. The bits are the same. After each `Keep` the plan is told how many seconds it took.
    """

    def __init__(
        self,
        job: Job,
        seats: Mapping[str, Seat],
        compute: Compute,
        journal: Journal | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Take the job, the seats in roster order, who computes, and optionally a journal and a simulated clock."""
        self.job, self.seats, self.compute, self.journal, self.clock = job, seats, compute, journal, clock
        self.roster = job.roster(tuple(seats))
        self.places = {name: place for place, name in enumerate(seats)}
        self.counted: dict[str, tuple[Name, ...]] = {}
        self.flying: tuple[Flight, ...] = ()
        self.now = 0.0
        guarded = any(seat.party.guards for seat in seats.values())
        self.short = (journal is None or not journal.thorough) and clock is None and not guarded

    def run(self, watch: Callable[[Keep[At]], None] | None = None, begin: At | None = None) -> Done:
        """Run to the end, from the last snapshot where there is one, else from `begin`; `watch` sees every `Keep`."""
        snapshot = self.journal.latest() if self.journal is not None else None
        keep, step, turn = 0, 0, 0
        if snapshot is not None:
            keep, step = snapshot.keep, snapshot.at.step
            self.counted, self.flying, self.now = dict(snapshot.counted), snapshot.flying, snapshot.now
        plan = self.job.plan(self.roster, snapshot.at if snapshot is not None else begin)
        reply: Reply | float | None = None
        begun = time.monotonic()
        while True:
            try:
                said = plan.send(reply)
            except StopIteration as end:
                self._settle()
                done: Done = end.value
                return done
            if isinstance(said, Keep):
                keep, step, turn = keep + 1, said.state.step, 0
                begun, reply = time.monotonic(), time.monotonic() - begun
                if self.journal is not None:
                    self.journal.save(Snapshot(keep, said.state, dict(self.counted), self.flying, self.now))
                if watch is not None:
                    watch(said)
            else:
                reply = self.reply(Name(step, keep, turn), said)
                turn += 1

    def reply(self, name: Name, asks: Asks) -> Reply:
        """Bring one turn's answers in and fold them.

        Raises:
            TooFewParties: fewer answers than the turn waits for.
            PolicyRefusal: a party refused and the turn waits for everyone.
        """
        to = sorted(asks.to, key=self.places.__getitem__)
        if self.short and not isinstance(asks.until, First):
            return self._short(name, asks, to)
        closing = self.journal.closing(name) if self.journal is not None else None
        if closing is None:
            said = self._ask(name, asks, to)
            refused = {party: word for party, word in said.items() if isinstance(word, Refusal)}
            self._take_off(name, asks, {party: word for party, word in said.items() if isinstance(word, Answer)})
            closing = self._close(name, asks, to, refused)
        else:
            refused = {
                party: word for party in closing.refused if isinstance(word := self._recorded(name, party), Refusal)
            }
        return self._fold(name, asks, closing, refused)

    def _short(self, name: Name, asks: Asks, to: Sequence[str]) -> Reply:
        if not to:
            return Reply(None)
        for party in to:
            self.seats[party].settle(self.counted.get(party, ()))
        outcome = self._compute(name, asks, to, folded=isinstance(asks.fold, Mergeable))
        for party, memory in zip(to, outcome.memories, strict=True):
            if memory is not None:
                self.seats[party].hold(name, memory)
            self._count(party, name)
        partial = outcome.partial
        if partial is None:
            partial = asks.fold.zero([self.places[party] for party in to])
            for party, answer in zip(to, outcome.answers, strict=True):
                if isinstance(answer, Refusal):
                    self._too_few(name, {party: answer}, (), len(to) - 1, len(to))
                partial = asks.fold.add(partial, [self.places[party]], answer)
        return Reply(asks.fold.close(partial), tuple(to))

    def _compute(self, name: Name, asks: Asks, to: Sequence[str], *, folded: bool) -> Outcome:
        places = tuple(self.places[party] for party in to)
        memories = tuple(self.seats[party].memory for party in to)
        kinds = tuple(asks.to[party] for party in to)
        return self.compute(Work(name.step, tuple(to), places, kinds, memories, places, asks.fold if folded else None))

    def _ask(self, name: Name, asks: Asks, to: Sequence[str]) -> dict[str, Answer | Refusal]:
        """Everybody's word: recorded, given before under this name, refused at the door, or computed now."""
        said: dict[str, Answer | Refusal] = {}
        fresh: list[tuple[str, Envelope]] = []
        for party in to:
            word = self._recorded(name, party)
            envelope = Envelope(name, asks.to[party], self.counted.get(party, ()))
            if word is None:
                word = self.seats[party].open(envelope)
            if word is None:
                fresh.append((party, envelope))
            else:
                said[party] = word
        if fresh:
            outcome = self._compute(name, asks, [party for party, _ in fresh], folded=False)
            for (party, envelope), answer, memory in zip(fresh, outcome.answers, outcome.memories, strict=True):
                seat = self.seats[party]
                said[party] = seat.close(envelope, answer, seat.memory if memory is None else memory)
        return said

    def _take_off(self, name: Name, asks: Asks, answers: Mapping[str, Answer]) -> None:
        """Put answers in flight; one that arrives is recorded first."""
        for party in sorted(answers, key=self.places.__getitem__):
            delay = 0.0 if self.clock is None else self.clock(party, name)
            if delay is not None:
                if self.journal is not None and self.journal.answer(name, party) is None:
                    self.journal.record(name, party, answers[party])
                flight = Flight(self.now + delay, party, name, answers[party], _kind(asks.to[party]))
                self.flying = (*self.flying, flight)

    def _close(self, name: Name, asks: Asks, to: Sequence[str], refused: Mapping[str, Refusal]) -> Closing:
        """Wait as the plan asks, and say who counts; answers to earlier asks of the step that do not stay in flight."""
        here, enough = self._here(asks, self._awaited(name, asks), len(to))
        landed = {(flight.party, flight.name) for flight in here}
        kept = isinstance(asks.until, First) and asks.until.keep
        flights = [f for f in self.flying if f.name.step == name.step and (f.party, f.name) not in landed]
        away = sorted((f for f in flights if kept or f.name != name), key=self._arrival)
        there = {party for party, _ in landed} | {f.party for f in away if f.name == name} | set(refused)
        lost = tuple(party for party in to if party not in there)
        if len(here) < enough:
            self._too_few(name, refused, lost, len(here), enough)
        closing = Closing(
            tuple((f.party, f.name) for f in here),
            tuple(refused),
            lost,
            tuple((f.party, f.name, f.at) for f in away),
            max((self.now, *(f.at for f in here))),
        )
        if self.journal is not None:
            for party, word in refused.items():
                self.journal.record(name, party, word)
            self.journal.close(name, closing)
        return closing

    def _awaited(self, name: Name, asks: Asks) -> list[Flight]:
        """Flights that a turn may count, as they arrive: answers to this very ask.

        Where the first few are enough, so are late answers to the step's earlier asks of this kind; of any kind where
        nobody is asked anew.
        """
        kinds = {_kind(ask) for ask in asks.to.values()}
        late = [f for f in self.flying if f.name.step == name.step and (not kinds or f.kind in kinds)]
        own = [f for f in self.flying if f.name == name]
        return sorted(late if isinstance(asks.until, First) else own, key=self._arrival)

    def _arrival(self, flight: Flight) -> tuple[float, int]:
        return flight.at, self.places[flight.party]

    def _here(self, asks: Asks, flights: list[Flight], asked: int) -> tuple[list[Flight], int]:
        """Those flights that the turn waits for, and how many it needs."""
        if isinstance(asks.until, First):
            here = flights[: asks.until.k]
            return here, len(here)
        within = asks.until.within if isinstance(asks.until, Quorum) else self.job.deadline
        needed = min(asks.until.n, asked) if isinstance(asks.until, Quorum) else asked
        timely = sum(flight.at <= self.now + within for flight in flights)
        return flights[: max(needed, timely) if isinstance(asks.until, Quorum) else timely], needed

    def _fold(self, name: Name, asks: Asks, closing: Closing, refused: Mapping[str, Refusal]) -> Reply:
        answers = {(flight.party, flight.name): flight.answer for flight in self.flying}
        kinds = {(flight.party, flight.name): flight.kind for flight in self.flying}
        arrivals = isinstance(asks.until, First)
        rows: list[tuple[int, Answer]] = []
        for rank, (party, asked) in enumerate(closing.counted):
            answer = answers.get((party, asked)) or self._recorded(asked, party)
            if isinstance(answer, Answer):
                rows.append((rank if arrivals else self.places[party], answer))
            self._count(party, asked)
        self.flying = tuple(
            Flight(at, party, asked, answer, kinds.get((party, asked)) or _kind(asks.to[party]))
            for party, asked, at in closing.flying
            if isinstance(answer := answers.get((party, asked)) or self._recorded(asked, party), Answer)
        )
        self.now = closing.now
        partial = asks.fold.zero([place for place, _ in rows])
        for place, answer in sorted(rows, key=lambda row: row[0]):
            partial = asks.fold.add(partial, [place], answer)
        late = {party: asked for party, asked in closing.counted if asked != name}
        value = asks.fold.close(partial) if rows else None
        return Reply(value, tuple(party for party, _ in closing.counted), refused, closing.lost, late)

    def _recorded(self, name: Name, party: str) -> Answer | Refusal | None:
        return self.journal.answer(name, party) if self.journal is not None else None

    def _count(self, party: str, name: Name) -> None:
        self.counted[party] = (*self.counted.get(party, ()), name)[-_REMEMBERED:]

    def _settle(self) -> None:
        for party, names in self.counted.items():
            self.seats[party].settle(names)

    def _too_few(
        self, name: Name, refused: Mapping[str, Refusal], lost: Sequence[str], came: int, enough: int
    ) -> NoReturn:
        if refused and not lost:
            party, word = next(iter(refused.items()))
            raise PolicyRefusal(f"{party} refuses: {word.what}", word.why, word.mend)
        missing = ", ".join((*lost, *refused))
        raise TooFewParties(
            f"{came} of {enough} parties answered ({name}).",
            f"Missing: {missing}.",
            "Bring them back, or lower the job's quorum.",
        )


def _kind(ask: Ask) -> str:
    return type(inner(ask)).__name__


def seats_of(job: Job, parties: Sequence[Party]) -> dict[str, Seat]:
    """Seat the parties of a job, in roster order.

    Raises:
        ConfigError: a name twice.
        TooFewParties: fewer than the job needs.
    """
    job.roster(tuple(party.name for party in parties))
    return {party.name: Seat(party, job) for party in parties}


def in_process(job: Job, parties: Sequence[Party]) -> Compute:
    """Compute in this process, one site kept for each party."""
    named = {party.name: party for party in parties}
    sites = {name: site_of(party, job) for name, party in named.items()}
    return lambda work: do(job, sites.__getitem__, work)


def run_alone(job: Job, party: Party) -> Done:
    """Run a job with one party on its own, in this process: its local model, by the same steps."""
    lone = job.alone()
    return Carrier(lone, seats_of(lone, [party]), in_process(lone, [party])).run()
