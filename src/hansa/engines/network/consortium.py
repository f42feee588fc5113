r"""The engine of institutions: a job is handed to their coordinator, followed there, and its result brought back.

Example:
    >>> from hansa.core.job import Job
    >>> engine = Consortium("coordinator.toml")
    >>> with engine.session(Job.from_toml('name = "scores"\nsteps = ["rounds"]')) as visit:
    ...     pass
    Traceback (most recent call last):
        ...
    hansa.errors.ConfigError: 'coordinator.toml' cannot be read. No such file or directory.
    >>> Round(3).round, Visit.__name__
    (3, 'Visit')
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, final

from hansa.core.job import At
from hansa.core.plan import Keep
from hansa.core.step import Done
from hansa.engines.network.calls import Caller
from hansa.engines.network.channel import caller
from hansa.engines.network.jobs import OPEN, SPENT, State
from hansa.engines.network.passes import Pass
from hansa.errors import ConfigError, JobError, PartyLost, named

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.journal import Journal

T = TypeVar("T")
_WAIT: Final = 20.0  # seconds that a question for news may stay open
_PAUSE: Final = 1.0  # before a coordinator that is away is asked again


@final
@dataclass(frozen=True)
class Consortium:
    """An engine in which each institution answers for itself.

    `card`: the file of one's pass, which says where the coordinator is. `patience`: seconds to wait for a coordinator
    that is away; the job itself waits for nobody who follows it.

    Example:
        >>> Consortium("coordinator.toml").patience
        60.0
    """

    card: str | Path
    patience: float = 60.0

    @contextmanager
    def session(self, job: Job) -> Iterator[Visit]:
        """One job's visit to the coordinator.

        Raises:
            ConfigError: there is no such pass.
        """
        card = Pass.read(Path(self.card))
        yield Visit(Caller(card, caller(card)), job, self.patience)


@final
@dataclass(frozen=True)
class Round:
    """What one who follows a job knows of its state: the round."""

    round: int
    stale: int = 0
    best_round: int = 0


@final
class Visit:
    """A job at the coordinator: no row and no party's memory is in sight, only what the parties have told."""

    def __init__(self, calls: Caller, job: Job, patience: float) -> None:
        """Take the job; nothing is said yet."""
        self.calls, self.job, self.patience = calls, job, patience
        self.happened: Sequence[tuple[str, str, str]] = ()
        self.ended = ""

    def run(
        self, watch: Callable[[Keep[At]], None] | None = None, journal: Journal | None = None, begin: At | None = None
    ) -> Done:
        """Submit the job, or find it there, follow it to its end and bring what it found; `watch` sees every round.

        Of a job that a privacy budget has `ended`, that is what was kept until then.

        Raises:
            ConfigError: it would begin from a given model, or keep a journal here.
            JobError: it was stopped there.
            HansaError: it failed there; of the kind of its failure, with its words.
            PartyLost: the coordinator is away for longer than one's patience.
        """
        if begin is not None or journal is not None:
            raise ConfigError(
                "A consortium's job begins by itself, and its journal is the coordinator's.",
                mend="Leave the given model out.",
            )
        digest = self._patiently(lambda: self.calls.submit(self.job))
        known, stands = 0, State(OPEN[0])
        while stands.state in OPEN:
            entries, stands = self._patiently(lambda: self.calls.log(digest, known, _WAIT))  # noqa: B023 - at once
            known += len(entries)
            for entry in entries:
                if watch is not None:
                    watch(Keep(At(entry.step, Done(), Round(entry.round)), entry.measures))
        self.ended = stands.why if stands.state == SPENT else ""
        if stands.state not in {"done", SPENT}:
            kind = named(stands.error) if stands.error else JobError
            mend = f"To go on: hansa resume {digest[:12]}."
            raise kind(f"The job '{self.job.name}' is {stands.state}.", stands.why, mend)
        notes = self._patiently(lambda: self.calls.notes(digest))
        self.happened = tuple((note.party, note.kind, note.what) for note in notes if note.party)
        return self._patiently(lambda: self.calls.result(self.job))

    def _patiently(self, call: Callable[[], T]) -> T:
        until = time.monotonic() + self.patience
        while True:
            try:
                return call()
            except PartyLost:
                if time.monotonic() >= until:
                    raise
                time.sleep(_PAUSE)
