"""A plan asks and is answered; it knows nothing of who carries its asks.

A plan is a generator that yields `Asks` and receives a `Reply`, and yields `Keep(state)` when a step of work is done.
It reads no clock, file or entropy, so that it can be replayed: from the last `Keep` with the recorded answers it goes
the same way again.

Example:
    >>> from hansa.core.message import Masked
    >>> def plan():
    ...     reply = yield Asks({"bank-a": Masked(inner=None)}, until=Everyone())
    ...     yield Keep(state=reply.value, measures={"counted": len(reply.counted)})
    >>> running = plan()
    >>> sorted(next(running).to), running.send(Reply(value=7, counted=("bank-a",))).measures
    (['bank-a'], {'counted': 1})
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar, final

from hansa.core.fold import Fold, Sum
from hansa.core.message import Ask, Name, Refusal
from hansa.errors import ConfigError

S = TypeVar("S")
Measures: TypeAlias = Mapping[str, float]


@final
@dataclass(frozen=True)
class Everyone:
    """Wait for every answer, or for the deadline."""


@final
@dataclass(frozen=True)
class Quorum:
    """Wait `within` seconds, and on until `n` have answered.

    Example:
        >>> Quorum(3, within=600.0).n
        3
    """

    n: int
    within: float

    def __post_init__(self) -> None:
        """Check the range."""
        if self.n < 1 or not self.within > 0:
            raise ConfigError(
                "A quorum needs n of at least 1 and a time above 0.", f"Got n={self.n}, within={self.within}."
            )


@final
@dataclass(frozen=True)
class First:
    """Go on with the first `k` answers; with `keep` the rest stay in flight and come in a later reply.

    Example:
        >>> First(8, keep=True).keep
        True
    """

    k: int
    keep: bool = False

    def __post_init__(self) -> None:
        """Check the range."""
        if self.k < 1:
            raise ConfigError("The first k answers need k of at least 1.", f"Got {self.k}.")


Until: TypeAlias = Everyone | Quorum | First


@final
@dataclass(frozen=True)
class Asks:
    """One ask for each party named, how the answers fold, and how long to wait."""

    to: Mapping[str, Ask]
    fold: Fold[Any, Any] = field(default_factory=Sum)
    until: Until = field(default_factory=Everyone)


@final
@dataclass(frozen=True)
class Reply:
    """What came of `Asks`: the folded value, who counted in it, who refused or was lost.

    `late` names those of `counted` whose answer is to an earlier ask, with the name of that ask.
    """

    value: Any
    counted: tuple[str, ...] = ()
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    late: Mapping[str, Name] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class Keep(Generic[S]):
    """A point to start again from: the state, and the measures to show."""

    state: S
    measures: Measures = field(default_factory=dict)


Plan: TypeAlias = Generator[Asks | Keep[Any], Any, S]
"""A plan whose value is an `S`; it is sent the `Reply` to its asks, and after a keep the seconds since the last one."""

Gather: TypeAlias = Generator[Asks, Reply, S]
"""A sub-plan that only asks."""
