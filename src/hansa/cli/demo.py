"""`hansa demo`: the main job on embedded data, from nothing to a report."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, final

import typer

from hansa.cli.new import template
from hansa.cli.runs import scenario_of, write
from hansa.cli.talk import hint, say, stderr

if TYPE_CHECKING:
    from hansa.running.result import Result

BOOK, GERMAN = "loan_book.toml", "german_credit.toml"
_MARK = "# Written by hansa demo, which leaves this file alone once it is changed; as written: "


@final
@dataclass(frozen=True)
class Demo:
    """Train one credit model over five banks' made-up loan books, and show what each bank gains on its own."""

    example: ClassVar[str] = "hansa demo --out demo"

    out: Annotated[Path, typer.Option(help="Where the reports and the job files go.")] = Path("demo")
    rows: Annotated[int, typer.Option(min=5000, help="How many loans to make up.")] = 101_000
    json: Annotated[Path | None, typer.Option(help="Write result.json here too.")] = None
    workers: Annotated[int, typer.Option(min=0, help="Processes to use; 0 finds out.")] = 0

    def do(self) -> None:
        """Run both books, print their tables, write their pages and jobs."""
        say(f"Five banks, one region each, {self.rows:,} made-up loans in all. No loan leaves its bank.\n")
        book = self._run(BOOK, {"simulation.rows": self.rows})
        say(book.table())
        say("\nThe same on real data: German credit, 1,000 loans dealt to five banks.\n")
        german = self._run(GERMAN, {})
        say(german.table())
        say("\nWith some 40 test rows a bank the intervals are wide: they say little, whichever way they lean.")
        pages = [book.report(self.out / "report.html"), german.report(self.out / "german_credit.html")]
        texts = {BOOK: re.sub(r"(?m)^rows = \d+", f"rows = {self.rows}", template(BOOK)), GERMAN: template(GERMAN)}
        kept = [name for name, text in texts.items() if not _put(self.out / name, text)]
        if self.json is not None:
            write(self.json, book.to_json())
        shown = "\n".join(f"  {page}" for page in pages)
        again = hint(f"run {shlex.quote(str(self.out / BOOK))}")
        say(f"\nOpen in a browser:\n{shown}\nChange and run again:\n  {again}")
        for name in kept:
            say(f"{self.out / name} has been changed since the demo wrote it, and was left as it is.")

    def _run(self, name: str, changes: dict[str, int]) -> Result:
        from hansa.cli.progress import Watch
        from hansa.engines.simulation import Simulation
        from hansa.running.scenario import parse_job
        from hansa.running.verb import run

        file = parse_job(tomllib.loads(template(name)), changes)
        cast = scenario_of(file).cast(self.out, file.job)
        with Watch(file.job) as watch:
            result = run(file.job, Simulation(cast.parties, workers=self.workers), watch=watch)
        stderr().print("")
        return replace(result, shares=cast.shares)


def _put(path: Path, text: str) -> bool:
    """Write a job file unless somebody has changed the one that stands there; say whether it was written."""
    try:
        mark, _, rest = path.read_text("utf-8").partition("\n")
    except OSError:
        mark, rest = _marked(text), text
    except UnicodeDecodeError:
        return False
    if mark != _marked(rest):
        return False
    write(path, f"{_marked(text)}\n{text}")
    return True


def _marked(text: str) -> str:
    return _MARK + sha256(text.encode()).hexdigest()[:16]
