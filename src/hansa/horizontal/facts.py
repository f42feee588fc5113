"""What a party tells of its rows as a whole when columns are prepared: how many in each part, and of which class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hansa.data.parts import PARTS, TEST, TRAIN, among, row_hashes
from hansa.horizontal.labels import CODES, classes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.table import Table
    from hansa.data.parts import Codes


def facts_of(table: Table, parts: Codes, train: Table, names: tuple[str, ...], cell: int) -> NDArray[np.float64]:
    """Rows by part, test rows with a twin in training by these columns, one party; then what `classes_of` tells.

    `[1, 6 + 2 CODES]`. Of what fewer than `cell` rows stand behind, none are told; of no training rows, nothing.

    Example:
        >>> from hansa.core.table import Table
        >>> table = Table.of({"x": [1, 2, 3, 3], "y": [0, 1, 1, 0]}, target="y")
        >>> parts = np.array([0, 0, 0, 2], np.int8)
        >>> facts_of(table, parts, table.take([0, 1, 2]), ("x",), cell=1)[0, :8].tolist()
        [3.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 2.0]
    """
    if not len(train):
        return np.zeros((1, len(PARTS) + 3 + 2 * CODES))
    hashes = row_hashes(table.select(names), "twins")
    twins = among(hashes[parts == TEST], hashes[parts == TRAIN])
    rows = (*np.bincount(parts, minlength=len(PARTS))[: len(PARTS)].tolist(), twins)
    y = train.y() if train.target is not None else np.zeros(0)
    return np.array([[*(count if count >= cell else 0 for count in rows), 1, *classes_of(y, cell)]], np.float64)
