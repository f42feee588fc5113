"""A schema read off one table, fit to be shown to other institutions: it holds nothing of a few customers.

A label is listed only where `min_cell` customers share it. A range comes from quantiles with `min_cell` customers, and
a hundredth of all, beyond either end, and is rounded outwards to 1, 2 or 5 times a power of ten (a date to its year):
the quantile, which is somebody's value, is not told.
"""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column, Table
from hansa.data.contract import OUTSIDE, customers
from hansa.data.field import RANGED, Bound, Field, Role
from hansa.data.ids import numbered

_BEYOND: Final = 0.01
"""The share of customers beyond either end of a range."""


def inferred(table: Table, time: str = "", min_cell: int = 10) -> tuple[Field, ...]:
    """Describe a table's columns: kinds, roles, ranges and dictionaries; all known at application but the target.

    Example:
        >>> table = Table.of({"age": np.arange(18, 82), "home": ["own", "rent"] * 29 + ["castle"] * 6})
        >>> [(field.low, field.high, field.levels) for field in inferred(table)]
        [(20.0, 100.0, ()), (None, None, ())]
        >>> inferred(table, min_cell=2)[1].levels
        ('castle', 'own', 'rent')
    """
    roles: dict[str | None, Role] = {table.target: "target", table.id: "id", table.weight: "weight"}
    return tuple(
        _field(table, column, "time" if name == time else roles.get(name, "feature"), min_cell)
        for name, column in table.columns.items()
    )


def outward(value: float, *, up: bool) -> float:
    """The next number away from the range's middle that is 1, 2 or 5 times a power of ten.

    Example:
        >>> outward(19.0, up=False), outward(83.0, up=True), outward(-0.3, up=False), outward(0.0, up=True)
        (10.0, 100.0, -0.5, 0.0)
    """
    if value == 0 or not np.isfinite(value):
        return value
    size = abs(value)
    power = 10.0 ** floor(log10(size))
    if up == (value > 0):  # away from zero
        step = next((step for step in (1.0, 2.0, 5.0) if step * power >= size * (1 - 1e-12)), 10.0)
    else:
        step = next(step for step in (5.0, 2.0, 1.0, 0.5) if step * power <= size * (1 + 1e-12))
    return float(np.copysign(float(f"{step * power:.6g}"), value))


def _field(table: Table, column: Column, role: Role, min_cell: int) -> Field:
    known: Any = "outcome" if role == "target" else "application"
    low, high = _range(table, column, min_cell) if role in {"feature", "time"} else (None, None)
    levels = _levels(table, column, min_cell) if role in {"feature", "target"} else ()
    return Field(column.name, column.kind, known, role, low=low, high=high, levels=levels)


def _levels(table: Table, column: Column, min_cell: int) -> tuple[str, ...]:
    """The labels that enough customers share; none where they are not those of nearly all rows."""
    if column.kind != "category":
        return ()
    shared = customers(column.values, len(column.levels), table) >= min_cell
    rows = np.bincount(column.values[column.values >= 0], minlength=len(shared))
    if not shared.any() or rows[~shared].sum() > OUTSIDE * len(column):
        return ()
    return tuple(label for label, told in zip(column.levels, shared.tolist(), strict=True) if told)


def _range(table: Table, column: Column, min_cell: int) -> tuple[Bound, Bound]:
    if column.kind not in RANGED:
        return None, None
    there = ~column.gaps
    values = column.values[there]
    values = values.astype(np.int64).astype(np.float64) if column.kind == "date" else values.astype(np.float64)
    who = np.arange(len(values)) if table.id is None else numbered(table.column(table.id))[there]
    people = len(np.unique(who))
    rank = max(min_cell, ceil(_BEYOND * people)) + 1
    if people < 2 * rank:
        return None, None
    low, high = _kth(values, who, rank), -_kth(-values, who, rank)
    if column.kind == "date":
        years = np.array([low, high], np.int64).astype("datetime64[D]").astype("datetime64[Y]")
        return f"{years[0]}-01-01", f"{years[1]}-12-31"
    return outward(low, up=False), outward(high, up=True)


def _kth(values: NDArray[np.float64], who: NDArray[Any], rank: int) -> float:
    """The value at which, from the smallest on, so many customers have come."""
    order = np.argsort(values, kind="stable")
    first = np.sort(np.unique(who[order], return_index=True)[1])
    return float(values[order][first[rank - 1]])
