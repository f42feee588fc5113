"""`hansa report`: build a run's page anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, final

import typer

from hansa.cli.runs import REPORT, SCORES, RunFolder, write
from hansa.cli.talk import say


@final
@dataclass(frozen=True)
class Report:
    """Build the report of a finished run anew, from what its folder holds: one page that opens without a network.

    Where a scorecard was validated, its validation pack and model card too, beside the report.
    """

    example: ClassVar[str] = "hansa report runs/20260131-142530-scores"

    run: Annotated[Path, typer.Argument(help="The run folder.")]
    out: Annotated[
        Path | None, typer.Option(help="Where to write the page: report.html in the run folder if not given.")
    ] = None

    def do(self) -> None:
        """Read the run folder and write the page."""
        from hansa.horizontal.evaluate import Verdict
        from hansa.report import result_page
        from hansa.running.folder import Folder
        from hansa.running.pack import VALIDATION, pack_files
        from hansa.running.scores import from_csv

        folder = RunFolder.open(self.run)
        summary = folder.summary()
        verdict = Folder(folder.path, folder.file.job, {}).found().find(Verdict)
        counts = None if verdict is None else verdict.counts
        if (folder.path / SCORES).exists():
            counts = from_csv(folder.read(SCORES))
        path = self.out or folder.path / REPORT
        write(path, result_page(summary, summary["history"], counts))
        say(f"The report: {path}")
        for name, text in pack_files(summary).items():
            write(path.parent / name, text)
            if name == VALIDATION:
                say(f"The validation pack: {path.parent / name}")
