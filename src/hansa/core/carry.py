r"""Carrying asks and bringing replies: names, envelopes, waiting, folding, and starting again.

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
    >>> done = near(job, seats, in_process(job, banks)).run(kept.append)  # a Carrier's
    >>> len(kept), done.results[0].round, run_alone(job, banks[0]).results[0].round
    (3, 2, 2)
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, NoReturn, final

from hansa.core.attendance import Attendance, Limits, changes
from hansa.core.fold import Mergeable
from hansa.core.journal import Closing, Flight, Snapshot
from hansa.core.message import Answer, Envelope, Name, Refusal
from hansa.core.plan import Everyone, First, Keep, Quorum, Reply
from hansa.core.post import Near, Quick, in_process, kind_of, seats_of
from hansa.core.soundness import unlike
from hansa.core.step import Chained
from hansa.errors import PartyFailed, PolicyRefusal, TooFewParties, named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hansa.core.attendance import Witness
    from hansa.core.job import At, Job
    from hansa.core.journal import Journal
    from hansa.core.load import Load
    from hansa.core.party import Party, Seat
    from hansa.core.plan import Asks
    from hansa.core.post import Arrival, Clock, Post
    from hansa.core.step import Done, Step
    from hansa.core.work import Compute

_REMEMBERED = 4


@final
class Carrier:
    """Drives a job's plan; a post takes its asks to the parties and brings their words.

    Without a journal that is thorough, a post that can answers whole turns by itself. The bits are the same. After each
    `Keep` the plan is told how many seconds it took. A party that is set aside is not asked (`job.set_aside_after`); a
    `witness` is told, and may let it back in. What was kept is written while the next letters are on their way, where
    they would be the same if the coordinator began again without it.
    """

    def __init__(
        self,
        job: Job,
        names: Sequence[str],
        post: Post,
        journal: Journal | None = None,
        witness: Witness | None = None,
    ) -> None:
        """Take the job, its parties in roster order, their post, and optionally a journal and a witness."""
        self.job, self.post, self.journal, self.witness = job, post, journal, witness
        self.roster = job.roster(tuple(names))
        self.places = {name: place for place, name in enumerate(names)}
        self.counted: dict[str, tuple[Name, ...]] = {}
        self.flying: tuple[Flight, ...] = ()
        self.attendance = Attendance()
        self.closed: tuple[Name, Closing] | None = None  # not written yet, though more may follow where it is `certain`
        self.certain = True  # the last turn cannot be closed in another way
        self.pure = not any(_draws_noise(step) for step in job.steps)
        self.unwritten: Callable[[], None] | None = None  # writes the last `Keep`
        self.now = 0.0
        alone = journal is None or not journal.thorough
        self.quick = post if isinstance(post, Quick) and post.quick and alone else None

    def run(self, watch: Callable[[Keep[At]], None] | None = None, begin: At | None = None) -> Done:
        """Run to the end, from the last snapshot where there is one, else from `begin`; `watch` sees every `Keep`."""
        try:
            return self._run(watch, begin)
        finally:
            self._write_kept()
            if self.journal is not None:
                self.journal.write()

    def _run(self, watch: Callable[[Keep[At]], None] | None, begin: At | None) -> Done:
        snapshot = self.journal.latest() if self.journal is not None else None
        keep, step, turn = 0, 0, 0
        if snapshot is not None:
            keep, step = snapshot.keep, snapshot.at.step
            self.counted, self.flying, self.now = dict(snapshot.counted), snapshot.flying, snapshot.now
            self.attendance = snapshot.attendance
        plan = self.job.plan(self.roster, snapshot.at if snapshot is not None else begin)
        reply: Reply | float | None = None
        begun = time.monotonic()
        while True:
            try:
                said = plan.send(reply)
            except StopIteration as end:
                self._write_kept()
                self._write()
                self.post.settle(self.counted)
                done: Done = end.value
                return done
            if isinstance(said, Keep):
                self._write_kept()
                keep, step, turn = keep + 1, said.state.step, 0
                begun, reply = time.monotonic(), time.monotonic() - begun
                counted, self.closed, closed = dict(self.counted), None, self.closed
                snapshot = Snapshot(keep, said.state, counted, self.flying, self.now, self.attendance)
                over = said.state.state is None  # a step's end, which may follow from how long it took
                sure = self.certain and self.pure and not over
                self.unwritten = partial(self._save, said, snapshot, closed, watch, sure=sure)
                if not sure:
                    self._write_kept()
            else:
                reply = self.reply(Name(step, keep, turn), said)
                turn += 1

    def _write_kept(self) -> None:
        """Write what was kept, if it is not written yet."""
        write, self.unwritten = self.unwritten, None
        if write is not None:
            write()

    def _save(
        self,
        said: Keep[At],
        snapshot: Snapshot,
        closed: tuple[Name, Closing] | None,
        watch: Callable[[Keep[At]], None] | None,
        *,
        sure: bool,
    ) -> None:
        if self.journal is not None:
            self.journal.save(snapshot, closed, may_wait=sure)
        if watch is not None:
            watch(said)

    def reply(self, name: Name, asks: Asks) -> Reply:
        """Bring one turn's answers in and fold them.

        Raises:
            TooFewParties: fewer answers than the turn waits for.
            PolicyRefusal: a party refused and the turn waits for everyone; where an error made it refuse, that kind.
        """
        to = sorted(asks.to, key=self.places.__getitem__)
        if self.quick is not None and isinstance(asks.until, Everyone):
            return self._whole(self.quick, name, asks, to)
        closing = self.journal.closing(name) if self.journal is not None else None
        before, back = self.attendance, self._back() if closing is None else closing.back
        self.attendance = before.readmit(back)
        aside = {party: word for party, word in self.attendance.words().items() if party in asks.to}
        if aside:
            asks = replace(asks, to={party: asks.to[party] for party in to if party not in aside})
        if closing is None:
            refused = self._bring(name, asks)
            closing = self._close(name, asks, refused, aside, back)
        else:
            refused = {
                party: word for party in closing.refused if isinstance(word := self._recorded(name, party), Refusal)
            }
        self._attend(name, asks, closing, before, refused)
        return self._fold(name, asks, closing, {**refused, **aside})

    def _back(self) -> tuple[str, ...]:
        """Who was set aside and may come back."""
        aside = self.attendance.aside
        return () if self.witness is None or not aside else tuple(p for p in aside if p in self.witness.readmitted())

    def _attend(
        self, name: Name, asks: Asks, closing: Closing, before: Attendance, refused: Mapping[str, Refusal]
    ) -> None:
        """Note who has answered this turn; where the first few are enough, who was slower has not failed."""
        slower = closing.lost if isinstance(asks.until, First) else ()
        asked = tuple(party for party in asks.to if party not in slower)
        failed = {*closing.refused, *closing.lost}.difference(slower)
        if failed or self.attendance.missed:
            limits = Limits(self.job.set_aside_after, self.job.min_parties, len(self.places))
            self.attendance = self.attendance.after(name.keep, asked, failed, limits)
        if self.witness is not None and self.attendance != before:
            self.witness.tell(name, tuple(changes(before, self.attendance, refused)))

    def _whole(self, post: Quick, name: Name, asks: Asks, to: Sequence[str]) -> Reply:
        self._write_kept()
        if not to:
            return Reply(None)
        outcome = post.turn(name, asks, to, self.counted)
        for party in to:
            self._count(party, name)
        partial = outcome.partial
        if partial is None:
            partial = asks.fold.zero([self.places[party] for party in to])
            for party, answer in zip(to, outcome.answers, strict=True):
                if isinstance(answer, Refusal):
                    self._too_few(name, {party: answer}, (), len(to) - 1, len(to))
                partial = asks.fold.add(partial, [self.places[party]], answer)
        return Reply(asks.fold.close(partial), tuple(to))

    def _bring(self, name: Name, asks: Asks) -> dict[str, Refusal]:
        """Put the answers that the post brings in flight, each recorded first; who refuses, by party."""
        self._write()
        to = sorted(asks.to, key=self.places.__getitem__)
        letters = {party: Envelope(name, asks.to[party], self.counted.get(party, ())) for party in to}
        known = {party: word for party in to if (word := self._recorded(name, party)) is not None}
        begun, refused = self.now, dict[str, Refusal]()
        wait = partial(self._wait, name, asks, begun)
        brought = self.post.bring(name, letters, known, begun, wait, self._write_kept)
        for party, asked, kind, word, at in sorted(brought, key=lambda one: self.places[one.party]):
            if isinstance(word, Answer):
                if self.journal is not None and self._recorded(asked, party) is None:
                    self.journal.record(asked, party, word)
                self.flying = (*self.flying, Flight(at, party, asked, word, kind))
            elif asked == name:
                refused[party] = word
        return refused

    def _wait(self, name: Name, asks: Asks, begun: float, come: Sequence[Arrival]) -> float | None:
        """Until when a real post waits, after what has come; None: the turn can be closed."""
        said = {one.party for one in come if one.name == name}
        if said >= asks.to.keys():
            return None
        if isinstance(asks.until, Quorum):
            answers = sum(isinstance(one.word, Answer) for one in come if one.name == name)
            return begun + asks.until.within if answers >= asks.until.n else inf
        if isinstance(asks.until, First):
            landed = len(self._awaited(name, asks)) + sum(isinstance(one.word, Answer) for one in come)
            return None if landed >= asks.until.k else begun + self.job.deadline
        return begun + self.job.deadline

    def _close(
        self,
        name: Name,
        asks: Asks,
        refused: Mapping[str, Refusal],
        aside: Mapping[str, Refusal],
        back: tuple[str, ...],
    ) -> Closing:
        """Wait as the plan asks, and say who counts; answers to earlier asks of the step that do not stay in flight."""
        here, enough = self._here(asks, self._awaited(name, asks), len(asks.to) + len(aside))
        landed = {(flight.party, flight.name) for flight in here}
        kept = isinstance(asks.until, First) and asks.until.keep
        flights = [f for f in self.flying if f.name.step == name.step and (f.party, f.name) not in landed]
        away = sorted((f for f in flights if kept or f.name != name), key=self._arrival)
        there = {party for party, _ in landed} | {f.party for f in away if f.name == name} | set(refused)
        lost = tuple(party for party in sorted(asks.to, key=self.places.__getitem__) if party not in there)
        if len(here) < enough:
            self._too_few(name, refused, (*lost, *aside), len(here), enough)
        everybody = not isinstance(asks.until, First) and len(here) == len(asks.to)
        self.certain = everybody and not (away or back or self.attendance.aside)
        closing = Closing(
            tuple((f.party, f.name) for f in here),
            tuple(refused),
            lost,
            tuple((f.party, f.name, f.at) for f in away),
            max((self.now, *(f.at for f in here))),
            back,
        )
        if self.journal is not None:
            for party, word in refused.items():
                self.journal.record(name, party, word)
            self.closed = name, closing
        return closing

    def _write(self) -> None:
        """Write how the last turn was closed, unless a snapshot has done so: before anything that follows leaves."""
        if self.journal is not None and self.closed is not None:
            self.journal.close(*self.closed)
        self.closed = None

    def _awaited(self, name: Name, asks: Asks) -> list[Flight]:
        """Flights that a turn may count, as they arrive: answers to this very ask.

        Where the first few are enough, so are late answers to the step's earlier asks of this kind; of any kind where
        nobody is asked anew.
        """
        kinds = {kind_of(ask) for ask in asks.to.values()}
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
        came: dict[str, Answer] = {}
        for rank, (party, asked) in enumerate(closing.counted):
            answer = answers.get((party, asked)) or self._recorded(asked, party)
            if isinstance(answer, Answer):
                rows.append((rank if arrivals else self.places[party], answer))
                came[party] = answer
            self._count(party, asked)
        self.flying = tuple(
            Flight(at, party, asked, answer, kinds.get((party, asked)) or kind_of(asks.to[party]))
            for party, asked, at in closing.flying
            if isinstance(answer := answers.get((party, asked)) or self._recorded(asked, party), Answer)
        )
        self.now = closing.now
        if isinstance(asks.fold, Mergeable):
            self._check_alike(name, {party: answer.load for party, answer in came.items()}, asks)
        partial = asks.fold.zero([place for place, _ in rows])
        for place, answer in sorted(rows, key=lambda row: row[0]):
            partial = asks.fold.add(partial, [place], answer)
        late = {party: asked for party, asked in closing.counted if asked != name}
        value = asks.fold.close(partial) if rows else None
        return Reply(value, tuple(party for party, _ in closing.counted), refused, closing.lost, late)

    def _check_alike(self, name: Name, loads: Mapping[str, Load], asks: Asks) -> None:
        """Name whoever said what cannot be added to the others' words; raises PartyFailed."""
        if odd := unlike(loads):
            kind = next((kind_of(ask) for ask in asks.to.values()), "")
            raise PartyFailed(
                "Its answer cannot be added to the others'.",
                "It holds other vectors, or vectors of another size or type, than most have.",
                "Look at that party's data, and at its version of hansa.",
                party=odd,
                place=f"step '{self.job.steps[name.step].title}'",
                ask=kind,
            )

    def _recorded(self, name: Name, party: str) -> Answer | Refusal | None:
        return self.journal.answer(name, party) if self.journal is not None else None

    def _count(self, party: str, name: Name) -> None:
        self.counted[party] = (*self.counted.get(party, ()), name)[-_REMEMBERED:]

    def _too_few(
        self, name: Name, refused: Mapping[str, Refusal], lost: Sequence[str], came: int, enough: int
    ) -> NoReturn:
        if refused and not lost:
            party, word = next(iter(refused.items()))
            raise named(word.error or PolicyRefusal.__name__)(f"{party} refuses: {word.what}", word.why, word.mend)
        missing = ", ".join((*lost, *refused))
        raise TooFewParties(
            f"{came} of {enough} parties answered ({name}).",
            f"Missing: {missing}.",
            "Bring them back, or lower the job's quorum.",
        )


def _draws_noise(step: Step) -> bool:
    """Whether the coordinator draws noise: drawn again it is another, so it leaves only when it is kept."""
    return isinstance(step, Chained) and any(link.guarantees.draws for link in step.links().links)


def near(
    job: Job,
    seats: Mapping[str, Seat],
    compute: Compute,
    journal: Journal | None = None,
    clock: Clock | None = None,
    witness: Witness | None = None,
) -> Carrier:
    """Carry a job among the seats of one machine, in roster order; `clock` simulates how long each answer takes."""
    return Carrier(job, tuple(seats), Near(job, seats, compute, clock), journal, witness)


def run_alone(job: Job, party: Party) -> Done:
    """Run a job with one party on its own, in this process: its local model, by the same steps."""
    lone = job.alone()
    return near(lone, seats_of(lone, [party]), in_process(lone, [party])).run()
