"""`hansa new`: a folder to start from."""

from __future__ import annotations

import csv
import io
import shlex
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, final

import typer

from hansa.cli.runs import write
from hansa.cli.talk import hint, say
from hansa.errors import ConfigError

if TYPE_CHECKING:
    from hansa.core.table import Table

BANKS = ("bank-a", "bank-b", "bank-c")
ROWS = 6000


@final
@dataclass(frozen=True)
class New:
    """Make a folder to start from: a job file with every setting explained, and three small made-up books."""

    example: ClassVar[str] = "hansa new my-project"

    folder: Annotated[Path, typer.Argument(help="The folder to make; it must not exist, or be empty.")]

    def do(self) -> None:
        """Write the folder, or nothing where something stands already."""
        from hansa.data.partition import ByColumn
        from hansa.data.synthetic import loan_book

        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise ConfigError(f"'{self.folder}' is not empty.", "Nothing is overwritten.", "Name a new folder.")
        whole = loan_book(ROWS, seed=1, regions=len(BANKS))
        dealt = ByColumn("region").split(whole, 0).tables(whole)
        for bank, table in zip(BANKS, dealt.values(), strict=True):
            write(self.folder / "data" / f"{bank}.csv", to_csv(table))
        for name, source in (("job.toml", "new.toml"), ("README.md", "new.md")):
            write(self.folder / name, template(source))
        (self.folder / "runs").mkdir(exist_ok=True)
        check, run = (hint(f"{verb} job.toml", self.folder) for verb in ("check", "run"))
        say(f"Made {self.folder}. Next:\n  cd {shlex.quote(str(self.folder))}\n  {check}\n  {run}")


def template(name: str) -> str:
    """A file that travels with the command line."""
    return (files("hansa.cli") / "jobs" / name).read_text("utf-8")


def to_csv(table: Table) -> str:
    """A table as CSV, gaps as empty cells."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(table.names)
    columns = []
    for name in table.names:
        column = table.column(name)
        values = column.strings().tolist() if column.kind == "category" else column.values.tolist()
        columns.append(["" if gap else value for value, gap in zip(values, column.gaps.tolist(), strict=True)])
    writer.writerows(zip(*columns, strict=True))
    return sink.getvalue()
