r"""What a simulation stands on: files or an embedded book, how rows are dealt to parties, which rows are the test.

It stands beside the job in one file, as `[simulation]`, and outside the job's digest: a job names tables, never paths.

Example:
    >>> import tempfile
    >>> beside = 'simulation = {embedded = "loan_book", partition = {use = "iid", k = 3}}'
    >>> text = 'name = "a"\nsteps = ["rounds"]\n' + beside
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "job.toml").write_text(text)
    ...     file: JobFile = read_job(Path(folder) / "job.toml")
    >>> cast: Cast = file.scenario.cast(Path(), file.job)
    >>> len(cast.parties)
    3
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, final

import tomli_w

from hansa.core.codec import build, plain
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.table import Column, Table
from hansa.data.csv_format import CsvFormat
from hansa.data.filters import Filter
from hansa.data.german_credit import german_credit
from hansa.data.mapping import Rules
from hansa.data.partition import Share, Splitter
from hansa.data.parts import PART_COLUMN, FixedTest
from hansa.data.source import Reading
from hansa.data.synthetic import loan_book
from hansa.errors import ConfigError, DataError, nearest
from hansa.own_parts import allowing
from hansa.running.changes import change

_MOST_ROWS = 20_000_000


@final
@dataclass(frozen=True)
class Cast:
    """The parties of a simulation, and how the rows were dealt to them."""

    parties: tuple[Party, ...]
    shares: tuple[Share, ...] = ()


@final
@dataclass(frozen=True)
class Scenario:
    r"""The `[simulation]` of a job file.

    Either `file`, one table that `partition` deals to parties; or `files`, a table for each party by name; or
    `embedded`, a book that comes with hansa (`rows` of the synthetic one). A table is a CSV file, a Parquet file,
    folder or glob, or a database's URL with `query`; paths are relative to the data folder. `test_ids`: a CSV file
    whose first column lists the customer ids of the test part, as others have published it. `kinds`, `csv`, `columns`,
    `where`, `query` and `on_disk` say how tables are read, see `hansa.data.source.Reading`, e.g. csv = {delimiter =
    ";", encoding = "gb18030"} or where = [{column = "opened", op = ">=", value = "2020-01-01"}]. `parts`: parts
    of one's own that the job may name, each with the SHA-256 of its module's file; see `hansa.own_parts`. `rules`: a
    TOML file of its own rules for a party, by name, where its table differs from the others'; see `hansa.data.mapping`.

    Raises:
        ConfigError: no source or two, one table without a partition, a path that no file can have, rules for nobody, or
            too many rows.

    Example:
        >>> from hansa.data.partition import Iid
        >>> job = Job.from_toml('name = "scores"\nsteps = ["prepare", "rounds"]')
        >>> len(Scenario(embedded="german_credit", partition=Iid(5)).cast(Path(), job).parties)
        5
    """

    file: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    embedded: Literal["", "german_credit", "loan_book"] = ""
    rows: int = 100_000
    partition: Splitter | None = None
    test_ids: str = ""
    kinds: Mapping[str, Literal["float", "integer", "category", "date", "text"]] = field(default_factory=dict)
    seed: int = 0
    csv: CsvFormat = field(default_factory=CsvFormat)
    columns: tuple[str, ...] = ()
    where: tuple[Filter, ...] = ()
    query: str = ""
    on_disk: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that there is one source, and a partition where it is one table."""
        sources = [bool(self.file), bool(self.files), bool(self.embedded)]
        if sum(sources) != 1:
            raise ConfigError("[simulation] needs one source of rows.", mend="Set file, files or embedded.")
        if self.embedded and (self.columns or self.where or self.query or self.on_disk):
            raise ConfigError(
                "[simulation] has an embedded book, and columns, where, query or on_disk beside it.",
                mend="They say how files and databases are read: leave them out.",
            )
        if not self.files and self.partition is None:
            raise ConfigError(
                "[simulation] has one table and several parties.",
                mend='Say how to deal it, e.g. partition = {use = "iid", k = 5}.',
            )
        if any("\0" in path for path in (self.file, self.test_ids, *self.files.values(), *self.rules.values())):
            raise ConfigError("[simulation] names a file with a zero byte in its path.", mend="Take it out.")
        if nobody := [name for name in self.rules if name not in self.files]:
            raise ConfigError(
                f"[simulation] has rules for '{nobody[0]}', and no file of it.",
                "Rules are a party's own, for its own table.",
                nearest(nobody[0], self.files) if self.files else "Name the parties' files in files, or leave it out.",
            )
        if not 1 <= self.rows <= _MOST_ROWS:
            raise ConfigError(
                f"[simulation] rows must lie between 1 and {_MOST_ROWS}.",
                f"Got {self.rows}.",
                "The embedded book is made in memory.",
            )

    @property
    def reading(self) -> Reading:
        """How its tables are read."""
        return Reading(self.columns, self.where, self.kinds, self.csv, self.query, self.on_disk)

    def cast(self, base: Path, job: Job) -> Cast:
        """Read the tables and deal them.

        Raises:
            DataError: a file is missing or cannot be read, a column is missing, or a party gets no rows.
        """
        if self.files:
            tables = {name: self._of(name, base, job) for name in self.files}
            return Cast(tuple(Party(name, {job.data.table: table}) for name, table in tables.items()))
        whole = self._marked(base, job, self._whole(base))
        if self.partition is None:
            raise ConfigError("[simulation] has one table and no partition.")
        dealt = self.partition.split(whole, self.seed)
        parties = tuple(Party(name, {job.data.table: table}) for name, table in dealt.tables(whole).items())
        return Cast(parties, tuple(dealt.report()))

    def _whole(self, base: Path) -> Table:
        if self.file:
            return self._read(base, self.file)
        return german_credit() if self.embedded == "german_credit" else loan_book(self.rows, self.seed)

    def _read(self, base: Path, path: str) -> Table:
        return self.reading.read(path, base)

    def _of(self, party: str, base: Path, job: Job) -> Table:
        """A party's own table, by its own rules, with the job's roles."""
        rules = Rules.from_file(base / self.rules[party]) if party in self.rules else Rules()
        try:
            return self._marked(base, job, replace(self.reading, rules=rules).read(self.files[party], base))
        except DataError as error:
            raise DataError(f"{party}: {error.what}", error.why, error.mend) from None

    def _marked(self, base: Path, job: Job, table: Table) -> Table:
        """Give the table the job's roles, and mark the published test rows."""
        roles = {name: column for name in ("target", "id", "weight") if (column := getattr(job.data, name))}
        for column in roles.values():
            table.column(column)
        if job.data.schema is not None:  # which is checked when the party takes its seat
            agreed = job.data.schema.roles
            roles = {**{name: column for name, column in agreed.items() if column in table.columns}, **roles}
        table = replace(table, **roles)
        if not self.test_ids:
            return table
        if table.id is None:
            raise DataError("test_ids needs to know which column is the customer id.", mend="Set data.id in the job.")
        codes = FixedTest.from_csv(base / self.test_ids, form=self.csv).codes(table)
        return table.with_columns([Column.of(PART_COLUMN, codes.astype("int64"))])


@final
@dataclass(frozen=True)
class JobFile:
    """A job with the scenario that stands beside it."""

    job: Job
    scenario: Scenario | None

    def to_toml(self) -> str:
        """Write both as one file."""
        beside = "" if self.scenario is None else "\n" + tomli_w.dumps({"simulation": plain(self.scenario)})
        return self.job.to_toml() + beside


def read_job(path: Path, changes: Mapping[str, Any] | None = None) -> JobFile:
    """Read a job file; `changes` sets values by key, see `hansa.running.changes`.

    Raises:
        ConfigError: no such file, no TOML, an unknown key or part.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "It is no UTF-8 text"
        raise ConfigError(f"The job file '{path}' cannot be read.", f"{why}.") from None
    try:
        return parse_job(_tree(path, text), changes)
    except RecursionError:
        raise ConfigError(f"'{path}' cannot be read as a job.", "Its lists or tables nest too deep.") from None


def _tree(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        mend = "" if text.isascii() else 'A name with other letters than a to z stands in quotes: "甲银行" = "a.csv".'
        raise ConfigError(f"'{path}' is no TOML.", f"{error}.", mend) from None
    except ValueError:  # Python reads no integer of more than 4300 digits
        raise ConfigError(f"'{path}' cannot be read as a job.", "It holds a number of thousands of digits.") from None


def parse_job(tree: dict[str, Any], changes: Mapping[str, Any] | None = None) -> JobFile:
    """Read a job from parsed TOML; see `read_job`.

    Example:
        >>> parse_job({"name": "scores", "steps": ["prepare", "rounds"]}, {"rounds": 50}).job.steps[1].rounds
        50
    """
    allowed = _allowed(tree)
    with allowing(allowed):
        for key, value in (changes or {}).items():
            change(tree, key, value, Scenario)
        beside = tree.pop("simulation", None)
        scenario = None if beside is None else build(Scenario, beside, "simulation")
    return JobFile(Job.from_tree(tree, allowed), scenario)


def _allowed(tree: Mapping[str, Any]) -> Mapping[str, str]:
    """The parts of one's own that a job file's `[simulation]` allows."""
    beside = tree.get("simulation")
    named = beside.get("parts", {}) if isinstance(beside, dict) else {}
    parts: Mapping[str, str] = build(Mapping[str, str], named, "simulation.parts")
    return parts
