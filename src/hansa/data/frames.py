"""Frames of pandas, polars or pyarrow as tables; narwhals speaks to all of them, and none is imported here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from hansa.core.party import Party
from hansa.core.table import Column, Kind, Table
from hansa.errors import DataError

if TYPE_CHECKING:
    from hansa.core.party import Guard


def from_frame(
    frame: Any,
    *,
    target: str | None = None,
    id: str | None = None,
    weight: str | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Table:
    """Take a pandas, polars or pyarrow frame, a mapping name -> values, or a table (whose roles stay unless given).

    Numbers are shared without a copy where the frame allows. Booleans become 0 and 1, ordered categoricals keep
    their order, times of day fall away from dates. Raises DataError for anything else, and for columns of lists,
    structs, durations and mixed objects, and for whole numbers beyond 64 bits with a sign.

    Example:
        >>> from_frame({"age": [31, 58], "default": [0, 1]}, target="default").y().tolist()
        [0.0, 1.0]
    """
    if isinstance(frame, Table):
        roles = (target or frame.target, id or frame.id, weight or frame.weight)
        table = Table(frame.columns, *roles)
    elif isinstance(frame, Mapping):
        table = Table.of(frame, target=target, id=id, weight=weight)
    else:
        table = Table.of(_columns(frame), target=target, id=id, weight=weight)
    if kinds:
        table = table.with_columns(table.column(name).to_kind(kind) for name, kind in kinds.items())
    if table.id is not None and table.column(table.id).kind == "category":
        table = table.with_columns([table.column(table.id).to_kind("text")])
    return table


def _columns(frame: Any) -> Iterable[Column]:
    try:
        native = nw.from_native(frame, eager_only=True)
        series = [(str(one.name), one) for one in native.iter_columns()]
    except (TypeError, ValueError, nw.exceptions.NarwhalsError):
        raise DataError(
            what=f"A {type(frame).__name__} is not a table.",
            why="Tables come from pandas, polars or pyarrow frames with distinct column names, or from mappings.",
            mend="Pass a frame (collect a lazy one first), or {name: values}.",
        ) from None
    return [_column(name, one) for name, one in series]


def _column(name: str, series: nw.Series[Any]) -> Column:
    dtype = series.dtype
    if dtype == nw.Boolean:
        return Column.of(name, _objects(series), "integer")
    if dtype.is_integer() and dtype not in {nw.Int128, nw.UInt128}:
        return _integers(name, series)
    if dtype.is_float() or dtype.is_decimal():
        return Column.of(name, series.cast(nw.Float64).to_numpy().astype(np.float64, copy=False))
    if dtype == nw.Date:
        return _days(name, series)
    if dtype == nw.Datetime:
        return _days(name, series.dt.replace_time_zone(None))
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return _category(name, series)
    if dtype in {nw.String, nw.Object, nw.Unknown}:
        return Column.of(name, _objects(series))
    raise DataError(
        what=f"Column {name!r} cannot be part of a table.",
        why=f"It holds values of type {dtype}.",
        mend="Turn it into numbers (of 64 bits), dates or strings, or leave it out.",
    )


def _days(name: str, series: nw.Series[Any]) -> Column:
    values = series.to_numpy()
    if values.dtype.kind != "M":  # pandas gives objects for arrow's dates
        return Column.of(name, _objects(series), "date")
    return Column.of(name, values.astype("datetime64[D]"))


def _integers(name: str, series: nw.Series[Any]) -> Column:
    gaps = series.is_null()
    if not gaps.any():
        return Column.of(name, series.to_numpy())
    signed = series.dtype.is_signed_integer()
    filled = series.fill_null(0).cast(nw.Int64 if signed else nw.UInt64).to_numpy()
    whole = Column.of(name, filled.astype(np.int64 if signed else np.uint64, copy=False))
    return Column(name, "integer", whole.values, np.asarray(gaps.to_numpy(), bool))


def _category(name: str, series: nw.Series[Any]) -> Column:
    """Take labels as they are ordered, or in order of their names where the library gives no order."""
    words = [None if label is None else str(label) for label in _objects(series)]
    dtype = series.dtype
    if isinstance(dtype, nw.Enum):
        levels = tuple(map(str, dtype.categories))
    elif ordered := _ordered(series.to_native()):
        levels = ordered
    else:
        return Column.of(name, words, "category")
    place: dict[str | None, int] = {label: i for i, label in enumerate(levels)}
    codes = [place.get(word, -1) for word in words]
    return Column(name, "category", np.array(codes, np.int32), levels=levels)


def _ordered(native: Any) -> tuple[str, ...]:
    """The labels of a dictionary of pyarrow that keeps an order, of which narwhals says nothing; else none."""
    if not getattr(getattr(native, "type", None), "ordered", False) or not len(native):
        return ()
    return tuple(map(str, native.unify_dictionaries().chunk(0).dictionary.to_pylist()))


def _objects(series: nw.Series[Any]) -> list[Any]:
    """Python objects: every library's word for a gap is None, and a decimal is a float."""
    gaps = series.is_null().to_list()
    pairs = zip(gaps, series.to_list(), strict=True)
    return [None if gap else float(value) if isinstance(value, Decimal) else value for gap, value in pairs]


def party(
    name: str,
    data: Any,
    *,
    target: str | None = None,
    id: str | None = None,
    weight: str | None = None,
    table: str = "table",
    guards: Sequence[Guard] = (),
) -> Party:
    """An institution with one table, from a pandas, polars or pyarrow frame, a mapping or a table; `hansa.Party`.

    Raises:
        DataError: the frame is none, or lacks a column that is named.
        ConfigError: a name that cannot be a folder's.

    Example:
        >>> party("bank-a", {"age": [31, 58], "default": [0, 1]}, target="default").name
        'bank-a'
    """
    return Party(name, {table: from_frame(data, target=target, id=id, weight=weight)}, tuple(guards))
