"""Run folders as they lie on disk, read without running or importing anything that they name."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hansa.errors import ConfigError, DataError
from hansa.report.runs import FINISHED, Past
from hansa.tracking.about import About, about_file
from hansa.tracking.feed import Feed
from hansa.tracking.log import LOG, read_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.tracking.feed import Tracker

JOB, NOTE, RESULT, KEPT = "job.toml", "run.json", "result.json", "kept"


def runs_in(folder: Path) -> list[Past]:
    """Read every run of a folder, by name; one that is damaged is there and says so.

    Raises:
        ConfigError: there is no such folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "first").mkdir()
        ...     [(run.name, run.state) for run in runs_in(Path(folder))]
        [('first', 'damaged')]
    """
    try:
        places = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        raise ConfigError(f"There is no folder '{folder}'.", mend="Give the folder that holds the runs.") from None
    return [read_run(path) for path in places]


def one_run(path: Path) -> Past:
    """Read one run that can be used.

    Raises:
        ConfigError: there is no such run folder.
        DataError: it is damaged; says what is.

    Example:
        >>> one_run(Path("nowhere"))
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: 'nowhere' is no run folder. Name one that hansa runs list shows.
    """
    if not path.is_dir():
        raise ConfigError(f"'{path}' is no run folder.", mend="Name one that hansa runs list shows.")
    run = read_run(path)
    if run.why:
        raise DataError(f"The run '{path}' is damaged: {run.why}.", mend="Run the job again.")
    return run


def read_run(path: Path) -> Past:
    """Read one run folder, whatever it holds. A run from Python has a log and no job file.

    Example:
        >>> read_run(Path("nowhere")).why
        'it holds no run'
    """
    name, log = path.resolve().name, read_log(path / LOG)
    job, job_why = _toml(path / JOB)
    result, result_why = _json(path / RESULT)
    ours = any((path / file).exists() for file in (JOB, RESULT, LOG, KEPT))
    begun = (path / NOTE).exists() and not (path / JOB).exists()
    why = "it holds no run" if not ours else job_why or result_why or ("it has lost its job.toml" if begun else "")
    state = "damaged" if why else FINISHED if result else "unfinished"
    return Past(name, state, why, job, result, log)


def tell(run: Past, trackers: Sequence[Tracker]) -> None:
    """Tell a run that was made to trackers, by the way that a run under way takes.

    Raises:
        DataError: it has neither a log nor a result, or a tracker failed.

    Example:
        >>> from hansa.tracking.log import Entry
        >>> class Said:
        ...     def start(self, run): print("start", run.job)
        ...     def log(self, entry): print("round", entry.round)
        ...     def finish(self, result): print(result)
        >>> tell(Past("first", "unfinished", job={"name": "scores"}, log=(Entry(1, "rounds", 1),)), [Said()])
        start scores
        round 1
        None
    """
    if not run.log and not run.result:
        raise DataError(f"The run '{run.name}' has nothing to tell.", "It has neither a log nor a result.")
    with Feed(trackers, _about(run)) as feed:
        for entry in run.log:
            feed.log(entry)
        feed.finish(run.result or None)
    if len(feed.trackers) < len(trackers):
        raise DataError(f"The run '{run.name}' was not told to all trackers.", mend="See above for what failed.")


def _about(run: Past) -> About:
    """A run's job file tells of it; one from Python has none, and only its result may name the job."""
    if run.job:
        return about_file(run.job, run.name)
    return About(run.name, str(run.result.get("name") or run.name), run.result.get("job_digest"), {})


def _toml(path: Path) -> tuple[dict[str, Any], str]:
    try:
        return tomllib.loads(path.read_text("utf-8")), ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, RecursionError):
        return {}, f"its {path.name} cannot be read"


def _json(path: Path) -> tuple[dict[str, Any], str]:
    try:
        found: Any = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, RecursionError):
        return {}, f"its {path.name} cannot be read"
    whole = isinstance(found, dict) and isinstance(found.get("metrics"), dict)
    return (found, "") if whole else ({}, f"its {path.name} is not what a run writes")
