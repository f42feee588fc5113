"""Whether a table keeps a schema: what is wrong, column by column, with the mend and never with a value.

A range encloses nearly all values, and a dictionary the labels of nearly all rows: what a handful of customers have is
no breach, and is told to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column, Table
from hansa.data.field import RANGED, Field, formed
from hansa.data.ids import numbered
from hansa.errors import DataError, is_value, nearest

OUTSIDE: Final = 0.05
"""The share of values that may lie outside a range, or of rows outside a dictionary."""

_UNITS: Final = (0.001, 1000.0, 0.01, 100.0, 1e-6, 1e6, 1 / 12, 12.0)
"""Factors between the units that people take for each other: thousands, cents and per cent, millions, months."""
_TOLD: Final = 5


@final
@dataclass(frozen=True)
class Fault:
    """One column that does not keep the schema, and the mend.

    Example:
        >>> Fault("income", "is missing", "Did you mean 'incomes'?").column
        'income'
    """

    column: str
    what: str
    mend: str


def faults(fields: Iterable[Field], table: Table, min_cell: int = 10) -> tuple[Fault, ...]:
    """List where a table does not keep its fields; nothing is told of fewer than `min_cell` customers.

    Example:
        >>> fields = (Field("income", "float", unit="kEUR", low=0, high=500), Field("home", "category"))
        >>> found = faults(fields, Table.of({"income": np.linspace(20_000, 90_000, 100), "hone": ["own"] * 100}))
        >>> found[0].mend
        "It looks like another unit than kEUR: factor = {'income' = 0.001} in the party's rules."
        >>> found[1].what, found[1].mend
        ('is missing', "Did you mean 'hone'? The party's rules can rename it: rename = {'hone' = 'home'}.")
    """
    fields = tuple(field for field in fields if field.role != "ignore")
    spare = set(table.names) - {field.name for field in fields}
    return tuple(fault for field in fields for fault in _of(field, table, spare, min_cell))


def broken(party: str, found: tuple[Fault, ...]) -> DataError:
    """One error for all that is wrong at a party.

    Example:
        >>> str(broken("bank-a", (Fault("income", "is missing", "Add it."),)))
        "bank-a: column 'income' is missing. The parties' tables follow one schema. Add it."
    """
    shown = found[:_TOLD]
    more = f"; and {len(found) - _TOLD} columns more" if len(found) > _TOLD else ""
    what = "; ".join(f"column {fault.column!r} {fault.what}" for fault in shown)
    mends = dict.fromkeys(fault.mend if len(shown) == 1 else f"{fault.column}: {fault.mend}" for fault in shown)
    return DataError(f"{party}: {what}{more}.", "The parties' tables follow one schema.", " ".join(mends))


def customers(codes: NDArray[np.integer], labels: int, table: Table) -> NDArray[np.intp]:
    """How many customers stand behind each label [labels], codes [rows] with -1 for none: by id, or else by rows.

    Example:
        >>> table = Table.of({"who": ["a", "a", "b"], "x": [1, 2, 3]}, id="who")
        >>> customers(np.array([0, 0, 1]), 2, table).tolist()
        [1, 1]
    """
    there = codes >= 0
    pairs = codes[there]
    if table.id is not None:
        pairs = np.unique(np.stack([pairs, numbered(table.column(table.id))[there]]), axis=1)[0]
    return np.bincount(pairs, minlength=labels)


def _of(field: Field, table: Table, spare: set[str], min_cell: int) -> Iterator[Fault]:
    if field.name not in table.columns:
        near = nearest(field.name, spare) if spare else "The table has no other column."
        renamed = near.partition("'")[2].partition("'")[0] if near.startswith("Did") else ""
        rule = f" The party's rules can rename it: rename = {{{renamed!r} = {field.name!r}}}." if renamed else ""
        yield Fault(field.name, "is missing", near + rule)
        return
    column = table.column(field.name)
    try:
        made = formed(column, field)
    except DataError as error:
        what = f"holds {column.kind} values that are not all {field.kind}"
        mend = f"Correct it, name its codes for gaps in `missing`, or give it a rule, as in recode.{_key(field.name)}."
        yield (
            Fault(field.name, what, mend)
            if field.positive is None
            else Fault(field.name, "lacks the positive label of the schema", error.mend)
        )
        return
    if field.kind in RANGED and field.positive is None:
        yield from _range(field, made, min_cell)
    if field.levels:
        yield from _levels(field, table, min_cell)


def _range(field: Field, column: Column, min_cell: int) -> Iterator[Fault]:
    values = column.values.astype(np.int64).astype(np.float64) if column.kind == "date" else column.floats()
    values = values[~column.gaps]
    low, high = field.range
    outside = int(_outside(values, low, high))
    if outside < min_cell or outside <= OUTSIDE * len(values):
        return
    unit = f" {field.unit}" if field.unit else ""
    what = f"has {_share(outside, len(values))} of its values outside of its range ({_said(field)}{unit})"
    factor = None if column.kind == "date" else _factor(values, low, high)
    if factor is None:
        mend = "Name codes for gaps in `missing`, correct the values, or agree on another range."
    else:
        than = f" than {field.unit}" if field.unit else ""
        mend = f"It looks like another unit{than}: factor = {{{field.name!r} = {factor:.6g}}} in the party's rules."
    yield Fault(field.name, what, mend)


def _levels(field: Field, table: Table, min_cell: int) -> Iterator[Fault]:
    """Labels outside of the dictionary, where enough customers share one, or where there are many rows of them."""
    column = formed(table.column(field.name), Field(field.name, "category", missing=field.missing))
    strange = np.array([label not in field.levels for label in column.levels] + [False], bool)
    rows = int(strange[column.values].sum())
    shared = int((strange[:-1] & (customers(column.values, len(column.levels), table) >= min_cell)).sum())
    if rows < min_cell or (not shared and rows <= OUTSIDE * len(column)):
        return
    counted = f"{shared} label{'s' * (shared != 1)}" if shared else "labels"
    what = f"has {counted} outside of its dictionary, in {_share(rows, len(column))} of its rows"
    mend = (
        f"Map them in the party's rules, recode.{_key(field.name)} = {{THEIRS = {field.levels[0]!r}}}; capitals count."
    )
    yield Fault(field.name, what, mend)


def _outside(values: NDArray[np.float64], low: float, high: float) -> np.intp:
    return np.count_nonzero((values < low) | (values > high))


def _factor(values: NDArray[np.float64], low: float, high: float) -> float | None:
    """A factor between common units that brings nearly all values into the range."""
    fits = (factor for factor in _UNITS if _outside(values * factor, low, high) <= OUTSIDE * len(values))
    return next(fits, None)


def _said(field: Field) -> str:
    low, high = (end if end is None or isinstance(end, str) else f"{end:,.10g}" for end in (field.low, field.high))
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"{low} to {high}"


def _share(rows: int, of: int) -> str:
    """A share in whole per cent, so that it is no count of a few."""
    return f"about {max(1, round(100 * rows / max(of, 1)))} %"


def _key(name: str) -> str:
    return repr(name) if is_value(name) or not name.isidentifier() else name
