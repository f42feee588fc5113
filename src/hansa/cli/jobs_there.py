"""`hansa submit`, `status`, `logs`, `stop`, `resume`, `readmit`: with a pass, jobs at a consortium's coordinator.

A command that tells of a job that failed ends with the exit code of what it failed with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, final

import typer

from hansa.cli.talk import hint, say

if TYPE_CHECKING:
    from hansa.engines.network.calls import Caller
    from hansa.engines.network.jobs import State
    from hansa.engines.network.store import Note
    from hansa.tracking.log import Entry

CARD: Final = typer.Option("--pass", metavar="FILE", help="Your pass, as the coordinator's operator gave it to you.")
JOB: Final = typer.Argument(help="The job, by the first digits of its digest.")
_WAIT: Final = 20.0


@final
@dataclass(frozen=True)
class Submit:
    """Submit a job to all members of a consortium; it runs there, whether anybody watches or not.

    What [simulation] says in the file stays here. With --wait, follow it and keep its result in a run folder.
    """

    example: ClassVar[str] = "hansa submit job.toml --wait"

    job: Annotated[Path, typer.Argument(help="The job file.")]
    card: Annotated[Path, CARD] = Path("coordinator.toml")
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job to its end.")] = False
    json: Annotated[Path | None, typer.Option(help="With --wait, write result.json here too.")] = None
    runs: Annotated[Path, typer.Option(help="With --wait, where the run folder is made.")] = Path("runs")

    def do(self) -> None:
        """Submit, and follow where that is wanted."""
        from hansa.running.scenario import read_job

        job = read_job(self.job).job
        if not self.wait:
            digest = _calls(self.card).submit(job)
            say(f"Submitted {job.name} as {digest[:12]}. To follow it:\n  {hint(f'logs {digest[:12]} --follow')}")
            return
        from hansa.cli.progress import Watch
        from hansa.cli.runs import write
        from hansa.engines.network.consortium import Consortium
        from hansa.running.verb import run
        from hansa.tracking.about import stamped

        folder = self.runs / stamped(job.name)
        with Watch(job) as watch:
            result = run(job, Consortium(self.card), folder=folder, watch=watch)
        result.keep(folder)
        say(result.table())
        if self.json is not None:
            write(self.json, result.to_json())
        say(f"Kept in {folder}.")


@final
@dataclass(frozen=True)
class Status:
    """Say how jobs stand: one, or all that your role may see. Of one that failed, end with its exit code."""

    example: ClassVar[str] = "hansa status"

    job: Annotated[str, JOB] = ""
    card: Annotated[Path, CARD] = Path("coordinator.toml")

    def do(self) -> None:
        """Print a line for each."""
        found = _calls(self.card).status(self.job)
        if not found:
            say("There are no jobs that you may see.")
        for one in found:
            at = datetime.fromtimestamp(one.submitted).astimezone()
            say(f"{one.job[:12]}  {one.state:<9}  {at:%Y-%m-%d %H:%M}  {one.submitter}  {one.name}")
            if one.why:
                say(f"  {one.why}")
            if self.job:
                say(f"  parties: {', '.join(one.parties)}")
                _end(one.stands)


@final
@dataclass(frozen=True)
class Logs:
    """Print what a job's run has told so far; with --follow, to its end.

    With --notes, what became of parties: who was slow, lost, refused or set aside, and who said two things. Without a
    job, and as an operator or auditor: who was sent away at the coordinator's desk.
    """

    example: ClassVar[str] = "hansa logs 5e1f0a --follow"

    job: Annotated[str, JOB] = ""
    card: Annotated[Path, CARD] = Path("coordinator.toml")
    follow: Annotated[bool, typer.Option("--follow", help="Stay until the job ends.")] = False
    notes: Annotated[bool, typer.Option("--notes", help="What became of parties, or was refused at the desk.")] = False

    def do(self) -> None:
        """Print a line for each entry or note, then how the job stands."""
        calls, known = _calls(self.card), 0
        if self.notes:
            for note in calls.notes(self.job):
                say(_note(note))
            return
        while True:
            entries, stands = calls.log(self.job, known, _WAIT if self.follow else 0.0)
            known += len(entries)
            for entry in entries:
                say(_line(entry))
            if not self.follow or stands.state not in {"submitted", "running"}:
                say(f"{stands.state}. {stands.why}".strip())
                _end(stands)
                return


@final
@dataclass(frozen=True)
class Stop:
    """Stop a job; it keeps what it has and can go on."""

    example: ClassVar[str] = "hansa stop 5e1f0a"

    job: Annotated[str, JOB]
    card: Annotated[Path, CARD] = Path("coordinator.toml")

    def do(self) -> None:
        """Stop it."""
        _calls(self.card).stop(self.job)
        say(f"Stopped. To go on:\n  {hint(f'resume {self.job}')}")


@final
@dataclass(frozen=True)
class Resume:
    """Let a job go on that was stopped, or that failed."""

    example: ClassVar[str] = "hansa resume 5e1f0a"

    job: Annotated[str, JOB]
    card: Annotated[Path, CARD] = Path("coordinator.toml")

    def do(self) -> None:
        """Resume it."""
        _calls(self.card).resume(self.job)
        say(f"It goes on. To follow it:\n  {hint(f'logs {self.job} --follow')}")


@final
@dataclass(frozen=True)
class Readmit:
    """Let a party back into a job that it was set aside in: it is asked again from the next turn on."""

    example: ClassVar[str] = "hansa readmit 5e1f0a bank-a"

    job: Annotated[str, JOB]
    party: Annotated[str, typer.Argument(help="The party's name.")]
    card: Annotated[Path, CARD] = Path("coordinator.toml")

    def do(self) -> None:
        """Let it in."""
        _calls(self.card).readmit(self.job, self.party)
        say(f"{self.party} is asked again from the next turn on.")


def _calls(card: Path) -> Caller:
    from hansa.engines.network.calls import Caller
    from hansa.engines.network.channel import caller
    from hansa.engines.network.passes import Pass

    held = Pass.read(card)
    return Caller(held, caller(held))


def _end(stands: State) -> None:
    """End with the exit code of what a job failed with, if it did."""
    if stands.exit_code:
        raise typer.Exit(stands.exit_code)


def _note(note: Note) -> str:
    at = datetime.fromtimestamp(note.time).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}  {note.kind:<13}  {note.party:<12}  {note.what}".rstrip()


def _line(entry: Entry) -> str:
    at = datetime.fromtimestamp(entry.at).astimezone()
    figures = "  ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in entry.measures.items())
    place = f"{entry.title} {entry.round}" if entry.round else entry.title or "over"
    return f"{at:%H:%M:%S}  {place:<12}  {figures}".rstrip()
