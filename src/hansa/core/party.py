r"""An institution: its name, its tables, the guards at its door, and its seat at a job.

Handlers are pure: (ask, site, memory) -> (answer, memory'). What a handler remembers stays pending until a later ask
says that the answer counted; otherwise the old memory stands. So nothing drifts when an update is lost or a round is
redone.

Example:
    >>> from hansa.core.job import Data, Job
    >>> from hansa.core.message import Envelope, Name
    >>> from hansa.core.table import Table
    >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]\ndata = {target = "late", positive = "yes"}')
    >>> bank = Party("bank-a", {"loans": Table.of({"age": [31, 42], "late": ["no", "yes"]})})
    >>> site: Site = site_of(bank, job)
    >>> site.table.y().tolist(), site.draws(round_=3).party
    ([0.0, 1.0], 'bank-a')
    >>> seat, ask = Seat(bank, job), Masked(inner=None)
    >>> seat.open(Envelope(Name(0, 0, 0), ask)) is None, inner(ask) is None
    (True, True)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar, final, runtime_checkable

import numpy as np

from hansa.core.draws import COORDINATOR, Draws
from hansa.core.message import Answer, Masked, Refusal
from hansa.core.table import Column
from hansa.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from hansa.core.job import Job
    from hansa.core.message import Ask, Envelope, Name
    from hansa.core.table import Table

Memory: TypeAlias = Mapping[str, "NDArray[Any]"]
"""What a party remembers of a job from ask to ask, by name; bytes are kept as arrays of uint8."""

AT_ONCE: Final = "at once/"
"""What is remembered under a name that begins so holds as soon as the word has left, whether it counts or not, and is
a refusal or not: a key that was used, a list that was signed. Nobody else can make the party forget it."""

T = TypeVar("T")
_KEPT = 2
_PENDING = 4


class Identity(Protocol):
    """How a party signs, and the keys of others that it holds as theirs: pinned at home, not told by a coordinator."""

    def key(self, party: str) -> bytes:
        """The pinned public key of a party.

        Raises:
            IdentityError: nobody of this name is known here.
        """
        ...

    def sign(self, tag: bytes, digest: bytes) -> bytes:
        """Sign a SHA-256 for one purpose."""
        ...

    def check(self, party: str, tag: bytes, digest: bytes, signature: bytes) -> None:
        """Hold a signature against the party's pinned key.

        Raises:
            IdentityError: it is not of this key, or of something else.
        """
        ...


class Guard(Protocol):
    """Stands at a party's door: no ask comes in and no answer goes out without its word."""

    def admit(self, ask: Ask, job: Job) -> Refusal | None:
        """Refuse an ask, or say nothing."""
        ...

    def release(self, answer: Answer, ask: Ask, job: Job) -> Answer | Refusal:
        """Let an answer go, as it is or changed, or refuse it."""
        ...


@final
@dataclass(frozen=True)
class Party:
    """An institution with its tables by name, the guards at its door, and its identity where it has one.

    Raises:
        ConfigError: an empty name, or one that cannot be a folder's.

    Example:
        >>> from hansa.core.table import Table
        >>> len(Party("bank-a", {"loans": Table.of({"age": [31, 42]})}).table("loans"))
        2
    """

    name: str
    tables: Mapping[str, Table]
    guards: tuple[Guard, ...] = ()
    identity: Identity | None = None

    def __post_init__(self) -> None:
        """Check the name."""
        if (
            not self.name
            or self.name != self.name.strip()
            or any(c in self.name for c in "/\\\0\n")
            or self.name in {".", ".."}
        ):
            raise ConfigError(
                "A party needs a name that can also be a folder's.", mend="Use letters, digits and dashes."
            )

    def table(self, name: str) -> Table:
        """The table of this name; with an empty name, the only one there is.

        Raises:
            DataError: there is no such table, or several and none is named.
        """
        if name in self.tables:
            return self.tables[name]
        if not name and len(self.tables) == 1:
            return next(iter(self.tables.values()))
        what = (
            f"{self.name} has no table '{name}'."
            if name
            else f"{self.name} has {len(self.tables)} tables and the job names none."
        )
        raise DataError(what, mend=nearest(name, self.tables) if self.tables else "Give the party a table.")


@final
@dataclass(frozen=True)
class Site:
    """What a handler sees of its party: the job, its table, a cache for what is made from both, the step's number.

    `identity`: how it signs what other parties check; None where nobody has given it one.
    """

    name: str
    job: Job
    table: Table
    cache: dict[str, Any] = field(default_factory=dict, compare=False)
    step: int = 0
    identity: Identity | None = None

    def draws(self, round_: int = 0) -> Draws:
        """The party's training randomness in a round."""
        name = f"/{self.name}" if self.name in COORDINATOR else self.name  # no party's name holds a slash
        return Draws(self.job.seed, name, round_)

    def derived(self, key: str, make: Callable[[], T]) -> T:
        """Make something once for each key; the key must name all that it is made from."""
        if key not in self.cache:
            self.cache[key] = make()
        made: T = self.cache[key]
        return made


class Handler(Protocol):
    """Answers one kind of ask for one party."""

    def answer(self, ask: Any, site: Site, memory: Memory) -> tuple[Answer | Refusal, Memory]:
        """Answer, and say what to remember if the answer counts (the same memory: nothing new).

        A refusal keeps only what holds at once.
        """
        ...


@runtime_checkable
class ManyHandler(Handler, Protocol):
    """A handler that answers for a stack of parties in one go."""

    def many(
        self, asks: Sequence[Any], sites: Sequence[Site], memories: Sequence[Memory]
    ) -> tuple[Answer, Sequence[Memory]]:
        """Answer with one row for each party, and each one's memory."""
        ...


def site_of(party: Party, job: Job) -> Site:
    """A party's view of a job: its table in the form of the job's schema, with the job's target, id and weight columns.

    Raises:
        DataError: names the party: its table or a column that the job names is missing, or does not keep the job's
            schema; a target of numbers, in the test rows too, has gaps or infinite values; one has labels that almost
            read as the job's positive one; or a weight is negative or infinite, or all are zero.
    """
    table, data = party.table(job.data.table), job.data
    if data.schema is not None:
        table = data.schema.admit(table, party.name, job.min_cell)
    try:
        return Site(party.name, job, _with_roles(table, job), identity=party.identity)
    except DataError as error:
        raise DataError(f"{party.name}: {error.what}", error.why, error.mend) from None


def _with_roles(table: Table, job: Job) -> Table:
    data = job.data
    target = data.target or table.target
    for named in filter(None, (target, data.id, data.weight)):
        table.column(named)
    table = replace(table, target=target, id=data.id or table.id, weight=data.weight or table.weight)
    if data.positive and target is not None:
        column = table.column(target)
        if gaps := int(column.gaps.sum()):
            raise DataError(
                f"The target '{target}' has gaps in {gaps:,} of {len(table):,} rows.",
                mend="Leave out the rows whose outcome is not known.",
            )
        table = table.with_columns([Column.of(target, _event(column, data.positive).astype(np.int64))])
    if target is not None and table.column(target).kind in {"float", "integer"}:
        table.y()  # of all rows: the test is not the moment to find out
    if len(table) >= max(job.min_rows, 1) and not table.weights().any():
        raise DataError("All weights are zero.", "Its rows would count for nothing.", "Correct the weight column.")
    return table


def _event(column: Column, positive: str) -> NDArray[np.bool_]:
    """Which rows have the event: numbers are compared as numbers, so that 1 and 1.0 are one label."""
    if column.kind in {"float", "integer"} and len(column):
        number = _number(positive)
        if number is None:
            raise DataError(
                f"The target '{column.name}' holds numbers, and the job's positive label is a word.",
                "None of its rows would have the event.",
                "Write the target as the other banks do, or set data.positive to a number.",
            )
        return np.asarray(column.floats() == number)
    words = column.strings()
    labels: Sequence[str] = column.levels if column.kind == "category" else np.unique(words).tolist()
    if any(label != positive and _alike(label, positive) for label in labels):
        raise DataError(
            f"The target '{column.name}' has a label that is the positive one but for capitals, blanks or digits.",
            "Its rows would count as without the event.",
            "Write the event in one way at all banks, as data.positive has it.",
        )
    return np.asarray(words == positive)


def _alike(label: str, positive: str) -> bool:
    number = _number(label)
    same = number is not None and number == _number(positive)
    return same or label.strip().casefold() == positive.strip().casefold()


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


@final
class Seat:
    """A party's seat at one job: guards, settled and pending memory, and the answers that it has given."""

    def __init__(self, party: Party, job: Job) -> None:
        """Sit down with an empty memory."""
        self.party, self.job = party, job
        self.memory: Memory = {}
        self.pending: dict[Name, Memory] = {}
        self.given: dict[Name, Answer | Refusal] = {}

    def open(self, envelope: Envelope) -> Answer | Refusal | None:
        """Take an envelope in: settle what has counted, and give the old answer to an old name, or refuse.

        None means that there is work to do.
        """
        self.settle(envelope.counted)
        if envelope.name in self.given:
            return self.given[envelope.name]
        for guard in self.party.guards:
            refusal = guard.admit(inner(envelope.ask), self.job)
            if refusal is not None:
                self.given[envelope.name] = refusal
                return refusal
        return None

    def settle(self, counted: Sequence[Name]) -> None:
        """Make the newest pending memory whose answer has counted the memory; older ones go with it."""
        newest = max((name for name in counted if name in self.pending), default=None)
        if newest is not None:
            self.memory = self.pending[newest]
            self.pending = {name: memory for name, memory in self.pending.items() if name > newest}

    def hold(self, name: Name, memory: Memory) -> None:
        """Keep what the handler remembers until its answer counts, beside what the last few asks left."""
        if memory is not self.memory:
            self.hold_at_once(memory)
            self.pending = dict([*self.pending.items(), (name, memory)][-_PENDING:])

    def hold_at_once(self, memory: Memory) -> None:
        """Take over what holds at once, into the memory and into all that waits to count."""
        if any(key.startswith(AT_ONCE) for key in (*memory, *self.memory)):
            self.memory = with_at_once(self.memory, memory)
            self.pending = {name: with_at_once(old, memory) for name, old in self.pending.items()}

    def close(self, envelope: Envelope, answer: Answer | Refusal, memory: Memory) -> Answer | Refusal:
        """Let an answer past the guards, remember it under its name, and hold its memory."""
        said = self._released(answer, inner(envelope.ask)) if isinstance(answer, Answer) else answer
        if isinstance(said, Answer):
            self.hold(envelope.name, memory)
        else:
            self.hold_at_once(memory)
        self.given = {name: old for name, old in self.given.items() if name.keep >= envelope.name.keep - _KEPT}
        self.given[envelope.name] = said
        return said

    def _released(self, answer: Answer, ask: Ask) -> Answer | Refusal:
        for guard in self.party.guards:
            said = guard.release(answer, ask, self.job)
            if isinstance(said, Refusal):
                return said
            answer = said
        return answer


def with_at_once(memory: Memory, latest: Memory) -> Memory:
    """A memory with the latest of what holds at once, and none of what that has let go.

    Example:
        >>> with_at_once({"at once/key": np.ones(1), "model": np.ones(2)}, {"at once/done": np.ones(1)}).keys()
        dict_keys(['model', 'at once/done'])
    """
    return {**lasting(memory), **at_once(latest)}


def at_once(memory: Memory) -> Memory:
    """What of a memory holds at once.

    Example:
        >>> at_once({"at once/key": np.ones(1), "model": np.ones(2)}).keys()
        dict_keys(['at once/key'])
    """
    return {key: value for key, value in memory.items() if key.startswith(AT_ONCE)}


def lasting(memory: Memory) -> Memory:
    """What of a memory holds only once it has counted.

    Example:
        >>> lasting({"at once/key": np.ones(1), "model": np.ones(2)}).keys()
        dict_keys(['model'])
    """
    return {key: value for key, value in memory.items() if not key.startswith(AT_ONCE)}


def inner(ask: Ask) -> Ask:
    """What is asked, without the wrapper that says how the answer travels."""
    return inner(ask.inner) if isinstance(ask, Masked) else ask
