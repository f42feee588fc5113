"""A run's log on its way: written to the run folder first, then told to trackers. A tracker never stops a run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, final

from hansa.tracking.log import LOG, Entry, append, read_log

if TYPE_CHECKING:
    from pathlib import Path

    from hansa.tracking.about import About


class Tracker(Protocol):
    """Where a run can be watched beside its own folder; one tracker may watch several runs, one after the other."""

    def start(self, run: About) -> None:
        """Begin to watch a run, or go on with one of this name."""
        ...

    def log(self, entry: Entry) -> None:
        """Take the next entry of the run's log."""
        ...

    def finish(self, result: Mapping[str, Any] | None) -> None:
        """Take what `result.json` holds and close; None: the run has no result yet."""
        ...


@final
class Feed:
    """Writes a run's log and tells it to trackers, those entries first that the run's folder already holds.

    A tracker that fails is left out from there on, with one warning on the logger `hansa.tracking`; it names the kind
    of error alone, for its message may quote an address. As a context it closes the trackers, whatever happens.

    Example:
        >>> from hansa.tracking.about import About
        >>> class Said:
        ...     def start(self, run): print("start", run.run)
        ...     def log(self, entry): print("round", entry.round)
        ...     def finish(self, result): print("rounds", result["rounds"])
        >>> with Feed([Said()], About("first", "scores", None, {})) as feed:
        ...     feed.log(Entry(1, "rounds", 1))
        ...     feed.finish({"rounds": 1})
        start first
        round 1
        rounds 1
    """

    def __init__(self, trackers: Sequence[Tracker], run: About, folder: Path | None = None) -> None:
        """Take the trackers, what they are told of the run, and its folder if it has one."""
        self.trackers = list(trackers)
        self.run = run
        self.folder = folder
        self.past = read_log(folder / LOG) if folder is not None and self.trackers else ()
        self.open = True

    def __enter__(self) -> Feed:
        """Let the trackers begin."""
        self._each(lambda tracker: tracker.start(self.run))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the trackers of a run that did not get to its end."""
        if self.open:
            self.finish(None)

    def log(self, entry: Entry) -> None:
        """Write an entry and tell it; of the past, what lies before it is told first, for the rest is done again."""
        if self.folder is not None:
            append(self.folder / LOG, entry)
        self._catch_up(entry)
        self._each(lambda tracker: tracker.log(entry))

    def finish(self, result: Mapping[str, Any] | None) -> None:
        """Tell the result, or that there is none, and close the trackers."""
        self.open = False
        self._catch_up()
        self._each(lambda tracker: tracker.finish(result))

    def _catch_up(self, now: Entry | None = None) -> None:
        past, self.past = self.past, ()
        for entry in past:
            if now is None or entry.place < now.place:
                self._each(lambda tracker, entry=entry: tracker.log(entry))  # type: ignore[misc] # bound in the loop

    def _each(self, tell: Callable[[Tracker], None]) -> None:
        for tracker in list(self.trackers):
            try:
                tell(tracker)
            except Exception as error:  # noqa: BLE001 - whatever a tracker's library raises, the run goes on
                self.trackers.remove(tracker)
                logging.getLogger("hansa.tracking").warning(
                    "%s failed (%s) and is told no more of this run; the run itself goes on. "
                    "To tell it again: hansa runs export.",
                    type(tracker).__name__,
                    type(error).__name__,
                )
