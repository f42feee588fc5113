r"""All jobs of a coordinator: begun, followed, stopped, gone on with; each plan in a thread of its own.

How a job stands is in the store: submitted, running, stopped, done, spent or failed. What runs when the process ends,
goes on when it begins again; what meets a full disk waits, and goes on when there is room; what a party's privacy
budget ends keeps what it had. A run's log, `events.jsonl`, lies in a folder of the job's own.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hansa.engines.network.store import Store
    >>> async def submitted(path: Path) -> tuple[str, bool]:
    ...     store = Store(path)
    ...     jobs = Jobs(store, Hub(store, lambda digest: bytes(64), lambda *said: None), dict, path / "jobs")
    ...     text = Job.from_toml('name = "scores"\nsteps = ["rounds"]').to_toml()
    ...     store.submit(text, "anna", ["bank-a", "bank-b", "bank-c"])
    ...     await jobs.go_on()
    ...     (state,) = [entry.state for entry in store.jobs()]
    ...     await jobs.close()
    ...     store.close()
    ...     return state, jobs.running == {}
    >>> with tempfile.TemporaryDirectory() as path:
    ...     asyncio.run(submitted(Path(path)))
    ('running', True)
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Final, NamedTuple, final

from hansa.core.carry import Carrier
from hansa.core.job import Job
from hansa.engines.network.board import Board
from hansa.engines.network.diary import Diary
from hansa.engines.network.hub import Hub
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.sayings import Offer
from hansa.errors import BudgetSpent, ConfigError, DiskFailed, HansaError, named
from hansa.tracking.log import LOG as EVENTS
from hansa.tracking.log import Entry, append, entry_of, read_log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hansa.core.job import At
    from hansa.core.plan import Keep
    from hansa.engines.network.store import Store

LOG: Final = logging.getLogger("hansa.network")
OPEN: Final = ("submitted", "running")
"""States of a job that goes on by itself."""
SPENT: Final = "spent"
"""The state of a job that a privacy budget has ended: its result is what was kept until then."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds until a disk that was full is tried again


@final
class Under(NamedTuple):
    """A job under way: its board, and the thread of its plan.

    Example:
        >>> Under._fields
        ('board', 'thread')
    """

    board: Board
    thread: Thread


@final
class State(NamedTuple):
    """How a job stands; where it failed or was ended, why, and the kind of error.

    Example:
        >>> State("failed", "2 of 3 parties answered.", "TooFewParties").exit_code, State("done").exit_code
        (5, 0)
    """

    state: str
    why: str = ""
    error: str = ""

    @property
    def exit_code(self) -> int:
        """What a command ends with that tells of it: 0 where nothing failed."""
        return named(self.error).exit_code if self.state == "failed" else 0


@final
class Jobs:
    """The jobs of one store, on the event loop of its hub.

    `certificates`: of the members that count now, by name. `parts`: the parts of one's own that jobs may name here.
    """

    def __init__(
        self,
        store: Store,
        hub: Hub,
        certificates: Callable[[], Mapping[str, str]],
        folder: Path,
        parts: Mapping[str, str] | None = None,
    ) -> None:
        """Take the store and the hub; nothing is begun yet."""
        self.store, self.hub, self.certificates, self.folder = store, hub, certificates, folder
        self.parts = parts or {}
        self.running: dict[str, Under] = {}
        self.waiting: dict[str, asyncio.TimerHandle] = {}
        self.closing = False
        self._logs: dict[str, tuple[Entry, ...]] = {}
        self._stopped: set[str] = set()
        self._news: dict[str, asyncio.Event] = {}
        self._pauses: dict[str, float] = {}

    async def go_on(self) -> None:
        """Begin, or go on with, every job that is not over."""
        for entry in self.store.jobs():
            if entry.state in OPEN:
                try:
                    self.begin(entry.digest)
                except HansaError as error:
                    self._mark(entry.digest, "failed", str(error), type(error).__name__)

    def begin(self, digest: str, job: Job | None = None) -> None:
        """Run a job, from where it stood; `job`: its text as a job, where it was read before.

        Raises:
            ConfigError: it is under way, or was not submitted here.
            PolicyRefusal: it names parts that are not allowed here.
        """
        if digest in self.running:
            raise ConfigError("The job is under way.")
        entry, held = self.store.job(digest), self.certificates()
        job = self.read(entry.toml) if job is None else job
        job.roster(entry.roster)
        self._logs[digest] = read_log(self._place(digest))
        offer = Offer(entry.toml, {name: held.get(name, "") for name in entry.roster}, entry.submitter)
        board = Board(self.hub, digest, offer, JobJournal(self.store, job, digest))
        self._stopped.discard(digest)
        waited = self._wait_no_more(digest)
        self._mark(digest, "running")
        if waited or entry.state not in OPEN:  # an ask goes over a line once, and some did before the job was stopped
            for name in entry.roster:
                self.hub.drop(name)
        self.hub.open_job(board)
        thread = Thread(target=self._carry, args=(board, job, entry.roster), name=f"job {digest[:8]}", daemon=True)
        self.running[digest] = Under(board, thread)
        thread.start()

    def read(self, toml: str) -> Job:
        """A job's text as a job; raises PolicyRefusal where it names parts that are not allowed here."""
        return Job.from_toml(toml, self.parts)

    def stop(self, digest: str) -> None:
        """Stop a job; it can go on from there.

        Raises:
            ConfigError: it is not under way.
        """
        under = self.running.get(digest)
        if self._wait_no_more(digest):
            self._mark(digest, "stopped")
            self._ended(digest)
            return
        if under is None:
            raise ConfigError("The job is not under way.")
        self._stopped.add(digest)
        under.board.stop()

    async def close(self) -> None:
        """End all threads; what ran goes on when the process begins again."""
        self.closing = True
        for digest in list(self.waiting):
            self._wait_no_more(digest)
        for under in list(self.running.values()):
            under.board.stop()
        for under in list(self.running.values()):
            await asyncio.to_thread(under.thread.join)
        self.running.clear()

    def log(self, digest: str) -> tuple[Entry, ...]:
        """What a job's run has told so far."""
        if digest not in self._logs:
            self._logs[digest] = read_log(self._place(digest))
        return self._logs[digest]

    def readmit(self, digest: str, party: str, by: str = "") -> None:
        """Let a party back in that was set aside; `by`: who says so. Its line begins anew, and it is offered the job.

        Raises:
            ConfigError: it is not set aside in this job.
        """
        entry = self.store.job(digest)
        Diary(self.store, digest, self.read(entry.toml)).readmit(party, by)
        under = self.running.get(digest)
        if under is not None:
            under.board.shut.pop(party, None)
            self.hub.drop(party)

    def state(self, digest: str) -> State:
        """How a job stands."""
        state = self.store.job(digest).state
        if state not in {"failed", SPENT}:
            return State(state)
        last = {note.kind: note.what for note in self.store.notes(digest)}
        return State(state, last.get(state, ""), last.get("error", ""))

    async def news(self, digest: str, known: int, within: float) -> tuple[Entry, ...]:
        """What a run's log holds behind the entries that are known: at once, or when there is some, or after a time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while len(self.log(digest)) <= known and (digest in self.running or digest in self.waiting):
                    await self._news.setdefault(digest, asyncio.Event()).wait()
        return self.log(digest)[known:]

    def _carry(self, board: Board, job: Job, names: tuple[str, ...]) -> None:
        """Carry a plan to its end, in its thread."""
        digest, state, why, error = board.digest, "done", "", ""

        def watch(keep: Keep[At]) -> None:
            entry = entry_of(keep, job)
            append(self._place(digest), entry)
            self.hub.call(self._tell, digest, entry)

        try:
            self._place(digest).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            Carrier(job, names, board, board.journal, Diary(self.store, digest, job)).run(watch)
        except (DiskFailed, OSError) as end:
            if digest not in self._stopped:
                LOG.warning("job %s waits for the disk: %s", digest[:12], end)
                with suppress(RuntimeError):
                    self.hub.call(self._wait, digest)
                return
            state = "stopped"
        except HansaError as end:
            ended = isinstance(end, BudgetSpent) and board.journal.keeps
            state, why, error = SPENT if ended else "failed", str(end), type(end).__name__
            if digest in self._stopped:
                state, why = "stopped", ""
        except Exception as end:  # noqa: BLE001 - named, and no more: its text may hold what a bank has said
            state, why = "failed", f"{type(end).__name__}: a fault in hansa, or of this machine's disk."
        board.look()  # an update that stood out may be what it failed of
        if state == "done" or not self.closing:
            self._mark(digest, state, why, error)
        with suppress(RuntimeError):  # the loop has ended
            self.hub.call(self._ended, digest)

    def _wait(self, digest: str) -> None:
        """The disk fails or is full: wait a while, longer each time, and begin again from what the store holds."""
        self.running.pop(digest, None)
        if not self.closing:
            pause = self._pauses.get(digest, _FIRST_PAUSE)
            self._pauses[digest] = min(2 * pause, _LONGEST_PAUSE)
            self.waiting[digest] = self.hub.loop.call_later(pause, self._again, digest)

    def _again(self, digest: str) -> None:
        try:
            self.begin(digest)
        except HansaError:
            self._wait(digest)

    def _wait_no_more(self, digest: str) -> bool:
        """Whether a job was waiting for the disk; it does no more."""
        timer = self.waiting.pop(digest, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    def _tell(self, digest: str, entry: Entry) -> None:
        self._pauses.pop(digest, None)
        kept = [one for one in self._logs[digest] if one.place < entry.place]
        if entry.round and kept and kept[-1].step == entry.step:
            self.hub.meters.rounds[()] += 1
            self.hub.meters.seconds[()] += max(entry.at - kept[-1].at, 0.0)
        self._logs[digest] = (*kept, entry)
        self._wake(digest)

    def _ended(self, digest: str) -> None:
        if not self.closing:
            self.hub.close_job(digest)
        self.running.pop(digest, None)
        self._wake(digest)

    def _wake(self, digest: str) -> None:
        event = self._news.pop(digest, None)
        if event is not None:
            event.set()

    def _mark(self, digest: str, state: str, why: str = "", error: str = "") -> None:
        LOG.info("job %s: %s", digest[:12], state, extra={"job": digest})
        try:
            if state in {"failed", SPENT}:
                self.store.note("error", error, job=digest)
            self.store.mark(digest, state)
            self.store.note(state, why, job=digest)
        except HansaError as fault:
            LOG.error("how job %s stands could not be written: %s", digest[:12], fault)  # noqa: TRY400 - no traceback

    def _place(self, digest: str) -> Path:
        return self.folder / digest / EVENTS
