"""A step is one stage of a job; steps run in order and read what earlier ones found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, final, runtime_checkable

from hansa.core.plan import Everyone, Quorum
from hansa.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hansa.core.chain import Chain
    from hansa.core.contract import Domain
    from hansa.core.message import Ask
    from hansa.core.party import Handler
    from hansa.core.plan import Plan, Until

R = TypeVar("R")


@final
@dataclass(frozen=True)
class Roster:
    """Who takes part, by place, and what a plan may know of the job: its seed, quorum, deadline and `min_cell`.

    Example:
        >>> Roster(("bank-a", "bank-b"), seed=7).place("bank-b")
        1
    """

    names: tuple[str, ...]
    seed: int = 0
    quorum: int = 0
    deadline: float = 600.0
    min_cell: int = 10

    def __iter__(self) -> Iterator[str]:
        """Names by place."""
        return iter(self.names)

    def __len__(self) -> int:
        """How many parties."""
        return len(self.names)

    def place(self, name: str) -> int:
        """A party's place."""
        return self.names.index(name)

    def until(self, asked: int) -> Until:
        """How long to wait for this many parties: for all of them, or for the job's quorum; nobody is soon there."""
        return Everyone() if self.quorum in {0, asked} or not asked else Quorum(min(self.quorum, asked), self.deadline)


@final
@dataclass(frozen=True)
class Done:
    """What earlier steps of the job found, in their order.

    Example:
        >>> Done((1, "two")).last(int)
        1
        >>> Done().find(int) is None
        True
    """

    results: tuple[Any, ...] = ()

    def find(self, kind: type[R]) -> R | None:
        """The latest result of this kind, or None."""
        return next((result for result in reversed(self.results) if isinstance(result, kind)), None)

    def last(self, kind: type[R]) -> R:
        """The latest result of this kind.

        Raises:
            JobError: no earlier step gives one.
        """
        found = self.find(kind)
        if found is None:
            raise JobError(
                f"No earlier step gives a {kind.__name__}.", mend="Put the step that makes it before this one."
            )
        return found


class Event(Protocol):
    """What a step or link does to privacy, for an accountant to read."""


class Step(Protocol):
    """One stage of a job; frozen data."""

    @property
    def title(self) -> str:
        """What the step does, in a word or two."""
        ...

    @property
    def state(self) -> type[Any]:
        """The frozen dataclass that the plan keeps and returns."""
        ...

    def plan(self, parties: Roster, kept: Any | None, done: Done) -> Plan[Any]:
        """Ask and be answered until the step is done; begin from `kept` where there is one."""
        ...

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """Who answers which kind of ask at a party."""
        ...

    def events(self) -> tuple[Event, ...]:
        """What the step releases, for the accountant."""
        ...


@runtime_checkable
class Chained(Step, Protocol):
    """A step whose updates travel through a chain of links."""

    def links(self) -> Chain:
        """The chain, checked."""
        ...


@runtime_checkable
class Collecting(Step, Protocol):
    """A step that collects some answers, and does not only sum them: the coordinator sees each of those."""

    def collects(self) -> frozenset[type[Ask]]:
        """The kinds of asks whose answers it collects; all others may travel inside a secure sum."""
        ...


@runtime_checkable
class Bounded(Step, Protocol):
    """A step that knows how often it asks some kinds: a party answers no more of them."""

    def often(self) -> Mapping[type[Ask], int]:
        """At most how many answers of a kind a party gives; kinds that are not here are not counted."""
        ...


@runtime_checkable
class Placed(Step, Protocol):
    """A step that minds what comes after it in a job."""

    def check_after(self, after: Sequence[Step]) -> None:
        """Look at the steps that follow.

        Raises:
            ConfigError: they may not.
        """
        ...


@runtime_checkable
class Accounted(Step, Protocol):
    """A step that knows what each of its answers does to privacy; of any other, all that leaves counts as unbounded."""

    def releases(self) -> Mapping[type[Ask], tuple[Event, ...]]:
        """What one answer of a kind does; nothing for none. Kinds that are not here leave as they are, unbounded."""
        ...


@runtime_checkable
class Noised(Step, Protocol):
    """A step that may tell what it counts with noise: what columns may hold must be agreed then, not looked up."""

    def check_domains(self, domains: Mapping[str, Domain]) -> None:
        """Look at what the contract says of the columns, less target, id and weight.

        Raises:
            ConfigError: noise is asked for, and the contract leaves open what a column may hold.
        """
        ...

    def clear(self) -> Step:
        """The same step without noise, for a party by itself."""
        ...
