"""`hansa attack`: try to break a job's privacy, in simulation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, final

import typer

from hansa.cli.run import Changes, DataAt, JobAt, staged
from hansa.cli.runs import write
from hansa.cli.talk import say, stderr


@final
@dataclass(frozen=True)
class Attack:
    """Try to break a job: recover rows, invert updates, find members, audit its epsilon, test its noise.

    All is tried in simulation, through the job's own trainer and chain, with what the coordinator or a reader sees.
    Each attack is first tried without any defence, where it must succeed. A page and JSON are for the model's
    documents; they hold no customer's row.
    """

    example: ClassVar[str] = "hansa attack job.toml --data data --out attacks.html"

    job: JobAt
    data: DataAt = None
    out: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("attacks.html")
    json: Annotated[Path | None, typer.Option(help="Write all findings here as JSON.")] = None
    only: Annotated[
        list[str] | None,
        typer.Option(help="One of rows, inversion, membership, audit, noise; may be repeated. All if not given."),
    ] = None
    changes: Changes = None

    def do(self) -> None:
        """Attack, and tell."""
        from hansa.report import attacks_page, attacks_text
        from hansa.running.attack import ATTACKS, attack

        job, parties = staged(self.job, self.data, self.changes)
        summary = attack(job, parties, self.only or ATTACKS).summary()
        say(attacks_text(summary))
        write(self.out, attacks_page(summary))
        if self.json is not None:
            write(self.json, json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False))
        stderr().print(f"The page: {self.out}", soft_wrap=True, markup=False)
