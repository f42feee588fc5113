"""What looks wrong in a table and is no error: said in words, with counts of rows and no value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics import auc_of
from hansa.core.table import Column, Table
from hansa.data.alike import coded, readable
from hansa.data.ids import numbered
from hansa.data.parts import features_of

LEAK: Final = 0.95
"""A column that tells the target apart this well by itself, as an AUC, is suspected to be known only afterwards."""

_LEAST: Final = 20
_MOST: Final = 1_000_000


def oddities(table: Table) -> tuple[str, ...]:
    """One sentence for each thing to look at, of the first million rows.

    Columns without values, of one value, of the same ones as another, of numbers among words, of labels that hardly
    recur, or that give the target away; and ids that many rows share.

    Example:
        >>> oddities(Table.of({"x": [1, 1, 1], "z": [0.5, 0.7, None], "w": [0.5, 0.7, None]}))
        ("Column 'x' has the same value in all 3 rows.", "Columns 'z' and 'w' hold the same values.")
    """
    table = _categorised(table.take(slice(0, _MOST)))
    names = features_of(table)
    return (*_shared_ids(table), *(remark for name in names for remark in _of(table, name)), *_twins(table, names))


def _categorised(table: Table) -> Table:
    """Text as categories, so that its labels are found once."""
    texts = {name: coded(table.column(name)) for name in table.features if table.column(name).kind == "text"}
    return table.with_columns(
        Column(name, "category", codes.astype(np.int32), levels=labels) for name, (codes, labels) in texts.items()
    )


def _of(table: Table, name: str) -> Iterator[str]:
    column, rows = table.column(name), len(table)
    present = column.take(np.flatnonzero(~column.gaps))
    distinct = len(np.unique(present.values))
    if not distinct:
        yield f"Column {name!r} has no value in any of {rows:,} rows."
    elif distinct == 1 and rows > 1:
        where = f"all {rows:,} rows" if len(present) == rows else f"all of the {len(present):,} rows that have one"
        yield f"Column {name!r} has the same value in {where}."
    else:
        if column.kind == "category":
            yield from _of_words(present, distinct, rows)
        yield from _given_away(table, column)


def _of_words(present: Column, distinct: int, rows: int) -> Iterator[str]:
    numbers = readable(present)
    if len(present) // 2 <= numbers < len(present):
        yield (
            f"Column {present.name!r} is read as words, and {numbers:,} of {rows:,} rows are numbers: name the other "
            "words as gaps, in csv.gaps."
        )
    elif distinct >= _LEAST and 2 * distinct >= len(present):
        yield f"Column {present.name!r} has {distinct:,} different labels in {rows:,} rows: hardly one recurs."


def _given_away(table: Table, column: Column) -> Iterator[str]:
    target = None if table.target is None else table.column(table.target)
    if target is None or target.kind not in {"float", "integer"} or target.gaps.any():
        return
    y, gaps = table.y(), column.gaps
    if not ((y == 0) | (y == 1)).all():
        return
    if max(_telling(gaps.astype(np.float64), y), _telling(_scores(column, y)[~gaps], y[~gaps])) > LEAK:
        yield (
            f"Column {column.name!r} alone tells the target apart (AUC above {LEAK}). Is it known only afterwards? "
            f'Then drop = ["{column.name}"] in the prepare step.'
        )


def _scores(column: Column, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """A column as numbers [rows]: a label as the mean target of its rows, where there are enough to tell."""
    if column.kind == "date":
        return np.asarray(column.values.astype(np.int64), np.float64)
    if column.kind != "category":
        return column.floats()
    codes = column.values + 1
    count, total = np.bincount(codes), np.bincount(codes, y)
    mean = np.where(count >= _LEAST, total / np.maximum(count, 1), y.mean())
    return np.asarray(mean[codes], np.float64)


def _telling(score: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The AUC of a score, either way round; 0.5 where one class is rare or absent."""
    if min(int(y.sum()), int((1 - y).sum())) < _LEAST // 2:
        return 0.5
    area = auc_of(score, y)
    return max(area, 1 - area)


def _shared_ids(table: Table) -> Iterator[str]:
    if table.id is None or not len(table):
        return
    customers = int(numbered(table.column(table.id)).max()) + 1
    if 2 * customers <= len(table):
        yield f"Id {table.id!r} has {customers:,} different values in {len(table):,} rows: does it name the customer?"


def _twins(table: Table, names: Iterable[str]) -> Iterator[str]:
    """Columns that hold the same values, each told with the first of them."""
    seen: dict[str, str] = {}
    for name in names:
        column = table.column(name)
        if len(table) < 2 or column.gaps.all():
            continue
        key = _key(column)
        if key in seen:
            yield f"Columns {seen[key]!r} and {name!r} hold the same values."
        seen.setdefault(key, name)


def _key(column: Column) -> str:
    """What columns of the same values share, and no others."""
    values = column.floats() if column.kind in {"float", "integer"} else column.values
    return sha256(np.ascontiguousarray(values).tobytes() + repr((values.dtype.str, column.levels)).encode()).hexdigest()
