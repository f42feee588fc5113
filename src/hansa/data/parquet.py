"""Read Parquet, a file, a folder or a glob, into a table; the only room of pyarrow.

Row filters and columns are pushed down: row groups that no row can come from are not read. Memory stays at the finished
columns and a few batches, or at the batches alone where columns lie on disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from hansa.core.table import Column, Table
from hansa.data.filters import Filter
from hansa.data.growing import table_of
from hansa.data.source import ENDINGS, Reading
from hansa.errors import ConfigError, DataError, nearest
from hansa.extras import need

ROWS_A_BLOCK: Final = 65_536
_GLOB = frozenset("*?[")


def read_parquet(
    path: str | Path,
    how: Reading | None = None,
    *,
    target: str | None = None,
    id: str | None = None,
    weight: str | None = None,
) -> Table:
    """Read a Parquet file, a folder of them (its subfolders too) or a glob into a table [rows].

    `how` says which columns and rows are read, and where columns lie. They are of the kinds that `read_csv` gives them;
    booleans are 0 and 1, times of day fall away from dates.

    Raises:
        DataError: no such file, no Parquet, no rows, files that do not agree, or columns of lists and structs.
        ConfigError: an unknown column, or a filter that does not fit its column; pyarrow is not installed.

    Example:
        >>> import tempfile
        >>> from hansa.extras import need
        >>> arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "loans.parquet")
        ...     parquet.write_table(arrow.table({"age": [31, 17, None], "home": ["own", "rent", "own"]}), file)
        ...     table = read_parquet(file, Reading(where=[("age", ">=", 18)]))
        >>> table.column("age").values.tolist(), table.column("home").levels
        ([31], ('own',))
    """
    arrow, how = need("pyarrow"), how or Reading()
    files = _files(Path(path))
    name = Path(path).name or str(path)
    try:
        _check_alike(files, name)
        data = need("pyarrow.dataset").dataset([str(file) for file in files], format="parquet", partitioning="hive")
        schema = data.schema
        names = _names(schema, how.columns, name)
        chosen = _expression(arrow, schema, how.where, name)
        batches = _batches(data, names, chosen)
        return table_of(
            _blocks(batches, names),
            names,
            how.kinds,
            (target, id, weight),
            disk=how.on_disk,
            where=f"The source {name}",
        )
    except (arrow.ArrowInvalid, arrow.ArrowTypeError, arrow.ArrowNotImplementedError):
        raise DataError(  # arrow's own message may quote a value
            what=f"{name} cannot be read as Parquet.",
            why="A file is damaged, is none, or its columns are of other types than those of its neighbours.",
            mend="Write it again, or give hansa one file after another.",
        ) from None
    except OSError:
        raise DataError(
            what=f"{name} cannot be read.", why="A file of it is damaged or cannot be opened.", mend="Copy it again."
        ) from None


def _files(path: Path) -> list[Path]:
    """The files that a path, a folder or a glob stands for, in order of their names."""
    if path.is_dir():
        found = sorted(file for ending in ENDINGS for file in path.rglob(f"*{ending}") if _is_shown(file, path))
    elif _GLOB & set(str(path)) and not path.exists():
        whole = next(i for i, part in enumerate(path.parts) if _GLOB & set(part))
        found = sorted(
            file for file in Path(*path.parts[:whole]).glob(str(Path(*path.parts[whole:]))) if file.is_file()
        )
    else:
        found = [path] if path.exists() else []
    if not found:
        raise DataError(
            what=f"There is no Parquet file at {path}.",
            why="No file ends in .parquet there." if path.is_dir() else "Nothing of that name is there.",
            mend="Check the path; relative paths start at the working folder or at --data.",
        )
    return found


def _is_shown(file: Path, folder: Path) -> bool:
    """Whether a file is part of a folder's table: what begins with "_" or a dot is a writer's own."""
    return not any(part[0] in "_." for part in file.relative_to(folder).parts)


def _check_alike(files: Sequence[Path], where: str) -> None:
    """Refuse files that do not hold the same columns: what one lacks would be read as gaps, what it adds not at all."""
    schemas = [need("pyarrow.parquet").read_schema(file) for file in files]
    _check_distinct(schemas[0].names, where)
    for file, schema in zip(files, schemas, strict=True):
        odd = sorted(set(schema.names) ^ set(schemas[0].names))
        if odd:
            raise DataError(
                f"The files of {where} differ in their columns.",
                f"'{odd[0]}' is not in both {files[0].name} and {file.name}.",
                mend="Write them with the same columns, or read them one by one.",
            )


def _names(schema: Any, columns: Sequence[str], where: str) -> tuple[str, ...]:
    known: list[str] = list(schema.names)
    for name in columns:
        if name not in known:
            raise ConfigError(f"{where} has no column '{name}'.", mend=nearest(name, known))
    return tuple(columns) or tuple(known)


def _check_distinct(names: Sequence[str], where: str) -> None:
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise DataError(f"Column '{twice}' stands twice in {where}.", mend="Give each column a name of its own.")


def _expression(arrow: Any, schema: Any, where: Sequence[Filter], source: str) -> Any:
    """The filters as one expression of arrow's, or None."""
    found = None
    for one in where:
        if one.column not in schema.names:
            raise ConfigError(
                f"{source} has no column '{one.column}' to filter by.", mend=nearest(one.column, schema.names)
            )
        term = _term(arrow, schema.field(one.column).type, one)
        found = term if found is None else found & term
    return found


def _term(arrow: Any, kind: Any, one: Filter) -> Any:
    field = need("pyarrow.compute").field(one.column)
    if one.op in {"missing", "present"}:
        return field.is_null(nan_is_null=True) if one.op == "missing" else ~field.is_null(nan_is_null=True)
    if arrow.types.is_dictionary(kind):
        kind = kind.value_type
    try:
        if isinstance(one.value, tuple):
            listed = field.isin(arrow.array([_scalar(arrow, item, kind) for item in one.value], kind))
            return listed if one.op == "in" else ~listed & ~field.is_null(nan_is_null=True)
        value = _scalar(arrow, one.value, kind)
    except (arrow.ArrowInvalid, arrow.ArrowTypeError, arrow.ArrowNotImplementedError, ValueError, TypeError):
        raise ConfigError(
            f"The filter on '{one.column}' does not fit it.",
            f"The column is of type {kind}.",
            'Write dates as "2024-05-01", numbers as numbers and words as text.',
        ) from None
    compared = {
        "==": field == value,
        "!=": field != value,
        "<": field < value,
        "<=": field <= value,
        ">": field > value,
        ">=": field >= value,
    }
    return compared[one.op]


def _scalar(arrow: Any, value: Any, kind: Any) -> Any:
    """A value of the filter as one of the column's type; a number compared with whole ones may be a fraction."""
    if isinstance(value, float) and arrow.types.is_integer(kind) and not value.is_integer():
        return arrow.scalar(value)
    if isinstance(value, str) and not (arrow.types.is_string(kind) or arrow.types.is_large_string(kind)):
        if not arrow.types.is_temporal(kind):
            raise TypeError
        return arrow.scalar(value).cast(arrow.timestamp("us")).cast(kind)
    return arrow.scalar(value, kind)


def _batches(data: Any, names: Sequence[str], chosen: Any) -> Iterator[Any]:
    """Row group by row group and through a buffer: threads that read ahead would hold many times as much."""
    scan = need("pyarrow.dataset").ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False)
    for fragment in data.get_fragments(chosen):
        for group in fragment.split_by_row_group(chosen, data.schema):
            yield from group.to_batches(
                data.schema,
                columns=list(names),
                filter=chosen,
                batch_size=ROWS_A_BLOCK,
                batch_readahead=1,
                fragment_scan_options=scan,
                use_threads=False,
            )


def _blocks(batches: Iterator[Any], names: Sequence[str]) -> Iterator[list[Column]]:
    for batch in batches:
        if batch.num_rows:
            yield [_column(name, batch.column(i)) for i, name in enumerate(names)]


def _column(name: str, array: Any) -> Column:
    """One batch of a column as a block of its kind."""
    arrow = need("pyarrow")
    kind, types = array.type, arrow.types
    gaps = array.is_null().to_numpy(zero_copy_only=False)
    if types.is_null(kind):
        return Column(name, "float", np.full(len(array), np.nan))
    if types.is_integer(kind) or types.is_boolean(kind):
        values = _filled(array, 0).to_numpy(zero_copy_only=False)
        whole = Column.of(name, values)  # which refuses what needs more than 64 bits with a sign
        return Column(name, "integer", whole.values, gaps if gaps.any() else None)
    if types.is_floating(kind) or types.is_decimal(kind):
        values = array.cast(arrow.float64()).to_numpy(zero_copy_only=False)
        return Column(name, "float", np.asarray(values, np.float64))
    if types.is_date(kind) or types.is_timestamp(kind):
        local = need("pyarrow.compute").local_timestamp(array) if getattr(kind, "tz", None) else array
        days = local.cast(arrow.timestamp("us"), safe=False).to_numpy(zero_copy_only=False)
        return Column(name, "date", days.astype("datetime64[D]"))
    if types.is_string_view(kind):
        return _column(name, array.cast(arrow.string()))
    if types.is_dictionary(kind) or types.is_string(kind) or types.is_large_string(kind):
        coded = array if types.is_dictionary(kind) else array.dictionary_encode()
        codes = _filled(coded.indices, -1).cast(arrow.int32()).to_numpy(zero_copy_only=False)
        labels = coded.dictionary.to_pylist()
        if all(isinstance(label, str) for label in labels) and len(set(labels)) == len(labels):
            return Column(name, "category", codes, levels=tuple(labels))
    raise DataError(
        what=f"Column {name!r} cannot be part of a table.",
        why=f"It holds values of type {kind}.",
        mend="Turn it into numbers, dates or strings, or leave it out by `columns`.",
    )


def _filled(array: Any, blank: int) -> Any:
    return array.fill_null(bool(blank) if str(array.type) == "bool" else blank) if array.null_count else array
