"""What a bank's tables have given of their privacy: an account for each job, of what was planned and what was given.

What of it is allowed is decided elsewhere; that it is durable, too. Times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import final

from hansa.core.message import Name
from hansa.privacy.events import Composed, Infinite, PrivacyEvent, leaves
from hansa.privacy.released import Part


@final
@dataclass(frozen=True)
class Plan:
    """What a job was approved for: its name, from whom, the party's table that it reads, and the most that it releases.

    Example:
        >>> Plan("scores", "anna", "loans", (Part(0, "Train", (), times=2),)).at_least(Part(0, "Train", ()), 3).parts
        (Part(step=0, what='Train', events=(), times=3),)
    """

    name: str
    submitter: str
    table: str
    parts: tuple[Part, ...]

    def at_least(self, part: Part, times: int) -> Plan:
        """The same with a part given at least so often."""
        grown = (
            replace(one, times=max(times, one.times)) if (one.step, one.what) == (part.step, part.what) else one
            for one in self.parts
        )
        return replace(self, parts=tuple(grown))


@final
@dataclass(frozen=True)
class Given:
    """An answer that was given: when, what it cost, as a part of one time, and its name."""

    time: float
    part: Part
    name: Name


@final
@dataclass(frozen=True)
class Account:
    """A job at one store of a bank: its plan, what was given; `open`: it may still ask for what was planned.

    `released`: why the bank took back for good what the job held, if it did.

    Example:
        >>> plan = Plan("scores", "anna", "loans", (Part(0, "Train", (), times=3),))
        >>> account = Account("5e1f", "", 0.0, plan, open=True, given=(Given(7.0, plan.parts[0], Name(0, 0, 0)),))
        >>> account.counts(), account.counts(since=8.0), account.given_of(Part(0, "Train", ()))
        ({'Train': (Composed(events=(), times=3),)}, {'Train': (Composed(events=(), times=2),)}, 1)
    """

    job: str
    store: str
    at: float
    plan: Plan
    open: bool
    given: tuple[Given, ...] = ()
    released: str = ""

    def given_of(self, part: Part) -> int:
        """How many answers of a part were given."""
        return sum((one.part.step, one.part.what) == (part.step, part.what) for one in self.given)

    def spent(self, since: float = 0.0) -> dict[str, tuple[Composed, ...]]:
        """What was given from a time on, by what it is called."""
        times: dict[Part, int] = {}
        for one in self.given:
            if one.time >= since:
                times[one.part] = times.get(one.part, 0) + 1
        return _named((part, count) for part, count in times.items())

    def counts(self, since: float = 0.0) -> dict[str, tuple[Composed, ...]]:
        """What counts against a budget that begins at a time: what was given since, and what may still be asked for.

        What was planned and is not given yet happens after the budget has begun, whenever it was planned.
        """
        left = ((part, part.times - self.given_of(part)) for part in self.plan.parts if self.open)
        return merged([self.spent(since), _named((part, count) for part, count in left if count > 0)])


def merged(some: Iterable[Mapping[str, tuple[Composed, ...]]]) -> dict[str, tuple[Composed, ...]]:
    """Events of several accounts together, by what they are called; equal ones are added up.

    Example:
        >>> merged([{"Train": (Composed((), 2),)}, {"Train": (Composed((), 3),)}])
        {'Train': (Composed(events=(), times=5),)}
    """
    times: dict[str, dict[tuple[PrivacyEvent, ...], int]] = {}
    for one in some:
        for what, events in one.items():
            found = times.setdefault(what, {})
            for event in events:
                found[event.events] = found.get(event.events, 0) + event.times
    return {what: tuple(Composed(*one) for one in found.items()) for what, found in times.items()}


def bounded(events: Iterable[PrivacyEvent], unit: str) -> tuple[list[PrivacyEvent], dict[str, str]]:
    """Those events that protect a unit, and of the others by their source why they do not.

    Example:
        >>> bounded([Composed((Infinite("counts", "They are exact."),))], "record")
        ([], {'counts': 'They are exact.'})
    """
    private: list[PrivacyEvent] = []
    why: dict[str, str] = {}
    for event, times in leaves(events):
        if isinstance(event, Infinite | Composed):
            why |= {event.source: event.reason} if isinstance(event, Infinite) else {}
        elif event.protects.unit != unit:
            why[type(event).__name__] = f"It protects a {event.protects.unit}, not a {unit}."
        else:
            private.append(Composed((event,), times))
    return private, why


def _named(parts: Iterable[tuple[Part, int]]) -> dict[str, tuple[Composed, ...]]:
    return merged({part.what: (Composed(part.events, times),)} for part, times in parts)
