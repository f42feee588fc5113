"""Tables: named, typed, read-only columns, and which of them is target, id and weight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.column import KINDS, Column, Kind, Rows, encode, joined, sealed
from hansa.core.columns import Columns, check_distinct
from hansa.core.on_disk import forget, on_disk
from hansa.errors import DataError, nearest

__all__ = ["KINDS", "Column", "Columns", "Kind", "Rows", "Table", "encode", "sealed"]


@final
@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """Rows of one party: read-only named columns, and the names of target, id and weight.

    Raises DataError for duplicate names, unequal lengths and roles that name no column.

    Example:
        >>> loans = Table.of({"age": [31, 58], "default": [0, 1]}, target="default")
        >>> len(loans), loans.features, loans.y().tolist()
        (2, ('age',), [0.0, 1.0])
    """

    columns: Columns
    target: str | None = None
    id: str | None = None
    weight: str | None = None

    def __post_init__(self) -> None:
        for name in self.roles:
            if name not in self.columns:
                raise _unknown(name, self.names)
        if len(set(self.roles)) < len(self.roles):
            raise DataError(
                what="One column has two roles.",
                why="Target, id and weight are three different columns.",
                mend="Name each column once.",
            )

    def __len__(self) -> int:
        return self.columns.rows

    @classmethod
    def of(
        cls,
        columns: Mapping[str, Iterable[Any]] | Iterable[Column],
        *,
        target: str | None = None,
        id: str | None = None,
        weight: str | None = None,
    ) -> Table:
        """A table from a mapping name -> values, or from columns; strings of `id` stay text.

        Example:
            >>> Table.of({"who": ["a", "b"], "x": [1.0, 2.0]}, id="who").column("who").kind
            'text'
        """
        if isinstance(columns, Mapping):
            columns = (
                values.renamed(name) if isinstance(values, Column) else Column.of(name, values)
                for name, values in columns.items()
            )
        columns = (c.to_kind("text") if c.name == id and c.kind == "category" else c for c in columns)
        return cls(Columns.of(columns), target, id, weight)

    @classmethod
    def from_matrix(
        cls,
        matrix: NDArray[np.float64],
        y: NDArray[Any] | None = None,
        names: Sequence[str] | None = None,
        *,
        target: str = "y",
    ) -> Table:
        """A light table: float columns that are views of one matrix [rows, k], and a target [rows].

        Example:
            >>> Table.from_matrix(np.ones((2, 3)), np.array([0.0, 1.0])).names
            ('x1', 'x2', 'x3', 'y')
        """
        if matrix.ndim != 2 or (names is not None and len(names) != matrix.shape[1]):
            raise DataError(
                what="The matrix does not fit its names.",
                why=f"It is {matrix.ndim}-d, with {len(names or ())} names.",
                mend="Pass [rows, k] values and k names.",
            )
        block = tuple(f"x{i + 1}" for i in range(matrix.shape[1])) if names is None else tuple(names)
        loose = {} if y is None else {target: Column.of(target, y)}
        every = (*block, *loose)
        check_distinct(every)
        if y is not None and len(y) != len(matrix):
            raise DataError(
                what="The columns differ in length.",
                why=f"The matrix has {len(matrix)} rows, the target {len(y)}.",
                mend="Give the target one value a row.",
            )
        shared = sealed(np.asarray(matrix, np.float64))
        columns = Columns(every, len(matrix), loose, block, shared)
        return cls(columns, target if loose else None)

    @property
    def roles(self) -> tuple[str, ...]:
        """The columns that are target, id or weight.

        Example:
            >>> Table.of({"x": [1], "y": [0]}, target="y").roles
            ('y',)
        """
        return tuple(name for name in (self.target, self.id, self.weight) if name is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, in order.

        Example:
            >>> Table.of({"x": [1], "y": [0]}).names
            ('x', 'y')
        """
        return self.columns.names

    @property
    def features(self) -> tuple[str, ...]:
        """All columns but target, id and weight.

        Example:
            >>> Table.of({"x": [1], "y": [0]}, target="y").features
            ('x',)
        """
        roles = self.roles
        return tuple(name for name in self.names if name not in roles)

    @property
    def on_disk(self) -> bool:
        """Whether a column lies in a file instead of memory, see `hansa.core.on_disk`."""
        return any(on_disk(column.values) for column in self.columns.loose.values())

    def forget(self) -> None:
        """Give back the memory of what was touched of columns on disk.

        Example:
            >>> Table.of({"x": [1]}).forget()
        """
        for column in self.columns.loose.values():
            forget(column.values, *([] if column.missing is None else [column.missing]))

    def column(self, name: str) -> Column:
        """The column of that name; DataError with the nearest name if there is none.

        Example:
            >>> Table.of({"age": [31, 58]}).column("age").values.tolist()
            [31, 58]
        """
        try:
            return self.columns[name]
        except KeyError:
            raise _unknown(name, self.names) from None

    def take(self, rows: Rows) -> Table:
        """The rows of a slice (a view), of indices or of a boolean mask (a copy).

        Example:
            >>> Table.of({"x": [1, 2, 3]}).take(slice(0, 2)).column("x").values.tolist()
            [1, 2]
        """
        if not isinstance(rows, slice):
            rows = np.asarray(rows)
            if rows.dtype == bool and len(rows) != len(self):
                raise DataError(
                    what="The mask does not fit the table.",
                    why=f"It has {len(rows)} flags for {len(self)} rows.",
                    mend="Pass one flag a row.",
                )
            if not len(rows):
                rows = slice(0, 0)
        return replace(self, columns=self.columns.take(rows))

    def select(self, names: Iterable[str]) -> Table:
        """The named columns, in that order; a role whose column is left out falls away.

        Example:
            >>> Table.of({"x": [1], "z": [2], "y": [0]}, target="y").select(["z"]).target is None
            True
        """
        wanted = tuple(names)
        check_distinct(wanted)
        for name in wanted:
            if name not in self.columns:
                raise _unknown(name, self.names)
        had = self.columns
        loose = {name: had.loose[name] for name in wanted if name in had.loose}
        shared = len(loose) < len(wanted)
        columns = Columns(
            wanted,
            had.rows,
            loose,
            had.block if shared else (),
            had.matrix if shared else None,
        )
        target, key, weight = (name if name in wanted else None for name in (self.target, self.id, self.weight))
        return Table(columns, target, key, weight)

    def with_columns(self, columns: Iterable[Column]) -> Table:
        """The table with these columns put in the place of their namesakes, or at the end.

        Example:
            >>> Table.of({"x": [1]}).with_columns([Column.of("z", [2])]).names
            ('x', 'z')
        """
        new = {column.name: column for column in columns}
        for column in new.values():
            if len(column) != len(self) and self.names:
                raise DataError(
                    what="The columns differ in length.",
                    why=f"{column.name!r} has {len(column)} rows, the table {len(self)}.",
                    mend="Give the column one value a row.",
                )
        had = self.columns
        names = (*had.names, *(name for name in new if name not in had))
        rows = had.rows if had.names else max((len(c) for c in new.values()), default=0)
        merged = Columns(names, rows, {**had.loose, **new}, had.block, had.matrix)
        return replace(self, columns=merged)

    @staticmethod
    def concat(tables: Sequence[Table]) -> Table:
        """Tables below each other: same names, same kinds; category levels are united.

        Example:
            >>> Table.concat([Table.of({"c": ["a"]}), Table.of({"c": ["b"]})]).column("c").levels
            ('a', 'b')
        """
        if not tables:
            raise DataError(
                what="There is nothing to join.",
                why="No table was given.",
                mend="Pass at least one table.",
            )
        first = tables[0]
        for table in tables[1:]:
            odd = set(first.names) ^ set(table.names)
            if odd:
                raise DataError(
                    what="The tables cannot be joined.",
                    why=f"Column {min(odd)!r} is not in every one of them.",
                    mend="Select the columns that they share.",
                )
        parts = [joined([table.column(name) for table in tables]) for name in first.names]
        return Table(Columns.of(parts), first.target, first.id, first.weight)

    def matrix(self, names: Iterable[str] | None = None) -> NDArray[np.float64]:
        """Numeric columns as float64 [rows, k], NaN for gaps; a view where they share a matrix.

        Raises DataError for category, date and text columns.

        Example:
            >>> Table.of({"a": [1, 2], "b": [0.5, 1.5]}).matrix(["b", "a"]).tolist()
            [[0.5, 1.0], [1.5, 2.0]]
        """
        wanted = self.features if names is None else tuple(names)
        shared = self.columns.matrix
        if shared is not None and not any(name in self.columns.loose for name in wanted):
            if wanted == self.columns.block:
                return shared
            place = {name: i for i, name in enumerate(self.columns.block) if name in self.columns}
            if all(name in place for name in wanted):
                return sealed(shared[:, [place[name] for name in wanted]])
        out = np.empty((len(self), len(wanted)))
        for i, name in enumerate(wanted):
            out[:, i] = self.column(name).floats()
        return sealed(out)

    def y(self) -> NDArray[np.float64]:
        """The target as float64 [rows]; DataError if there is none, or it has gaps, labels or infinite values.

        Example:
            >>> Table.of({"y": [0, 1]}, target="y").y().tolist()
            [0.0, 1.0]
        """
        column = self._of_role(self.target, "target")
        if column.kind not in ("float", "integer"):
            raise DataError(
                what=f"Target {column.name!r} is not numeric.",
                why=f"It holds {column.kind} values.",
                mend="Code it as 0 and 1, or give the label of the event as `positive` to job, schema or classifier.",
            )
        values = column.floats()
        if infinite := int(np.count_nonzero(np.isinf(values))):
            raise DataError(
                what=f"Target {column.name!r} is infinite in {infinite:,} of {len(values):,} rows.",
                why="No model can be fitted to it, or judged by it.",
                mend="Correct those rows, or leave them out.",
            )
        return values

    def ids(self) -> NDArray[Any]:
        """The customers' ids [rows]: int64, or numpy strings; DataError if missing.

        Example:
            >>> Table.of({"who": [7, 8]}, id="who").ids().tolist()
            [7, 8]
        """
        column = self._of_role(self.id, "id")
        return column.values if column.kind == "integer" else column.strings()

    def weights(self) -> NDArray[np.float64]:
        """The rows' weights, float64 [rows], all one if there is no such column.

        Raises DataError for gaps, negative and infinite weights.

        Example:
            >>> Table.of({"x": [1, 2]}).weights().tolist()
            [1.0, 1.0]
        """
        if self.weight is None:
            return sealed(np.ones(len(self)))
        values = self._of_role(self.weight, "weight").floats()
        if odd := int(np.count_nonzero(~(np.isfinite(values) & (values >= 0)))):
            raise DataError(
                what=f"Weight {self.weight!r} is negative or infinite in {odd:,} of {len(values):,} rows.",
                why="A row counts at least nothing.",
                mend="Correct the column or leave it out.",
            )
        return values

    def _of_role(self, name: str | None, role: str) -> Column:
        if name is None:
            raise DataError(
                what=f"The table has no {role}.",
                why=f"No column was named as its {role}.",
                mend=f'Say which: {role}="name of the column".',
            )
        column = self.column(name)
        count = int(np.count_nonzero(column.gaps))
        if count:
            raise DataError(
                what=f"{role.capitalize()} {name!r} has gaps in {count:,} of {len(column):,} rows.",
                why=f"Every row needs its {role}.",
                mend="Leave those rows out before training.",
            )
        return column


def _unknown(name: str, names: tuple[str, ...]) -> DataError:
    return DataError(
        what=f"There is no column {name!r}.",
        why=f"The table has {len(names)} columns, none of that name.",
        mend=nearest(name, names),
    )
