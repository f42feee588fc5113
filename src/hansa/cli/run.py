"""`hansa run`: train a job's model, or go on with a run that was stopped."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias, final

import typer

from hansa.cli.entry import INTERRUPTED
from hansa.cli.past import TRACK
from hansa.cli.runs import MODEL, REPORT, RESULT, Note, RunFolder, begun, digests, scenario_of, write
from hansa.cli.talk import complain, hint, say, stderr
from hansa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.job import Job
    from hansa.core.party import Party
    from hansa.running.scenario import JobFile

JobAt: TypeAlias = Annotated[Path, typer.Argument(help="The job file.")]
DataAt: TypeAlias = Annotated[
    Path | None, typer.Option(help="Where relative data paths start: the job file's folder if not given.")
]
Changes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the job; may be repeated."),
]


@final
@dataclass(frozen=True)
class Run:
    """Train a job's model and show what each party gains.

    Everything is kept in a run folder: job.toml, result.json, model/, report.html. Ctrl-C leaves a run that can go on.
    """

    example: ClassVar[str] = "hansa run job.toml --data data --set rounds=50"

    job: Annotated[Path | None, typer.Argument(help="The job file.")] = None
    data: DataAt = None
    json: Annotated[Path | None, typer.Option(help="Write result.json here too.")] = None
    changes: Changes = None
    runs: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs")
    workers: Annotated[int | None, typer.Option(min=0, help="Processes to use; 0 finds out.")] = None
    seed: Annotated[int | None, typer.Option(min=0, help="The job's seed; the rows are dealt by simulation.seed.")] = (
        None
    )
    no_baselines: Annotated[bool, typer.Option("--no-baselines", help="Leave out the central and ensemble models.")] = (
        False
    )
    report: Annotated[Path | None, typer.Option(help="Write report.html here too.")] = None
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None
    track: Annotated[list[str] | None, TRACK] = None

    def do(self) -> None:
        """Begin or resume, run, and show the result."""
        from hansa.tracking.named import trackers_of

        if (self.job is None) == (self.resume is None):
            raise ConfigError(
                "hansa run needs a job file, or --resume with a run folder, and not both.",
                mend=f"For example: {self.example}",
            )
        trackers = trackers_of(self.track or ())
        if self.resume is not None:
            folder = self._resumed(self.resume)
            if folder.finished and trackers:
                mend = f"Tell it afterwards: {hint(f'runs export {shlex.quote(str(folder.path))} --track NAME=WHERE')}"
                raise ConfigError(f"The run in '{folder.path}' has finished: there is nothing to watch.", mend=mend)
            if folder.finished:
                self._copy(folder)
                say(f"The run in {folder.path} has finished; its report: {folder.path / REPORT}")
                return
            cast = folder.cast()
        else:
            file, base = self._read(self.job or Path())
            scenario = scenario_of(file)
            cast = scenario.cast(base, file.job)
            note = Note(str(base.resolve()), digests(scenario, base), self.workers or 0, not self.no_baselines)
            folder = begun(self.runs, file, note)
        try:
            result = folder.go(cast, trackers)
        except KeyboardInterrupt:
            complain(f"stopped. Go on with: {hint(f'run --resume {shlex.quote(str(folder.path))}')}")
            raise typer.Exit(INTERRUPTED) from None
        say(result.table())
        if result.model.training:
            stderr().print(f"Trained: {result.model.training}", soft_wrap=True, markup=False)
        stderr().print(f"Kept in {folder.path}: {REPORT}, {RESULT}, {MODEL}/", soft_wrap=True, markup=False)
        self._copy(folder)

    def _copy(self, folder: RunFolder) -> None:
        """Write what was asked for beside the run folder."""
        for name, wanted in ((RESULT, self.json), (REPORT, self.report)):
            if wanted is not None:
                write(wanted, folder.read(name))

    def _read(self, job: Path) -> tuple[JobFile, Path]:
        """The job as changed, and where its data paths start."""
        from hansa.running.scenario import read_job

        file = read_job(job, settings(self.changes or ()))
        if self.seed is not None:
            file = replace(file, job=replace(file.job, seed=self.seed))
        return file, data_folder(job, self.data)

    def _resumed(self, path: Path) -> RunFolder:
        fixed = {"--data": self.data, "--set": self.changes, "--seed": self.seed, "--no-baselines": self.no_baselines}
        for name, given in fixed.items():
            if given is not None and given is not False and given != []:
                raise ConfigError(
                    f"{name} cannot change a run that is under way.", mend="Leave it out, or begin a new run."
                )
        folder = RunFolder.open(path)
        if self.workers is not None:
            folder = replace(folder, note=replace(folder.note, workers=self.workers))
        return folder


def staged(job: Path, data: Path | None, changes: Sequence[str] | None) -> tuple[Job, tuple[Party, ...]]:
    """A job as changed, and the parties of its `[simulation]`."""
    from hansa.running.scenario import read_job

    file = read_job(job, settings(changes or ()))
    return file.job, scenario_of(file).cast(data_folder(job, data), file.job).parties


def data_folder(job: Path, data: Path | None) -> Path:
    """Where relative data paths start: `--data`, or the job file's own folder; ConfigError where it is no folder."""
    if data is not None and not data.is_dir():
        raise ConfigError(f"'{data}' is no folder.", mend="Give --data the folder where the job's data paths start.")
    return job.parent if data is None else data


def settings(changes: Sequence[str]) -> dict[str, Any]:
    """Read KEY=VALUE; a value is TOML (50, 0.1, true, [64, 32], {use = "adam"}) or else a word."""
    found: dict[str, Any] = {}
    for text in changes:
        key, mark, value = text.partition("=")
        if not mark or not key.strip():
            raise ConfigError(f"'{text}' sets nothing.", mend="Write --set KEY=VALUE, as in --set rounds=50.")
        try:
            found[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[key.strip()] = value.strip()
    return found
