r"""Who takes asks to parties and brings their words back: the seam between a job's carrier and an engine.

Example:
    >>> from hansa.core.job import Job
    >>> from hansa.core.table import Table
    >>> from hansa.horizontal.shape import Shape
    >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]\nmin_parties = 1')
    >>> bank = Party("bank-a", {"loans": Table.of({"age": [31, 42], "late": [0, 1]}, target="late")})
    >>> near = Near(job, seats_of(job, [bank]), in_process(job, [bank]))
    >>> letters = {"bank-a": Envelope(Name(0, 0, 0), Shape())}
    >>> (arrival,) = near.bring(Name(0, 0, 0), letters, {}, 5.0, lambda _: None, lambda: None)
    >>> arrival.party, arrival.at, arrival.word.load["width"].tolist()
    ('bank-a', 5.0, [[1.0]])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, final, runtime_checkable

from hansa.core.fold import Mergeable
from hansa.core.message import Answer, Envelope, Name, Refusal
from hansa.core.party import Party, Seat, inner, site_of
from hansa.core.work import Outcome, Work, do

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hansa.core.job import Job
    from hansa.core.message import Ask
    from hansa.core.plan import Asks
    from hansa.core.work import Compute, Made

Counted: TypeAlias = "Mapping[str, tuple[Name, ...]]"
"""Which of each party's latest answers have counted."""

Clock: TypeAlias = "Callable[[str, Name], float | None]"
"""Simulated seconds until a party's answer to an ask arrives; None: it never does."""

Wait: TypeAlias = "Callable[[Sequence[Arrival]], float | None]"
"""Until when to wait, after what has arrived so far, in seconds of the job; None: that is enough."""


class Arrival(NamedTuple):
    """A word of a party, to which ask of which kind, and when it came, in seconds of the job."""

    party: str
    name: Name
    kind: str
    word: Answer | Refusal
    at: float


Words: TypeAlias = "Mapping[str, Answer | Refusal]"


class Post(Protocol):
    """Takes letters to parties and brings their words."""

    def bring(
        self,
        name: Name,
        letters: Mapping[str, Envelope],
        known: Words,
        now: float,
        wait: Wait,
        meanwhile: Callable[[], None],
    ) -> Sequence[Arrival]:
        """Hand the letters out and bring what comes while `wait` says so, words on earlier letters among them.

        Those whose word is `known`, from a journal, are not asked again. A post whose time is simulated may bring words
        that arrive later than it waits. `meanwhile` is called once, before any word is brought: while the letters are
        on their way, where they take time.
        """
        ...

    def settle(self, counted: Counted) -> None:
        """The run is over, and this has counted."""
        ...


@runtime_checkable
class Quick(Post, Protocol):
    """A post that can answer a whole turn by itself, where nobody guards, waits or writes single answers down."""

    @property
    def quick(self) -> bool:
        """Whether it can for these parties."""
        ...

    def turn(self, name: Name, asks: Asks, to: Sequence[str], counted: Counted) -> Outcome:
        """Everybody's answers, folded where the fold's partial results are small."""
        ...


@final
class Near:
    """The post of one machine: seats, and whoever computes; `clock` says how long each answer takes."""

    def __init__(self, job: Job, seats: Mapping[str, Seat], compute: Compute, clock: Clock | None = None) -> None:
        """Take the seats in roster order."""
        self.job, self.seats, self.compute, self.clock = job, seats, compute, clock
        self.places = {name: place for place, name in enumerate(seats)}

    @property
    def quick(self) -> bool:
        """Whether no party has guards and no answer takes its time."""
        return self.clock is None and not any(seat.party.guards for seat in self.seats.values())

    def turn(self, name: Name, asks: Asks, to: Sequence[str], counted: Counted) -> Outcome:
        """Compute all answers at once, folded where the fold merges; single answers are never built then."""
        for party in to:
            self.seats[party].settle(counted.get(party, ()))
        outcome = self._compute(name, asks.to, to, asks.fold if isinstance(asks.fold, Mergeable) else None)
        for party, memory in zip(to, outcome.memories, strict=True):
            if memory is not None:
                self.seats[party].hold(name, memory)
        return outcome

    def bring(
        self,
        name: Name,
        letters: Mapping[str, Envelope],
        known: Words,
        now: float,
        wait: Wait,
        meanwhile: Callable[[], None],
    ) -> Sequence[Arrival]:
        """Everybody's word: known, given before under this name, refused at the door, or computed now."""
        del wait
        meanwhile()
        said: dict[str, Answer | Refusal] = {}
        fresh: list[str] = []
        for party, envelope in letters.items():
            word = known.get(party) or self.seats[party].open(envelope)
            if word is None:
                fresh.append(party)
            else:
                said[party] = word
        if fresh:
            outcome = self._compute(name, {party: letters[party].ask for party in fresh}, fresh, None)
            for party, answer, memory in zip(fresh, outcome.answers, outcome.memories, strict=True):
                seat = self.seats[party]
                said[party] = seat.close(letters[party], answer, seat.memory if memory is None else memory)
        come: list[Arrival] = []
        for party, envelope in letters.items():
            delay = 0.0 if self.clock is None or isinstance(said[party], Refusal) else self.clock(party, name)
            if delay is not None:
                come.append(Arrival(party, name, kind_of(envelope.ask), said[party], now + delay))
        return come

    def settle(self, counted: Counted) -> None:
        """Make what counted the parties' memory."""
        for party, names in counted.items():
            self.seats[party].settle(names)

    def _compute(self, name: Name, asks: Mapping[str, Any], to: Sequence[str], fold: Any) -> Outcome:
        places = tuple(self.places[party] for party in to)
        memories = tuple(self.seats[party].memory for party in to)
        kinds = tuple(asks[party] for party in to)
        return self.compute(Work(name.step, tuple(to), places, kinds, memories, places, fold))


def kind_of(ask: Ask) -> str:
    """The kind of an ask, without the wrapper that says how its answer travels.

    Example:
        >>> from hansa.core.message import Masked
        >>> from hansa.horizontal.shape import Shape
        >>> kind_of(Masked(Shape()))
        'Shape'
    """
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
    made: Made = {}
    return lambda work: do(job, sites.__getitem__, work, made)
