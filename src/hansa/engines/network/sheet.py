"""Plain data with arrays in it as bytes at rest: laid out so that a file of them is used in place, without a copy.

    sheet := "HNSS" version:u16 arrays HEAD size:u64
    HEAD  := msgpack map of tree, arrays [[dtype, shape, sha256], ...]

Numbers are little-endian. Each array begins at a multiple of 64 bytes, and stands where the tree holds {"__array__":
place}. The head, `size` bytes of it, comes last: arrays can be written as they come. A sheet's digest is the SHA-256 of
its head, which holds those of the arrays: it speaks for the whole sheet, and no byte is hashed twice on its way here.

Version 1 is read as well: "HNSS" 1:u16 size:u64 {tree, arrays [[dtype, shape]]} arrays; its digest is of all its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

import msgpack
import numpy as np

from hansa.core.on_disk import forget
from hansa.core.wire import DTYPES
from hansa.errors import DataError, WireError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence

    from numpy.typing import NDArray

Buffer: TypeAlias = "bytes | memoryview | mmap.mmap"

_START: Final = struct.Struct("<4sH")
_SIZE: Final = struct.Struct("<Q")
_FIRST: Final = struct.Struct("<4sHQ")  # of version 1
_BLOCK: Final = 8 << 20  # bytes of an array that are hashed at once
_MAGIC, _VERSION, _ARRAY, _ALIGNED = b"HNSS", 2, "__array__", 64
_AS_IT_IS: Final = {type(None), str, bool, int, float, bytes}

START: Final = _START.pack(_MAGIC, _VERSION)
"""The bytes that a sheet begins with."""


@final
@dataclass(frozen=True)
class Layout:
    """Plain data less its arrays, and these in order: little-endian, each in one piece; nothing large is copied.

    Example:
        >>> layout = lay_out({"round": 3, "x": np.arange(3.0)})
        >>> data = b"".join(layout.pieces(layout.digests()))
        >>> len(data) == layout.size, pick_up(data, digest_of({"round": 3, "x": np.arange(3.0)}))["x"].tolist()
        (True, [0.0, 1.0, 2.0])
    """

    tree: Any
    arrays: tuple[NDArray[Any], ...]

    @property
    def size(self) -> int:
        """Bytes of the whole sheet."""
        at = len(START)
        for array in self.arrays:
            at += gap_at(at) + array.nbytes
        return at + len(self.head([bytes(32)] * len(self.arrays)))

    def digests(self) -> tuple[bytes, ...]:
        """The SHA-256 of each array."""
        return tuple(_hashed(array) for array in self.arrays)

    def head(self, digests: Sequence[bytes]) -> bytes:
        """What comes behind the arrays: the head and its size. The same data give the same bytes."""
        packed = self._packed(digests)
        return packed + _SIZE.pack(len(packed))

    def digest(self, digests: Sequence[bytes]) -> str:
        """The digest of the sheet, as hex, from those of its arrays."""
        return sha256(self._packed(digests)).hexdigest()

    def pieces(self, digests: Sequence[bytes]) -> list[bytes | memoryview]:
        """The whole sheet in pieces, the arrays' own memory among them."""
        pieces: list[bytes | memoryview] = [START]
        at = len(START)
        for array in self.arrays:
            pieces += [bytes(gap_at(at)), raw(array)]
            at += gap_at(at) + array.nbytes
        return [*pieces, self.head(digests)]

    def _packed(self, digests: Sequence[bytes]) -> bytes:
        listed = [[a.dtype.str, list(a.shape), digest] for a, digest in zip(self.arrays, digests, strict=True)]
        packed: bytes = msgpack.packb({"tree": self.tree, "arrays": listed}, use_bin_type=True)
        return packed


def lay_out(tree: Any) -> Layout:
    """Take the arrays out of plain data.

    Raises:
        WireError: something that is neither plain nor an array of numbers.

    Example:
        >>> lay_out([1, np.arange(2)]).tree
        [1, {'__array__': 0}]
    """
    arrays: list[NDArray[Any]] = []
    return Layout(_lifted(tree, arrays), tuple(arrays))


def digest_of(tree: Any) -> str:
    """The digest that plain data have as a sheet, as hex.

    Example:
        >>> digest_of({"round": 3})[:8], first_digest_of({"round": 3})[:8]
        ('a4b5826b', '4e882368')
    """
    layout = lay_out(tree)
    return layout.digest(layout.digests())


def first_digest_of(tree: Any) -> str:
    """The digest that plain data had as a sheet of version 1, as hex: rows of older stores still bear it."""
    layout = lay_out(tree)
    listed = [[array.dtype.str, list(array.shape)] for array in layout.arrays]
    packed: bytes = msgpack.packb({"tree": layout.tree, "arrays": listed}, use_bin_type=True)
    digest = sha256(_FIRST.pack(_MAGIC, 1, len(packed)) + packed)
    at = _FIRST.size + len(packed)
    for array in layout.arrays:
        digest.update(bytes(gap_at(at)))
        digest.update(raw(array))
        at += gap_at(at) + array.nbytes
    return digest.hexdigest()


def gap_at(place: int) -> int:
    """How many zeros stand before an array that comes next.

    Example:
        >>> gap_at(6), gap_at(64)
        (58, 0)
    """
    return -place % _ALIGNED


def raw(array: NDArray[Any]) -> memoryview:
    """The bytes of an array in one piece.

    Example:
        >>> len(raw(np.ones((2, 3))))
        48
    """
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")


def pick_up(data: Buffer, digest: str, *, checked: bool = False) -> Any:
    """The plain data of a sheet; its arrays are views of the bytes, and nobody can write to them.

    `checked`: the arrays were held against their digests before.

    Raises:
        DataError: the bytes are no sheet, or not the one of this digest.
    """
    view = memoryview(data).toreadonly()
    try:
        first = _START.unpack_from(view) == (_MAGIC, 1)
        return _picked_up_first(view, digest) if first else _picked_up(view, digest, checked=checked)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, struct.error, msgpack.UnpackException):
        raise DataError("These bytes are no sheet of a version that is known here.") from None


def arrays_in(data: Buffer, layout: Layout) -> list[NDArray[Any]]:
    """The arrays of a sheet that was laid out so, as views of its bytes.

    Example:
        >>> layout = lay_out([np.arange(2)])
        >>> arrays_in(b"".join(layout.pieces(layout.digests())), layout)
        [array([0, 1])]
    """
    listed = [[array.dtype.str, list(array.shape)] for array in layout.arrays]
    end = layout.size - len(layout.head([bytes(32)] * len(listed)))
    return _arrays(memoryview(data).toreadonly()[:end], len(START), listed)


def _picked_up(view: memoryview, digest: str, *, checked: bool) -> Any:
    (size,) = _SIZE.unpack_from(view, len(view) - _SIZE.size)
    end = len(view) - _SIZE.size - size
    if view[: len(START)] != START or end < len(START):
        raise ValueError
    packed = view[end : end + size]
    if sha256(packed).hexdigest() != digest:
        raise DataError("A sheet is not what was written.")
    head: Any = msgpack.unpackb(packed, max_ext_len=0)
    arrays = _arrays(view[:end], len(START), [one[:2] for one in head["arrays"]])
    if not checked and [_hashed(array) for array in arrays] != [one[2] for one in head["arrays"]]:
        raise DataError("A sheet is not what was written.")
    return _sunk(head["tree"], arrays)


def _picked_up_first(view: memoryview, digest: str) -> Any:
    _, _, size = _FIRST.unpack_from(view)
    if sha256(view).hexdigest() != digest:
        raise DataError("A sheet is not what was written.")
    head: Any = msgpack.unpackb(view[_FIRST.size : _FIRST.size + size], max_ext_len=0)
    return _sunk(head["tree"], _arrays(view, _FIRST.size + size, head["arrays"]))


def _arrays(view: memoryview, at: int, listed: Sequence[Any]) -> list[NDArray[Any]]:
    """The arrays that lie from a place on, to the last byte; ValueError where they do not."""
    arrays: list[NDArray[Any]] = []
    for dtype, shape in listed:
        gap, count = gap_at(at), prod(shape)
        if dtype not in DTYPES or count < 0 or any(view[at : at + gap]):
            raise ValueError
        at += gap
        found = np.frombuffer(view, dtype, count, at) if count else np.empty(0, dtype)
        arrays.append(found.reshape(shape))
        at += found.nbytes
    if at != len(view):
        raise ValueError
    return arrays


def _hashed(array: NDArray[Any]) -> bytes:
    """The SHA-256 of an array; of a map, no more than a little is in memory at a time."""
    digest, data = sha256(), raw(array)
    for start in range(0, len(data), _BLOCK):
        digest.update(data[start : start + _BLOCK])
        forget(array)
    return digest.digest()


def _lifted(tree: Any, arrays: list[NDArray[Any]]) -> Any:
    """The tree with its arrays taken out, and a place in their stead."""
    if type(tree) in _AS_IT_IS:
        return tree
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
    if isinstance(tree, str | int | float | bytes):
        return tree
    raise WireError(f"A {type(tree).__name__} cannot be kept.")


def _sunk(tree: Any, arrays: Sequence[NDArray[Any]]) -> Any:
    """The tree with its arrays put back."""
    if isinstance(tree, dict):
        return arrays[tree[_ARRAY]] if _ARRAY in tree else {key: _sunk(item, arrays) for key, item in tree.items()}
    return [_sunk(item, arrays) for item in tree] if isinstance(tree, list) else tree
