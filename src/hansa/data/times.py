"""Parts by time: the past trains and the newest rows are the sealed test, with room for outcomes to become known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hansa.core.table import Column, Table
from hansa.data.parts import LEFT_OUT, Codes
from hansa.errors import ConfigError, DataError

Moments: TypeAlias = "NDArray[np.float64]"
Bound: TypeAlias = str | float
Period: TypeAlias = Literal["year", "quarter", "month"]


@final
@dataclass(frozen=True)
class Window:
    """How long after a row's moment its outcome is known: calendar months, then days or units of a numeric column.

    Raises ConfigError where it is negative.

    Example:
        >>> days = np.array(["2024-01-31", "2024-03-15"], "datetime64[D]").astype(float)
        >>> Window(months=1).after(days).astype(np.int64).astype("datetime64[D]").astype(str).tolist()
        ['2024-02-29', '2024-04-15']
    """

    months: int = 0
    gap: float = 0.0

    def __post_init__(self) -> None:
        """Check the range."""
        if not (self.months >= 0 and 0 <= self.gap < np.inf):
            raise ConfigError(
                what="An outcome cannot be known before its row.",
                why=f"months is {self.months} and gap is {self.gap}.",
                mend="Give 0 or more.",
            )

    def after(self, moments: ArrayLike) -> Moments:
        """When the outcomes of rows at these moments [rows] are known; a day that a month lacks is its last one."""
        begin = np.asarray(moments, np.float64)
        if not self.months:
            return begin + self.gap
        days = begin.astype(np.int64).astype("datetime64[D]")
        month = days.astype("datetime64[M]")
        then = month + self.months
        room = (then + 1).astype("datetime64[D]") - then.astype("datetime64[D]") - np.timedelta64(1, "D")
        known = then.astype("datetime64[D]") + np.minimum(days - month.astype("datetime64[D]"), room)
        return np.asarray(known.astype(np.int64) + self.gap, np.float64)


@final
@dataclass(frozen=True)
class TimeSplit:
    """Parts by a date or number: the past trains, then comes validation, and the newest rows are the test.

    Both bounds are the first value of their part, ISO dates or numbers, and the same at every member. `months` and
    `gap` (days, or units of a number) say how long a row's outcome takes to be known: rows whose outcome is not known
    when the next part begins are left out of training and validation, as they would be on that day. `known_until`: test
    rows whose outcome is not known by then are left out too.

    Example:
        >>> table = Table.of({"year": [2021, 2022, 2023, 2024]})
        >>> TimeSplit("year", validation_from=2023, test_from=2024).codes(table).tolist()
        [0, 0, 1, 2]
        >>> opened = Table.of([Column.of("opened", ["2022-01-01", "2022-07-01", "2023-02-01", "2024-01-01"], "date")])
        >>> TimeSplit("opened", "2023-01-01", "2024-01-01", months=12).codes(opened).tolist()
        [0, 3, 3, 2]
    """

    column: str
    validation_from: Bound
    test_from: Bound
    months: int = 0
    gap: float = 0.0
    known_until: Bound | None = None

    def __post_init__(self) -> None:
        """Check the window."""
        Window(self.months, self.gap)

    def codes(self, table: Table) -> Codes:
        """Give each row its part: int8 [rows]; DataError for gaps, ConfigError for bounds that do not fit."""
        column = timed(table, self.column, self.months)
        bounds = [moment(column, bound) for bound in (self.validation_from, self.test_from)]
        if bounds[0] > bounds[1]:
            raise ConfigError(
                what="The test would begin before the validation.",
                why="Time runs from train to validation to test.",
                mend="Exchange validation_from and test_from.",
            )
        begin = moments(column)
        codes = np.searchsorted(np.array(bounds), begin, side="right").astype(np.int8)
        end = np.inf if self.known_until is None else moment(column, self.known_until)
        codes[Window(self.months, self.gap).after(begin) > np.array([*bounds, end])[codes]] = LEFT_OUT
        return codes


def timed(table: Table, name: str, months: int = 0) -> Column:
    """The column that tells each row's time; DataError for gaps and labels, ConfigError for months of a number.

    Example:
        >>> timed(Table.of({"year": [2021, 2022]}), "year").kind
        'integer'
    """
    column = table.column(name)
    count = int(np.count_nonzero(column.gaps))
    if column.kind not in {"date", "integer", "float"}:
        raise DataError(
            what=f"Column {name!r} does not tell every row's time.",
            why=f"It holds {column.kind} values.",
            mend="Read it as a date or a number, by a schema or the CSV's `dates`, or name another column.",
        )
    if count:
        raise DataError(
            what=f"Column {name!r} does not tell every row's time.",
            why=f"It has {count} gaps.",
            mend="Name a date or a number without gaps.",
        )
    if months and column.kind != "date":
        raise ConfigError(
            what=f"Column {name!r} has no months.",
            why=f"It holds {column.kind} values.",
            mend="Say in `gap` how many of its own units an outcome takes.",
        )
    return column


def moments(column: Column) -> Moments:
    """A column of times as numbers [rows]; dates count days since 1970.

    Example:
        >>> moments(Column.of("opened", ["1970-01-11"], "date")).tolist()
        [10.0]
    """
    return column.values.astype(np.int64).astype(np.float64) if column.kind == "date" else column.floats()


def moment(column: Column, bound: Bound) -> float:
    """A bound as a number of the column's; ConfigError where it does not fit.

    Example:
        >>> moment(Column.of("opened", ["1970-01-11"], "date"), "1970-01-02")
        1.0
    """
    try:
        day = np.datetime64(str(bound), "D") if column.kind == "date" else None
        return float(bound) if day is None else float(day.astype(np.int64))
    except ValueError:
        raise ConfigError(
            what=f"The bound {bound!r} does not fit column {column.name!r}.",
            why=f"The column holds {column.kind} values.",
            mend='Write dates as "2024-05-01" and numbers as numbers.',
        ) from None


def vintages(column: Column, period: Period = "year") -> Column:
    """The vintage of each row of a column of times, as labels in the order of time; a number is its own vintage.

    Example:
        >>> opened = Column.of("opened", ["2024-02-29", "2024-11-05"], "date")
        >>> vintages(opened, "quarter").values.tolist(), vintages(opened, "month").values.tolist()
        (['2024-Q1', '2024-Q4'], ['2024-02', '2024-11'])
    """
    if column.kind != "date":
        return column
    month = column.values.astype("datetime64[M]")
    if period == "quarter":
        year = month.astype("datetime64[Y]")
        quarter = (month - year.astype("datetime64[M]")).astype(np.int64) // 3 + 1
        words = [f"{y}-Q{q}" for y, q in zip(year.astype(str).tolist(), quarter.tolist(), strict=True)]
    else:
        words = (month if period == "month" else month.astype("datetime64[Y]")).astype(str).tolist()
    return Column.of(column.name, words, "text")
