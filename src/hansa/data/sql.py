"""Read a table or a query of a database into a table; the only room of SQLAlchemy.

Columns and row filters become part of the statement, their values as bound parameters. The rows come through a cursor
at the server, block by block, in a transaction that may not write.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from hansa.core.table import Column, Table
from hansa.data.filters import Filter
from hansa.data.growing import table_of
from hansa.data.source import Reading
from hansa.errors import ConfigError, DataError, nearest
from hansa.extras import need

ROWS_A_BLOCK: Final = 16_384
_COLON = re.compile(r"(?<!:):(?=\w)")
_SECRET = re.compile(r"\$\{(\w+)\}")


def read_sql(
    url: str,
    table_or_query: str,
    how: Reading | None = None,
    *,
    target: str | None = None,
    id: str | None = None,
    weight: str | None = None,
) -> Table:
    """Read a database's table (or "schema.table") or a SELECT into a table [rows], by an SQLAlchemy URL.

    `${NAME}` in the URL stands for an environment variable, so that no password is written down. Strings are categories
    or text as `read_csv` has them, decimals are floats, times of day fall away from dates. `how` says which columns and
    rows are read, and where columns lie.

    Raises:
        DataError: the database cannot be reached, refuses the statement, or has no such table, column or rows.
        ConfigError: an address that is none, an unset variable, or SQLAlchemy or a driver that is not installed.

    Example:
        >>> import sqlite3, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with sqlite3.connect(f"{folder}/loans.db") as base:
        ...         _ = base.execute("create table loans as select 31 as age, 'own' as home union select 17, 'rent'")
        ...     base.close()
        ...     table = read_sql(f"sqlite:///{folder}/loans.db", "loans", Reading(where=[("age", ">=", 18)]))
        >>> table.column("age").values.tolist(), table.column("home").levels
        ([31], ('own',))
    """
    sql, how = need("sqlalchemy"), how or Reading()
    engine = _engine(sql, url)
    shown = _shown(engine.url)
    what = table_or_query if _is_name(table_or_query) else "the query"
    try:
        with engine.connect().execution_options(**_OPTIONS[engine.dialect.name == "postgresql"]) as connection:
            source = _source(sql, connection, table_or_query)
            names = _names(source, how, what)
            statement = sql.select(*(source.c[name] for name in names))
            for one in how.where:
                statement = statement.where(_term(sql, source.c[one.column], one))
            result = connection.execute(statement)
            blocks = _blocks(result, names)
            return table_of(
                blocks, names, how.kinds, (target, id, weight), disk=how.on_disk, where=f"The source {what} at {shown}"
            )
    except sql.exc.SQLAlchemyError as error:
        raise _said(error, what, shown) from None
    finally:
        engine.dispose()


_OPTIONS: Final = {
    True: {"stream_results": True, "yield_per": ROWS_A_BLOCK, "postgresql_readonly": True},
    False: {"stream_results": True, "yield_per": ROWS_A_BLOCK},
}


def _engine(sql: Any, url: str) -> Any:
    try:
        address = sql.make_url(_SECRET.sub(_from_environment, url))
    except (sql.exc.ArgumentError, ValueError):
        address = None
    if address is None or "@" in (address.host or ""):  # a password with an @ of its own would be shown as a host
        raise ConfigError(
            "The address of the database cannot be read.",
            mend='Write it as "postgresql://user:${PASSWORD}@host/base" or "sqlite:///loans.db".',
        )
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() == "sqlite" and address.database and not os.path.exists(address.database):  # noqa: PTH110
        raise DataError(f"There is no database file '{address.database}'.", mend="Check the path.")
    try:
        if address.drivername == "postgresql+psycopg":
            need("psycopg")
        return sql.create_engine(address, poolclass=sql.pool.NullPool)
    except (sql.exc.NoSuchModuleError, ModuleNotFoundError):
        raise ConfigError(
            f"Nothing here speaks to '{address.drivername}'.",
            "Its driver is not installed.",
            "pip install 'hansa[postgres]', or the driver of your database as SQLAlchemy names it.",
        ) from None


def _shown(address: Any) -> str:
    """An address without anything that could be a secret: neither user, password nor settings."""
    return f"{address.get_backend_name()}://{address.host or ''}/{address.database or ''}"


def _from_environment(found: re.Match[str]) -> str:
    name = found.group(1)
    if name not in os.environ:
        raise ConfigError(f"The environment variable {name} is not set.", "The address of the database names it.")
    quoted: str = need("urllib.parse").quote(os.environ[name], safe="")
    return quoted


def _source(sql: Any, connection: Any, table_or_query: str) -> Any:
    """The table or the query as something to select from, with its columns' names."""
    text = table_or_query.strip().rstrip(";")
    if not _is_name(text):
        query = sql.text(_COLON.sub(r"\\:", text) + "\n")  # a colon names no parameter, a comment ends with its line
        with connection.execute(sql.select(sql.text("*")).select_from(query.columns().subquery("q")).limit(0)) as found:
            names = list(found.keys())
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise DataError(f"Column '{twice}' stands twice in the query.", mend="Give one of them another name: AS.")
        return query.columns(*(sql.column(name) for name in names)).subquery("q")
    inspector = sql.inspect(connection)
    schema, _, name = text.rpartition(".")
    if not inspector.has_table(name, schema or None):  # views too
        known = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
        raise DataError(f"The database has no table '{text}'.", mend=nearest(name, known) if known else "It has none.")
    listed = inspector.get_columns(name, schema or None)
    return sql.table(name, *(sql.column(column["name"]) for column in listed), schema=schema or None)


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[^\s()]+", text.strip()) is not None


def _names(source: Any, how: Reading, what: str) -> tuple[str, ...]:
    known = list(source.c.keys())
    for name in (*how.columns, *(one.column for one in how.where)):
        if name not in known:
            raise ConfigError(f"{what} has no column '{name}'.", mend=nearest(name, known))
    return how.columns or tuple(known)


def _term(sql: Any, column: Any, one: Filter) -> Any:
    """A filter as a part of the statement; parameters come without a type, so that the database reads dates itself."""
    if one.op == "missing":
        return column.is_(None)
    if one.op == "present":
        return column.is_not(None)
    if isinstance(one.value, tuple):
        bound = [_bound(sql, item) for item in one.value]
        return column.in_(bound) if one.op == "in" else column.not_in(bound)
    value = _bound(sql, one.value)
    compared = {
        "==": column == value,
        "!=": column != value,
        "<": column < value,
        "<=": column <= value,
        ">": column > value,
        ">=": column >= value,
    }
    return compared[one.op]


def _bound(sql: Any, value: Any) -> Any:
    return sql.bindparam(None, value, type_=sql.types.NullType(), unique=True)


def _blocks(result: Any, names: Sequence[str]) -> Iterator[list[Column]]:
    for rows in result.partitions(ROWS_A_BLOCK):
        yield [_column(name, values) for name, values in zip(names, zip(*rows, strict=True), strict=True)]


def _column(name: str, values: Sequence[Any]) -> Column:
    for value in values:
        if value is not None and not isinstance(value, int | float | str | Decimal | dt.date):
            raise DataError(
                what=f"Column {name!r} cannot be part of a table.",
                why=f"It holds values of type {type(value).__name__}.",
                mend="Turn it into numbers, dates or strings in the query, or leave it out by `columns`.",
            )
    plain = [float(value) if isinstance(value, Decimal) else value for value in values]
    words = any(isinstance(value, str) for value in plain)
    return Column.of(name, plain, "text" if words and all(isinstance(v, str | None) for v in plain) else None)


def _said(error: Any, what: str, shown: str) -> DataError:
    """What the database said, by the kind of its error: its own words may quote a row."""
    origin = getattr(error, "orig", None)
    kind = type(origin or error).__name__
    if kind in {"UndefinedTable", "UndefinedColumn", "SyntaxError", "ProgrammingError", "UndefinedFunction"}:
        why, mend = f"It does not understand the statement ({kind}).", "Try the query in the database's own client."
    elif kind == "InsufficientPrivilege":
        why, mend = "The user has no right to read it.", "Grant SELECT on it."
    elif kind in {"InvalidDatetimeFormat", "InvalidTextRepresentation", "DatetimeFieldOverflow", "DataError"}:
        why, mend = f"A value does not fit a column's type ({kind}).", "Look at the row filters and at casts."
    else:
        why, mend = f"The connection or the statement failed ({kind}).", "Check host, name, user, password and network."
    return DataError(f"{what} cannot be read from {shown}.", why, mend)
