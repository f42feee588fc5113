"""A table by its address: a CSV file, Parquet, or a database; one way to read for job files and the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, final

from hansa.core.table import Table
from hansa.data.csv_format import CsvFormat
from hansa.data.filters import Filter, chosen, filters
from hansa.data.mapping import Rules
from hansa.errors import ConfigError
from hansa.extras import need

ENDINGS: Final = (".parquet", ".pq")
"""How the name of a Parquet file ends."""

_URL = re.compile(r"[a-z][a-z0-9]*(\+[a-z0-9]+)?://", re.IGNORECASE)


@final
@dataclass(frozen=True)
class Reading:
    """How a table is read, whatever it lies in.

    `columns`: the only ones read; all where none is named. `where`: the only rows read, as `Filter` or as tuples
    (column, comparison, value). `kinds`: columns to be read as text, category, integer, float or date. `csv`: how CSV
    files are written. `query`: of a database, the table, the "schema.table" or the SELECT. `on_disk`: columns but for
    text lie in files of the temporary folder (`TMPDIR`) instead of memory, and so does what is made from them. `rules`:
    the party's own, by which its table becomes the one that columns, where and kinds speak of.

    Example:
        >>> Reading(columns=("age",)).csv.delimiter is None
        True
    """

    columns: tuple[str, ...] = ()
    where: tuple[Filter, ...] = ()
    kinds: Mapping[str, Literal["float", "integer", "category", "date", "text"]] = field(default_factory=dict)
    csv: CsvFormat = field(default_factory=CsvFormat)
    query: str = ""
    on_disk: bool = False
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        """Take columns and filters as they are given."""
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "where", filters(self.where))

    def read(self, address: str | Path, base: Path = Path()) -> Table:
        r"""Read the table at a path (relative to `base`) of a CSV file, a Parquet file, folder or glob; or at a URL.

        Raises:
            DataError: it cannot be found or read, or has no rows.
            ConfigError: settings that do not fit the source.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     _ = Path(folder, "loans.csv").write_text("age,home\n31,own\n17,rent\n")
            ...     table = Reading(where=(Filter("age", ">", 18),)).read("loans.csv", Path(folder))
            >>> table.column("age").values.tolist()
            [31]
        """
        if self.rules != Rules():
            return self._ruled(address, base)
        if _URL.match(str(address)):
            if not self.query:
                raise ConfigError("A database was named and no table.", mend='Say query = "loans", or a SELECT.')
            return _typed(need("hansa.data.sql").read_sql(_placed(str(address), base), self.query, self))
        if self.query:
            raise ConfigError("A query was given, and the source is no database.", mend="Leave query out.")
        path = base / address
        if path.suffix.lower() in ENDINGS or path.is_dir():
            return _typed(need("hansa.data.parquet").read_parquet(path, self))
        return _typed(need("hansa.data.csv_file").read_csv(path, self))

    def _ruled(self, address: str | Path, base: Path) -> Table:
        """Read what the rules need in the party's own names, and apply them."""
        rules, later = self.rules, self.rules.later(self.where)
        wanted = dict.fromkeys((*self.columns, *(one.column for one in later)) if self.columns else ())
        reading = replace(
            self,
            columns=tuple(map(rules.own, wanted)),
            where=rules.first(self.where),
            kinds={rules.own(name): kind for name, kind in self.kinds.items() if name in wanted or not wanted},
            rules=Rules(),
        )
        table = chosen(rules.among(wanted).apply(reading.read(address, base)), later)
        return table.select(self.columns) if self.columns else table


def _placed(url: str, base: Path) -> str:
    """The URL of a database; a relative SQLite file starts where relative paths start."""
    head, mark, rest = url.partition(":///")
    inside = not mark or not head.startswith("sqlite") or rest.startswith("/") or rest in {"", ":memory:"}
    return url if inside else f"{head}:///{base / rest}"


def _typed(table: Table) -> Table:
    return table
