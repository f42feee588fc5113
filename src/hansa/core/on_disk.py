"""Arrays that lie in files instead of memory: for tables larger than a machine's memory.

Each lies in a nameless file of the system's temporary folder (`TMPDIR`) and goes when the array does. It is used as any
other; what has been touched counts as resident memory until it is forgotten, and then comes back from the file.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
import weakref
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO, Final, final

import numpy as np

from hansa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

TOUCHED: Final = 64 << 20
"""Bytes that a loop over arrays on disk touches before it forgets them."""
SMALL: Final = 1 << 20
"""Bytes of an array that is not worth a file."""
_PAGES = 64 << 10  # what the system brings in around one touched row


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
        with tempfile.TemporaryFile() as file:
            if sys.platform == "linux":
                os.posix_fallocate(file.fileno(), 0, size)  # a full disk is told now, not in the middle of a write
            file.truncate(size)
            return _mapped(mmap.mmap(file.fileno(), size), kind, shape)
    except OSError as error:
        raise _full(error) from None


def on_disk(array: NDArray[Any]) -> bool:
    """Tell whether an array, or what it is a view of, lies on disk.

    Example:
        >>> on_disk(room((4,), "float64")[1:])
        True
    """
    return _map_of(array) is not None


def forget(*arrays: NDArray[Any]) -> None:
    """Give back the memory of what was touched of arrays on disk; they stay as they are.

    Example:
        >>> array = room((3,), "int64")
        >>> array[:] = 7
        >>> forget(array)
        >>> array.tolist()
        [7, 7, 7]
    """
    for array in arrays:
        found = _map_of(array)
        if found is not None:
            found.madvise(mmap.MADV_DONTNEED)


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
    rows = max(1, TOUCHED * len(X) // X.nbytes)
    found = []
    for start in range(0, len(X), rows):
        found.append(score(X[start : start + rows]))
        forget(X)
    return np.concatenate(found)


@final
class Touch:
    """Counts what a loop touches of arrays on disk, and forgets them in time.

    Example:
        >>> touch = Touch(room((8, 2), "float32"))
        >>> touch.rows(3)
        3
    """

    def __init__(self, *arrays: NDArray[Any]) -> None:
        """Watch these arrays; those in memory cost nothing."""
        self._arrays = [array for array in arrays if on_disk(array)]
        self._row = max((max(array.nbytes // max(len(array), 1), _PAGES) for array in self._arrays), default=0)
        self._count = 0

    def rows(self, count: int) -> int:
        """So many rows, here and there, have been touched; how many since the last time that all was forgotten."""
        self._count += count
        if self._count * self._row > 2 * TOUCHED:
            forget(*self._arrays)
            self._count = 0
        return self._count


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
            size = self._rows * self._kind.itemsize
            return _mapped(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ), self._kind, (self._rows,))


def _mapped(found: mmap.mmap, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.frombuffer(found, kind, prod(shape)).reshape(shape)


def _map_of(array: NDArray[Any]) -> mmap.mmap | None:
    """The file that an array is a view of, through any number of views."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, mmap.mmap) else None


def _full(error: OSError) -> DataError:
    return DataError(
        what="A table does not fit on disk.",
        why=f"The temporary folder {tempfile.gettempdir()} has no room for it: {error.strerror}.",
        mend="Name a larger one in TMPDIR, or leave columns or rows out.",
    )
