"""Deal the rows of one table to the parties of a simulation: evenly, skewed, by a column or by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.draws import Draws
from hansa.core.table import Column, Table
from hansa.errors import ConfigError, DataError

MANY = 1000
"""More parties or classes than this from one column is taken for a mistake."""
TINY = 20
"""A party with fewer rows is reported as tiny: the house releases no number from so few."""

Rows = NDArray[np.intp]


@final
@dataclass(frozen=True)
class Share:
    """What one party got: rows, its share of all rows, its positive rate (None if the target is not 0/1), remarks.

    Example:
        >>> Share("bank-a", 500, 0.5, 0.08, ()).rows
        500
    """

    party: str
    rows: int
    share: float
    positive_rate: float | None
    remarks: tuple[str, ...]


@final
@dataclass(frozen=True, eq=False)
class Partition:
    """Which rows each party holds; rows stay in the table's order, and no row has two parties.

    Raises DataError where two parties have one name.

    Example:
        >>> table = Table.of({"x": range(6), "y": [0, 1, 0, 1, 0, 1]}, target="y")
        >>> [share.rows for share in Iid(2).split(table, seed=0).report()]
        [3, 3]
    """

    names: tuple[str, ...]
    rows: tuple[Rows, ...]
    targets: tuple[NDArray[np.float64] | None, ...]

    def __post_init__(self) -> None:
        """Check that no party takes the place of another."""
        if len(set(self.names)) < len(self.names):
            raise DataError(
                what="Two parties have one name.",
                why="Rows go to parties by their names, so the rows of one would be lost.",
                mend="Give each party a name of its own.",
            )

    def tables(self, table: Table) -> dict[str, Table]:
        """Give each party its part of the table.

        Example:
            >>> table = Table.of({"x": range(4)})
            >>> {name: len(part) for name, part in Iid(2).split(table, seed=0).tables(table).items()}
            {'party-1': 2, 'party-2': 2}
        """
        return {name: table.take(rows) for name, rows in zip(self.names, self.rows, strict=True)}

    def report(self) -> tuple[Share, ...]:
        """Say what each party got, with a remark where it is empty, tiny or of one class.

        Example:
            >>> table = Table.of({"bank": ["a", "a", "b"], "y": [0, 1, 1]}, target="y")
            >>> ByColumn("bank").split(table, seed=0).report()[1].remarks
            ('tiny', 'one class')
        """
        total = sum(map(len, self.rows))
        shares = []
        for name, rows, target in zip(self.names, self.rows, self.targets, strict=True):
            binary = target is not None and len(rows) > 0 and bool(np.isin(target, (0.0, 1.0)).all())
            rate = float(target.mean()) if binary and target is not None else None
            remarks = ["empty"] if not len(rows) else ["tiny"] if len(rows) < TINY else []
            if rate in {0.0, 1.0}:
                remarks.append("one class")
            shares.append(Share(name, len(rows), len(rows) / max(total, 1), rate, tuple(remarks)))
        return tuple(shares)


class Splitter(Protocol):
    """A way to deal rows: the same table and seed give the same partition, everywhere."""

    def split(self, table: Table, seed: int) -> Partition:
        """Deal the rows; DataError where a party would get fewer than `min_rows`."""
        ...


@final
@dataclass(frozen=True)
class Iid:
    """Deal shuffled rows evenly to `k` parties.

    Example:
        >>> [len(rows) for rows in Iid(3).split(Table.of({"x": range(7)}), seed=1).rows]
        [3, 2, 2]
    """

    k: int
    min_rows: int = 1

    def __post_init__(self) -> None:
        _check_parties(self.k)

    def split(self, table: Table, seed: int) -> Partition:
        """Deal the rows; DataError where a party would get fewer than `min_rows`."""
        order = _draws(seed).permutation("rows", len(table))
        return _dealt(table, [order[party :: self.k] for party in range(self.k)], self.min_rows)


@final
@dataclass(frozen=True)
class Dirichlet:
    """Deal each class by shares drawn from a Dirichlet(alpha): label skew, stronger for a smaller alpha.

    Source: Hsu, Qi and Brown (2019), Measuring the effects of non-identical data distribution, section 3.

    Example:
        >>> table = Table.of({"y": [0, 1] * 50}, target="y")
        >>> sum(len(rows) for rows in Dirichlet(4, alpha=2.0).split(table, seed=0).rows)
        100
    """

    k: int
    alpha: float
    min_rows: int = 1

    def __post_init__(self) -> None:
        _check_parties(self.k)
        _check_alpha(self.alpha)

    def split(self, table: Table, seed: int) -> Partition:
        """Deal the rows; DataError where a party would get fewer than `min_rows`, or for a target of many values."""
        draws = _draws(seed)
        order = draws.permutation("rows", len(table))
        labels = _labels(table)[order]
        classes = np.unique(labels)
        if len(classes) > MANY:
            raise DataError(
                what=f"The target has {len(classes)} different values.",
                why="Label skew deals rows class by class.",
                mend="Use Quantity(k, alpha) or ByColumn(name, bins=k) for a target that is measured.",
            )
        parts: list[list[Rows]] = [[order[:0]] for _ in range(self.k)]
        for i, label in enumerate(classes):
            rows = order[labels == label]
            for part, some in zip(parts, _cut(rows, _shares(draws, f"class {i}", self.k, self.alpha)), strict=True):
                part.append(some)
        return _dealt(table, [np.concatenate(part) for part in parts], self.min_rows)


@final
@dataclass(frozen=True)
class Quantity:
    """Deal shuffled rows by shares drawn from a Dirichlet(alpha): parties of very different size, of one mixture.

    Example:
        >>> sum(len(rows) for rows in Quantity(3, alpha=1.0).split(Table.of({"x": range(90)}), seed=0).rows)
        90
    """

    k: int
    alpha: float
    min_rows: int = 1

    def __post_init__(self) -> None:
        _check_parties(self.k)
        _check_alpha(self.alpha)

    def split(self, table: Table, seed: int) -> Partition:
        """Deal the rows; DataError where a party would get fewer than `min_rows`."""
        draws = _draws(seed)
        order = draws.permutation("rows", len(table))
        return _dealt(table, _cut(order, _shares(draws, "sizes", self.k, self.alpha)), self.min_rows)


@final
@dataclass(frozen=True)
class ByColumn:
    """Give each value of a column to a party, or with `bins` each quantile bin of a number or date.

    Equal values stay together, so bins differ in size where there are ties. Rows with a gap go to a party of their own,
    COLUMN-gap (or COLUMN-gap-gap, where a value is called so). The seed plays no part.

    Example:
        >>> table = Table.of({"region": ["south", "north", "south"]})
        >>> ByColumn("region").split(table, seed=0).names
        ('north', 'south')
    """

    column: str
    bins: int | None = None
    min_rows: int = 1

    def __post_init__(self) -> None:
        if self.bins is not None:
            _check_parties(self.bins)

    def split(self, table: Table, seed: int) -> Partition:
        """Deal the rows; DataError where a party would get fewer than `min_rows`, or ties leave too few bins."""
        column = table.column(self.column)
        names, codes = _levels(column) if self.bins is None else _quantiles(column, self.bins)
        parts = [np.flatnonzero(codes == code) for code in range(len(names))]
        if column.gaps.any():
            gap = f"{self.column}-gap"
            while gap in names:
                gap += "-gap"
            names = (*names, gap)
            parts.append(np.flatnonzero(column.gaps))
        return _dealt(table, parts, self.min_rows, names)


@final
@dataclass(frozen=True)
class ByTime:
    """Cut the rows into `k` periods of about equal size by a date or number; one day is never in two of them.

    Example:
        >>> table = Table.of({"quarter": [3, 1, 2, 1, 3, 2]})
        >>> [rows.tolist() for rows in ByTime("quarter", 3).split(table, seed=0).rows]
        [[1, 3], [2, 5], [0, 4]]
    """

    column: str
    k: int
    min_rows: int = 1

    def __post_init__(self) -> None:
        _check_parties(self.k)

    def split(self, table: Table, seed: int) -> Partition:
        """Deal the rows; DataError where the column has gaps or too few different values."""
        column = table.column(self.column)
        count = int(np.count_nonzero(column.gaps))
        if count:
            raise DataError(
                what=f"Column {self.column!r} has {count} gaps.",
                why="A row without a time belongs to no period.",
                mend="Leave those rows out, or split by another column.",
            )
        names, codes = _quantiles(column, self.k)
        parts = [np.flatnonzero(codes == code) for code in range(self.k)]
        return _dealt(table, parts, self.min_rows, names)


def _dealt(table: Table, parts: Sequence[Rows], min_rows: int, names: tuple[str, ...] | None = None) -> Partition:
    """Close a partition: rows in the table's order, and no party below `min_rows`."""
    small = [i for i, part in enumerate(parts) if len(part) < min_rows]
    if small:
        raise DataError(
            what=f"{len(small)} of {len(parts)} parties would get fewer than {min_rows} rows.",
            why=f"The smallest, party {small[0] + 1}, would get {len(parts[small[0]])} of {len(table)}.",
            mend="Take fewer parties, a larger alpha or another seed, or let them stand with min_rows=0.",
        )
    rows = tuple(np.sort(part) for part in parts)
    target = None
    if table.target is not None and table.column(table.target).kind in {"float", "integer"}:
        target = table.column(table.target).floats()
    names = names or tuple(f"party-{i + 1}" for i in range(len(parts)))
    return Partition(names, rows, tuple(None if target is None else target[part] for part in rows))


def _labels(table: Table) -> NDArray[np.generic]:
    column = table.column(table.target) if table.target is not None else None
    return table.y() if column is None or column.kind != "category" else column.values


def _levels(column: Column) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Name the values of a column, and number each row by its value; -1 for a gap."""
    present = ~column.gaps
    if column.kind == "category":
        used = np.unique(column.values[present])
        names = tuple(column.levels[code] for code in used)
    else:
        used = np.unique(column.values[present])
        names = tuple(f"{column.name}-{value}" for value in used[: MANY + 1])
    if len(used) > MANY or column.kind == "float":
        raise DataError(
            what=f"Column {column.name!r} has {len(used)} different values.",
            why="Each would be a party of its own.",
            mend=f"Say how many: ByColumn({column.name!r}, bins=5).",
        )
    codes = np.full(len(column), -1, np.intp)
    codes[present] = np.searchsorted(used, column.values[present])
    return names, codes


def _quantiles(column: Column, k: int) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Number each row by its quantile bin, 0 lowest; equal values share a bin; -1 for a gap."""
    if column.kind not in {"float", "integer", "date"}:
        raise DataError(
            what=f"Column {column.name!r} has no order.",
            why=f"It holds {column.kind} values.",
            mend="Split by its values: ByColumn without `bins`.",
        )
    present = ~column.gaps
    values = column.values[present]
    distinct, counts = np.unique(values, return_counts=True)
    below = np.cumsum(counts)[:-1]  # rows below each value but the first: where a cut can be
    wanted = [len(values) * cut / k for cut in range(1, k)]
    cuts = {int(np.abs(below - rows).argmin()) + 1 for rows in wanted} if len(below) else set()
    codes = np.full(len(column), -1, np.intp)
    codes[present] = np.searchsorted(distinct[sorted(cuts)], values, side="right")
    filled = len(cuts) + 1
    if filled < k:
        raise DataError(
            what=f"Column {column.name!r} cannot be cut into {k} parts.",
            why=f"Equal values stay together, and that leaves {filled}.",
            mend="Take fewer parts or another column.",
        )
    return tuple(f"{column.name}-{i + 1}" for i in range(k)), codes


def _cut(rows: Rows, shares: NDArray[np.float64]) -> list[Rows]:
    """Cut rows at the cumulated shares, each bound rounded once, so that no row is lost."""
    bounds = np.rint(np.cumsum(shares)[:-1] * len(rows)).astype(np.intp)
    return np.split(rows, bounds)


def _shares(draws: Draws, purpose: str, k: int, alpha: float) -> NDArray[np.float64]:
    """Draw Dirichlet(alpha) shares [k] as gammas over their sum, in logarithms so that tiny alphas do not vanish."""
    logs = _log_gammas(draws, purpose, k, alpha + 1.0)
    logs += np.log1p(-draws.uniform(f"{purpose} power", k)) / alpha
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def _log_gammas(draws: Draws, purpose: str, k: int, shape: float) -> NDArray[np.float64]:
    """Draw logarithms of Gamma(shape) [k] for a shape of at least 1 (Marsaglia and Tsang 2000, section 2)."""
    d = shape - 1.0 / 3.0
    out = np.full(k, np.nan)
    attempt = 0
    while np.isnan(out).any():
        x = draws.normal(f"{purpose} normal {attempt}", k)
        u = 1.0 - draws.uniform(f"{purpose} accept {attempt}", k)
        v = np.maximum(1.0 + x / np.sqrt(9.0 * d), 1e-300) ** 3
        with np.errstate(divide="ignore"):
            log_v = np.log(v)
        taken = np.log(u) < 0.5 * x**2 + d - d * v + d * log_v
        out = np.where(np.isnan(out) & taken, np.log(d) + log_v, out)
        attempt += 1
    return out


def _draws(seed: int) -> Draws:
    return Draws(seed, "partition")


def _check_parties(k: int) -> None:
    if k < 1:
        raise ConfigError(
            what=f"Rows cannot be dealt to {k} parties.",
            why="There is at least one.",
            mend="Give a number from 1 up.",
        )


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < float("inf"):
        raise ConfigError(
            what=f"alpha = {alpha} is no concentration.",
            why="A Dirichlet distribution needs a positive, finite one.",
            mend="Try 0.5 for strong skew, 100 for almost none.",
        )
