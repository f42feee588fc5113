r"""One end of a stream between two institutions: whole parcels in, whole parcels out, each signed by its sender.

A frame travels in messages of at most a MiB: the first says which frame it is (its digest, signed), how long it is and
where the bytes begin; the others go on. What was cut off goes on where it stopped: an `Inbox` outlives its stream and
knows how much it holds of which frame, and both ends say so when they meet again. Large frames are taken in off the
event loop, one message while the next one comes.

    first := 0x01 offset:u64 total:u64 digest:32 signature:64 bytes
    next  := 0x00 bytes

Example:
    >>> import asyncio
    >>> from hansa.core.message import Name
    >>> def no_check(sender: str, digest: bytes, signature: bytes) -> None: ...
    >>> async def talk() -> str:
    ...     there, back = Tube(), Tube()
    ...     bank = Line(Ends(there, back), "bank-a", "coordinator", lambda digest: bytes(64), Inbox(no_check))
    ...     centre = Line(Ends(back, there), "coordinator", "bank-a", lambda digest: bytes(64), Inbox(no_check))
    ...     await bank.send(Parcel("Hello", "", Name(0, 0, 0), "bank-a", "coordinator", 1, {"version": 1}))
    ...     parcel = await centre.receive()
    ...     return parcel.kind if parcel is not None else ""
    >>> asyncio.run(talk())
    'Hello'
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, final

import numpy as np

from hansa.core.wire import Intake, Limits, Parcel, RoomFor, digest_of
from hansa.errors import DataError, DiskFailed, PartyLost, WireError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

LOG: Final = logging.getLogger("hansa.network")
CHUNK: Final = 1 << 20
"""Bytes of a frame in one message of the stream."""
SMALL: Final = 1 << 17
"""Bytes of a frame that is taken into memory, whatever it brings; nobody is asked for room."""
STRICT: Final = frozenset({"Ask", "Word"})
"""Kinds of parcels whose sequence grows with each one of a job on a stream."""

_JOBS: Final = 10_000  # of which a peer speaks on one stream
_LARGE: Final = 1 << 18  # bytes of a message that is worth a thread

_NUMBERS = {int, float, bool, type(None)}
_FIRST = struct.Struct("<BQQ32s64s")

Check: TypeAlias = Callable[[str, bytes, bytes], None]
"""Holds a signature against the key that is pinned for a sender: (sender, digest, signature); raises WireError."""


class Pipe(Protocol):
    """What carries messages of bytes both ways, in order, and makes a writer wait for a slow reader."""

    async def read(self) -> bytes | None:
        """The next message; None at the end."""
        ...

    async def write(self, message: bytes) -> None:
        """Send one."""
        ...


@final
@dataclass
class _Frame:
    """A frame of which something has come: its digest, how many bytes it has, and how many are here."""

    digest: bytes
    total: int
    intake: Intake
    got: int = 0


@final
class Nowhere:
    """A room for what is let go once it has come: zeros, for which neither memory nor a disk is taken.

    Example:
        >>> Nowhere([np.zeros(3)]).size
        24
    """

    def __init__(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Take arrays of the shapes that come; they are not read."""
        self._arrays = [np.zeros(array.shape, array.dtype) for array in arrays]

    @property
    def size(self) -> int:
        """How many bytes come."""
        return sum(array.nbytes for array in self._arrays)

    def write(self, data: memoryview) -> None:
        """Let them go."""
        del data

    def tensors(self) -> Sequence[NDArray[Any]]:
        """Zeros."""
        return self._arrays

    def drop(self) -> None:
        """Do nothing: there is nothing to let go of."""


@final
class Inbox:
    """What has come of a peer's frame so far, and which sequences it has used; outlives a stream.

    `room_for`: where the numbers of a frame above SMALL shall go, see `hansa.core.wire.Intake`.
    """

    def __init__(self, check: Check, limits: Limits | None = None, room_for: RoomFor | None = None) -> None:
        """Begin with nothing."""
        self._check, self._limits, self._room_for = check, limits or Limits(), room_for
        self._frame: _Frame | None = None  # of which more is to come on this stream
        self._cut: _Frame | None = None  # of which more did not come on an earlier one
        self._used: dict[tuple[str, str], int] = {}

    @property
    def holds(self) -> dict[str, int]:
        """How many bytes there are of the frame that was cut off, by its digest as hex."""
        frame = self._frame or self._cut
        return {frame.digest.hex(): frame.got} if frame is not None and frame.got else {}

    @property
    def amid(self) -> bool:
        """Whether more of a frame is to come."""
        return self._frame is not None

    def begin(self) -> None:
        """A stream begins: what was held is still held, and words may be offered again."""
        self._used = {}
        if self._frame is not None:
            self._frame, self._cut = None, self._frame

    def take(self, peer: str, message: bytes) -> Parcel | None:
        """Take one message of the stream in; the parcel, once it is whole.

        Raises:
            WireError: not signed by the peer, out of place, above the limits, damaged, or said to be from another.
            DiskFailed: what it was to be written to has failed; it can come again.
        """
        if not message:
            raise WireError("An empty message on a stream.")
        data = memoryview(message)[1:]
        if message[0] == 1:
            data = self._begin(peer, message)
        frame = self._frame
        if message[0] > 1 or frame is None:
            raise WireError("A message goes on with a frame that did not begin.")
        self._frame = None
        frame.got += len(data)
        if frame.got > frame.total:
            raise WireError("A frame is longer than it said.")
        try:
            parcel = frame.intake.feed(data)
            if frame.got == frame.total:
                return self._admitted(peer, parcel)
        except BaseException as error:
            frame.intake.drop()
            if not isinstance(error, OSError | DataError):
                raise
            LOG.warning("what %s sends cannot be kept: %s", peer, error)
            raise DiskFailed("What came could not be kept.", "The disk failed.", "It is sent again.") from None
        self._frame = frame
        return None

    def _begin(self, peer: str, message: bytes) -> memoryview:
        if len(message) < _FIRST.size:
            raise WireError("The first message of a frame is too short.")
        _, offset, total, digest, signature = _FIRST.unpack_from(message)
        self._check(peer, digest, signature)
        if total > self._limits.head + self._limits.payload:
            raise WireError("A frame is too large.", f"{total:,} bytes.")
        cut = self._cut
        if cut is not None and offset and (digest, offset, total) == (cut.digest, cut.got, cut.total):
            self._frame, self._cut = cut, None
        elif offset:
            raise WireError("A frame goes on where none was cut off.")
        else:
            room_for = self._room_for if total > SMALL else None
            self._frame = _Frame(digest, total, Intake(self._limits, digest, room_for))
            if total > CHUNK and cut is not None:  # it takes the place of the one that was cut off
                cut.intake.drop()
                self._cut = None
        return memoryview(message)[_FIRST.size :]

    def _admitted(self, peer: str, parcel: Parcel | None) -> Parcel:
        if parcel is None:
            raise WireError("A frame is shorter than it said.")
        if parcel.sender != peer:
            raise WireError("A message is said to be from somebody else than who sent it.")
        if parcel.kind in STRICT:
            if parcel.sequence <= self._used.get((parcel.job, parcel.kind), -1):
                raise WireError("A message comes again, or too late.", "Its sequence was used before.")
            self._used[parcel.job, parcel.kind] = parcel.sequence
            if len(self._used) > _JOBS:
                raise WireError("A stream speaks of more jobs than anybody has.")
        return parcel


@final
class Line:
    """One end of an open stream; one task sends at a time, one receives."""

    def __init__(self, pipe: Pipe, me: str, peer: str, sign: Callable[[bytes], bytes], inbox: Inbox) -> None:
        """Take an open pipe; `peer` is the name in the other's certificate."""
        self.pipe, self.me, self.peer, self.sign, self.inbox = pipe, me, peer, sign, inbox
        self.held: Mapping[str, int] = {}
        self._turn, self._said = asyncio.Lock(), dict[tuple[str, str], int]()
        inbox.begin()

    async def send(self, parcel: Parcel) -> None:
        """Send a parcel, from where the other side says it was cut off; an ask or a word goes over a stream once.

        Raises:
            PartyLost: a later one went over this stream, so that this one must wait for the next.
        """
        if parcel.kind in STRICT:
            said = self._said.get((parcel.job, parcel.kind), -1)
            if parcel.sequence == said:
                return
            if parcel.sequence < said:
                raise PartyLost("What comes before something that was said goes over the next line.")
            self._said[parcel.job, parcel.kind] = parcel.sequence
        if _size(parcel.body) < CHUNK:
            await self.send_frame(parcel.frame())  # sooner done than handed to a thread
        else:
            await self.send_frame(await asyncio.to_thread(parcel.frame))

    async def send_frame(self, frame: Sequence[bytes | memoryview]) -> None:
        """Send a frame that was made before: the same bytes again."""
        digest, total = digest_of(frame), sum(len(piece) for piece in frame)
        offset = min(self.held.get(digest.hex(), 0), total)
        head = _FIRST.pack(1, offset, total, digest, self.sign(digest))
        async with self._turn:
            for message in _messages(head, frame, offset):
                await self.pipe.write(message)

    async def receive(self) -> Parcel | None:
        """The next parcel; None at the stream's end. Raises WireError as `Inbox.take` does, and of one for others."""
        while (message := await self.pipe.read()) is not None:
            large = len(message) >= _LARGE or self.inbox.amid
            parcel = await self._aside(message) if large else self.inbox.take(self.peer, message)
            if parcel is not None and parcel.receiver != self.me:
                raise WireError("A message is for somebody else than who got it.")
            if parcel is not None:
                return parcel
        return None

    async def _aside(self, message: bytes) -> Parcel | None:
        """Take a message in beside the event loop; whoever cancels waits until it is in: the inbox is used again."""
        taking = asyncio.ensure_future(asyncio.to_thread(self.inbox.take, self.peer, message))
        try:
            return await asyncio.shield(taking)
        finally:
            while not taking.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({taking})


def _size(tree: Any) -> int:
    """About how many bytes the arrays and texts of a body have."""
    if type(tree) in _NUMBERS:
        return 8
    if isinstance(tree, np.ndarray):
        return tree.nbytes
    if isinstance(tree, Mapping):
        return sum(_size(item) for item in tree.values())
    if isinstance(tree, list | tuple):
        return sum(_size(item) for item in tree)
    return len(tree) if isinstance(tree, str | bytes) else 8


def _messages(head: bytes, frame: Sequence[bytes | memoryview], offset: int) -> Iterator[bytes]:
    """A frame from `offset` on, CHUNK bytes of it at a time; each byte is copied once."""
    parts, room = list[bytes | memoryview]([head]), CHUNK
    for piece in frame:
        view = memoryview(piece)[min(offset, len(piece)) :]
        offset = max(0, offset - len(piece))
        while len(view):
            parts.append(view[:room])
            view, room = view[room:], room - len(parts[-1])
            if not room:
                yield b"".join(parts)
                parts, room = [b"\0"], CHUNK
    if len(parts) > 1:
        yield b"".join(parts)


@final
class Tube:
    """One way of a pipe in memory.

    Example:
        >>> Tube().queue.empty()
        True
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=8)


@final
@dataclass(frozen=True)
class Ends:
    """A pipe in memory: what is written goes into `out`, what is read comes from `back`.

    Example:
        >>> there, back = Tube(), Tube()
        >>> Ends(there, back).out is Ends(back, there).back
        True
    """

    out: Tube
    back: Tube

    async def read(self) -> bytes | None:
        """The next message; None at the end."""
        return await self.back.queue.get()

    async def write(self, message: bytes) -> None:
        """Send one."""
        await self.out.queue.put(message)
