"""What a binning found for all columns: their tables, and the coding by weights of evidence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from hansa.data.parts import HashSplit, Split
from hansa.errors import DataError, nearest
from hansa.horizontal.binning_table import BinningTable
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.woe import Cells


@final
@dataclass(frozen=True, eq=False)
class BinningProcess:
    """What a binning found: a table for each column, and the coding that the parties have taken.

    Example:
        >>> table = BinningTable(Cells("age", edges=(30.0,)), np.array([[9.0, 6.0, 0.0], [1.0, 4.0, 0.0]]), (0, 1))
        >>> BinningProcess((table,)).table("age").splits
        (30.0,)
    """

    tables: tuple[BinningTable, ...]
    split: Split = field(default_factory=HashSplit)
    config: str = ""

    @property
    def prepared(self) -> Prepared:
        """The columns by their weights of evidence, for any table of the same columns."""
        return Prepared(tuple(table.coding for table in self.tables), self.split, self.config)

    @property
    def ivs(self) -> dict[str, float]:
        """Columns by information value, the highest first."""
        return dict(sorted(((table.name, table.iv) for table in self.tables), key=lambda one: -one[1]))

    def table(self, name: str) -> BinningTable:
        """One column's binning table.

        Raises:
            DataError: it was not binned.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise DataError(f"'{name}' was not binned.", mend=nearest(name, [table.name for table in self.tables]))

    def update_splits(self, name: str, splits: tuple[float, ...], *, by: str, why: str) -> BinningProcess:
        """The same process with other bins of one column; recorded in its table. See `BinningTable.update_splits`."""
        changed = self.table(name).update_splits(splits, by=by, why=why)
        return replace(self, tables=tuple(changed if table.name == name else table for table in self.tables))


def ordered(cells: Cells, counts: NDArray[np.float64], cutoff: float) -> tuple[Cells, list[int]]:
    """Labels in the order of their event rates, rare ones with the others; and where each cell's counts go.

    `counts [2, size]`; `cutoff`: the least share of rows of a label that is not rare.

    Example:
        >>> home = Cells("home", labels=(("boat",), ("own",), ("rent",)))
        >>> counts = np.array([[1.0, 50.0, 90.0, 0.0, 0.0], [0.0, 50.0, 10.0, 0.0, 0.0]])
        >>> cells, places = ordered(home, counts, 0.05)
        >>> cells.labels, places
        ((('rent',), ('own',)), [2, 1, 0, 2, 3])
    """
    rows = counts.sum(axis=0)
    often = [i for i in range(cells.bins) if rows[i] >= max(cutoff * rows.sum(), 1)]
    often.sort(key=lambda i: (counts[1, i] / rows[i], cells.labels[i]))
    place = {i: k for k, i in enumerate(often)}
    order = [place.get(i, len(often)) for i in range(cells.bins)]
    labels = tuple(cells.labels[i] for i in often)
    return replace(cells, labels=labels, categorical=True), [*order, len(often), len(often) + 1]


def rearranged(counts: NDArray[np.float64], order: list[int]) -> NDArray[np.float64]:
    """Counts `[2, size]` with those of each cell added at its new place.

    Example:
        >>> rearranged(np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]]), [1, 0, 1]).tolist()
        [[2.0, 4.0], [1.0, 0.0]]
    """
    made = np.zeros((2, max(order) + 1))
    np.add.at(made.T, order, counts.T)
    return made
