"""The guard of a site's policy: each ask that comes in, and each answer that goes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Final, final

import numpy as np

from hansa.core.job import Job
from hansa.core.message import Answer, Ask, Refusal
from hansa.core.trainer import Local
from hansa.core.wire import DTYPES
from hansa.governance.parts import Learns, inside
from hansa.governance.policy import Policy
from hansa.governance.sums import too_few

_PARAMS: Final = "params"
_MODELS: Final = (_PARAMS, "beta")  # the fields of asks that hold a model
_COMPANY: Final = ("parties", "survivors")  # who begins a secure sum, and who is in it at its end


def now() -> datetime:
    """The system's clock.

    Example:
        >>> now().tzinfo is UTC
        True
    """
    return datetime.now(UTC)


@final
@dataclass(frozen=True)
class PolicyGuard:
    """Stands at a party's door: lets in what the policy allows and the approved job says, and out what is sound.

    An ask may train only as the job that was approved says: its settings for that round, and no links' wishes, which
    are made here and not sent. An update that is not finite does not leave.

    Example:
        >>> from hansa.horizontal import Rounds
        >>> from hansa.horizontal.rounds import Train
        >>> job = Job("scores", (Rounds(rounds=3, local=Local(epochs=1, learning_rate=0.1)),))
        >>> guard = PolicyGuard(Policy(asks=("Train",), max_parameters=100))
        >>> hostile = Train(np.zeros(2), 0, Local(epochs=1, learning_rate=1e30), ())
        >>> guard.admit(hostile, job).what
        'The policy does not say when jobs may run.'
    """

    policy: Policy
    clock: Callable[[], datetime] = now

    def admit(self, ask: Ask, job: Job) -> Refusal | None:
        """Refuse an ask, or say nothing."""
        return next(self._against(ask, job), None)

    def release(self, answer: Answer, ask: Ask, job: Job) -> Answer | Refusal:
        """Let an answer go as it is, or refuse it."""
        return next(self._held_back(answer, ask), answer)

    def _against(self, ask: Ask, job: Job) -> Iterator[Refusal]:
        parts = list(inside(ask))
        for kind in dict.fromkeys(type(part).__name__ for part in parts if isinstance(part, Ask)):
            if kind not in self.policy.asks:
                yield Refusal(f"The ask '{kind}' is not allowed here.", mend="Ask the site's owner to allow it.")
        yield from self.policy.judge_hours(self.clock())
        for part in parts:
            if is_dataclass(part) and not isinstance(part, type):
                yield from self._parameters(part)
                yield from _settings(part, job)
                yield from self._company(part, job)

    def _parameters(self, part: Any) -> Iterator[Refusal]:
        """A model that is too large, or that is no model."""
        most = self.policy.max_parameters or 0
        for params in (getattr(part, name, None) for name in _MODELS):
            if not isinstance(params, np.ndarray):
                continue
            if params.size > most:
                what = f"A model of {params.size:,} parameters is not allowed here."
                yield Refusal(what, f"At most {most:,} are.", "Learn a smaller model.")
            if not np.isfinite(params).all():
                yield Refusal("The model that was sent is not finite.", mend="Start the job anew from a sound one.")

    def _company(self, part: Any, job: Job) -> Iterator[Refusal]:
        """A sum over too few: what the coordinator says of who is in it is held against the policy each time."""
        for name in _COMPANY if isinstance(part, Ask) else ():
            parties = getattr(part, name, None)
            if not isinstance(parties, tuple):
                continue
            n, least = len(set(parties)), self.policy.min_parties or 0
            if n < least:
                what = f"A secure sum of {n} parties is asked for; at least {least} must be in one here."
                yield Refusal(what, "A sum over few parties tells much of each.", "Bring the others back.")
            if name == _COMPANY[0] and self.policy.sums is not None:
                yield from too_few(job, self.policy.sums, n)

    def _held_back(self, answer: Answer, ask: Ask) -> Iterator[Refusal]:
        load, most = answer.load, self.policy.max_payload or 0
        size = sum(vector.nbytes for vector in load.vectors.values()) + sum(
            len(one.data) for one in answer.mail.values()
        )
        if size > most:
            mend = "Learn a smaller model, or raise max_payload in [policy], if you allow it."
            yield Refusal(f"An answer of {size:,} bytes may not leave.", f"At most {most:,} may (max_payload).", mend)
        training = [part for part in inside(ask) if _trains(part)]
        for name, vector in load.vectors.items():
            if vector.dtype.newbyteorder("<").str not in DTYPES:
                yield Refusal(f"'{name}' holds what may not leave.", f"It is of the type {vector.dtype}.")
            elif len(vector) != 1:
                yield Refusal(f"'{name}' is not of one party.", f"It has {len(vector)} rows.")
            elif vector.dtype.kind == "f" and not _sound(vector, finite=bool(training)):
                mend = "Lower the learning rate, or look at the columns' scales."
                yield Refusal(f"'{name}' is not finite, so it does not leave.", mend=mend)
        for part in training:
            delta, params = load.vectors.get("delta"), getattr(part, _PARAMS, None)
            if delta is not None and isinstance(params, np.ndarray) and delta.shape[1] != params.size:
                yield Refusal("The update has another size than the model.", f"{delta.shape[1]} for {params.size}.")


def _settings(part: Any, job: Job) -> Iterator[Refusal]:
    """Settings of training that are not those of the approved job."""
    for field in fields(part):
        local = getattr(part, field.name)
        if isinstance(local, Local) and not _approved(local, getattr(part, "round", None), job):
            why = "It was approved with settings of its own, and links set theirs at the party."
            yield Refusal("The ask would train in another way than the approved job.", why, "Submit it as a new job.")


def _approved(local: Local, round_: object, job: Job) -> bool:
    if local.by_links or not isinstance(round_, int):
        return False
    learning = (step for step in job.steps if isinstance(step, Learns) and 0 <= round_ < step.rounds)
    return any(local == step.local.at(round_, step.rounds) for step in learning)


def _trains(part: Any) -> bool:
    return is_dataclass(part) and any(isinstance(getattr(part, field.name), Local) for field in fields(part))


def _sound(vector: np.ndarray[Any, Any], *, finite: bool) -> bool:
    """Whether all numbers are finite; outside of training, NaN stands for a figure that is not told."""
    return bool(np.isfinite(vector).all() if finite else not np.isinf(vector).any())
