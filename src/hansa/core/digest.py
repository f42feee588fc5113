"""The digest of a table: whether a run goes on over the rows that it began with."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import numpy as np

from hansa.core.on_disk import forget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hansa.core.table import Table

_ROWS: Final = 1 << 18


def digest(table: Table) -> str:
    """SHA-256 over names, roles, kinds and values in their order, as hex; of a table on disk block by block.

    Example:
        >>> from hansa.core.table import Table
        >>> digest(Table.of({"x": [1, 2]})) == digest(Table.of({"x": [1, 2]})) != digest(Table.of({"x": [2, 1]}))
        True
    """
    found = sha256(repr((table.names, table.target, table.id, table.weight, len(table))).encode())
    for name in table.names:
        column = table.column(name)
        found.update(repr((column.kind, column.levels, column.missing is None)).encode())
        for array in (column.values, column.missing):
            for block in () if array is None else _blocks(array):
                found.update(block)
    return found.hexdigest()


def _blocks(array: NDArray[np.generic]) -> Iterator[bytes | memoryview]:
    """The bytes of an array [rows], some rows at a time; strings of any length as Python writes them."""
    for start in range(0, len(array), _ROWS):
        block = array[start : start + _ROWS]
        if block.dtype.kind == "T":
            yield repr(block.tolist()).encode()
        else:
            yield np.ascontiguousarray(block).view(np.uint8).data
        forget(array)
