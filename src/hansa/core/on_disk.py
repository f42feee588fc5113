"""Arrays that lie in files instead of memory: for tables larger than a machine's memory.

Each lies in a nameless file of the system's temporary folder (`TMPDIR`) and goes when the array does. It is used as any
other; what has been touched counts as resident memory until it is forgotten, and then comes back from the file.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import tempfile
import weakref
from math import prod
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, final

import numpy as np

from hansa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

TOUCHED: Final = 64 << 20
"""Bytes that a loop over arrays on disk touches before it forgets them."""
SMALL: Final = 1 << 20
"""Bytes of an array that is not worth a file."""
_SCORED: Final = 16 << 20  # bytes of rows that are scored at once


def room(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Make an array of zeros on disk.

    Raises:
        DataError: the disk has no room for it.

    Example:
        >>> on_disk(room((2, 3), "float32")), on_disk(np.zeros(3))
        (True, False)
    """
    kind = np.dtype(dtype)
    size = max(prod(shape) * kind.itemsize, 1)
    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            if sys.platform == "linux":
                os.posix_fallocate(file.fileno(), 0, size)  # a full disk is told now, not in the middle of a write
            file.truncate(size)
            return _mapped(file, size, kind, shape)
    except OSError as error:
        raise _full(error) from None


def on_disk(array: NDArray[Any]) -> bool:
    """Tell whether an array, or what it is a view of, lies on disk.

    Example:
        >>> on_disk(room((4,), "float64")[1:])
        True
    """
    return _handle_of(array) is not None


def forget(*arrays: NDArray[Any]) -> None:
    """Give back the memory of what was touched of arrays on disk, or in maps for reading; they stay as they are.

    Example:
        >>> array = room((3,), "int64")
        >>> array[:] = 7
        >>> forget(array)
        >>> array.tolist()
        [7, 7, 7]
    """
    for array in arrays:
        base = _base_of(array)
        if isinstance(base, ctypes.Array):
            vars(base)["mapping"].madvise(mmap.MADV_DONTNEED)
        elif isinstance(base, mmap.mmap) and memoryview(base).readonly:  # else what was written could be lost
            base.madvise(mmap.MADV_DONTNEED)


def taken(array: NDArray[Any], rows: Any) -> NDArray[Any]:
    """The named rows of an array [rows]; many rows of one on disk lie on disk too.

    Example:
        >>> taken(np.array([1, 2, 3]), [2, 0]).tolist()
        [3, 1]
    """
    if isinstance(rows, slice) or not on_disk(array):
        return np.asarray(array[rows])
    places = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
    if len(places) * array.itemsize <= SMALL:
        return np.asarray(array[places])
    out = room((len(places),), array.dtype)
    block = TOUCHED // array.itemsize
    for start in range(0, len(places), block):
        here = slice(start, start + block)
        out[here] = array[places[here]]
        forget(array, out)
    return out


def beside(array: NDArray[Any], like: NDArray[Any]) -> NDArray[Any]:
    """The same numbers, on disk where `like` is.

    Example:
        >>> beside(np.array([1.5]), like=room((1,), "int8")).tolist()
        [1.5]
    """
    if array.nbytes <= SMALL or not on_disk(like):
        return array
    out = room(array.shape, array.dtype)
    out[:] = array
    forget(out)
    return out


def by_blocks(score: Callable[[NDArray[Any]], NDArray[Any]], X: NDArray[Any]) -> NDArray[Any]:
    """What a function by rows makes of `X [rows, ...]`: block by block where that is large, on disk or not.

    Example:
        >>> by_blocks(lambda rows: rows.sum(axis=1), np.ones((3, 2))).tolist()
        [2.0, 2.0, 2.0]
    """
    if X.nbytes <= TOUCHED:
        return score(X)
    rows = max(1, _SCORED * len(X) // X.nbytes)
    found = []
    for start in range(0, len(X), rows):
        found.append(score(X[start : start + rows]))
        forget(X)
    return np.concatenate(found)


def gather(array: NDArray[Any], places: NDArray[np.intp], out: NDArray[Any]) -> None:
    """Write rows from anywhere in `array [rows, k]` to `out [places, k]`; rows on disk are read from their file.

    Through the mapping, the system would bring in a megabyte around each of them.

    Example:
        >>> out = np.empty((2, 1))
        >>> gather(np.arange(4.0).reshape(4, 1), np.array([3, 0]), out)
        >>> out.tolist()
        [[3.0], [0.0]]
    """
    handle = _handle_of(array)
    if handle is None or not array.flags.c_contiguous:
        np.take(array, places, axis=0, out=out, mode="clip")  # "clip": numpy then writes straight into `out`
        return
    row = array.itemsize * prod(array.shape[1:])
    begin, file = array.ctypes.data - ctypes.addressof(handle), handle.file.fileno()
    if not out.size:
        return
    whole = out.reshape(-1).view(np.uint8).data
    for i, place in enumerate(places.tolist()):
        os.preadv(file, [whole[i * row : (i + 1) * row]], begin + place * row)


@final
class Pile:
    """An array [rows] in the making, block by block, in memory or on disk.

    Example:
        >>> pile = Pile("int64", disk=True)
        >>> pile.add(np.array([1, 2]))
        >>> pile.add(np.array([3]))
        >>> pile.done().tolist()
        [1, 2, 3]
    """

    def __init__(self, dtype: DTypeLike, *, disk: bool) -> None:
        """Begin with nothing."""
        self._kind, self._rows = np.dtype(dtype), 0
        self._blocks: list[NDArray[Any]] = []
        self._disk = disk
        self._file: BinaryIO | None = None

    def add(self, block: NDArray[Any]) -> None:
        """Lay a block `[rows]` on top; DataError where the disk has no room for it."""
        block = np.ascontiguousarray(block, self._kind)
        self._rows += len(block)
        if not self._disk:
            self._blocks.append(block)
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open until the pile is done, or let go
                weakref.finalize(self, self._file.close)
            self._file.write(block.view(np.uint8).data)
        except OSError as error:
            raise _full(error) from None

    def done(self) -> NDArray[Any]:
        """Close the pile: the whole array."""
        if self._file is None or not self._rows:
            return np.concatenate([np.empty(0, self._kind), *self._blocks])
        with self._file as file:
            try:
                file.flush()
            except OSError as error:
                raise _full(error) from None
            array = _mapped(file, self._rows * self._kind.itemsize, self._kind, (self._rows,))
        array.setflags(write=False)
        return array


def _mapped(file: IO[bytes], size: int, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """An array over a file; what it is a view of keeps the mapping and the file."""
    mapping = mmap.mmap(file.fileno(), size)
    handle = (ctypes.c_char * size).from_buffer(mapping)
    again = os.fdopen(os.dup(file.fileno()), "rb", buffering=0)
    vars(handle).update(mapping=mapping, file=again)
    weakref.finalize(handle, again.close)
    return np.frombuffer(memoryview(handle), kind, prod(shape)).reshape(shape)


def _handle_of(array: NDArray[Any]) -> Any:
    """What an array on disk is a view of, through any number of views; None for one in memory."""
    base = _base_of(array)
    return base if isinstance(base, ctypes.Array) else None


def _base_of(array: NDArray[Any]) -> Any:
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base.obj if isinstance(base, memoryview) else base


def _full(error: OSError) -> DataError:
    return DataError(
        what="A table does not fit on disk.",
        why=f"The temporary folder {tempfile.gettempdir()} has no room for it: {error.strerror}.",
        mend="Name a larger one in TMPDIR, or leave columns or rows out.",
    )
