"""Bytes between institutions, version 1: a bounded msgpack head, then raw tensors, each with its SHA-256.

    frame  := "HNSA" version:u16 size:u32 digest:32 HEAD tensors
    HEAD   := msgpack map of kind, job, name [step, keep, turn, attempt], from, to, seq, body,
              tensors [[dtype, shape, sha256], ...]

Numbers are little-endian. No type name picks a class: the receiver says what kinds it knows, see `hansa.core.bodies`. A
tensor stands where the body holds {"__tensor__": place}, each once and in order. A field that is not known is ignored.
Every count and size is checked before anything is allocated for it. The digest is the SHA-256 of the head, which holds
those of the tensors: it speaks for the whole frame.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import prod
from typing import Any, Final, Protocol, TypeAlias, final

import msgpack
import numpy as np
from numpy.typing import NDArray

from hansa.core.message import Name
from hansa.errors import WireError

MAGIC: Final = b"HNSA"
VERSION: Final = 1
DTYPES: Final = ("<f4", "<f8", "|i1", "<i4", "<i8", "|u1", "<u8", "|b1")
"""The types of numbers that may travel."""

_FIXED = struct.Struct("<4sHI32s")
_TENSOR, _PLAIN = "__tensor__", {type(None), str, bool, int, float, bytes}
_MOST_DEPTH, _MOST_ITEMS, _MOST_AXES = 64, 1 << 16, 8
_LONGEST = 256  # letters of a kind, a job's digest or a name


@final
@dataclass(frozen=True)
class Limits:
    """The most that a receiver takes in one frame: bytes of the head, tensors, and bytes of all tensors.

    Example:
        >>> Limits(head=1 << 16).tensors
        1024
    """

    head: int = 16 << 20
    tensors: int = 1024
    payload: int = 2 << 30


class Room(Protocol):
    """Where the numbers of a frame's tensors go as they come."""

    def write(self, data: memoryview) -> None:
        """Take the next bytes: of one tensor after the other, without a gap."""
        ...

    def tensors(self) -> Sequence[NDArray[Any]]:
        """All of them, once each is whole and is what was sent."""
        ...

    def drop(self) -> None:
        """Let go of what has come: it is of no use."""
        ...


def digests_of(body: Any) -> tuple[bytes, ...]:
    """The SHA-256 of each array of a body, in order: for parcels that bring the same to many; see `Parcel`.

    Example:
        >>> digests_of({"x": np.ones(2)}) == (sha256(np.ones(2)).digest(),)
        True
    """
    tensors: list[NDArray[Any]] = []
    _lifted(body, tensors)
    return tuple(sha256(_raw(tensor)).digest() for tensor in tensors)


@final
@dataclass(frozen=True)
class Parcel:
    """One message: its kind, the job's digest, the name of the ask, from whom to whom, and what it says.

    `sequence` counts a sender's messages on a stream. `body` is plain data with arrays in it; `digests` are the SHA-256
    of these, in order, where they are known, and `room` is where they lie, if not in memory.

    Example:
        >>> parcel = Parcel("Hello", "", Name(0, 0, 0), "bank-a", "coordinator", 1, {"x": np.ones(2)})
        >>> read(b"".join(parcel.frame())).body["x"].tolist()
        [1.0, 1.0]
    """

    kind: str
    job: str
    name: Name
    sender: str
    receiver: str
    sequence: int
    body: Any = None
    digests: tuple[bytes, ...] = field(default=(), repr=False, compare=False)
    room: Room | None = field(default=None, repr=False, compare=False)

    def frame(self) -> list[bytes | memoryview]:
        """The frame in pieces, the tensors as views: nothing is copied.

        Raises:
            WireError: something that may not travel.
        """
        tensors: list[NDArray[Any]] = []
        body = _lifted(self.body, tensors)
        digests = self.digests if len(self.digests) == len(tensors) else [sha256(_raw(t)).digest() for t in tensors]
        head = {
            "kind": self.kind,
            "job": self.job,
            "name": list(self.name),
            "from": self.sender,
            "to": self.receiver,
            "seq": self.sequence,
            "body": body,
            "tensors": [[t.dtype.str, list(t.shape), d] for t, d in zip(tensors, digests, strict=True)],
        }
        packed: bytes = msgpack.packb(head, use_bin_type=True)
        fixed = _FIXED.pack(MAGIC, VERSION, len(packed), sha256(packed).digest())
        return [fixed, packed, *(_raw(t) for t in tensors if t.size)]


def digest_of(frame: Sequence[bytes | memoryview]) -> bytes:
    """The digest of a frame in pieces: 32 bytes.

    Example:
        >>> frame = Parcel("Hello", "", Name(0, 0, 0), "bank-a", "coordinator", 1).frame()
        >>> digest_of(frame) == sha256(frame[1]).digest()
        True
    """
    return bytes(_FIXED.unpack(bytes(frame[0]))[-1])


RoomFor: TypeAlias = Callable[[Parcel], Room | None]
"""Says where a frame's numbers shall go, from what its head says; None: into memory. The arrays are still empty."""


@final
class Intake:
    """Takes a frame in as it arrives, in pieces of any size; tensors are written straight to where they will be used.

    Example:
        >>> parcel = Parcel("Hello", "", Name(0, 0, 0), "bank-a", "coordinator", 1, {"x": np.arange(3)})
        >>> intake = Intake(Limits())
        >>> [intake.feed(piece) for piece in parcel.frame()][-1].body["x"].tolist()
        [0, 1, 2]
    """

    def __init__(self, limits: Limits, digest: bytes = b"", room_for: RoomFor | None = None) -> None:
        """Wait for the first byte of a frame; of the one with this digest, where it is given."""
        self._limits, self._digest, self._room_for = limits, digest, room_for
        self._start = bytearray()
        self._parcel: Parcel | None = None  # as the head tells it
        self._room: Room = _Memory(())
        self._open: list[tuple[int, bytes]] = []  # how many bytes of a tensor are still to come, and its digest
        self._hash = sha256()

    def feed(self, piece: bytes | memoryview) -> Parcel | None:
        """Take the next bytes; the parcel, once its last byte is there.

        Raises:
            WireError: not a frame of this version, one above the limits, damaged, or with bytes behind its end.
            OSError: the room that its tensors were given has failed.
        """
        rest = memoryview(piece)
        if self._parcel is None:
            rest = self._begin(rest)
            if self._parcel is None:
                return None
        while self._open and len(rest):
            left, digest = self._open[0]
            here = rest[:left]
            self._hash.update(here)
            self._room.write(here)
            rest = rest[len(here) :]
            self._open[0] = (left - len(here), digest)
            if len(here) == left:
                del self._open[0]
                self._check(digest)
        if len(rest):
            raise WireError("A frame has bytes behind its end.")
        return None if self._open else self._whole(self._parcel)

    def drop(self) -> None:
        """Let go of what has come: the rest will not."""
        self._room.drop()

    def _begin(self, rest: memoryview) -> memoryview:
        """Gather the fixed part and the head; what is left of the piece."""
        rest = self._gather(rest, _FIXED.size)
        if len(self._start) < _FIXED.size:
            return rest
        magic, version, size, digest = _FIXED.unpack_from(self._start)
        if magic != MAGIC:
            raise WireError("These bytes are no message of hansa's.")
        if version != VERSION:
            raise WireError(
                f"The message is of version {version}; this side speaks {VERSION}.", mend="Install the same version."
            )
        if size > self._limits.head:
            raise WireError("The head of a message is too large.", f"{size:,} bytes; at most {self._limits.head:,}.")
        rest = self._gather(rest, _FIXED.size + size)
        if len(self._start) == _FIXED.size + size:
            head = bytes(self._start[_FIXED.size :])
            if sha256(head).digest() != digest or self._digest not in {b"", digest}:
                raise WireError("The head of a message was damaged on its way.")
            self._make_room(_unpacked(head))
        return rest

    def _gather(self, rest: memoryview, upto: int) -> memoryview:
        count = max(0, min(upto - len(self._start), len(rest)))
        self._start += rest[:count]
        return rest[count:]

    def _make_room(self, head: Mapping[str, Any]) -> None:
        """Check what the tensors claim to be, all of them, before any is made."""
        listed = head.get("tensors", [])
        if not isinstance(listed, list) or len(listed) > self._limits.tensors:
            raise WireError("A message has too many tensors, or no list of them.")
        kinds = [_checked(one) for one in listed]
        if sum(size for _, _, size, _ in kinds) > self._limits.payload:
            raise WireError("A message is too large.", mend="Raise max_payload if all agree, or send less.")
        tensors = [np.empty(shape, dtype) for dtype, shape, _, _ in kinds]  # memory is taken when it is written to
        self._parcel = _told(head, tensors, tuple(digest for *_, digest in kinds))
        room = self._room_for(self._parcel) if self._room_for is not None else None
        self._room = room or _Memory(tensors)
        if room is not None:
            self._parcel = replace(self._parcel, body=head.get("body"), room=room)
        for _, _, size, digest in kinds:
            if size:
                self._open.append((size, digest))
            else:
                self._check(digest)

    def _check(self, digest: bytes) -> None:
        """A tensor is whole: hold what came against its digest."""
        if self._hash.digest() != digest:
            raise WireError("A tensor was damaged on its way.", "Its SHA-256 is not the one that was sent.")
        self._hash = sha256()

    def _whole(self, parcel: Parcel) -> Parcel:
        tensors = self._room.tensors()
        for tensor in tensors:
            if tensor.dtype == np.bool_ and tensor.size and int(tensor.view(np.uint8).max()) > 1:
                raise WireError("A tensor of flags holds something else.")
            tensor.setflags(write=False)
        return parcel if parcel.room is None else replace(parcel, body=_sunk(parcel.body, tensors))


@final
class _Memory:
    """A room in memory: arrays that are filled one after the other."""

    def __init__(self, tensors: Sequence[NDArray[Any]]) -> None:
        self._tensors, self._views = tensors, [_raw(tensor) for tensor in tensors if tensor.size]

    def write(self, data: memoryview) -> None:
        view = self._views[0]
        view[: len(data)] = data
        self._views[:1] = [view[len(data) :]] if len(data) < len(view) else []

    def tensors(self) -> Sequence[NDArray[Any]]:
        return self._tensors

    def drop(self) -> None:
        self._tensors, self._views = (), []


def _told(head: Mapping[str, Any], tensors: Sequence[NDArray[Any]], digests: tuple[bytes, ...]) -> Parcel:
    """A parcel as its head tells it."""
    name = head.get("name")
    if not isinstance(name, list) or len(name) != 4 or not all(_is_count(one) for one in name):
        raise WireError("A message does not say to which ask it belongs.")
    words = [head.get(key) for key in ("kind", "job", "from", "to")]
    if not all(isinstance(word, str) and len(word) <= _LONGEST for word in words) or not _is_count(head.get("seq")):
        raise WireError("A message does not say what it is, or whose.")
    kind, job, sender, receiver = map(str, words)
    body = _sunk(head.get("body"), tensors)
    return Parcel(kind, job, Name(*name), sender, receiver, head["seq"], body, digests)


def read(data: bytes, limits: Limits | None = None) -> Parcel:
    """Read one whole frame. Raises WireError as `Intake` does, and where the frame is cut.

    Example:
        >>> read(b"no frame at all" + bytes(42))
        Traceback (most recent call last):
            ...
        hansa.errors.WireError: These bytes are no message of hansa's.
    """
    parcel = Intake(limits or Limits()).feed(data)
    if parcel is None:
        raise WireError("A message ends before its end.")
    return parcel


def _raw(tensor: NDArray[Any]) -> memoryview:
    return tensor.reshape(-1).view(np.uint8).data.cast("B") if tensor.size else memoryview(b"")


def _lifted(tree: Any, tensors: list[NDArray[Any]], depth: int = 0) -> Any:
    """The tree with its arrays taken out, and a place in their stead."""
    if depth > _MOST_DEPTH:
        raise WireError("A message is nested too deeply to travel.")
    if type(tree) in _PLAIN:
        return tree
    if isinstance(tree, np.ndarray):
        little = np.ascontiguousarray(tree.astype(tree.dtype.newbyteorder("<"), copy=False)).reshape(tree.shape)
        if little.dtype.str not in DTYPES:
            raise WireError(f"An array of {tree.dtype} may not travel.", mend="Use whole numbers or floats.")
        tensors.append(little)
        return {_TENSOR: len(tensors) - 1}
    if isinstance(tree, Mapping):
        if _TENSOR in tree:
            raise WireError(f"A body has a key '{_TENSOR}' of its own.")
        return {key: _lifted(item, tensors, depth + 1) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_lifted(item, tensors, depth + 1) for item in tree]
    if isinstance(tree, str | int | float | bytes):
        return tree
    raise WireError(f"A {type(tree).__name__} may not travel.")


def _sunk(body: Any, tensors: Sequence[NDArray[Any]]) -> Any:
    """The body with its arrays put back: each stands in it once, in order."""
    rest = iter(enumerate(tensors))
    tree = _filled(body, rest)
    if next(rest, None) is not None:
        raise WireError("A message brings a tensor that it does not name.")
    return tree


def _filled(tree: Any, rest: Iterator[tuple[int, NDArray[Any]]], depth: int = 0) -> Any:
    if depth > _MOST_DEPTH:
        raise WireError("A message is nested too deeply.")
    if isinstance(tree, dict):
        if _TENSOR in tree:
            place, tensor = next(rest, (-1, None))
            if len(tree) != 1 or not _is_count(tree[_TENSOR]) or tree[_TENSOR] != place:
                raise WireError("A message names a tensor that it does not bring, or out of order.")
            return tensor
        return {key: _filled(item, rest, depth + 1) for key, item in tree.items()}
    if isinstance(tree, list):
        return [_filled(item, rest, depth + 1) for item in tree]
    return tree


def _unpacked(data: bytes) -> Mapping[str, Any]:
    try:
        tree = msgpack.unpackb(
            data,
            object_pairs_hook=_distinct,
            ext_hook=_no_extension,
            max_array_len=_MOST_ITEMS,
            max_map_len=_MOST_ITEMS,
            max_ext_len=0,
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        raise WireError("The head of a message cannot be read.") from None
    if not isinstance(tree, dict):
        raise WireError("The head of a message is no map.")
    return tree


def _distinct(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs) or not all(isinstance(key, str) for key in tree):
        raise WireError("A map with a key twice, or one that is no text.")
    return tree


def _no_extension(code: int, data: bytes) -> Any:
    del data
    raise WireError(f"An extension of type {code}, which may not travel.")


def _checked(one: Any) -> tuple[str, tuple[int, ...], int, bytes]:
    """What a tensor claims to be: its type, shape, size in bytes and digest."""
    if not isinstance(one, list) or len(one) < 3:
        raise WireError("A tensor does not say what it is.")
    dtype, shape, digest = one[:3]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise WireError("A tensor of a type that may not travel.")
    if not isinstance(shape, list) or len(shape) > _MOST_AXES or not all(_is_count(k) for k in shape):
        raise WireError("A tensor without a proper shape.")
    if not isinstance(digest, bytes) or len(digest) != 32:
        raise WireError("A tensor without its SHA-256.")
    return dtype, tuple(shape), prod(shape) * np.dtype(dtype).itemsize, digest


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63
