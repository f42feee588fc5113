r"""What a coordinator and a node count while they run, and what they tell of how they stand: names and numbers alone.

No figure holds what a bank's rows hold: labels are parties, jobs, kinds and states.

Example:
    >>> import asyncio, tempfile
    >>> from pathlib import Path
    >>> from hansa.engines.network.stream import Ends, Tube
    >>> meters, tube = Meters(), Tube()
    >>> asyncio.run(Metered(Ends(tube, tube), "bank-a", meters).write(b"\x01a frame"))
    >>> meters.bytes["bank-a", "out"], meters.frames["bank-a", "out"]
    (8.0, 1.0)
    >>> [figure.name for figure in meters.figures()][:2]
    ['hansa_lines_total', 'hansa_frames_total']
    >>> with tempfile.TemporaryDirectory() as path:
    ...     _ = Path(path, "a").write_bytes(bytes(7))
    ...     size_of(Path(path)), Figure("hansa_store_bytes", "Bytes of the store.", "gauge").values
    (7, {})
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, ParamSpec, TypeAlias, final

from hansa.core.wire import read as read_parcel
from hansa.engines.network.certificates import read
from hansa.errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from hansa.engines.network.coordinator import Coordinator
    from hansa.engines.network.hub import Hub
    from hansa.engines.network.identity import Identity
    from hansa.engines.network.jobs import Jobs
    from hansa.engines.network.node import Node
    from hansa.engines.network.stream import Pipe

P = ParamSpec("P")
Labels: TypeAlias = tuple[str, ...]
Count: TypeAlias = dict[Labels, float]
_DAY: Final = 86_400.0
_SHORT: Final = 64 << 10  # bytes; a no is shorter, and a piece of a result need not be read for this
_FIRST: Final = b"\x01"  # how the first message of a frame begins
_STATES: Final = ("submitted", "running", "stopped", "done", "spent", "failed")


class Figure(NamedTuple):
    """A figure by its name, what it is, whether it only grows, what its labels are called, and its values."""

    name: str
    what: str
    kind: Literal["counter", "gauge"]
    labels: Labels = ()
    values: Mapping[Labels, float] = {}


def _count() -> Count:
    return defaultdict(float)


@final
@dataclass(frozen=True)
class Meters:
    """Counts since the process began, by labels.

    `lines`: streams that were opened, by peer. `frames`, `bytes`: by peer and "in" or "out". `words`: answers by party
    and what became of them: "new", "same" (offered again), "clash". `refusals`: by party. `calls`: "people" or
    "certificates", "done" or "refused". `rounds`, `seconds`: rounds that were closed, and how long they took together.
    """

    lines: Count = field(default_factory=_count)
    frames: Count = field(default_factory=_count)
    bytes: Count = field(default_factory=_count)
    words: Count = field(default_factory=_count)
    refusals: Count = field(default_factory=_count)
    calls: Count = field(default_factory=_count)
    rounds: Count = field(default_factory=_count)
    seconds: Count = field(default_factory=_count)

    def passed(self, peer: str, way: Literal["in", "out"], size: int, *, begins: bool) -> None:
        """Count one message of a stream, of so many bytes; `begins`: whether a frame begins, or goes on after a cut."""
        self.bytes[peer, way] += size
        self.frames[peer, way] += begins

    def figures(self) -> tuple[Figure, ...]:
        """What was counted."""
        rows: tuple[tuple[str, str, Labels, Count], ...] = (
            ("lines", "Streams that were opened: the first, and each after a cut.", ("peer",), self.lines),
            ("frames", "Frames that were sent or received, those that went on after a cut too.", _WAYS, self.frames),
            ("bytes", "Bytes of frames, inside TLS.", _WAYS, self.bytes),
            ("words", "Answers and refusals: new, the same again, or another one.", ("party", "verdict"), self.words),
            ("refusals", "Refusals of parties.", ("party",), self.refusals),
            ("calls", "Calls of people, and of banks that ask for certificates.", ("kind", "outcome"), self.calls),
            ("rounds", "Rounds that were closed.", (), self.rounds),
            ("round_seconds", "Seconds that rounds took, together.", (), self.seconds),
        )
        return tuple(Figure(f"hansa_{name}_total", what, "counter", labels, dict(v)) for name, what, labels, v in rows)


_WAYS: Final[Labels] = ("peer", "way")


@final
@dataclass(frozen=True)
class Metered:
    """A pipe whose messages are counted."""

    pipe: Pipe
    peer: str
    meters: Meters

    async def read(self) -> bytes | None:
        """The next message; None at the end."""
        message = await self.pipe.read()
        if message is not None:
            self.meters.passed(self.peer, "in", len(message), begins=message[:1] == _FIRST)
        return message

    async def write(self, message: bytes) -> None:
        """Send one."""
        await self.pipe.write(message)
        self.meters.passed(self.peer, "out", len(message), begins=message[:1] == _FIRST)


def counted(answer: Callable[P, Awaitable[bytes]], kind: str, meters: Meters) -> Callable[P, Awaitable[bytes]]:
    """The same answers to calls, counted by whether they are a no.

    Example:
        >>> import asyncio
        >>> from hansa.engines.network.sayings import plainly
        >>> async def no(data: bytes) -> bytes:
        ...     return b"".join(plainly("No", "coordinator", "anna").frame())
        >>> meters = Meters()
        >>> _ = asyncio.run(counted(no, "people", meters)(b""))
        >>> dict(meters.calls)
        {('people', 'refused'): 1.0}
    """

    async def told(*words: P.args, **named: P.kwargs) -> bytes:
        said = await answer(*words, **named)
        refused = len(said) <= _SHORT and read_parcel(said).kind == "No"
        meters.calls[kind, "refused" if refused else "done"] += 1
        return said

    return told


def of_coordinator(coordinator: Coordinator, hub: Hub, jobs: Jobs) -> tuple[Figure, ...]:
    """How a coordinator stands; reads its folder, so it belongs into a thread.

    Example:
        >>> of_coordinator.__name__
        'of_coordinator'
    """
    known, now = list(coordinator.roster.members.items()), datetime.now(UTC)
    standing = dict.fromkeys(_STATES, 0.0)
    for entry in jobs.store.jobs():
        standing[entry.state] = standing.get(entry.state, 0.0) + 1
    days = _days({("coordinator", use): text for use, text in _own(coordinator.identity)}, now)
    days |= _days({(name, "signing"): text for name, text in known}, now)
    running = {(digest[:12],): jobs.log(digest) for digest in list(jobs.running)}
    return (
        _gauge("parties", "Members whose certificates count.", {(): float(len(known))}),
        _gauge(
            "party_connected",
            "Whether a member's node is connected.",
            {(name,): float(name in hub.lines) for name, _ in known},
            "party",
        ),
        _gauge("jobs", "Jobs by state.", {(state,): number for state, number in standing.items()}, "state"),
        _gauge(
            "job_round",
            "The round that a running job has closed last.",
            {job: float(log[-1].round) for job, log in running.items() if log},
            "job",
        ),
        _gauge("store_bytes", "Bytes of the store's files.", {(): float(size_of(jobs.store.database.path.parent))}),
        _gauge("certificate_days", "Days until a certificate expires.", days, "owner", "use"),
        *hub.meters.figures(),
    )


def of_node(node: Node, identity: Identity, meters: Meters) -> tuple[Figure, ...]:
    """How a node stands; reads its store, so it belongs into a thread.

    Example:
        >>> of_node.__name__
        'of_node'
    """
    database = node.store.database
    (left,) = database.rows("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM ledger")
    (refused,) = database.rows("SELECT COUNT(*) FROM events WHERE kind = 'job refused'")
    days = _days({(identity.name, use): text for use, text in _own(identity)}, datetime.now(UTC))
    return (
        _gauge("connected", "Whether the line to the coordinator is open.", {(): float(node.line is not None)}),
        _gauge("jobs_open", "Jobs that this node takes part in now.", {(): float(len(node.desks))}),
        Figure("hansa_payloads_left_total", "Payloads that left, by the wire ledger.", "counter", (), {(): left[0]}),
        Figure("hansa_payload_bytes_left_total", "Their bytes, by the wire ledger.", "counter", (), {(): left[1]}),
        Figure("hansa_jobs_refused_total", "Jobs that the policy refused.", "counter", (), {(): refused[0]}),
        _gauge("store_bytes", "Bytes of the store's files.", {(): float(size_of(database.path.parent))}),
        _gauge("certificate_days", "Days until a certificate expires.", days, "owner", "use"),
        *[figure for figure in meters.figures() if figure.values],
    )


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, as they are found; one that goes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _gauge(name: str, what: str, values: Mapping[Labels, float], *labels: str) -> Figure:
    return Figure(f"hansa_{name}", what, "gauge", labels, values)


def _own(identity: Identity) -> Iterable[tuple[str, str]]:
    return ("tls", identity.tls), ("signing", identity.signing), ("authority", identity.authority)


def _days(certificates: Mapping[Labels, str], now: datetime) -> dict[Labels, float]:
    """How many days each certificate (PEM) still holds; one that cannot be read is left out."""
    found = {}
    for labels, text in certificates.items():
        with suppress(IdentityError):
            found[labels] = (read(text).not_valid_after_utc - now).total_seconds() / _DAY
    return found
