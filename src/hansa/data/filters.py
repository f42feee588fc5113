"""Row filters as data: which rows of a file or database are read at all; the reader of each source pushes them down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

from hansa.errors import ConfigError

Scalar: TypeAlias = bool | int | float | str
Op: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "missing", "present"]
Where: TypeAlias = "Iterable[Filter | tuple[Any, ...]]"

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
        if self.op not in {"==", "!=", "<", "<=", ">", ">=", *_LISTS, *_BARE}:
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
