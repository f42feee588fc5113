r"""A disk, and what a store does with it: few calls, so that tests can make the n-th one fail or end the process there.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as path:
    ...     with Path(path, "words").open("wb") as file:
    ...         LocalDisk().write(file.fileno(), b"all of it")
    ...         LocalDisk().fsync(file.fileno())
    ...     Path(path, "words").read_bytes()
    b'all of it'
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import Final, Protocol, final
from urllib.parse import quote

__all__ = ["Disk", "LocalDisk", "Path"]

_PIECE: Final = 1 << 20  # bytes that the system is given at once
_PATIENCE: Final = 10.0  # seconds to wait for another connection's transaction


class Disk(Protocol):
    """What a store needs of a disk; each call may raise OSError, a connection's calls sqlite3.Error."""

    def write(self, file: int, data: bytes | memoryview) -> None:
        """Write all of it where an open file ends."""
        ...

    def begin(self, file: int, start: int, end: int) -> None:
        """Begin to bring what was written between two places to the disk, without waiting for it."""
        ...

    def fsync(self, file: int) -> None:
        """Return once an open file's content would survive a power cut."""
        ...

    def replace(self, old: Path, new: Path) -> None:
        """Give a file a new name, in the place of one that has it."""
        ...

    def fsync_folder(self, folder: Path) -> None:
        """Return once a folder's names would survive a power cut."""
        ...

    def connect(self, path: Path, *, reading: bool = False) -> sqlite3.Connection:
        """Open a database without transactions of Python's own; any thread may use the connection."""
        ...


@final
class LocalDisk:
    """The disk of this machine."""

    def write(self, file: int, data: bytes | memoryview) -> None:
        """Write until nothing is left: the system may take less than it is given."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest[:_PIECE]) :]

    def begin(self, file: int, start: int, end: int) -> None:
        """Tell the system that these pages are of no use: it writes them back, and keeps those that it writes."""
        if sys.platform == "linux":
            os.posix_fadvise(file, start, end - start, os.POSIX_FADV_DONTNEED)

    def fsync(self, file: int) -> None:
        """Wait for the disk."""
        os.fsync(file)

    def replace(self, old: Path, new: Path) -> None:
        """Rename."""
        old.replace(new)

    def fsync_folder(self, folder: Path) -> None:
        """Wait for the disk."""
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def connect(self, path: Path, *, reading: bool = False) -> sqlite3.Connection:
        """Open a database that is there, so that its mode is the one that it was made with."""
        uri = f"file:{quote(str(path.absolute()))}?mode={'ro' if reading else 'rw'}"
        return sqlite3.connect(uri, _PATIENCE, isolation_level=None, check_same_thread=False, uri=True)
