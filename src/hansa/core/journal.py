r"""What a run writes down so that it can start again: answers on their way, how turns were closed, and snapshots.

Example:
    >>> Flight(at=2.5, party="bank-a", name=Name(0, 1, 0), answer=None, kind="Train").at
    2.5
    >>> snapshot = Snapshot(keep=3, at=At(step=1, done=Done()))
    >>> Closing(counted=(("bank-a", Name(0, 0, 0)),), refused=(), lost=(), flying=(), now=snapshot.now).lost
    ()
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, final

from hansa.core.attendance import Attendance
from hansa.core.job import At
from hansa.core.message import Answer, Name, Refusal
from hansa.core.step import Done

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["At", "Closing", "Done", "Flight", "Journal", "Snapshot"]


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
    """How a turn was closed, so that a replay closes it the same way: who counted, in fold order, and when.

    `back`: who was let back in before it, having been set aside.
    """

    counted: tuple[tuple[str, Name], ...]
    refused: tuple[str, ...]
    lost: tuple[str, ...]
    flying: tuple[tuple[str, Name, float], ...]
    now: float
    back: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Snapshot:
    """All that a coordinator needs to go on from a `Keep`."""

    keep: int
    at: At
    counted: Mapping[str, tuple[Name, ...]] = field(default_factory=dict)
    flying: tuple[Flight, ...] = ()
    now: float = 0.0
    attendance: Attendance = field(default_factory=Attendance)


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

    def save(self, snapshot: Snapshot, closed: tuple[Name, Closing] | None = None, *, may_wait: bool = False) -> None:
        """Make a snapshot durable, and with it how the turn right before it was closed; what came before it may go.

        `may_wait`: a run that goes on without it comes to the same; it may be left out where others soon follow.
        """
        ...

    def write(self) -> None:
        """Make the last snapshot durable now, if it was left out."""
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
