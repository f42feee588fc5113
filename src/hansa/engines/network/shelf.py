r"""Where a store's sheets lie: small ones in a row of the database, large ones as files that bear their digest.

A large one is written, synced and named before the row that speaks of it; what no row speaks of is swept away when the
store is opened. So a crash leaves neither a row without its file, nor a file for ever.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as path:
    ...     shelf = Shelf(Path(path), LocalDisk(), inline=1024)
    ...     slip: Slip = shelf.put({"x": np.arange(1000.0)})
    ...     slip.place, slip.body is None, float(shelf.get(slip)["x"][-1]), shelf.sweep([]), shelf.sweep([])
    ('file', True, 999.0, 1, 0)
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final

import numpy as np

from hansa.engines.network.disk import LocalDisk, write_by_digest
from hansa.engines.network.sheet import digest_of, lay_out, pick_up, size_of
from hansa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hansa.engines.network.disk import Disk

__all__ = ["LocalDisk", "Shelf", "Slip", "np"]

Place: TypeAlias = Literal["row", "file", "gone"]
"""Where a sheet lies; of one that is gone, only the digest is known."""


INLINE: Final = 256 << 10
"""Bytes of a sheet that still lies in a row: a file of its own would cost three more waits for the disk."""


@final
@dataclass(frozen=True)
class Slip:
    """What a row says of a sheet: its digest (hex), its size in bytes, where it lies, and itself where it is small."""

    digest: str
    size: int
    place: Place
    body: bytes | None = None

    @property
    def row(self) -> tuple[str, int, Place, bytes | None]:
        """The four columns of a row."""
        return (self.digest, self.size, self.place, self.body)


@final
class Shelf:
    """A store's sheets in a folder; those of at most `inline` bytes are left to the row."""

    def __init__(self, folder: Path, disk: Disk, inline: int) -> None:
        """Make the folder where it is not there yet. Raises OSError."""
        self.folder, self.disk, self.inline = folder, disk, inline
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, tree: Any) -> Slip:
        """Keep plain data with arrays: what is large is durable on return. Raises OSError; WireError as sheets do."""
        pieces = lay_out(tree)
        size = size_of(pieces)
        if size <= self.inline:
            body = b"".join(pieces)
            return Slip(sha256(body).hexdigest(), size, "row", body)
        return Slip(write_by_digest(self.disk, self.folder, pieces), size, "file")

    def weigh(self, tree: Any) -> Slip:
        """What `put` would return, without keeping anything."""
        pieces = lay_out(tree)
        return Slip(digest_of(pieces), size_of(pieces), "gone")

    def get(self, slip: Slip) -> Any:
        """What was kept, checked against its digest; the arrays of a file are read-only maps of it.

        Raises:
            DataError: it is not what was written, or not there.
        """
        data = self._mapped(slip) if slip.body is None else slip.body
        if len(data) != slip.size or sha256(data).hexdigest() != slip.digest:
            raise DataError("A sheet is not what was written.")
        return pick_up(data)

    def drop(self, digests: Iterable[str]) -> None:
        """Remove files that no row speaks of any more; one that stays is swept away later."""
        for digest in digests:
            with suppress(OSError):
                (self.folder / digest).unlink(missing_ok=True)

    def sweep(self, known: Iterable[str]) -> int:
        """Remove every file but these; how many. Raises OSError."""
        kept = set(known)
        orphans = [path for path in self.folder.iterdir() if path.name not in kept]
        for path in orphans:
            path.unlink()
        return len(orphans)

    def _mapped(self, slip: Slip) -> memoryview:
        try:
            with (self.folder / slip.digest).open("rb") as file:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError):
            raise DataError("A sheet's file is not there, or empty.") from None
