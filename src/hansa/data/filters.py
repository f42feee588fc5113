"""Row filters as data: which rows of a file or database are read at all; the reader of each source pushes them down."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column, Table
from hansa.errors import ConfigError, nearest

Scalar: TypeAlias = bool | int | float | str
Op: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "missing", "present"]
Where: TypeAlias = "Iterable[Filter | tuple[Any, ...]]"

_COMPARED: Final = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LISTS, _BARE = ("in", "not in"), ("missing", "present")


@final
@dataclass(frozen=True)
class Filter:
    """Rows whose `column` stands so to `value`; a gap fulfils "missing" and nothing else, as in SQL.

    Dates are written as ISO text. Several filters are joined by "and".

    Raises:
        ConfigError: a list where one value is wanted, or the other way round.

    Example:
        >>> Filter("opened", ">=", "2020-01-01"), Filter("grade", "in", ("A", "B")).value
        (Filter(column='opened', op='>=', value='2020-01-01'), ('A', 'B'))
    """

    column: str
    op: Op
    value: Scalar | tuple[Scalar, ...] = ()

    def __post_init__(self) -> None:
        """Check that the value is of the form that the comparison needs."""
        if self.op not in {*_COMPARED, *_LISTS, *_BARE}:
            raise ConfigError(
                f"A filter on '{self.column}' has no comparison '{self.op}'.",
                mend="Known: ==, !=, <, <=, >, >=, in, not in, missing, present.",
            )
        listed = isinstance(self.value, tuple)
        empty = listed and not self.value
        if (self.op in _BARE and not empty) or (self.op in _LISTS and (not listed or empty)):
            wanted = "no value" if self.op in _BARE else "a list of values"
            raise ConfigError(f"The filter '{self.op}' on '{self.column}' needs {wanted}.")
        if self.op not in {*_BARE, *_LISTS} and listed:
            raise ConfigError(
                f"The filter '{self.op}' on '{self.column}' needs one value.", mend='Compare with a list by "in".'
            )


def filters(where: Where) -> tuple[Filter, ...]:
    """Filters as they were given: as `Filter`, or as tuples (column, op, value).

    Example:
        >>> filters([("age", ">=", 18), ("opened", "present")])
        (Filter(column='age', op='>=', value=18), Filter(column='opened', op='present', value=()))
    """
    found = []
    for one in where:
        if isinstance(one, Filter):
            found.append(one)
            continue
        if not 2 <= len(one) <= 3 or not isinstance(one[0], str):
            raise ConfigError("A row filter is (column, comparison, value).", mend='As in ("age", ">=", 18).')
        column, op, *rest = one
        value = rest[0] if rest else ()
        found.append(Filter(column, op, tuple(value) if isinstance(value, list | set | frozenset) else value))
    return tuple(found)


def chosen(table: Table, where: Iterable[Filter]) -> Table:
    """The rows of a table that all filters let through; for sources that cannot choose by themselves.

    Raises:
        ConfigError: there is no such column, or the value does not fit it.

    Example:
        >>> loans = Table.of({"age": [31, 17, None], "home": ["own", "rent", "own"]})
        >>> chosen(loans, filters([("age", ">=", 18)])).column("home").strings().tolist()
        ['own']
    """
    keep = np.ones(len(table), bool)
    for one in where:
        if one.column not in table.columns:
            raise ConfigError(f"There is no column '{one.column}' to filter by.", mend=nearest(one.column, table.names))
        keep &= _kept(table.column(one.column), one)
    return table if keep.all() else table.take(keep)


def _kept(column: Column, one: Filter) -> NDArray[np.bool_]:
    gaps = column.gaps
    if one.op in _BARE:
        return gaps if one.op == "missing" else ~gaps
    values = column.strings() if column.kind in {"category", "text"} else column.values
    try:
        if isinstance(one.value, tuple):
            listed = np.zeros(len(column), bool)
            for item in one.value:
                listed |= values == _like(column, item)
            return np.asarray(~gaps & (listed if one.op == "in" else ~listed))
        return np.asarray(~gaps & _COMPARED[one.op](values, _like(column, one.value)), bool)
    except (TypeError, ValueError):
        raise ConfigError(
            f"The filter on '{one.column}' does not fit it.",
            f"The column holds {column.kind} values.",
            'Write dates as "2024-05-01", numbers as numbers and words as text.',
        ) from None


def _like(column: Column, value: Scalar) -> Any:
    """The value as one of the column's kind; TypeError or ValueError where it is none."""
    if column.kind in {"category", "text"}:
        if not isinstance(value, str):
            raise TypeError
        return value
    if column.kind == "date":
        return np.datetime64(str(value), "D")
    if isinstance(value, str):
        raise TypeError
    return value
