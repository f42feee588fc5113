"""A party's rows as a regression takes them: the prepared columns by name, outcomes, weights, offset and clusters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isqrt
from typing import final

import numpy as np
from numpy.typing import NDArray

from hansa.core.on_disk import on_disk
from hansa.core.party import Memory, Site
from hansa.data.parts import PART_COLUMN, TRAIN
from hansa.errors import DataError
from hansa.horizontal.design import design_of, enough, floors_at, parts_at, prepared_of
from hansa.horizontal.families import Family, Floats
from hansa.horizontal.labels import labelled
from hansa.horizontal.newton import Frame

_ROWS = 1 << 13  # at a time: with a hundred columns they stay in a core's cache
_KEPT = 1 << 27  # numbers: a gigabyte of them


@final
@dataclass(frozen=True)
class Regressors:
    """Rows `X [rows, columns]` with their columns' names, outcomes, weights, offsets and clusters, each [rows].

    Example:
        >>> ones = np.ones(2)
        >>> rows = Regressors(("x",), np.array([[1.0], [3.0]]), ones, ones, 0 * ones, np.arange(2))
        >>> [block[0].tolist() for block in rows.blocks(Frame(("x",), np.array([2.0]), np.ones(1)))]
        [[[-1.0], [1.0]]]
    """

    names: tuple[str, ...]
    X: NDArray[np.floating]
    y: Floats
    weight: Floats
    offset: Floats
    cluster: NDArray[np.intp]
    kept: dict[tuple[object, ...], Floats] = field(default_factory=dict, compare=False, repr=False)

    def blocks(self, frame: Frame, *, constant: bool = False) -> Iterator[tuple[Floats, Floats, Floats, Floats]]:
        """Rows in blocks: the frame's columns, standardised, after a constant or not; outcomes, weights and offsets."""
        few = len(self.y) * len(frame.names) <= _KEPT and not on_disk(self.X)
        all_ = self._standardised(frame, slice(None), constant=constant) if few else None
        for start in range(0, len(self.y), _ROWS):
            here = slice(start, start + _ROWS)
            X = self._standardised(frame, here, constant=constant) if all_ is None else all_[here]
            yield X, self.y[here], self.weight[here], self.offset[here]

    def _standardised(self, frame: Frame, rows: slice, *, constant: bool) -> Floats:
        """These rows; all of them are kept until another frame comes, as Newton's steps ask by one again and again."""
        key = (*frame.names, frame.centre.tobytes(), frame.scale.tobytes(), constant)
        if rows == slice(None) and key in self.kept:
            return self.kept[key]
        places = [self.names.index(name) for name in frame.names]
        X = np.ones((len(self.y[rows]), constant + len(places)))
        np.subtract(self.X[rows].take(places, axis=1), frame.centre, out=X[:, constant:])
        X[:, constant:] /= frame.scale
        if rows == slice(None):
            self.kept.clear()
            self.kept[key] = X
        return X

    def totals(self, names: tuple[str, ...], kind: Family) -> dict[str, Floats]:
        """Sums: rows, mass, outcomes and the family's constant; columns; columns at events; who is not of 0 and 1."""
        X = self.X[:, [self.names.index(name) for name in names]].astype(np.float64)
        weighted = self.weight * self.y
        return {
            "rows": np.array([float(len(self.y))]),
            "mass": np.array([float(self.weight.sum())]),
            "y": np.array([float(weighted.sum()), kind.constant(self.y, self.weight)]),
            "x": np.asarray(self.weight @ X),
            "xy": np.asarray(weighted @ X),
            "odd": np.asarray((~np.isin(X, (0.0, 1.0))).any(axis=0), np.float64),
        }

    def clustered(self, scores: Floats) -> tuple[Floats, int]:
        """The products of the rows' scores [rows, k], summed within each cluster first; and the number of clusters."""
        found, inverse = np.unique(self.cluster, return_inverse=True)
        sums = np.zeros((len(found), scores.shape[1]))
        np.add.at(sums, inverse, scores)
        return np.asarray(sums.T @ sums), len(found)


def names_of(site: Site, memory: Memory, offset: str, cluster: str) -> tuple[str, ...]:
    """The names of a party's prepared columns, or of its raw features; offset and cluster are none.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.glm import Glm
        >>> job = Job("doc", (Glm(),))
        >>> names_of(Site("bank-a", job, Table.of({"age": [1], "late": [0]}, target="late")), {}, "", "")
        ('age',)
    """
    prepared = prepared_of(site, memory)
    names = tuple(n for n in site.table.features if n != PART_COLUMN) if prepared is None else prepared.names
    return tuple(name for name in names if name not in {offset, cluster})


def regressors_of(site: Site, memory: Memory, offset: str, cluster: str) -> Regressors:
    """A party's training rows; none where they are fewer than `min_rows`. Made once for each site.

    Raises:
        DataError: a column is missing or of the wrong kind, or raw features have gaps.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.glm import Glm
        >>> job = Job("doc", (Glm(),), min_rows=1)
        >>> table = Table.of({"age": [31.0, 42.0], "late": [0, 1]}, target="late")
        >>> regressors_of(Site("bank-a", job, table), {}, "", "").y.tolist()
        [0.0, 1.0]
    """
    prepared = prepared_of(site, memory)
    key = f"glm/{'raw' if prepared is None else prepared.digest}/{offset}/{cluster}"

    def make() -> Regressors:
        design = enough(design_of(site, memory, "train", "float64"), floors_at(site, memory, "train"))
        rows = design.rows
        split = None if prepared is None else prepared.split
        mine = np.flatnonzero(parts_at(site, split) == TRAIN)[:rows]
        names = tuple(n for n in site.table.features if n != PART_COLUMN) if prepared is None else prepared.names
        added = site.table.column(offset).floats()[mine] if offset else np.zeros(rows)
        if not bool(np.isfinite(added).all()):
            raise DataError(f"The offset '{offset}' has gaps or infinite values.", mend="Leave those rows out.")
        groups = np.arange(rows)
        if cluster:
            groups, _ = labelled(site.table.column(cluster).take(mine))
            if bool((groups < 0).any()):
                raise DataError(f"The cluster column '{cluster}' has gaps.", mend="Leave those rows out.")
        weight = np.ones(rows) if design.weight is None else design.weight.astype(np.float64)
        y = design.y.astype(np.float64)
        return Regressors(names, design.X, y, weight, added, groups.astype(np.intp))

    return site.derived(key, make)


def triangle(matrix: Floats) -> Floats:
    """A symmetric matrix [k, k] as its upper triangle [k (k + 1) / 2], row by row.

    Example:
        >>> triangle(np.array([[1.0, 2.0], [2.0, 3.0]])).tolist()
        [1.0, 2.0, 3.0]
    """
    return np.asarray(matrix[np.triu_indices(len(matrix))])


def whole(upper: Floats) -> Floats:
    """The symmetric matrix of an upper triangle.

    Example:
        >>> whole(np.array([1.0, 2.0, 3.0])).tolist()
        [[1.0, 2.0], [2.0, 3.0]]
    """
    width = (isqrt(8 * len(upper) + 1) - 1) // 2
    full = np.zeros((width, width))
    full[np.triu_indices(width)] = upper
    return full + np.triu(full, 1).T
