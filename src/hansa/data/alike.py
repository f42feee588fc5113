"""Whether the tables of several institutions can be read as one: the same columns, of the same kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hansa.core.column import encode
from hansa.core.table import Column, Kind, Table
from hansa.data.spelling import Spelling
from hansa.data.typed import reads_as
from hansa.errors import DataError, nearest

_WORDS: Final = {"category", "text"}
_ALIKE: Final = (_WORDS, {"float", "integer"})


def check_alike(tables: Mapping[str, Table]) -> None:
    """Refuse tables, by party, that differ in their columns or in what these hold; one of gaps alone goes with any.

    Raises:
        DataError: names the column, two parties, and how many rows stand against the mend.

    Example:
        >>> check_alike({"a": Table.of({"x": [1]}), "b": Table.of({"x": ["n.a.", "2"]})})
        Traceback (most recent call last):
            ...
        hansa.errors.DataError: Column 'x' is integer at a and category at b. All parties need the same columns. 1 of \
2 rows of b hold words that are no numbers. Name these as gaps, in csv.gaps or the party's rules, or correct the file.
    """
    first, table = next(iter(tables.items()))
    for party, other in tables.items():
        for name in dict.fromkeys((*table.names, *other.names)):
            if name not in table.columns or name not in other.columns:
                raise _missing(name, (first, table), (party, other))
            here, there = table.column(name), other.column(name)
            kinds = {here.kind, there.kind}
            if len(kinds) > 1 and kinds not in _ALIKE and not (here.gaps.all() or there.gaps.all()):
                raise _differing(name, {first: here, party: there})


def _missing(name: str, *both: tuple[str, Table]) -> DataError:
    (there, holder), (party, other) = both if name in both[0][1].columns else both[::-1]
    odd = [own for own in other.names if own not in holder.columns]
    near = nearest(name, odd) if odd else "Ask for it, or name the columns to read in simulation.columns."
    return DataError(f"Column {name!r} of {there} is missing at {party}.", "All parties need the same columns.", near)


def _differing(name: str, columns: Mapping[str, Column]) -> DataError:
    said = " and ".join(f"{column.kind} at {party}" for party, column in columns.items())
    what, why = f"Column {name!r} is {said}.", "All parties need the same columns."
    worded = [party for party, column in columns.items() if column.kind in _WORDS]
    if len(worded) != 1:
        return DataError(what, why, "Correct the files, or say what the column is in simulation.kinds.")
    column = columns[worded[0]]
    (other,) = (column.kind for party, column in columns.items() if party != worded[0])
    sort = "dates" if other == "date" else "numbers"
    plain, filled = readable(column, sort), len(column) - int(column.gaps.sum())
    if not plain:
        mend = "Read it alike everywhere: simulation.kinds says what a column is, csv.dates how its dates are written."
        return DataError(what, why, mend)
    why = f"{why} {filled - plain:,} of {len(column):,} rows of {worded[0]} hold words that are no {sort}."
    return DataError(what, why, "Name these as gaps, in csv.gaps or the party's rules, or correct the file.")


def readable(column: Column, sort: str = "numbers") -> int:
    """How many rows of a column of words read as numbers, or as dates in the usual way.

    Example:
        >>> readable(Column.of("x", ["1", "n.a.", None, "2.5"]))
        2
    """
    kind: Kind = "date" if sort == "dates" else "float"
    codes, labels = coded(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(labels)).tolist()
    plain = Spelling()
    return sum(count for label, count in zip(labels, counts, strict=True) if count and reads_as([label], kind, plain))


def coded(column: Column) -> tuple[NDArray[Any], tuple[str, ...]]:
    """A column of words as codes [rows] into its labels, -1 for a gap.

    Example:
        >>> codes, labels = coded(Column.of("home", ["own", None, "rent"]).to_kind("text"))
        >>> codes.tolist(), labels
        ([0, -1, 1], ('own', 'rent'))
    """
    if column.kind == "category":
        return column.values, column.levels
    words = zip(column.strings().tolist(), column.gaps.tolist(), strict=True)
    return encode([None if gap else word for word, gap in words])  # numpy 2.4 may crash as it sorts strings
