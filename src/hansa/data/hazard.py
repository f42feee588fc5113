"""Time to default as rows of person and period, for hazards in discrete time; a customer's rows stay at one party."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hansa.core.contract import Contract, Domain
from hansa.core.table import Column, Table
from hansa.errors import ConfigError, DataError

PERIOD = "period"
"""The column that says in which period of a customer a row is."""

_CUSTOMER = "customer"
_MOST_ROWS = 1 << 30


@final
@dataclass(frozen=True)
class PersonPeriods:
    """A job's contract by which each customer becomes a row for every period in which they were at risk.

    `duration`: the column that says after how many periods (whole, from 1) the event came or the customer was last
    seen. `event`: 1 where it came then, and 0 where it had not; it becomes the target, 1 in the event's own period
    alone. `edges`: the last periods of the bins of the baseline, as words in the column `period`; without, `period` is
    the number itself. `horizon`: later periods are not looked at (0: all are). `id`: the customer's column; without,
    each row is a customer, who is numbered. `schema`: what the table is agreed to be before.

    A logistic regression on such rows is the discrete-time hazard model (Cox 1972; Singer and Willett 1993), with
    `link_function = "cloglog"` the grouped proportional hazards (Prentice and Gloeckler 1978). Their likelihood is that
    of the durations, so that no errors need to be clustered; floors count customers, not rows.

    Raises:
        ConfigError: edges that do not rise from 1 on, a negative horizon, or a column with two parts.

    Example:
        >>> loans = Table.of({"age": [30, 60], "months": [2, 3], "default": [1, 0]})
        >>> rows = PersonPeriods("months", "default", edges=(1,)).admit(loans, "bank-a", min_cell=1)
        >>> rows.names, rows.y().tolist()
        (('age', 'default', 'period', 'customer'), [0.0, 1.0, 0.0, 0.0, 0.0])
        >>> rows.column("period").strings().tolist()
        ['from 1', 'from 2', 'from 1', 'from 2', 'from 2']
    """

    duration: str
    event: str
    edges: tuple[int, ...] = ()
    horizon: int = 0
    id: str = ""
    schema: Contract | None = None

    def __post_init__(self) -> None:
        """Check the bins and the names."""
        if any(high <= low for low, high in pairwise((0, *self.edges))) or self.horizon < 0:
            raise ConfigError(
                "The edges of periods must rise from 1 on, and the horizon be 0 or more.",
                f"Got {len(self.edges)} edges and a horizon of {self.horizon}.",
                "Give the last period of each bin, such as edges = [3, 6, 12].",
            )
        if len({self.duration, self.event, self.id, PERIOD}) < 4:
            raise ConfigError("duration, event, id and 'period' are columns of their own.", mend="Rename one of them.")

    @property
    def roles(self) -> Mapping[str, str]:
        """The event is the target; who the customer is, where a column says so."""
        return {"target": self.event, **({"id": self.id} if self.id else {})}

    @property
    def domains(self) -> Mapping[str, Domain]:
        """As the schema says, less duration, event and id; of periods in bins, their words."""
        found = {} if self.schema is None else self.schema.domains
        found = {name: domain for name, domain in found.items() if name not in {self.duration, self.event, self.id}}
        return {**found, PERIOD: Domain(words=True, levels=self._periods)} if self.edges else found

    @property
    def row_of(self) -> str:
        """A period."""
        return PERIOD

    def admit(self, table: Table, party: str, min_cell: int) -> Table:
        """The table's customers as rows of person and period.

        Raises:
            DataError: names the party; a column is missing or taken, or durations or events are not what they must be.
        """
        if self.schema is not None:
            table = self.schema.admit(table, party, min_cell)
        try:
            return self._spread(table)
        except DataError as error:
            raise DataError(f"{party}: {error.what}", error.why, error.mend) from None

    def read(self, table: Table) -> Table:
        """Rows to be scored: those of a customer and a period, with `period` as a number."""
        table = table if self.schema is None else self.schema.read(table)
        if not self.edges or PERIOD not in table.columns or table.column(PERIOD).kind not in {"float", "integer"}:
            return table
        return table.with_columns([self.binned(table.column(PERIOD).floats())])

    def binned(self, periods: ArrayLike) -> Column:
        """Periods [rows] as the column `period`: their bins in words, or the numbers where there are no bins."""
        numbers = np.asarray(periods, np.float64)
        if not self.edges:
            return Column.of(PERIOD, numbers)
        words = np.array(self._periods)
        return Column.of(PERIOD, words[np.searchsorted(np.array(self.edges), numbers)].tolist(), "category")

    @property
    def _periods(self) -> tuple[str, ...]:
        return tuple(f"from {start + 1}" for start in (0, *self.edges))

    def _spread(self, table: Table) -> Table:
        for taken in {PERIOD, *({_CUSTOMER} if not self.id else ())} & {*table.names}:
            raise DataError(f"The table has a column '{taken}' already.", mend="Rename it, or drop it.")
        times, came = self._observed(table)
        if times.sum() > _MOST_ROWS:
            raise DataError("The periods make too many rows.", mend="Take longer periods, or set a horizon.")
        rows = np.repeat(np.arange(len(table)), times)
        ends = np.cumsum(times)
        period = np.arange(len(rows)) - np.repeat(ends - times, times) + 1
        now = np.zeros(len(rows), np.int64)
        now[ends - 1] = came
        made = table.select([name for name in table.names if name != self.duration]).take(rows)
        columns = [Column.of(self.event, now), self.binned(period)]
        if not self.id:
            columns.append(Column.of(_CUSTOMER, rows))
        made = made.with_columns(columns)
        return Table(made.columns, self.event, self.id or _CUSTOMER, made.weight)

    def _observed(self, table: Table) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Each customer's periods at risk, and whether the event came in the last of them, `[customers]`."""
        times, came = table.column(self.duration).floats(), table.column(self.event).floats()
        if not bool(((times >= 1) & (times == np.floor(times)) & np.isfinite(times)).all()):
            raise DataError(
                f"The durations '{self.duration}' must be whole numbers of periods, from 1 on, without gaps.",
                mend="Count a part of a period as a whole one, and leave out customers who were never seen.",
            )
        if not bool(np.isin(came, (0.0, 1.0)).all()):
            raise DataError(
                f"The events '{self.event}' must be 0 or 1, without gaps.",
                mend="Give 1 where the event came, and 0 where the customer was last seen without it.",
            )
        most = self.horizon or np.inf
        return np.minimum(times, most).astype(np.int64), (came == 1) & (times <= most)


def cumulative(hazards: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance that the event has come by the end of each period, from hazards `[rows, periods]`.

    Source: Singer and Willett (1993), eq. 5: one less the product of the chances to get through.

    Example:
        >>> cumulative(np.array([[0.5, 0.5, 0.0]])).tolist()
        [[0.5, 0.75, 0.75]]
    """
    return np.asarray(1 - np.cumprod(1 - hazards, axis=1))
