r"""Whether a job explains what has left a site: each line of its wire ledger held against what the job may ask.

A line is explained by its job where a step of it asks that kind, no more often than the job has rounds, and where what
left has the form of an answer: one row to a vector, no vector and no byte beyond them, inside a secure sum if the job
says so, and an update as large as those before.

Example:
    >>> from hansa.core.message import Name
    >>> from hansa.engines.network.wire_ledger import Line, Recorded, Shape
    >>> job = Job.from_toml('name = "scores"\nsteps = [{use = "rounds", rounds = 2}]')
    >>> def line(kind, keep, *shapes, size=None):
    ...     told = Line(0.0, job.digest, Name(0, keep, 0), kind, size or 8 * len(shapes), shapes, "00" * 32, "none")
    ...     return Recorded(keep + 1, told, "", "")
    >>> five = tuple(Shape(name, "<f8", (1, 1)) for name in ("parties", "width", "square", "rows", "target"))
    >>> unexplained(job, [line("Shape", 0, *five)])
    ()
    >>> for odd in unexplained(job, [line("Shape", 0, *five[1:]), line("Scores", 1), line("Shape", 2, *five, size=99)]):
    ...     print(odd.line, odd.why)
    1 'parties' is missing.
    2 The job asks no 'Scores'.
    3 It holds 59 bytes that stand in no vector.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import numpy as np

from hansa.core.job import Job
from hansa.core.message import Masked
from hansa.core.soundness import Form, form_of
from hansa.core.step import Bounded
from hansa.core.wire import DTYPES
from hansa.errors import HansaError
from hansa.horizontal.rounds import Check, Rounds, Train

if TYPE_CHECKING:
    from hansa.core.message import Name
    from hansa.engines.network.wire_ledger import Line, Recorded

REFUSED: Final = "Shut"
"""The kind of a line that tells why a job was refused."""
SECURE: Final = "secure sum"
"""The protection of what only a sum of it can be read of."""
_WORDS: Final = 16 << 10  # bytes of a refusal's sentences
_UPDATE: Final = "delta"


class Odd(NamedTuple):
    """A line that its job does not explain, by its number, and why."""

    line: int
    why: str


def unexplained(job: Job, lines: Iterable[Recorded]) -> tuple[Odd, ...]:
    """The lines of a ledger, of this job, that it does not explain."""
    held = _Contract(job, tuple(_step(job, number) for number in range(len(job.steps))))
    return tuple(Odd(one.sequence, why) for one in lines for why in held.against(one.line))


class _Step(NamedTuple):
    """What a step asks, by the names of kinds: the kinds, those that leave in secure sums alone, how often at most."""

    kinds: Mapping[str, type[Any]]
    veiled: frozenset[str]
    often: Mapping[str, int]


def _step(job: Job, number: int) -> _Step:
    step = job.steps[number]
    often = step.often() if isinstance(step, Bounded) else {}
    return _Step(
        {kind.__name__: kind for kind in job.handlers(number)},
        frozenset(kind.__name__ for kind in job.veiled(number)),
        {kind.__name__: most for kind, most in often.items()},
    )


@final
@dataclass(frozen=True)
class _Contract:
    """A job as a reader of a ledger holds it: the width of each step's update, names that were used, turns taken."""

    job: Job
    steps: tuple[_Step, ...]
    widths: dict[int, int] = field(default_factory=dict)
    names: set[Name] = field(default_factory=set)
    turns: dict[tuple[int, str], set[Name | int]] = field(default_factory=dict)
    forms: dict[tuple[int, str, int], Form | None] = field(default_factory=dict)

    def against(self, line: Line) -> Iterator[str]:
        """What speaks against a line, the first reason alone."""
        yield from list(self._reasons(line))[:1]

    def _reasons(self, line: Line) -> Iterator[str]:
        if not line.shapes:
            yield from self._words(line)
            return
        if not 0 <= line.name.step < len(self.steps):
            yield f"The job has no step {line.name.step}."
            return
        step = self.steps[line.name.step]
        if line.kind not in step.kinds:
            yield f"Its step asks no '{line.kind}'."
            return
        if line.name in self.names:
            yield "This ask was answered before."
        self.names.add(line.name)
        yield from self._often(line, step.often.get(line.kind))
        yield from _bytes(line)
        if line.protection == SECURE:
            return
        if line.kind in step.veiled:
            yield "The job lets this leave inside a secure sum alone, and it left in clear."
        yield from self._form(line, step.kinds[line.kind])

    def _words(self, line: Line) -> Iterator[str]:
        """A line without vectors is a refusal, and holds a few sentences."""
        if line.kind != REFUSED and not any(line.kind in step.kinds for step in self.steps):
            yield f"The job asks no '{line.kind}'."
        elif line.size > _WORDS:
            yield f"A refusal of {line.size:,} bytes holds more than sentences."

    def _often(self, line: Line, most: int | None) -> Iterator[str]:
        """Whether a round was asked too often, or there are too many."""
        if most is None:
            return
        seen = self.turns.setdefault((line.name.step, line.kind), set())
        seen.add(line.name if line.protection != SECURE else line.name.keep)  # a secure sum may be tried again
        if len(seen) > most:
            yield f"The job asks {line.kind} {most:,} times in a step, and this is one more."

    def _form(self, line: Line, kind: type[Any]) -> Iterator[str]:
        """Whether the vectors are those of an answer, where that can be told."""
        shapes = {one.name: one for one in line.shapes}
        width = shapes[_UPDATE].shape[-1] if _UPDATE in shapes else 0
        if width and self.widths.setdefault(line.name.step, width) != width:
            yield f"Its update has {width:,} numbers, and others of its step {self.widths[line.name.step]:,}."
        key = (line.name.step, line.kind, width)
        if key not in self.forms:
            self.forms[key] = self._expected(line.name.step, kind, width)
        form = self.forms[key]
        if form is None:
            return
        for name in form.vectors.keys() - shapes.keys():
            yield f"'{name}' is missing."
        for name, shape in shapes.items():
            if name not in form.vectors:
                yield f"'{name}' was not asked for."
            elif form.vectors[name][1] not in {None, shape.shape[-1]}:
                yield f"'{name}' has {shape.shape[-1]:,} numbers where {form.vectors[name][1]:,} were asked for."

    def _expected(self, number: int, kind: type[Any], width: int) -> Form | None:
        """The form of an answer, of an ask that is known but for its numbers."""
        step, handlers = self.job.steps[number], self.job.handlers(number)
        if kind is Train and isinstance(step, Rounds):
            return form_of(handlers[kind], Train(np.zeros(width), 0, step.local, ()))
        if kind is Check:
            return form_of(handlers[kind], Check(np.zeros(width)))
        return form_of(handlers[kind], kind()) if kind is not Masked and not fields(kind) else None


def _bytes(line: Line) -> Iterator[str]:
    """One row to a vector, of numbers that may travel; all bytes stand in vectors, or in letters to others."""
    for name, dtype, shape in line.shapes:
        if dtype not in DTYPES:
            yield f"'{name}' holds what may not leave."
        elif len(shape) != 2 or shape[0] != 1:
            yield f"'{name}' is not one party's row."
    size = sum(prod(shape) * np.dtype(dtype).itemsize for _, dtype, shape in line.shapes if dtype in DTYPES)
    if line.size < size or (line.size > size and line.protection == "none"):
        yield f"It holds {abs(line.size - size):,} bytes that stand in no vector."


def of_jobs(lines: Iterable[Recorded], jobs: Mapping[str, Job]) -> tuple[Odd, ...]:
    """The lines of a ledger that none of these jobs, by digest, explains; in order.

    Example:
        >>> of_jobs([], {})
        ()
    """
    found: list[Odd] = []
    by_job: dict[str, list[Recorded]] = {}
    for one in lines:
        by_job.setdefault(one.line.job, []).append(one)
    for digest, some in by_job.items():
        if digest in jobs:
            found += unexplained(jobs[digest], some)
        else:
            found += (Odd(one.sequence, "Its job is not known here.") for one in some if one.line.kind != REFUSED)
    return tuple(sorted(found))


def approved(texts: Mapping[str, str], parts: Mapping[str, str]) -> dict[str, Job]:
    """The jobs of these texts, by digest; one that cannot be read any more explains nothing, and is left out.

    Example:
        >>> approved({"5e1f": "name = "}, {})
        {}
    """
    found: dict[str, Job] = {}
    for digest, text in texts.items():
        with suppress(HansaError):
            found[digest] = Job.from_toml(text, parts)
    return found
