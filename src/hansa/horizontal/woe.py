"""Cells of a column, and the coding that gives each cell its weight of evidence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column
from hansa.errors import DataError
from hansa.horizontal.columns import NUMERIC, numbers
from hansa.horizontal.labels import placed


@final
@dataclass(frozen=True)
class Cells:
    """A column's cells: bins between `edges` (each the last value of its bin), then special codes, then gaps.

    Of labels: a cell for each group, then one for all other labels, then one for gaps.

    Example:
        >>> age = Cells("age", edges=(30.0, 60.0), special_codes=(98.0,))
        >>> age.place(Column.of("age", [30, 31, 75, 98, None])).tolist(), age.size
        ([0, 1, 2, 3, 4], 5)
        >>> Cells("home", labels=(("own", "free"), ("rent",))).place(Column.of("home", ["free", "boat", None])).tolist()
        [0, 2, 3]
    """

    column: str
    edges: tuple[float, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()
    special_codes: tuple[float, ...] = ()
    categorical: bool = False

    @property
    def words(self) -> bool:
        """Whether the bins are groups of labels."""
        return self.categorical or bool(self.labels)

    @property
    def bins(self) -> int:
        """How many bins, less those for special codes, other labels and gaps."""
        return len(self.labels) if self.words else len(self.edges) + 1

    @property
    def size(self) -> int:
        """How many cells."""
        return self.bins + (1 if self.words else len(self.special_codes)) + 1

    @property
    def names(self) -> tuple[str, ...]:
        """What the cells are called `[size]`."""
        if self.words:
            return (*(", ".join(group) for group in self.labels), "Others", "Missing")
        ends = (("-inf", False), *map(_end, self.edges), ("inf", True))
        bins = (f"{'[' if a else '('}{low}, {high}{')' if b else ']'}" for (low, a), (high, b) in pairwise(ends))
        return (*bins, *(f"Special {code:g}" for code in self.special_codes), "Missing")

    def place(self, column: Column) -> NDArray[np.intp]:
        """Each row's cell `[rows]`.

        Raises:
            DataError: the column holds labels where numbers are wanted, or infinite values.
        """
        if self.words:
            flat = tuple(label for group in self.labels for label in group)
            group = np.repeat(np.arange(len(self.labels)), [len(one) for one in self.labels])
            return np.asarray(np.concatenate([group, [self.bins, self.bins + 1]])[placed(column, flat)], np.intp)
        if column.kind not in NUMERIC and not column.gaps.all():
            raise DataError(
                f"Column '{self.column}' holds labels here, and was binned as numbers.", mend="Read it as a number."
            )
        values, gaps, special = numbers(column, self.special_codes)
        found = np.searchsorted(np.array(self.edges), values).astype(np.intp)
        found = np.where(special >= 0, self.bins + special, found)
        return np.where(gaps, self.size - 1, found)

    def joined(self, ends: tuple[int, ...]) -> Cells:
        """The cells when bins up to each of `ends` are one; the last of them is the last bin."""
        if self.words:
            starts = (0, *(end + 1 for end in ends))
            groups = tuple(
                tuple(label for group in self.labels[i : end + 1] for label in group)
                for i, end in zip(starts, ends, strict=False)
            )
            return Cells(self.column, (), groups, (), categorical=True)
        return Cells(self.column, tuple(self.edges[end] for end in ends[:-1]), (), self.special_codes)


@final
@dataclass(frozen=True)
class Woe:
    """A column by the weight of evidence of its cells, `values [size]`.

    Raises:
        DataError: more or fewer values than cells.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.prepared import Prepared
        >>> coded = Woe(Cells("age", edges=(30.0,)), (-0.5, 0.5, 0.0))
        >>> coded.names, Prepared((coded,)).transform(Table.of({"age": [25, 40, None]})).tolist()
        (('age',), [[-0.5], [0.5], [0.0]])
    """

    cells: Cells
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """See that each cell has its value, before any row is looked for in one."""
        if len(self.values) != self.cells.size:
            raise DataError(
                f"'{self.cells.column}' has {self.cells.size} cells, and {len(self.values)} values for them.",
                "A row in a cell without one would be refused, and the refusal would tell of it.",
                "Fit the binning anew.",
            )

    @property
    def column(self) -> str:
        """The column that it reads."""
        return self.cells.column

    @property
    def names(self) -> tuple[str, ...]:
        """What the column that it makes is called."""
        return (self.column,)

    def write(self, column: Column, out: NDArray[np.floating]) -> None:
        """Fill a block of zeros [rows, 1]."""
        out[:, 0] = np.array(self.values)[self.cells.place(column)]


def _end(edge: float) -> tuple[str, bool]:
    """How the last value of a bin is written; or the first value of the next, and True, where that is the plain one."""
    after = float(np.nextafter(edge, np.inf)) + 0.0  # no -0
    ahead = float(f"{after:.10g}") == after and (not after or float(f"{edge:.10g}") != edge)
    return f"{after if ahead else edge:.10g}", ahead
