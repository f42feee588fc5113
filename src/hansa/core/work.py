r"""Handlers at work: a batch of asks for several parties, answered here or in a worker, the same either way.

Example:
    >>> import numpy as np
    >>> from hansa.core.fold import Sum
    >>> from hansa.core.job import Job
    >>> from hansa.core.party import Party, site_of
    >>> from hansa.core.table import Table
    >>> from hansa.horizontal.shape import Shape
    >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    >>> loans = Table.of({"age": [31, 42], "late": [0, 1]}, target="late")
    >>> site = site_of(Party("bank-a", {"loans": loans}), job)
    >>> work = Work(0, ("bank-a",), (0,), (Shape(),), ({},), (0,))
    >>> outcome: Outcome = do(job, lambda name: site, work)
    >>> outcome.answers[0].load["width"].tolist(), outcome.memories
    ([[1.0]], (None,))
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, final

from hansa.core.fold import Mergeable
from hansa.core.message import Answer, Refusal
from hansa.core.party import ManyHandler
from hansa.errors import HansaError, JobError, PartyFailed, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hansa.core.fold import Fold
    from hansa.core.job import Job
    from hansa.core.message import Ask
    from hansa.core.party import Handler, Memory, Site

Made: TypeAlias = "dict[int, Mapping[type[Ask], Handler]]"
"""The handlers of a job, by step."""

_STACK = 128
"""So many parties are stacked at once and folded before the next: memory does not grow with their number."""


@final
@dataclass(frozen=True)
class Work:
    """Asks of one turn for some parties, in the order of their places; with a `fold`, what comes back is folded.

    `asked`: the places of all parties of the turn, of which these are a part.
    """

    step: int
    parties: tuple[str, ...]
    places: tuple[int, ...]
    asks: tuple[Ask, ...]
    memories: tuple[Memory, ...]
    asked: tuple[int, ...] = ()
    fold: Fold[Any, Any] | None = None


@final
@dataclass(frozen=True)
class Outcome:
    """One word of each party, or one partial fold of answers; and what each party remembers (None: nothing new)."""

    answers: tuple[Answer | Refusal, ...]
    partial: Any
    memories: tuple[Memory | None, ...]


class Compute(Protocol):
    """Does work somewhere: in this process, or spread over workers."""

    def __call__(self, work: Work) -> Outcome:
        """Do it."""
        ...


def do(job: Job, site: Callable[[str], Site], work: Work, made: Made | None = None) -> Outcome:
    """Answer a batch of asks, each kind by its handler; equal kinds as one stack where the handler can.

    Where a handler raises `Refused`, that party's word is a `Refusal`, for a quorum to do without; a fold takes none.
    `made`: handlers by step, for whoever does more than one batch.

    Raises:
        JobError: the step has no handler for a kind of ask.
        Refused: a party refuses, and its answer would be folded here.
        PartyFailed: a handler failed; names the parties, the step and the ask.
    """
    made = {} if made is None else made
    if work.step not in made:
        made[work.step] = job.handlers(work.step)
    handlers = made[work.step]

    def here(name: str) -> Site:
        one = site(name)
        return one if one.step == work.step else replace(one, step=work.step)

    kinds = dict.fromkeys(type(ask) for ask in work.asks)
    answers: dict[int, Answer | Refusal] = {}
    memories: dict[int, Memory | None] = {}
    partial = work.fold.zero(work.asked) if work.fold is not None else None
    for kind in kinds:
        rows = [i for i, ask in enumerate(work.asks) if type(ask) is kind]
        if kind not in handlers:
            raise JobError(f"The step '{job.steps[work.step].title}' has no handler for {kind.__name__}.")
        for some in (rows[at : at + _STACK] for at in range(0, len(rows), _STACK)):
            said, kept = _answer(job, here, work, some, handlers[kind])
            memories.update(
                (i, None if after is work.memories[i] else after) for i, after in zip(some, kept, strict=True)
            )
            if work.fold is not None:
                for places, answer in said:
                    if isinstance(answer, Answer):
                        partial = work.fold.add(partial, places, answer)
            else:
                by_place = {work.places[i]: i for i in some}
                answers.update((by_place[p], row) for places, answer in said for p, row in _rows(places, answer))
    if isinstance(work.fold, Mergeable):
        partial = work.fold.settle(partial)
    order = range(len(work.parties))
    return Outcome(tuple(answers[i] for i in order if i in answers), partial, tuple(memories[i] for i in order))


def _answer(
    job: Job, site: Callable[[str], Site], work: Work, rows: Sequence[int], handler: Handler
) -> tuple[list[tuple[tuple[int, ...], Answer | Refusal]], Sequence[Memory]]:
    """Answers as stacks with their places, and the memories after; where one refuses, each party by itself."""
    names = [work.parties[i] for i in rows]
    kind = type(work.asks[rows[0]]).__name__
    where = f"step '{job.steps[work.step].title}'"
    if isinstance(handler, ManyHandler):
        try:
            answer, memories = handler.many(
                [work.asks[i] for i in rows], [site(name) for name in names], [work.memories[i] for i in rows]
            )
        except HansaError as error:
            if len(rows) > 1 and isinstance(error, Refused):
                ones = [_answer(job, site, work, [i], handler) for i in rows]
                return [word for words, _ in ones for word in words], [kept for _, one in ones for kept in one]
            if not isinstance(error, Refused) or work.fold is not None:
                raise _failed(error, names, where, kind) from None
            return [((work.places[rows[0]],), _refusal(error))], [work.memories[rows[0]]]
        return [(tuple(work.places[i] for i in rows), answer)], memories
    pairs: list[tuple[Answer | Refusal, Memory]] = []
    for i, name in zip(rows, names, strict=True):
        try:
            pairs.append(handler.answer(work.asks[i], site(name), work.memories[i]))
        except HansaError as error:
            if not isinstance(error, Refused) or work.fold is not None:
                raise _failed(error, [name], where, kind) from None
            pairs.append((_refusal(error), work.memories[i]))
    return [((work.places[i],), answer) for i, (answer, _) in zip(rows, pairs, strict=True)], [
        after for _, after in pairs
    ]


def _refusal(error: Refused) -> Refusal:
    return Refusal(error.what, error.why, error.mend)


def _rows(places: Sequence[int], answer: Answer | Refusal) -> list[tuple[int, Answer | Refusal]]:
    if isinstance(answer, Refusal) or len(places) == 1:
        return [(places[0], answer)]
    return [(place, type(answer)(answer.load.row(i))) for i, place in enumerate(places)]


def _failed(error: HansaError, names: Sequence[str], where: str, kind: str) -> HansaError:
    """Name the party; an error that says what is wrong with the job, its data or a promise keeps its own kind."""
    if isinstance(error, PartyFailed):
        return error
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    if error.exit_code != HansaError.exit_code:
        known = error.what.startswith(f"{shown}: ")  # a table is looked at when it is first needed
        return type(error)(error.what if known else f"{shown}: {error.what}", error.why, error.mend)
    return PartyFailed(error.what, error.why, error.mend, party=shown, place=where, ask=kind)
