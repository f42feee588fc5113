"""Plain data with arrays in it as bytes at rest: laid out so that a file of them is used in place, without a copy.

    sheet := "HNSS" version:u16 size:u64 HEAD arrays
    HEAD  := msgpack map of tree, arrays [[dtype, shape], ...]

Numbers are little-endian. Each array begins at a multiple of 64 bytes. It stands where the tree holds
{"__array__": place}. A sheet's digest is the SHA-256 of its bytes, and is checked before the sheet is read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgpack
import numpy as np

from hansa.core.wire import DTYPES
from hansa.errors import DataError, WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Pieces: TypeAlias = "Sequence[bytes | memoryview]"
"""Bytes in pieces: the arrays' own memory among them."""

_FIXED: Final = struct.Struct("<4sHQ")
_MAGIC, _VERSION, _ARRAY, _ALIGNED = b"HNSS", 1, "__array__", 64


def lay_out(tree: Any) -> Pieces:
    """Plain data as bytes, in pieces; nothing large is copied. The same data give the same bytes.

    Raises:
        WireError: something that is neither plain nor an array of numbers.

    Example:
        >>> data = b"".join(lay_out({"round": 3, "x": np.arange(3.0)}))
        >>> len(data), pick_up(data)["x"].tolist(), digest_of(lay_out({"round": 3}))[:8]
        (88, [0.0, 1.0, 2.0], '4e882368')
    """
    arrays: list[NDArray[Any]] = []
    lifted = _lifted(tree, arrays)
    head = {"tree": lifted, "arrays": [[array.dtype.str, list(array.shape)] for array in arrays]}
    packed: bytes = msgpack.packb(head, use_bin_type=True)
    pieces: list[bytes | memoryview] = [_FIXED.pack(_MAGIC, _VERSION, len(packed)), packed]
    at = _FIXED.size + len(packed)
    for array in arrays:
        gap = -at % _ALIGNED
        pieces += [bytes(gap), array.reshape(-1).view(np.uint8).data if array.size else b""]
        at += gap + array.nbytes
    return pieces


def size_of(pieces: Pieces) -> int:
    """How many bytes they are.

    Example:
        >>> size_of([b"ab", memoryview(b"c")])
        3
    """
    return sum(map(len, pieces))


def digest_of(pieces: Pieces) -> str:
    """Their SHA-256, as hex."""
    digest = sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def pick_up(data: bytes | memoryview) -> Any:
    """The plain data of a sheet; its arrays are views of the bytes, and nobody can write to them.

    Raises:
        DataError: the bytes are no sheet of this version.
    """
    view = memoryview(data).toreadonly()
    try:
        magic, version, size = _FIXED.unpack_from(view)
        known = (magic, version) == (_MAGIC, _VERSION)
        head: Any = msgpack.unpackb(view[_FIXED.size : _FIXED.size + size], max_ext_len=0) if known else None
        return _sunk(head["tree"], _arrays(view, _FIXED.size + size, head["arrays"]))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, struct.error, msgpack.UnpackException):
        raise DataError("These bytes are no sheet of this version.") from None


def _arrays(view: memoryview, at: int, listed: Sequence[Any]) -> list[NDArray[Any]]:
    """The arrays that lie behind the head, to the last byte; ValueError where they do not."""
    arrays: list[NDArray[Any]] = []
    for dtype, shape in listed:
        at += -at % _ALIGNED
        count = prod(shape)
        if dtype not in DTYPES or count < 0:
            raise ValueError
        found = np.frombuffer(view, dtype, count, at) if count else np.empty(0, dtype)
        arrays.append(found.reshape(shape))
        at += found.nbytes
    if at != len(view):
        raise ValueError
    return arrays


def _lifted(tree: Any, arrays: list[NDArray[Any]]) -> Any:
    """The tree with its arrays taken out, and a place in their stead."""
    if isinstance(tree, np.ndarray):
        little = np.ascontiguousarray(tree, tree.dtype.newbyteorder("<")).reshape(tree.shape)
        if little.dtype.str not in DTYPES:
            raise WireError(f"An array of {tree.dtype} cannot be kept.", mend="Use whole numbers or floats.")
        arrays.append(little)
        return {_ARRAY: len(arrays) - 1}
    if isinstance(tree, Mapping):
        if _ARRAY in tree or not all(isinstance(key, str) for key in tree):
            raise WireError(f"A map has a key that is no text, or '{_ARRAY}'.")
        return {key: _lifted(item, arrays) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_lifted(item, arrays) for item in tree]
    if tree is None or isinstance(tree, str | bool | int | float | bytes):
        return tree
    raise WireError(f"A {type(tree).__name__} cannot be kept.")


def _sunk(tree: Any, arrays: Sequence[NDArray[Any]]) -> Any:
    """The tree with its arrays put back."""
    if isinstance(tree, dict):
        return arrays[tree[_ARRAY]] if _ARRAY in tree else {key: _sunk(item, arrays) for key, item in tree.items()}
    return [_sunk(item, arrays) for item in tree] if isinstance(tree, list) else tree
