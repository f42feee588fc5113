r"""A disk, and what a store does with it: few calls, so that tests can make the n-th one fail or end the process there.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as path:
    ...     digest = write_by_digest(LocalDisk(), Path(path), [b"all ", b"of it"])
    ...     Path(path, digest).read_bytes()
    b'all of it'
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final, Protocol, final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

_PIECE: Final = 1 << 20  # bytes that the system is given at once
_PATIENCE: Final = 10.0  # seconds to wait for another connection's transaction


class Disk(Protocol):
    """What a store needs of a disk; each call may raise OSError, a connection's calls sqlite3.Error."""

    def write(self, file: int, data: bytes | memoryview) -> None:
        """Write all of it where an open file ends."""
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


def write_by_digest(disk: Disk, folder: Path, pieces: Sequence[bytes | memoryview]) -> str:
    """Write a file and call it by the SHA-256 of its content, which is returned; then it is durable.

    The digest is taken beside the writing, not before it: a large file costs the disk's time alone. A crash on the way
    leaves at most a file that is called otherwise. Raises OSError.
    """
    digest = sha256()

    def take() -> None:
        for piece in pieces:
            digest.update(piece)

    beside = Thread(target=take, daemon=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")  # made with mode 0600
    try:
        beside.start()
        try:
            for piece in pieces:
                disk.write(handle, piece)
            disk.fsync(handle)
        finally:
            os.close(handle)
            beside.join()
        disk.replace(Path(name), folder / digest.hexdigest())
    except BaseException:
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)
        raise
    disk.fsync_folder(folder)
    return digest.hexdigest()
