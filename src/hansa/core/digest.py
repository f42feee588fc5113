"""Digests: of a table, whether a run goes on over the rows that it began with; of an ask, whether all get the same."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hansa.core.bodies import ask_body
from hansa.core.codec import pack
from hansa.core.on_disk import forget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hansa.core.message import Ask
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


def digest_of_ask(ask: Ask) -> bytes:
    """SHA-256 over what is asked, the model's parameters among it: what a secure sum is agreed for.

    Example:
        >>> from hansa.horizontal.rounds import Check
        >>> digest_of_ask(Check(np.zeros(2))) == digest_of_ask(Check(np.array([0.0, 1e-9])))
        False
    """
    return sha256(pack(_hashed(ask_body(ask)))).digest()


def _hashed(body: Any) -> Any:
    """The same body with each array's kind, shape and SHA-256 in its place: no copy of a large model is made."""
    if isinstance(body, Mapping):
        return {key: _hashed(item) for key, item in body.items()}
    if isinstance(body, list | tuple):
        return [_hashed(item) for item in body]
    if not isinstance(body, np.ndarray):
        return body
    little = np.ascontiguousarray(body.astype(body.dtype.newbyteorder("<"), copy=False))
    return {
        "array": [little.dtype.str, *map(str, body.shape)],
        "sha256": sha256(little.reshape(-1).view(np.uint8).data).digest(),
    }


def _blocks(array: NDArray[np.generic]) -> Iterator[bytes | memoryview]:
    """The bytes of an array [rows], some rows at a time; strings of any length as Python writes them."""
    for start in range(0, len(array), _ROWS):
        block = array[start : start + _ROWS]
        if block.dtype.kind == "T":
            yield repr(block.tolist()).encode()
        else:
            yield np.ascontiguousarray(block).view(np.uint8).data
        forget(array)
