r"""A crew of single-threaded worker processes that answer asks for the parties of a simulation.

A turn's parties are cut into runs of neighbouring places of about equal cost, so that each worker folds whole branches
of the tree of places and sends back a few sums. A party's tables travel to a worker once, its memory when it has
changed. What goes through the sockets is our own, between processes of this run.

Example:
    >>> from hansa.core.job import Job
    >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    >>> crew = Crew(job, parties=(), workers=1)  # starts a process that runs `serve`
    >>> worker: Worker = crew.workers[0]
    >>> worker.give(Errand(max, (3, 4)))  # asks travel as `Orders`, tables before them as `Luggage`
    >>> worker.receive()
    4
    >>> crew.close()
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from hansa.core.party import Memory, site_of
from hansa.core.work import Outcome, Work, do
from hansa.errors import HansaError, JobError, PartyLost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hansa.core.job import Job
    from hansa.core.party import Party, Site
    from hansa.core.work import Compute, Made

KEEP_MEMORY: Final = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(1 << 28))
"""glibc keeps what a round has freed for the next one, rather than give it back and fault it in again."""

_LUGGAGE = 512
_SMALL = 16
_ASKED, _TOLD = b"asked", b"told"

ONE_THREAD: Final = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


@final
@dataclass(frozen=True)
class Luggage:
    """Parties whose tables a worker does not have yet, a few at a time: no message holds all of them."""

    parties: tuple[Party, ...]


@final
@dataclass(frozen=True)
class Orders:
    """What a worker gets: memories that have changed, and work."""

    work: Work
    memories: Mapping[str, Memory]


@final
@dataclass(frozen=True)
class Errand:
    """A plain call for a worker: a function of an installed module and its arguments."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


@final
class Worker:
    """One process and what it already knows: whose tables, and which memory of each."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: Connection) -> None:
        """Take a process that has called in."""
        self.process, self.pipe = process, pipe
        self.tables: set[str] = set()
        self.memories: dict[str, Memory] = {}

    def send(self, work: Work, parties: Mapping[str, Party]) -> None:
        """Send work with what the worker does not know yet."""
        fresh = tuple(parties[name] for name in work.parties if name not in self.tables)
        changed = {n: m for n, m in zip(work.parties, work.memories, strict=True) if self.memories.get(n) is not m}
        self.tables.update(work.parties)
        self.memories.update(changed)
        for at in range(0, len(fresh), _LUGGAGE):
            self._send(Luggage(fresh[at : at + _LUGGAGE]))
        self._send(Orders(replace(work, memories=()), changed))

    def _send(self, message: object) -> None:
        """Say whether an answer is wanted, which holds also where the message cannot be read, and then send it."""
        body = ForkingPickler.dumps(message)
        try:
            self.pipe.send_bytes(_ASKED if isinstance(message, Orders | Errand) else _TOLD)
            self.pipe.send_bytes(body)
        except (OSError, EOFError):
            raise _gone() from None

    def give(self, message: Job | Errand) -> None:
        """Send the job, or an errand."""
        self._send(message)

    def receive(self) -> Any:
        """Wait for what the worker says."""
        try:
            said = self.pipe.recv()
        except (EOFError, OSError):
            raise _gone() from None
        if isinstance(said, HansaError):
            raise said
        return said


@final
class Crew:
    """Worker processes for one job, and this process beside them: as many hands as cores. Close it when done."""

    def __init__(self, job: Job, parties: Sequence[Party], workers: int, here: Compute | None = None) -> None:
        """Start `workers` processes; with `here` this process takes a share of each turn as well."""
        self.parties, self.here = {party.name: party for party in parties}, here
        self.cost = {party.name: 1 + len(party.table(job.data.table)) for party in parties}
        self.workers = [_worker(job) for _ in range(workers)]

    def __call__(self, work: Work) -> Outcome:
        """Answer a batch of asks, spread over the workers and this process."""
        hands = len(self.workers) + (self.here is not None)
        cuts = _cuts([self.cost[name] for name in work.parties], work.places, hands)
        parts = [_part(work, low, high) for low, high in pairwise(cuts)]
        busy = list(zip(self.workers, parts, strict=False))
        for worker, part in busy:
            worker.send(part, self.parties)
        outcomes = _all_said([worker for worker, _ in busy], self.here, parts[len(busy) :])
        partial = None
        if work.fold is not None:
            partial = outcomes[0].partial
            for outcome in outcomes[1:]:
                partial = work.fold.merge(partial, outcome.partial)
        answers = tuple(answer for outcome in outcomes for answer in outcome.answers)
        return Outcome(answers, partial, tuple(memory for outcome in outcomes for memory in outcome.memories))

    def close(self) -> None:
        """Let the workers go; one that does not is ended."""
        for worker in self.workers:
            worker.pipe.close()
        for worker in self.workers:
            try:
                worker.process.wait(timeout=2.0)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()


def _worker(job: Job) -> Worker:
    """Start a process at the other end of a socket that nobody else can reach, and send it the job."""
    ours, theirs = socket.socketpair()
    with theirs:
        os.set_inheritable(theirs.fileno(), True)  # noqa: FBT003 - the only way to say it
        command = [sys.executable, "-c", "from hansa.engines.crew import serve; serve()", str(theirs.fileno())]
        environment = {**os.environ, **ONE_THREAD, **KEEP_MEMORY, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        # This Python and our own module: nothing here comes from outside. A group of its own, so that a terminal's
        # Ctrl-C reaches this process alone, which then sends the workers home.
        process = subprocess.Popen(  # noqa: S603
            command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], process_group=0
        )
    worker = Worker(process, Connection(ours.detach()))
    worker.give(job)
    return worker


def serve() -> None:
    """A worker's life: take the job, answer until the socket closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(100_000, 50, 50)  # tables by the ten thousand are no garbage; looking through them takes long
    with Connection(int(sys.argv[1])) as pipe:
        desk = _Desk()
        while True:
            try:
                asked, message = pipe.recv_bytes() == _ASKED, pipe.recv_bytes()
            except (EOFError, OSError):
                return
            said = desk.hear(message)
            try:
                if asked:
                    pipe.send(said)
            except OSError:  # nobody waits for it any more
                return


@final
class _Desk:
    """What a worker has by now: the job, parties, their views of the job, and what each remembers."""

    job: Job

    def __init__(self) -> None:
        self.parties: dict[str, Party] = {}
        self.sites: dict[str, Site] = {}
        self.memories: dict[str, Memory] = {}
        self.made: Made = {}
        self.trouble: HansaError | None = None

    def hear(self, message: bytes) -> Any:
        """Take a message and answer it; one that cannot be read is in the way of all that come after it."""
        if self.trouble is not None:
            return self.trouble
        try:
            order = ForkingPickler.loads(message)
        except Exception as error:  # noqa: BLE001 - whatever is missing here, the others' wait must end
            self.trouble = JobError(
                f"A worker process cannot read what it was sent: {type(error).__name__}.",
                "A part of the job or of a party was defined where no worker can import it.",
                "Define it in an installed module, or run with workers=1.",
            )
            return self.trouble
        try:
            return self._do(order)
        except HansaError as error:
            return error
        except Exception as error:  # noqa: BLE001 - named, and no more: its text may hold a customer's value
            return JobError(
                f"The job failed in a worker process: {type(error).__name__}.",
                mend="Run it with workers=1 to see where.",
            )

    def _do(self, order: Job | Luggage | Errand | Orders) -> Any:
        if isinstance(order, Errand):
            return order.function(*order.arguments)
        if isinstance(order, Orders):
            return self.work(order)
        if isinstance(order, Luggage):
            self.parties.update((party.name, party) for party in order.parties)
        else:
            self.job, self.made = order, {}
        return None

    def work(self, orders: Orders) -> Outcome:
        self.memories.update(orders.memories)
        memories = tuple(self.memories.get(name, {}) for name in orders.work.parties)
        return do(self.job, self._site, replace(orders.work, memories=memories), self.made)

    def _site(self, name: str) -> Site:
        if name not in self.sites:
            self.sites[name] = site_of(self.parties[name], self.job)
        return self.sites[name]


def _all_said(workers: Sequence[Worker], here: Compute | None, own: Sequence[Work]) -> list[Outcome]:
    """Do this process's share, then hear everybody out before an error is raised: no pipe may hold an old word.

    This process has the last places. The error raised is that of the first, as it would be in one process.
    """
    outcomes: list[Outcome] = []
    errors: list[HansaError] = []
    mine: list[Outcome] = []
    failed: list[HansaError] = []
    try:
        mine = [here(part) for part in own if here is not None]
    except HansaError as error:
        failed.append(error)
    for worker in workers:
        try:
            outcomes.append(worker.receive())
        except HansaError as error:
            errors.append(error)
    errors += failed
    if errors:
        raise errors[0]
    return [*outcomes, *mine]


def _cuts(costs: Sequence[int], places: Sequence[int], workers: int) -> list[int]:
    """Cut a row of costs into at most `workers` runs of about equal sum; returns the bounds.

    Where every party is a small part of a run, a cut moves by one if a larger branch of the tree of places begins
    there: fewer sums are left over on both sides of it.
    """
    total = np.cumsum(costs)
    marks = [int(np.searchsorted(total, total[-1] * share / workers - 0.5 * max(costs))) for share in range(1, workers)]
    cuts = [mark + 1 for mark in marks if mark + 1 < len(costs)]
    if max(costs) * workers * _SMALL <= total[-1]:
        cuts = [max((cut, cut - 1, cut + 1), key=lambda at: places[at - 1] ^ places[at]) for cut in cuts]
    return sorted({0, *cuts, len(costs)})


def _part(work: Work, low: int, high: int) -> Work:
    part = slice(low, high)
    return replace(
        work, parties=work.parties[part], places=work.places[part], asks=work.asks[part], memories=work.memories[part]
    )


def _gone() -> PartyLost:
    return PartyLost(
        "A worker process of the simulation has ended.",
        "It may have run out of memory.",
        "Use fewer workers, or smaller parties.",
    )


def installed(value: object) -> bool:
    """Whether a worker can import all that this value is made of: nothing of it was defined in the running script.

    Example:
        >>> installed(replace), installed(lambda: None)
        (True, False)
    """
    try:
        return b"__main__" not in bytes(ForkingPickler.dumps(value))
    except Exception:  # noqa: BLE001 - whatever cannot be sent stays in this process
        return False
