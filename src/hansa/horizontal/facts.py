"""What a party tells of its rows as a whole when columns are prepared: how many in each part, and of which class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hansa.data.parts import PARTS, TEST, TRAIN, among, row_hashes
from hansa.horizontal.floors import Floors
from hansa.horizontal.labels import CODES, classes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.table import Table
    from hansa.data.parts import Codes


def facts_of(table: Table, parts: Codes, floors: Floors, train: Table, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Rows by part, test rows with a twin in training by these columns, one party; then what `classes_of` tells.

    `[1, 6 + 2 CODES]`. `floors` are those of the table. Of what fewer than `min_cell` customers stand behind, none are
    told; of no training rows, nothing.

    Example:
        >>> from hansa.core.table import Table
        >>> table = Table.of({"x": [1, 2, 3, 3], "y": [0, 1, 1, 0]}, target="y")
        >>> facts_of(table, np.array([0, 0, 0, 2], np.int8), Floors(), table.take([0, 1, 2]), ("x",))[0, :8].tolist()
        [3.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 2.0]
    """
    if not len(train):
        return np.zeros((1, len(PARTS) + 3 + 2 * CODES))
    learned, test = parts == TRAIN, parts == TEST
    hashes = row_hashes(table.select(names), "twins")
    twins = among(hashes[test], hashes[learned])
    rows = np.bincount(parts, minlength=len(PARTS))[: len(PARTS)]
    behind = floors.customers(parts.astype(np.intp), len(PARTS) + 1)[: len(PARTS)]
    told = np.where(behind >= floors.min_cell, rows, 0).tolist()
    classes = (
        classes_of(train.y(), floors.at(learned)) if train.target is not None else classes_of(np.zeros(0), Floors())
    )
    return np.array([[*told, twins if twins >= floors.at(test).cell else 0, 1, *classes]], np.float64)
