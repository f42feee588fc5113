"""A run folder at the command line: `runs/ID`, where a run begins, what it needs to go on, and what it leaves."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, final

import typer

from hansa.cli.talk import hint
from hansa.errors import ConfigError, DataError
from hansa.tracking.about import stamped

if TYPE_CHECKING:
    from hansa.running.model import Model
    from hansa.running.result import Result
    from hansa.running.scenario import Cast, JobFile, Scenario
    from hansa.tracking.feed import Tracker

JOB, NOTE, RESULT, MODEL, REPORT, SCORES = (
    "job.toml",
    "run.json",
    "result.json",
    "model",
    "report.html",
    "scores.csv",
)
REGISTRY: Final = Path("registry")
ModelAt: TypeAlias = Annotated[
    Path, typer.Argument(help="A model folder, a run folder that holds one, or NAME@champion of a registry.")
]
Parts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--part", metavar="NAME=SHA256", help="Allow a part of your own; may be repeated."),
]
RegistryAt: TypeAlias = Annotated[Path, typer.Option("--registry", help="The registry's folder.")]


@final
@dataclass(frozen=True)
class Note:
    """What a run needs beside its job to go on: where its data are, their digests, and how it was asked to run."""

    data: str
    digests: Mapping[str, str]
    workers: int = 0
    baselines: bool = True


@final
@dataclass(frozen=True)
class RunFolder:
    """A run under way or finished: the job with its scenario, the note beside it, and the folder that holds both."""

    path: Path
    file: JobFile
    note: Note

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open a folder that `begun` has made.

        Raises:
            ConfigError: this is no run folder.
        """
        from hansa.core.codec import build
        from hansa.running.scenario import read_job

        try:
            note = build(Note, json.loads((path / NOTE).read_text("utf-8")), NOTE)
        except (OSError, ValueError, TypeError, RecursionError, ConfigError):
            raise ConfigError(
                f"'{path}' is no run folder, or its {NOTE} is damaged.",
                mend=f"Give the folder that holds {JOB} and {NOTE}, as they were written.",
            ) from None
        return cls(path, read_job(path / JOB), note)

    @property
    def finished(self) -> bool:
        """Whether the run has its result."""
        return (self.path / RESULT).exists()

    def read(self, name: str) -> str:
        """One of the files that a finished run leaves.

        Raises:
            DataError: the run has not finished, or the file is damaged.
        """
        try:
            return (self.path / name).read_text("utf-8")
        except OSError:
            if self.finished:
                raise DataError(f"The run '{self.path}' has lost its {name}.", mend="Run the job again.") from None
            mend = f"Finish it: {hint(f'run --resume {shlex.quote(str(self.path))}')}"
            raise DataError(f"The run '{self.path}' has no result yet.", mend=mend) from None
        except ValueError:
            raise DataError(f"'{self.path / name}' is damaged.", mend="Run the job again.") from None

    def summary(self) -> dict[str, Any]:
        """What `result.json` holds.

        Raises:
            DataError: the run has not finished, or the file is damaged.
        """
        damaged = DataError(f"'{self.path / RESULT}' is damaged.", mend="Run the job again.")
        try:
            found: Any = json.loads(self.read(RESULT))
        except (ValueError, RecursionError):
            raise damaged from None
        history = found.get("history") if isinstance(found, dict) else None
        if not isinstance(history, list) or not all(isinstance(one, dict) for one in history):
            raise damaged
        return dict(found)

    def cast(self) -> Cast:
        """Read the data again, which must be what they were when the run began."""
        scenario = scenario_of(self.file)
        if digests(scenario, Path(self.note.data)) != self.note.digests:
            raise DataError(
                f"The data of the run '{self.path}' have changed since it began.",
                "Half a run on other rows would be of no use.",
                "Bring the old files back, or run the job anew.",
            )
        return scenario.cast(Path(self.note.data), self.file.job)

    def go(self, cast: Cast, trackers: Sequence[Tracker] = ()) -> Result:
        """Run, from the last kept state if there is one, and write what came of it."""
        from hansa.cli.progress import Watch
        from hansa.engines.simulation import Simulation
        from hansa.running.verb import run

        engine = Simulation(cast.parties, workers=self.note.workers)
        with Watch(self.file.job) as watch:
            done = run(
                self.file.job,
                engine,
                folder=self.path,
                watch=watch,
                baselines=self.note.baselines,
                trackers=trackers,
            )
        result = replace(done, shares=cast.shares)
        result.keep(self.path)
        return result


def begun(runs: Path, file: JobFile, note: Note) -> RunFolder:
    """Make the folder of a new run, named by the time and the job."""
    name = stamped(file.job.name)
    for number in range(1, 1000):
        path = runs / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(
                f"No run can begin in '{runs}'.", f"{error.strerror}.", "Choose another with --runs."
            ) from None
        write(path / JOB, file.to_toml())
        write(path / NOTE, json.dumps(asdict(note), indent=2, ensure_ascii=False))
        return RunFolder(path, file, note)
    raise ConfigError(f"'{runs}' holds too many runs of this second.", mend="Try again.")


def scenario_of(file: JobFile) -> Scenario:
    """The job's `[simulation]`; ConfigError where it has none."""
    if file.scenario is None:
        raise ConfigError(
            "The job does not say where its rows come from.",
            "A job names tables, never paths; a run on one machine needs both.",
            "Add a table [simulation] with file, files or embedded.",
        )
    return file.scenario


def digests(scenario: Scenario, base: Path) -> dict[str, str]:
    """SHA-256 of every file of a scenario, by its path; a file that is not there has none."""
    found = {}
    for name in filter(None, (scenario.file, *scenario.files.values(), *scenario.rules.values(), scenario.test_ids)):
        try:
            with (base / name).open("rb") as file:
                found[name] = file_digest(file, "sha256").hexdigest()
        except OSError:
            found[name] = ""
    return found


def model_in(path: Path, parts: Sequence[str], registry: Path = REGISTRY) -> Model:
    """The model of a model folder, a run folder, or NAME@VERSION of a registry, where no such folder is there.

    `parts`: NAME=SHA256 of each part of one's own that it may name.
    """
    from hansa.running.model import load

    if "@" in path.name and len(path.parts) == 1 and not path.exists():
        from hansa.running.registry import Registry

        kept = Registry(registry)
        path = kept.folder(kept.find(path.name))
    allowed = dict(text.partition("=")[::2] for text in parts)
    if not all(allowed.values()):
        raise ConfigError("--part needs a name and a digest.", mend="Write --part NAME=SHA256 of its module's file.")
    return load(path / MODEL if (path / MODEL).is_dir() else path, parts=allowed)


def write(path: Path, text: str) -> None:
    """Write a text file whole or not at all, and its folder where there is none yet."""
    from hansa.running.files import write_bytes

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"'{path.parent}' cannot be made.", f"{error.strerror}.", "Choose another folder.") from None
    write_bytes(path, text.encode())
