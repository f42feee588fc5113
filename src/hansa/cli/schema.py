"""`hansa schema`: read a schema off a table, merge several, hold a table against one, make it part of a job."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, final

import typer

from hansa.cli.run import settings
from hansa.cli.runs import write
from hansa.cli.talk import say, stderr
from hansa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.table import Table
    from hansa.data.mapping import Rules
    from hansa.data.schema import Schema

_READ = typer.Option(
    "--set",
    metavar="KEY=VALUE",
    help="How the table is read, as [simulation] says it: --set 'csv={delimiter=\";\"}', --set query=loans.",
)
_RULES = typer.Option(help="The party's own rules, by which its table is read.")


@final
@dataclass(frozen=True)
class Infer:
    """Describe a table as a schema: kinds, roles, ranges and dictionaries, with nothing of a few customers.

    It is a beginning: units, codes for gaps, the target's definition and what is known when are yours to add.
    """

    example: ClassVar[str] = "hansa schema infer loans.csv --target default --id customer_id > schema.toml"

    table: Annotated[str, typer.Argument(help="A CSV file, Parquet, or a database's URL.")]
    target: Annotated[str | None, typer.Option(help="The column to be predicted.")] = None
    id: Annotated[str | None, typer.Option(help="The column of the customer's id.")] = None
    weight: Annotated[str | None, typer.Option(help="The column of row weights.")] = None
    time: Annotated[str | None, typer.Option(help="The column of the observation's time.")] = None
    min_cell: Annotated[int, typer.Option(min=1, help="The fewest customers behind a label or an end of a range.")] = 10
    rules: Annotated[Path | None, _RULES] = None
    reading: Annotated[list[str] | None, _READ] = None

    def do(self) -> None:
        """Read and describe."""
        from dataclasses import replace

        from hansa.data.schema import Schema

        table = _table(self.table, self.rules, self.reading or ())
        if self.time:
            table.column(self.time)
        table = replace(table, target=self.target, id=self.id, weight=self.weight)
        say(Schema.infer(table, self.time or "", self.min_cell).to_toml().rstrip())


@final
@dataclass(frozen=True)
class Check:
    """Hold a table against a schema, and say what is wrong column by column; no value is shown."""

    example: ClassVar[str] = "hansa schema check schema.toml loans.csv --rules rules.toml"

    schema: Annotated[Path, typer.Argument(help="The schema.")]
    table: Annotated[str, typer.Argument(help="A CSV file, Parquet, or a database's URL.")]
    rules: Annotated[Path | None, _RULES] = None
    min_cell: Annotated[int, typer.Option(min=1, help="Nothing is told of fewer customers.")] = 10
    reading: Annotated[list[str] | None, _READ] = None

    def do(self) -> None:
        """Check, list, and end with the code of an error in the data where there is one."""
        from hansa.data.contract import faults
        from hansa.errors import DataError

        schema = _schema(self.schema)
        table = _table(self.table, self.rules, self.reading or ())
        found = faults(schema.fields, table, self.min_cell)
        for fault in found:
            say(f"{fault.column}: {fault.what}. {fault.mend}")
        if found:
            count = f"{len(found)} column{'s do' if len(found) > 1 else ' does'} not keep the schema."
            raise DataError(count, mend="Correct the table, give the party rules, or agree on another schema.")
        schema.apply(table)
        used = sum(field.role != "ignore" for field in schema.fields)
        say(f"The table keeps the schema: {used} columns, {len(table):,} rows.")


@final
@dataclass(frozen=True)
class Merge:
    """Make one schema of several: wider ranges, all labels; a beginning for institutions to agree on."""

    example: ClassVar[str] = "hansa schema merge bank-a.toml bank-b.toml > schema.toml"

    schemas: Annotated[list[Path], typer.Argument(help="The schemas, as each institution has inferred its own.")]

    def do(self) -> None:
        """Read and merge."""
        from hansa.data.schema import Schema

        say(Schema.merge([_schema(path) for path in self.schemas]).to_toml().rstrip())


@final
@dataclass(frozen=True)
class Join:
    """Write a schema into a job file, as the end of it: from then on each party is checked against it."""

    example: ClassVar[str] = "hansa schema join schema.toml job.toml"

    schema: Annotated[Path, typer.Argument(help="The schema.")]
    job: Annotated[Path, typer.Argument(help="The job file, which is changed.")]

    def do(self) -> None:
        """Read both, put the schema at the end, and see that the whole is a job."""
        import tomli_w

        from hansa.core.codec import plain
        from hansa.running.scenario import parse_job, read_job

        schema = _schema(self.schema)
        if read_job(self.job).job.data.schema is not None:
            raise ConfigError(f"The job '{self.job}' has a schema already.", mend="Take [data.schema] out first.")
        whole = f"{self.job.read_text('utf-8-sig').rstrip()}\n\n{tomli_w.dumps({'data': {'schema': plain(schema)}})}"
        try:
            tree = tomllib.loads(whole)
        except tomllib.TOMLDecodeError:
            raise ConfigError(
                f"The job '{self.job}' writes data = {{...}} in one line, which cannot be added to.",
                mend="Write it as a table: [data], and its settings below.",
            ) from None
        parse_job(tree)
        write(self.job, whole)
        stderr().print(f"{self.job}: {len(schema.fields)} columns agreed.", soft_wrap=True, markup=False)


VERBS = (Infer, Merge, Check, Join)


def _table(address: str, rules: Path | None, reading: Sequence[str]) -> Table:
    from dataclasses import replace

    from hansa.core.codec import build
    from hansa.data.source import Reading

    how: Reading = build(Reading, settings(reading), "--set")
    return replace(how, rules=_rules(rules)).read(address)


def _rules(path: Path | None) -> Rules:
    from hansa.data.mapping import Rules

    return Rules() if path is None else Rules.from_file(path)


def _schema(path: Path) -> Schema:
    from hansa.data.schema import Schema

    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "It is no UTF-8 text"
        raise ConfigError(f"The schema '{path}' cannot be read.", f"{why}.") from None
    return Schema.from_toml(text)
