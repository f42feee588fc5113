r"""A run folder, `runs/ID/{job.toml, result.json, scores.csv, events.jsonl, kept/, model/, report.html}`, to resume.

Example:
    >>> import tempfile
    >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    >>> with tempfile.TemporaryDirectory() as path:  # nothing `Kept` yet, of nobody `Remembered`
    ...     Folder(Path(path), job, seats={}).latest() is None
    True
    >>> Kept(0, 0, (), b"", {}, {"bank-a": Remembered(settled={})}, job.digest, {}).step
    0
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from numpy.typing import NDArray

from hansa.core.attendance import Attendance
from hansa.core.codec import pack, unpack
from hansa.core.digest import digest
from hansa.core.job import At, Job
from hansa.core.journal import Closing, Snapshot
from hansa.core.message import Name
from hansa.core.step import Done
from hansa.errors import ConfigError, DataError, WireError
from hansa.horizontal.rounds import Learning
from hansa.running.files import write_bytes

if TYPE_CHECKING:
    from hansa.core.message import Answer, Refusal
    from hansa.core.party import Seat

_SPARING = 1.0


@final
@dataclass(frozen=True)
class Remembered:
    """One party's memory as it is kept: settled, and pending under the names of asks."""

    settled: Mapping[str, NDArray[Any]]
    pending: tuple[tuple[tuple[int, int, int, int], Mapping[str, NDArray[Any]]], ...] = ()


@final
@dataclass(frozen=True)
class Kept:
    """A snapshot as bytes: where the job stands, each step's state on its own, the parties' memories and data.

    `tables`: the digest of each party's table.
    """

    keep: int
    step: int
    done: tuple[bytes, ...]
    state: bytes
    counted: Mapping[str, tuple[tuple[int, int, int, int], ...]]
    memories: Mapping[str, Remembered]
    job_digest: str
    tables: Mapping[str, str]
    attendance: Attendance = field(default_factory=Attendance)


@final
class Folder:
    """Keeps a simulation's snapshots in a run folder: every step's end, and within a step at most one a second.

    As a journal it is not thorough: what is asked again after a snapshot gives the same answers anyway.
    """

    def __init__(self, path: Path, job: Job, seats: Mapping[str, Seat]) -> None:
        """Open the folder for a job and its seats."""
        self.path, self.job, self.seats = path, job, seats
        self.digest = job.digest
        self.saved = -_SPARING
        self.last: Snapshot | None = None
        self.memories: Mapping[str, Remembered] = {}

    @property
    def thorough(self) -> bool:
        """Snapshots only."""
        return False

    def latest(self) -> Snapshot | None:
        """The last snapshot, with the parties' memories put back in their seats.

        Raises:
            DataError: the file is damaged.
            ConfigError: it is of another job, of other parties, or of other data.
        """
        read = self._read()
        if read is None:
            return None
        kept, at = read
        if list(kept.memories) != list(self.seats):
            raise ConfigError(
                f"The run in '{self.path}' was begun by other parties.",
                "A run goes on with the same parties in the same order.",
                "Bring the same parties, or start the run anew.",
            )
        changed = [name for name, table in self.tables.items() if kept.tables[name] != table]
        if changed:
            raise ConfigError(
                f"The run in '{self.path}' was begun on other data of {', '.join(changed)}.",
                "Half a run on other rows would be of no use, and a finished one says nothing of them.",
                "Bring the rows that it began with, or start anew in another folder.",
            )
        for name, memory in kept.memories.items():
            seat = self.seats[name]
            seat.memory = memory.settled
            seat.pending = {Name(*name): pending for name, pending in memory.pending}
        counted = {party: tuple(Name(*n) for n in names) for party, names in kept.counted.items()}
        return Snapshot(kept.keep, at, counted, attendance=kept.attendance)

    @cached_property
    def tables(self) -> Mapping[str, str]:
        """The digest of each party's table, by name."""
        return {name: digest(seat.party.table(self.job.data.table)) for name, seat in self.seats.items()}

    def found(self) -> Done:
        """What the steps have found as far as the last snapshot, if there is one. Raises as `latest` does."""
        read = self._read()
        return Done() if read is None else read[1].done

    def _read(self) -> tuple[Kept, At] | None:
        file = self.path / "kept" / "snapshot"
        if not file.exists():
            return None
        body = file.read_bytes()
        if sha256(body[32:]).digest() != body[:32]:
            raise DataError(f"The snapshot in '{self.path}' is damaged.", mend="Start the run anew.")
        try:
            kept = unpack(Kept, body[32:])
            if kept.job_digest != self.digest:
                raise ConfigError(f"The snapshot in '{self.path}' is of another job.", mend="Start the run anew.")
            return kept, self._at(kept)
        except WireError:
            raise DataError(f"The snapshot in '{self.path}' cannot be read.", mend="Start the run anew.") from None

    def save(self, snapshot: Snapshot, closed: tuple[Name, Closing] | None = None, *, may_wait: bool = False) -> None:
        """Keep a snapshot, unless the last one is younger than a second and of the same step."""
        del closed, may_wait
        new_step = self.last is None or self.last.at.step != snapshot.at.step
        self.last = snapshot
        self.memories = {name: _remembered(seat) for name, seat in self.seats.items()}  # as they are at this `Keep`
        if new_step or time.monotonic() - self.saved >= _SPARING:
            self.write()

    def write(self) -> None:
        """Write the last snapshot now; it is whole or not there."""
        if self.last is None:
            return
        at = self.last.at
        kept = Kept(
            self.last.keep,
            at.step,
            tuple(pack(result) for result in at.done.results),
            b"" if at.state is None else pack(at.state),
            {party: tuple(map(_numbers, names)) for party, names in self.last.counted.items()},
            self.memories,
            self.digest,
            self.tables,
            self.last.attendance,
        )
        body = pack(kept)
        write_bytes(self.path / "kept" / "snapshot", sha256(body).digest() + body)
        self.saved = time.monotonic()

    def answer(self, name: Name, party: str) -> Answer | Refusal | None:
        """None: single answers are not recorded."""
        del name, party
        return None

    def record(self, name: Name, party: str, said: Answer | Refusal) -> None:
        """Nothing: single answers are not recorded."""

    def closing(self, name: Name) -> Closing | None:
        """None: turns are not recorded."""
        del name
        return None

    def close(self, name: Name, closing: Closing) -> None:
        """Nothing: turns are not recorded."""

    def _at(self, kept: Kept) -> At:
        given: list[type[Any]] = [Learning] * (len(kept.done) - kept.step)
        kinds = [*given, *(step.state for step in self.job.steps)]
        done = Done(tuple(unpack(kind, body) for kind, body in zip(kinds, kept.done, strict=False)))
        state = unpack(self.job.steps[kept.step].state, kept.state) if kept.state else None
        return At(kept.step, done, state)


def _remembered(seat: Seat) -> Remembered:
    return Remembered(seat.memory, tuple((_numbers(name), memory) for name, memory in seat.pending.items()))


def _numbers(name: Name) -> tuple[int, int, int, int]:
    return (name.step, name.keep, name.turn, name.attempt)
