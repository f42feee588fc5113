"""A job's floors at one table: how many rows must stand behind a number, so that enough customers do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np

from hansa.core.metrics import effective
from hansa.data.ids import numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.job import Job
    from hansa.core.party import Site
    from hansa.core.table import Table


@final
@dataclass(frozen=True, eq=False)
class Floors:
    """The fewest customers behind a released number, and behind a count; `who` `[rows]` numbers each row's customer.

    Without ids, `who` is None and each row is a customer.

    Example:
        >>> from hansa.core.table import Table
        >>> Floors(20, 10).rows, Floors(20, 10).cell
        (20, 10)
        >>> Floors(2, 3, who=np.array([0, 0, 0, 1, 1, 2])).cell  # five rows may be of two customers
        6
    """

    min_rows: int = 1
    min_cell: int = 1
    who: NDArray[np.intp] | None = None

    @classmethod
    def of(cls, table: Table, job: Job) -> Floors:
        """The job's floors for these rows."""
        if table.id is None:
            return cls(job.min_rows, job.min_cell)
        who = table.column(table.id)
        if who.gaps.any():
            table.ids()  # refuses: rows of nobody would count as one customer's
        return cls(job.min_rows, job.min_cell, numbered(who))

    def at(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Floors:
        """The same floors for some of the rows, by a mask or by their places."""
        return self if self.who is None else replace(self, who=self.who[rows])

    @cached_property
    def rows(self) -> int:
        """The fewest rows that `min_rows` customers must stand behind, whichever rows they are."""
        return self._fewest(self.min_rows)

    @cached_property
    def cell(self) -> int:
        """The fewest rows that `min_cell` customers must stand behind, whichever rows they are."""
        return self._fewest(self.min_cell)

    def customers(self, codes: NDArray[np.intp], labels: int) -> NDArray[np.intp]:
        """How many customers stand behind each label, `[labels]`, of rows with these codes (-1: none)."""
        there = codes >= 0
        if self.who is None:
            return np.bincount(codes[there], minlength=labels)
        pairs = np.unique(np.stack([codes[there], self.who[there]]), axis=1)
        return np.bincount(pairs[0], minlength=labels)

    def suffice(self, rows: int, weight: NDArray[np.floating] | None = None) -> bool:
        """Whether `min_rows` customers stand behind all these rows; weighted ones as `effective` counts them."""
        if weight is None:
            return rows >= self.rows
        mass = weight if self.who is None else np.bincount(self.who, weight)
        return effective(mass) >= self.min_rows

    def _fewest(self, customers: int) -> int:
        if self.who is None or customers <= 1:
            return customers
        each = np.sort(np.bincount(self.who))
        return max(customers, int(each[1 - customers :].sum()) + 1)


def floors_of(site: Site) -> Floors:
    """The floors of all rows of a party's table, made once.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.core.party import Site
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.rounds import Rounds
        >>> table = Table.of({"who": [1, 1, 2, 3], "x": [1, 2, 3, 4]}, id="who")
        >>> floors_of(Site("bank-a", Job("scores", (Rounds(),), min_rows=2), table)).rows
        3
    """
    return site.derived("floors", lambda: Floors.of(site.table, site.job))
