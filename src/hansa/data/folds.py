"""Folds over time that do not look ahead: purged and with an embargo (Lopez de Prado 2018, chapter 7).

A row's outcome is known some time after the row. A training row whose window overlaps that of a validation row shares a
stretch of the future with it, and is purged; for an embargo after the fold, what lingers is left out as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hansa.core.table import Table
from hansa.data.parts import LEFT_OUT, TEST, TRAIN, VALIDATION, Codes
from hansa.data.times import Bound, Moments, Window, moment, moments, timed
from hansa.errors import ConfigError

Rows: TypeAlias = "NDArray[np.intp]"


def purged_folds(begin: ArrayLike, end: ArrayLike, k: int, embargo: float = 0.0) -> Iterator[tuple[Rows, Rows]]:
    """Yield (train, validation) row numbers of `k` folds over time, about equal in rows; equal times stay together.

    `begin`, `end` [rows]: when each row is seen and when its outcome is known, as numbers or dates; `embargo`: in units
    of the numbers, or days. Raises ConfigError for fewer than two folds, or more than there are times.

    Example:
        >>> months = np.arange(12)
        >>> for train, validation in purged_folds(months, months + 2, k=3, embargo=1):
        ...     print(train.tolist(), validation.tolist())
        [6, 7, 8, 9, 10, 11] [0, 1, 2, 3]
        [0, 1, 2, 10, 11] [4, 5, 6, 7]
        [0, 1, 2, 3, 4, 5, 6] [8, 9, 10, 11]
    """
    first, last = _numbers(begin), _numbers(end)
    distinct, counts = np.unique(first, return_counts=True)
    if not 2 <= k <= len(distinct):
        raise ConfigError(f"{len(distinct)} points in time cannot be cut into {k} folds.", mend="Ask for 2 or more.")
    upto = np.cumsum(counts)
    cuts = np.searchsorted(upto, upto[-1] * np.arange(1, k) / k, side="left") + 1
    place = np.arange(k - 1)
    cuts = np.minimum(np.maximum.accumulate(cuts - place) + place, len(distinct) - k + 1 + place)  # no fold is empty
    fold = np.searchsorted(distinct[cuts], first, side="right")
    for number in range(k):
        mine = fold == number
        free = _apart(first, last, float(first[mine].min()), float(last[mine].max()) + embargo)
        yield np.flatnonzero(free & ~mine), np.flatnonzero(mine)


@final
@dataclass(frozen=True)
class PurgedFolds:
    """`k` folds of equal length over time, the same at every member; as a split, fold number `fold` validates.

    The folds lie between `start` and `stop` (ISO dates or numbers); what comes from `stop` on is the sealed test, what
    was before `start` trains. `months` and `gap` say how long a row's outcome takes to be known, and `embargo` (days,
    or units of a number) how long after a fold's last outcome no row trains. Rows whose outcome overlaps the fold's, or
    is not known at `stop`, are left out.

    Raises:
        ConfigError: fewer than two folds, no such fold, or a negative window or embargo.

    Example:
        >>> table = Table.of({"month": range(14)})
        >>> folds = PurgedFolds("month", 3, start=0, stop=12, gap=2, embargo=1, fold=1)
        >>> folds.codes(table).tolist()
        [0, 0, 0, 3, 1, 1, 1, 1, 3, 3, 3, 3, 2, 2]
        >>> [(len(train), len(validation)) for train, validation in folds.pairs(table)]
        [(4, 4), (3, 4), (7, 3)]
    """

    column: str
    k: int
    start: Bound
    stop: Bound
    months: int = 0
    gap: float = 0.0
    embargo: float = 0.0
    fold: int = 0

    def __post_init__(self) -> None:
        """Check ranges."""
        Window(self.months, self.gap)
        if self.k < 2 or not 0 <= self.fold < self.k or not 0 <= self.embargo < np.inf:
            raise ConfigError(
                what=f"There is no fold {self.fold} of {self.k} with an embargo of {self.embargo}.",
                why="There are two folds or more, counted from 0, and an embargo is not negative.",
                mend="For example k = 5, fold = 0, embargo = 30.",
            )

    def codes(self, table: Table) -> Codes:
        """Give each row its part for this fold: int8 [rows]; DataError for gaps, ConfigError for unfit bounds."""
        return self._codes(table, self.fold)

    def pairs(self, table: Table) -> Iterator[tuple[Rows, Rows]]:
        """Yield the row numbers that train and that validate, fold by fold. Raises as `codes` does."""
        for fold in range(self.k):
            codes = self._codes(table, fold)
            yield np.flatnonzero(codes == TRAIN), np.flatnonzero(codes == VALIDATION)

    def _codes(self, table: Table, fold: int) -> Codes:
        column, window = timed(table, self.column, self.months), Window(self.months, self.gap)
        start, stop = moment(column, self.start), moment(column, self.stop)
        cuts = np.linspace(start, stop, self.k + 1)
        cuts = np.round(cuts) if column.kind == "date" else cuts
        if not (np.diff(cuts) > 0).all():
            raise ConfigError(
                what=f"{self.k} folds do not fit between their start and their stop.",
                why="Each needs some time of its own.",
                mend="Set stop later, or ask for fewer folds.",
            )
        begin = moments(column)
        known, (low, high) = window.after(begin), cuts[fold : fold + 2]
        free = _apart(begin, known, low, float(window.after(high)) + self.embargo)
        codes = np.where((begin >= low) & (begin < high), VALIDATION, np.where(free, TRAIN, LEFT_OUT))
        codes = np.where(known <= stop, codes, LEFT_OUT)
        return np.where(begin >= stop, TEST, codes).astype(np.int8)


def _apart(begin: Moments, end: Moments, first: float, last: float) -> NDArray[np.bool_]:
    """Which windows [rows] do not overlap the stretch from `first` to `last`."""
    return np.asarray((end <= first) | (begin >= last), np.bool_)


def _numbers(times: ArrayLike) -> Moments:
    values: NDArray[Any] = np.asarray(times)
    days = values.astype("datetime64[D]").astype(np.int64) if values.dtype.kind == "M" else values
    return np.asarray(days, np.float64)
