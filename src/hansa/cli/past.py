"""`hansa runs`: the runs that were made, listed, compared, drawn, and told to trackers afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final, final

import typer

from hansa.cli.runs import write
from hansa.cli.talk import say
from hansa.errors import ConfigError

TRACK: Final = typer.Option(
    "--track",
    metavar="NAME=WHERE",
    help="Tell the run to tensorboard=DIR, mlflow=URI or wandb=PROJECT too; may be repeated.",
)
MOST: Final = 8


@final
@dataclass(frozen=True)
class List:
    """List runs: what they ran, how they ended, and the figures of the federated model and its baselines."""

    example: ClassVar[str] = "hansa runs list"

    folder: Annotated[Path, typer.Argument(help="Where the run folders are.")] = Path("runs")

    def do(self) -> None:
        """Read every folder and print a line for each."""
        from hansa.report.runs import listing
        from hansa.running.shelf import runs_in

        found = runs_in(self.folder)
        say(listing(found) if found else f"There is no run in {self.folder}.")


@final
@dataclass(frozen=True)
class Compare:
    """Show what differs in the jobs of two or more runs, and their figures side by side."""

    example: ClassVar[str] = "hansa runs compare runs/20260131-142530-scores runs/20260131-150210-scores"

    runs: Annotated[list[Path], typer.Argument(help="Two to eight run folders.")]

    def do(self) -> None:
        """Read the folders and print what differs."""
        from hansa.report.runs import comparison
        from hansa.running.shelf import one_run

        say(comparison([one_run(path) for path in _several(self.runs)]))


@final
@dataclass(frozen=True)
class Plot:
    """Draw the learning curves of runs over each other: one page that opens without a network."""

    example: ClassVar[str] = "hansa runs plot runs/20260131-142530-scores runs/20260131-150210-scores -o page.html"

    runs: Annotated[list[Path], typer.Argument(help="Two to eight run folders.")]
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the page.")] = Path("runs.html")

    def do(self) -> None:
        """Read the folders and write the page."""
        from hansa.report.overlay import overlay
        from hansa.running.shelf import one_run

        write(self.out, overlay([one_run(path) for path in _several(self.runs)]))
        say(f"The page: {self.out}")


@final
@dataclass(frozen=True)
class Export:
    """Tell a run that was made to trackers, as if they had watched it."""

    example: ClassVar[str] = "hansa runs export runs/20260131-142530-scores --track tensorboard=boards"

    run: Annotated[Path, typer.Argument(help="The run folder.")]
    track: Annotated[list[str], TRACK]

    def do(self) -> None:
        """Read the run's log and result and tell them."""
        from hansa.running.shelf import one_run, tell
        from hansa.tracking.named import trackers_of

        trackers = trackers_of(self.track)
        tell(one_run(self.run), trackers)
        say(f"Told {self.run} to {', '.join(text.partition('=')[0] for text in self.track)}.")


VERBS: Final = (List, Compare, Plot, Export)


def _several(runs: list[Path]) -> list[Path]:
    if not 2 <= len(runs) <= MOST:
        raise ConfigError(f"Give two to {MOST} run folders.", f"Got {len(runs)}.")
    return runs
