"""A run's log, `events.jsonl`: one line each time that a run has something to keep. No row, no party, no data."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, final

if TYPE_CHECKING:
    from pathlib import Path

    from hansa.core.job import At, Job
    from hansa.core.plan import Keep

LOG: Final = "events.jsonl"
"""The log's name in a run folder."""


@final
@dataclass(frozen=True)
class Entry:
    """One line of a run's log: where the job stood, the pooled measures of that moment, and when it was.

    `step` counts from 0 and `title` is its name, empty when the job is over; `round` is 0 outside of rounds; `at` is in
    seconds since 1970, UTC. Measures are finite.

    Example:
        >>> Entry(1, "rounds", 2, {"train_loss": 0.3}).place
        (1, 2)
    """

    step: int
    title: str = ""
    round: int = 0
    measures: Mapping[str, float] = field(default_factory=dict)
    at: float = 0.0

    @property
    def place(self) -> tuple[int, int]:
        """The step and the round."""
        return (self.step, self.round)


def entry_of(keep: Keep[At], job: Job) -> Entry:
    r"""Make the entry of what a running job keeps; two steps of one name are told apart.

    Example:
        >>> from hansa.core.job import At, Job
        >>> from hansa.core.plan import Keep
        >>> from hansa.core.step import Done
        >>> job = Job.from_toml('name = "scores"\nsteps = ["prepare", "rounds", "rounds"]')
        >>> entry_of(Keep(At(2, Done()), {"train_loss": 0.5}), job).title
        'rounds-2'
    """
    number = keep.state.step
    titles = [step.title for step in job.steps[: number + 1]]
    title = titles[number] if number < len(titles) else ""
    again = titles.count(title)
    round_ = int(getattr(keep.state.state, "round", 0))
    name = f"{title}-{again}" if again > 1 else title
    return Entry(number, name, round_, _finite(keep.measures), round(time.time(), 3))


def append(path: Path, entry: Entry) -> None:
    """Add an entry to a log.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     append(Path(folder) / LOG, Entry(1, "rounds", 1))
        ...     [entry.round for entry in read_log(Path(folder) / LOG)]
        [1]
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")


def read_log(path: Path) -> tuple[Entry, ...]:
    """Read a log as far as it is whole: rounds that were done twice, as told last; no file, no entries.

    Example:
        >>> from pathlib import Path
        >>> read_log(Path("nowhere"))
        ()
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return ()
    return straight(filter(None, map(_entry, lines)))


def straight(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Take the last telling of each place: after a stop, a run goes on from an earlier one.

    Example:
        >>> [entry.round for entry in straight(Entry(1, "rounds", round_) for round_ in (1, 2, 3, 2, 3, 4))]
        [1, 2, 3, 4]
    """
    kept: list[Entry] = []
    for entry in entries:
        while kept and kept[-1].place >= entry.place:
            kept.pop()
        kept.append(entry)
    return tuple(kept)


def _entry(line: bytes) -> Entry | None:
    """One line, or None where it is damaged: the last one may have been cut off by the end of the process."""
    try:
        held: Any = json.loads(line)
        measures = _finite(held["measures"])
        return Entry(int(held["step"]), str(held["title"]), int(held["round"]), measures, float(held["at"]))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _finite(measures: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in measures.items() if isinstance(value, Real) and isfinite(value)}
