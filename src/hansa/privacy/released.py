r"""What a job releases, part by part: each kind of answer with its events, and how often it is given.

Whatever a step does not account for is a part too, without bound: so nothing that leaves is forgotten.

Example:
    >>> from hansa.core.job import Job
    >>> for part in parts_of(Job.from_toml('name = "scores"\nsteps = ["rounds", "evaluate"]')):
    ...     print(part.step, part.what, part.times, part.bounded)
    0 Train 20 False
    0 Check 20 False
    1 evaluate 1 False
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast, final

from hansa.core.contract import Spreading
from hansa.core.step import Accounted, Bounded, Chained
from hansa.privacy.events import Composed, Infinite, Noised, PrivacyEvent, leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hansa.core.job import Job
    from hansa.core.message import Ask
    from hansa.core.step import Event, Step


@final
@dataclass(frozen=True)
class Part:
    """A kind of answer (`what`) of a step, by its place in the job, with the `events` of one such answer.

    `times`: at most so many of a party in the job. Where a step speaks for itself as a whole, `what` is its name.

    Example:
        >>> Part(0, "Train", (), times=20).bounded
        True
    """

    step: int
    what: str
    events: tuple[PrivacyEvent, ...]
    times: int = 1

    @property
    def bounded(self) -> bool:
        """Whether anybody could account for it: none of its events is without bound."""
        return not any(isinstance(event, Infinite) for event, _ in leaves(self.events))

    @property
    def whole(self) -> Composed:
        """All answers of it together."""
        return Composed(self.events, self.times)


def parts_of(job: Job) -> tuple[Part, ...]:
    """All that a job releases, step by step; what releases nothing of anybody's is left out."""
    parts = tuple(part for number, step in enumerate(job.steps) for part in _parts(number, step))
    contract = job.data.schema
    return tuple(_of_rows(part, contract.row_of) for part in parts) if isinstance(contract, Spreading) else parts


def _of_rows(part: Part, row_of: str) -> Part:
    """A part of rows of which a record has many: noise that hides one of them does not hide the record."""
    if not any(isinstance(event, Noised) and event.protects.unit == "record" for event, _ in leaves(part.events)):
        return part
    reason = f"A record has a row for each {row_of}, and the noise hides a single row: protect customers."
    return replace(part, events=(Infinite(part.what, reason),))


def priced(job: Job) -> dict[tuple[int, str], Part]:
    r"""What one answer costs, by its step's place in the job and the kind of ask; kinds that cost nothing are left out.

    Example:
        >>> from hansa.core.job import Job
        >>> [kind for _, kind in priced(Job.from_toml('name = "scores"\nsteps = ["rounds"]'))]
        ['Train', 'Check']
    """
    found: dict[tuple[int, str], Part] = {}
    for part in parts_of(job):
        step = job.steps[part.step]
        kinds = [part.what] if _says(step) else [kind.__name__ for kind in _own(step)]
        found |= {(part.step, kind): part for kind in kinds}
    return found


def _parts(number: int, step: Step) -> Iterator[Part]:
    asks, says = _own(step), _says(step)
    if not says:
        if asks:
            events = events_in(step.events()) or (Infinite(step.title, "What it asks for leaves as it is."),)
            yield Part(number, step.title, events)
        return
    often = step.often() if isinstance(step, Bounded) else {}
    for kind in asks:
        name, events = kind.__name__, (Infinite(kind.__name__, "It leaves as it is."),)
        yield from _of_kind(Part(number, name, events_in(says[kind]) if kind in says else events, often.get(kind, -1)))


def _says(step: Step) -> Mapping[type[Ask], tuple[Event, ...]]:
    """What a step says of its answers; nothing where it accounts for none of them."""
    return step.releases() if isinstance(step, Accounted) else {}


def _of_kind(part: Part) -> Iterator[Part]:
    """A part whose answers are counted, if it is one; -1 stands for nobody knows how often."""
    if part.times < 0:
        unknown = Infinite(part.what, "Nobody knows how often it is asked.")
        part = replace(part, events=(unknown,) if part.bounded and part.events else part.events, times=1)
    if part.events and part.times:
        yield part


def events_in(events: Iterable[Event]) -> tuple[PrivacyEvent, ...]:
    """Events as an accountant knows them; one that it does not know is without bound.

    Example:
        >>> events_in(["a guess"])
        (Infinite(source='str', reason='No accountant knows it.'),)
    """
    known = cast("tuple[type, ...]", PrivacyEvent.__args__)
    return tuple(
        cast("PrivacyEvent", event)
        if isinstance(event, known)
        else Infinite(str(getattr(event, "link", type(event).__name__)), _reason(event))
        for event in events
    )


def _reason(event: Event) -> str:
    return str(getattr(event, "reason", "No accountant knows it."))


def _own(step: Step) -> list[type[Ask]]:
    """The kinds of asks of a step and its links, less those that carry answers which nobody sees."""
    links = step.links().links if isinstance(step, Chained) else ()
    carried = {kind for link in links if link.guarantees.hides_each for kind in link.handlers({})}
    return [kind for kind in step.handlers() if kind not in carried]
