r"""All parties on one machine: an ask is a function call, or a few processes share the parties among them.

Example:
    >>> from hansa.core.job import Job
    >>> from hansa.core.party import Party
    >>> from hansa.core.table import Table
    >>> job = Job.from_toml('name = "scores"\nsteps = [{use = "rounds", rounds = 2, check_every = 0}]')
    >>> loans = Table.of({"x": range(40), "late": [0, 1] * 20}, target="late")
    >>> banks = [Party(name, {"loans": loans}) for name in ("bank-a", "bank-b", "bank-c")]
    >>> with Simulation(banks, workers=1).session(job) as session:  # a Session
    ...     beside = session.aside(max, (3, 4))  # an Aside
    ...     session.run().results[0].round, beside.result()
    (2, 4)
    >>> isinstance(session, Session) and isinstance(beside, Aside)
    True
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from threadpoolctl import threadpool_limits

from hansa.core.attendance import Told
from hansa.core.carry import near
from hansa.core.party import site_of
from hansa.core.post import seats_of
from hansa.core.work import do
from hansa.engines.crew import Crew, Errand, installed
from hansa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hansa.core.job import At, Job
    from hansa.core.journal import Journal
    from hansa.core.party import Memory, Party, Seat, Site
    from hansa.core.plan import Keep
    from hansa.core.post import Clock
    from hansa.core.step import Done
    from hansa.core.work import Outcome, Work

_WORTH_A_CREW = 0.4
_WORTH_A_WORKER = 20_000


@final
@dataclass(frozen=True)
class Simulation:
    """An engine in which this machine plays all parties.

    `workers`: how many single-threaded processes share the work, this one among them, at most one a party; 1 keeps it
    here; 0 begins here and calls a crew, a process for each core that this one may use, once the work has taken a
    while. The bits are the same whichever way.
    `clock`: simulated seconds until an answer arrives, or None for one that never does.

    Raises:
        ConfigError: no parties, two of one name, or a negative number of workers.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.core.party import Party
        >>> len(Simulation([Party("bank-a", {"loans": Table.of({"age": [31, 42]})})]).parties)
        1
    """

    parties: Sequence[Party]
    workers: int = 0
    clock: Clock | None = None

    def __post_init__(self) -> None:
        """Check the parties and the number of workers."""
        names = [party.name for party in self.parties]
        if not names or len(set(names)) < len(names):
            raise ConfigError("A simulation needs parties, each with a name of its own.", f"Got {len(names)}.")
        if self.workers < 0:
            raise ConfigError("workers must be at least 0.", f"Got {self.workers}.")

    @contextmanager
    def session(self, job: Job) -> Iterator[Session]:
        """Seat the parties at a job; on leaving, the workers go home."""
        session = Session(self, job)
        try:
            with threadpool_limits(limits=1, user_api="blas"):
                yield session
        finally:
            session.close()


@final
class Session:
    """One job's stay on the engine: seats, and whoever computes."""

    def __init__(self, engine: Simulation, job: Job) -> None:
        """Seat the parties."""
        self.engine, self.job = engine, job
        self.parties = {party.name: party for party in _identified(job, engine.parties)}
        self.seats: dict[str, Seat] = seats_of(job, tuple(self.parties.values()))
        self._sites: dict[str, Site] = {}
        self.crew: Crew | None = None
        self.told, self.ended = Told(), ""
        self.asides: list[Aside] = []
        self.spent = 0.0
        hands = engine.workers or _cores()
        self.wanted = min(hands, len(engine.parties))
        sent = (job, list(engine.parties)[:1], [party.guards for party in engine.parties])
        self.sends = hands > 1 and os.name == "posix" and not _far(engine.parties) and installed(sent)

    def run(
        self, watch: Callable[[Keep[At]], None] | None = None, journal: Journal | None = None, begin: At | None = None
    ) -> Done:
        """Carry the job's asks to the end; `watch` sees every `Keep`."""
        return near(self.job, self.seats, self.compute, journal, self.engine.clock, self.told).run(watch, begin)

    @property
    def happened(self) -> Sequence[tuple[str, str, str]]:
        """What became of parties on the way: who, what, and why."""
        return self.told.changes

    def site(self, name: str) -> Site:
        """A party's view of the job, made when it is first needed."""
        if name not in self._sites:
            self._sites[name] = site_of(self.parties[name], self.job)
        return self._sites[name]

    @property
    def sites(self) -> Mapping[str, Site]:
        """Everybody's view of the job."""
        return {name: self.site(name) for name in self.parties}

    def memories(self) -> Mapping[str, Memory]:
        """What each party remembers: the simulation may look, a coordinator never could."""
        return {name: seat.memory for name, seat in self.seats.items()}

    def compute(self, work: Work) -> Outcome:
        """Do work here or with the crew."""
        if self._crew_pays() and len(work.parties) > 1:
            return self._crew()(work)
        begun = time.perf_counter()
        outcome = self._here(work)
        self.spent += time.perf_counter() - begun
        return outcome

    def _here(self, work: Work) -> Outcome:
        return do(self.job, self.site, work)

    def aside(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Aside:
        """Begin a call of an installed module's function beside the run; small ones wait until the result is wanted."""
        rows = sum(len(party.table(self.job.data.table)) for party in self.engine.parties)
        lone = Crew(self.job, (), 1) if self.sends and rows > _WORTH_A_WORKER and installed(function) else None
        call = Aside(function, arguments, lone)
        self.asides.append(call)
        return call

    def close(self) -> None:
        """Send the crew home."""
        for crew in (self.crew, *(call.crew for call in self.asides)):
            if crew is not None:
                crew.close()

    def _crew_pays(self) -> bool:
        return self.sends and (self.engine.workers > 1 or self.spent > _WORTH_A_CREW)

    def _crew(self) -> Crew:
        if self.crew is None:
            self.crew = Crew(self.job, tuple(self.parties.values()), self.wanted - 1, self._here)
        return self.crew


def _identified(job: Job, parties: Sequence[Party]) -> Sequence[Party]:
    """The parties with identities made for this run, where a link of the job signs; this machine plays all of them."""
    if all(job.secure(step) is None for step in range(len(job.steps))):
        return parties
    from hansa.privacy.primitives import made_for

    made = made_for([party.name for party in parties])
    return [replace(party, identity=made[party.name]) for party in parties]


def _cores() -> int:
    """How many cores this process may use: a container or a scheduler may allow fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


@final
class Aside:
    """A call beside the run: under way in a worker of its own, or made when its result is asked for."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], crew: Crew | None) -> None:
        """Begin, where there is a worker."""
        self.function, self.arguments, self.crew = function, arguments, crew
        if crew is not None:
            crew.workers[0].give(Errand(function, arguments))

    def result(self) -> Any:
        """Wait for what the function returns."""
        if self.crew is None:
            return self.function(*self.arguments)
        return self.crew.workers[0].receive()


def _far(parties: Iterable[Party]) -> bool:
    """Whether a table lies on disk: sent to a worker it would lie in memory."""
    return any(table.on_disk for party in parties for table in party.tables.values())
