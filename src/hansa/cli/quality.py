"""`hansa quality`: look at the data of a job's parties before anything is trained."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, final

import typer

from hansa.cli.run import Changes, DataAt, JobAt, staged
from hansa.cli.runs import write
from hansa.cli.talk import say, stderr

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.horizontal.quality import Quality as Step


@final
@dataclass(frozen=True)
class Quality:
    """Look at the parties' data by counts alone: gaps, ranges, repeats, constants, suspected leaks, drift.

    Rows of the job's sealed test are not looked at. A page for everybody holds the pooled figures, one for each party
    its own beside them.
    """

    example: ClassVar[str] = "hansa quality job.toml --data data --pages quality"

    job: JobAt
    data: DataAt = None
    pages: Annotated[Path, typer.Option(help="The folder for the pages.")] = Path("quality")
    json: Annotated[Path | None, typer.Option(help="Write all findings here as JSON.")] = None
    changes: Changes = None

    def do(self) -> None:
        """Run the step by itself, and tell."""
        from hansa.engines.simulation import Simulation
        from hansa.report import quality_page, quality_text

        job, parties = staged(self.job, self.data, self.changes)
        with Simulation(parties, workers=1).session(replace(job, steps=(_step(job),))) as session:
            summary = session.run().results[0].summary()
        say(quality_text(summary))
        write(self.pages / "all.html", quality_page(summary))
        for party in parties:
            write(self.pages / f"{party.name}.html", quality_page(summary, party.name))
        if self.json is not None:
            write(self.json, json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False))
        what = f"Pages: {self.pages / 'all.html'} for everybody, and one named after each party for itself."
        stderr().print(what, soft_wrap=True, markup=False)


def _step(job: Job) -> Step:
    """The job's own look at the data, or one over the rows that its preparation lets train and validate."""
    from hansa.data.schema import Schema
    from hansa.horizontal.prepare import Prepare
    from hansa.horizontal.quality import Quality as Step

    own = next((step for step in job.steps if isinstance(step, Step)), None)
    if own is not None:
        return own
    agreed = job.data.schema
    fields = agreed.fields if isinstance(agreed, Schema) else ()
    known = {field.name: field.known_at for field in fields if field.role == "feature"}
    prepare = next((step for step in job.steps if isinstance(step, Prepare)), None)
    if prepare is None:
        return Step(known_at=known)
    return Step(prepare.split, known_at={**known, **prepare.known_at}, decision=prepare.decision)
