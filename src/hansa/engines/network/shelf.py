r"""Where a store's sheets lie: small ones in a row of the database, large ones as files that bear their digest.

A large one is written, synced and named before the row that speaks of it; what no row speaks of is swept away when the
store is opened. So a crash leaves neither a row without its file, nor a file for ever. One that comes over the network
is written as it comes, into the file that it will lie in. A large file that is let go is written over by the next one
of its size, once nobody reads it any more; what is not goes with the shelf.

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
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final

import numpy as np

from hansa.engines.network.disk import LocalDisk
from hansa.engines.network.sheet import lay_out, pick_up, raw
from hansa.engines.network.spool import Incoming, Spool
from hansa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hansa.engines.network.disk import Disk
    from hansa.engines.network.sheet import Layout

__all__ = ["LocalDisk", "Shelf", "Slip", "np"]

Place: TypeAlias = Literal["row", "file", "gone"]
"""Where a sheet lies; of one that is gone, only the digest is known."""


_SPARE: Final = 4 << 20  # bytes of a file that is worth writing over
_SPARES: Final = 4 << 30  # bytes of all files that wait for it

INLINE: Final = 256 << 10
"""Bytes of a sheet that still lies in a row: a file of its own would cost three more waits for the disk."""


@final
@dataclass(frozen=True)
class Slip:
    """What a row says of a sheet: its digest (hex), its size in bytes, where it lies, and itself where it is small.

    `digests`: of its arrays, in order, where they were just taken; no row holds them.
    """

    digest: str
    size: int
    place: Place
    body: bytes | None = None
    digests: tuple[bytes, ...] = ()

    @property
    def row(self) -> tuple[str, int, Place, bytes | None]:
        """The four columns of a row."""
        return (self.digest, self.size, self.place, self.body)


@final
@dataclass(frozen=True)
class _Spare:
    """A file that was let go, and the map of it that may still be in use."""

    path: Path
    size: int
    map: Callable[[], object]


@final
class Shelf:
    """A store's sheets in a folder; those of at most `inline` bytes are left to the row."""

    def __init__(self, folder: Path, disk: Disk, inline: int) -> None:
        """Make the folder where it is not there yet. Raises OSError."""
        self.folder, self.disk, self.inline = folder, disk, inline
        self._checked: weakref.WeakValueDictionary[str, mmap.mmap] = weakref.WeakValueDictionary()
        self._spares: list[_Spare] = []
        self._choosing = Lock()
        weakref.finalize(self, _remove, self._spares)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, tree: Any, known: tuple[bytes, ...] = ()) -> Slip:
        """Keep plain data with arrays: what is large is durable on return.

        `known`: the SHA-256 of the arrays, where they were checked before. Raises OSError; WireError as sheets do.
        """
        layout = lay_out(tree)
        if layout.size > self.inline:
            return self._written(layout)
        digests = known if len(known) == len(layout.arrays) else layout.digests()
        body = b"".join(layout.pieces(digests))
        return Slip(layout.digest(digests), len(body), "row", body, digests)

    def weigh(self, tree: Any) -> Slip:
        """What `put` would return, without keeping anything."""
        layout = lay_out(tree)
        digests = layout.digests()
        return Slip(layout.digest(digests), layout.size, "gone", None, digests)

    def expect(self, tree: Any, digests: Sequence[bytes]) -> Incoming | None:
        """A file for a sheet whose numbers are still to come, and have these digests; None where it is small.

        It is small, too, where the tree does not hold all that is to come. Raises OSError; WireError as sheets do.
        """
        layout = lay_out(tree)
        if layout.size <= self.inline or len(layout.arrays) != len(digests):
            return None
        return Incoming(self._spool(layout), tuple(digests))

    def take(self, come: Sequence[Incoming]) -> tuple[Slip, ...]:
        """Keep sheets that have come: durable on return. Raises OSError."""
        for one in come:
            one.spool.take()
            if one.map is not None:
                self._checked[one.spool.digest] = one.map
        if come:
            self.disk.fsync_folder(self.folder)
        return tuple(Slip(one.spool.digest, one.spool.layout.size, "file", None, one.digests) for one in come)

    def get(self, slip: Slip) -> Any:
        """What was kept, checked against its digest; the arrays of a file are read-only maps of it.

        While a map is in use, it is not checked again.

        Raises:
            DataError: it is not what was written, or not there.
        """
        if slip.body is not None:
            if len(slip.body) != slip.size:
                raise DataError("A sheet is not what was written.")
            return pick_up(slip.body, slip.digest)
        held = self._checked.get(slip.digest)
        data = held or self._mapped(slip)
        tree = pick_up(data, slip.digest, checked=held is not None)
        self._checked[slip.digest] = data
        return tree

    def drop(self, digests: Iterable[str]) -> None:
        """Let files go that no row speaks of any more; one that stays is swept away later."""
        for digest in digests:
            path, held = self.folder / digest, self._checked.pop(digest, None)
            with suppress(OSError), self._choosing:
                size = path.stat().st_size
                if size < _SPARE or size + sum(one.size for one in self._spares) > _SPARES:
                    path.unlink()
                else:
                    spare = path.replace(self.folder / f".spare-{digest}")
                    self._spares.append(_Spare(spare, size, _nobody if held is None else weakref.ref(held)))

    def sweep(self, known: Iterable[str]) -> int:
        """Remove every file but these; how many. Raises OSError."""
        kept = set(known)
        orphans = [path for path in self.folder.iterdir() if path.name not in kept]
        for path in orphans:
            path.unlink()
        return len(orphans)

    def _spool(self, layout: Layout) -> Spool:
        """A new file, or one of this size that was let go and that nobody reads any more."""
        with self._choosing:
            free = [one for one in self._spares if one.size == layout.size and one.map() is None]
            if free:
                self._spares.remove(free[0])
        return Spool(self.disk, self.folder, layout, free[0].path if free else None)

    def _written(self, layout: Layout) -> Slip:
        """Write a large sheet; its digests are taken beside the writing: it costs the disk's time alone."""
        spool = self._spool(layout)
        try:
            with ThreadPoolExecutor(1) as beside:
                taken = beside.submit(layout.digests)
                for array in layout.arrays:
                    spool.write(raw(array))
            spool.finish(taken.result())
            (slip,) = self.take([Incoming(spool, taken.result())])
        finally:
            spool.drop()
        return slip

    def _mapped(self, slip: Slip) -> mmap.mmap:
        try:
            with (self.folder / slip.digest).open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            raise DataError("A sheet's file is not there, or empty.") from None
        if len(data) != slip.size:
            raise DataError("A sheet is not what was written.")
        return data


def _nobody() -> None:
    """No map was made of a file."""


def _remove(spares: list[_Spare]) -> None:
    for one in spares:
        with suppress(OSError):
            one.path.unlink(missing_ok=True)
