r"""A large sheet on its way into a file: its arrays as they come, then its head, then the disk's word for it.

The file goes when the spool does, unless it was taken: then it bears its digest. What a crash leaves of it is called
otherwise than any row says, and is swept away.

Example:
    >>> import tempfile
    >>> from hansa.engines.network.disk import LocalDisk
    >>> layout = lay_out({"x": np.arange(1000.0)})
    >>> with tempfile.TemporaryDirectory() as path:
    ...     incoming = Incoming(Spool(LocalDisk(), Path(path), layout), layout.digests())
    ...     incoming.write(raw(layout.arrays[0]))
    ...     (x,) = incoming.tensors()
    ...     incoming.spool.take()
    ...     float(x[-1]), Path(path, incoming.spool.digest).stat().st_size == layout.size
    (999.0, True)
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from hansa.engines.network.sheet import START, arrays_in, gap_at, lay_out, raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hansa.engines.network.disk import Disk
    from hansa.engines.network.sheet import Layout

__all__ = ["Incoming", "Path", "Spool", "lay_out", "np", "raw"]

_AHEAD: Final = 8 << 20  # bytes after which the disk may begin with them


@final
class Spool:
    """A sheet's file in the making; the layout's own numbers are not read. Raises OSError, as all that it does.

    `over`: a file of the very size that nobody needs any more. To write over it costs neither memory nor blocks that
    the system must find first.
    """

    def __init__(self, disk: Disk, folder: Path, layout: Layout, over: Path | None = None) -> None:
        """Begin the file."""
        self.layout, self.digest = layout, ""
        self._disk, self._folder = disk, folder
        if over is None:
            self._file, name = tempfile.mkstemp(dir=folder, prefix=".new-")  # made with mode 0600
        else:
            self._file, name = os.open(over, os.O_RDWR | os.O_CLOEXEC), str(over)
        self._path = Path(name)
        self._away = weakref.finalize(self, _away, self._file, self._path)
        self._sizes = [array.nbytes for array in layout.arrays if array.size]
        self._left = self._at = self._begun = 0

    def write(self, data: memoryview) -> None:
        """Take the next bytes of the arrays."""
        while len(data):
            if not self._left:
                self._left = self._sizes.pop(0)
                self._put(bytes(gap_at(self._at or len(START))))
            here = data[: self._left]
            self._put(here)
            self._left -= len(here)
            data = data[len(here) :]
        if self._at - self._begun >= _AHEAD:
            self._disk.begin(self._file, self._begun, self._at)
            self._begun = self._at

    def finish(self, digests: Sequence[bytes]) -> None:
        """All arrays are there, and these are their digests: write the head, and wait for the disk."""
        self._put(self.layout.head(digests))
        self._disk.fsync(self._file)
        self.digest = self.layout.digest(digests)

    def read(self) -> mmap.mmap:
        """The file as a map."""
        return mmap.mmap(self._file, 0, access=mmap.ACCESS_READ)

    def take(self) -> None:
        """Let the file bear its digest from now on; that its folder says so is still to be waited for."""
        self._disk.replace(self._path, self._folder / self.digest)
        if self._away.detach() is not None:
            os.close(self._file)

    def drop(self) -> None:
        """Remove the file, unless it was taken."""
        self._away()

    def _put(self, data: bytes | memoryview) -> None:
        for piece in (data,) if self._at else (START, data):
            if len(piece):
                self._disk.write(self._file, piece)
                self._at += len(piece)


def _away(file: int, path: Path) -> None:
    os.close(file)
    with suppress(OSError):
        path.unlink(missing_ok=True)


@final
@dataclass
class Incoming:
    """A room for the numbers of a word on its way here: straight into the sheet that it will be.

    `digests`: those of its arrays; `map`: the sheet, once it is whole.
    """

    spool: Spool
    digests: tuple[bytes, ...]
    map: mmap.mmap | None = None

    def write(self, data: memoryview) -> None:
        """Take the next bytes. Raises OSError."""
        self.spool.write(data)

    def tensors(self) -> Sequence[NDArray[Any]]:
        """All of them, as read-only maps of what is on the disk. Raises OSError."""
        self.spool.finish(self.digests)
        self.map = self.spool.read()
        return arrays_in(self.map, self.spool.layout)

    def drop(self) -> None:
        """Let go of what has come, unless it was taken."""
        self.spool.drop()
