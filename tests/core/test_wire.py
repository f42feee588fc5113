"""Frames: what goes in comes out, in pieces of any size; nothing else is read, and nothing is allocated for a lie."""

from __future__ import annotations

import pickle
import resource
import struct
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from hashlib import sha256
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.message import Name
from hansa.core.wire import DTYPES, MAGIC, Intake, Limits, Parcel, read
from hansa.errors import WireError
from tests.core.trees import same

GOLDEN = Path(__file__).parent / "golden" / "frame-1.bin"


def parcel(body=None, **changes):
    plain = {
        "kind": "Answer",
        "job": "ab" * 32,
        "name": Name(1, 4, 0),
        "sender": "bank-a",
        "receiver": "coordinator",
        "sequence": 7,
        "body": body,
    }
    return Parcel(**{**plain, **changes})


GOLD = parcel(
    {"load": {"delta": np.arange(6, dtype="<f4").reshape(2, 3), "rows": np.array([[3.0]])}, "甲": [None, True, 1.5]}
)


def head(**changes):
    """A frame with a head of one's own making."""
    plain = {
        "kind": "A",
        "job": "",
        "name": [0, 0, 0, 0],
        "from": "a",
        "to": "b",
        "seq": 0,
        "body": None,
        "tensors": [],
    }
    return framed(msgpack.packb({key: value for key, value in {**plain, **changes}.items() if value is not ...}))


def framed(packed, version=1, tail=b""):
    return struct.pack("<4sHI32s", MAGIC, version, len(packed), sha256(packed).digest()) + packed + tail


arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: st.lists(st.integers(0, 4), max_size=3).map(
        lambda shape: np.ones(shape, dtype) if dtype == "|b1" else np.full(shape, 7, dtype)
    )
)
leaves = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats() | st.text() | st.binary() | arrays
bodies = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=200)
@given(bodies, st.integers(1, 64))
def test_what_is_sent_arrives_in_pieces_of_any_size(body, size):
    sent = parcel(body)
    data = b"".join(sent.frame())
    intake, found = Intake(Limits()), None
    for start in range(0, len(data), size):
        assert found is None
        found = intake.feed(data[start : start + size])
    assert same(found.body, body)
    assert (found.kind, found.job, found.name, found.sender) == (sent.kind, sent.job, sent.name, sent.sender)
    assert (found.receiver, found.sequence) == (sent.receiver, sent.sequence)


def test_the_bytes_of_version_1_stay_as_they_are():
    """Whoever must change this file changes the version."""
    assert b"".join(GOLD.frame()) == GOLDEN.read_bytes()
    assert same(read(GOLDEN.read_bytes()).body, {**GOLD.body, "甲": [None, True, 1.5]})


def test_a_field_that_is_not_known_is_ignored():
    assert read(head(colour="blue")).kind == "A"


def test_tensors_are_views_that_nobody_can_write():
    big = np.ones((1000, 10))
    frame = parcel(big).frame()
    assert np.shares_memory(np.asarray(frame[-1]), big)
    found = read(b"".join(frame)).body
    assert not found.flags.writeable


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_a_cut_frame_is_no_frame(cut):
    data = b"".join(GOLD.frame())
    with pytest.raises(WireError, match="ends before its end"):
        read(data[: len(data) - 1 - cut])


@settings(max_examples=400)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_frame_with_a_flipped_bit_is_no_frame(place, flip):
    data = bytearray(b"".join(GOLD.frame()))
    place %= len(data)
    data[place] ^= flip
    with pytest.raises(WireError):
        read(bytes(data))


@settings(max_examples=600)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_parcel_or_a_wire_error(data):
    for body in (data, framed(data)):
        with suppress(WireError):
            read(body)


LIES = {
    "magic": b"PK\x03\x04" + bytes(20),
    "version 2": framed(b"\x80", version=2),
    "a head of 4 GB": struct.pack("<4sHI32s", MAGIC, 1, 2**32 - 1, bytes(32)),
    "no map": framed(msgpack.packb([1, 2])),
    "a key twice": framed(b"\x82\xa1a\x01\xa1a\x02"),
    "a key that is no text": framed(msgpack.packb({1: 2})),
    "an extension": framed(b"\x81\xa1a\xc7\x02\x05ab"),
    "a timestamp": framed(b"\x81\xa1a\xd6\xff\x00\x00\x00\x00"),
    "2**32 items": framed(b"\x81\xa1a\xdd\xff\xff\xff\xff"),
    "text that is none": framed(b"\x81\xa1a\xa2\xff\xfe"),
    "nested ten thousand times": framed(b"\x81\xa4body" + b"\x91" * 10_000 + b"\xc0"),
    "nested a hundred times": head(body=reduce(lambda inner, _: [inner], range(100), 0)),
    "behind the end": framed(msgpack.packb({}), tail=b"x"),
    "a tensor of 2**63 bytes": head(tensors=[["|u1", [2**63 - 1], bytes(32)]]),
    "tensors that add up": head(tensors=[["<f8", [2**20, 2**10], bytes(32)]] * 3),
    "an overflow": head(tensors=[["<f8", [2**40, 2**40], bytes(32)]]),
    "negative": head(tensors=[["<f8", [-1], bytes(32)]]),
    "an object array": head(tensors=[["|O", [1], bytes(32)]]),
    "a record array": head(tensors=[["|V8", [1], bytes(32)]]),
    "big-endian": head(tensors=[[">f8", [1], bytes(32)]]),
    "many axes": head(tensors=[["<f8", [1] * 9, bytes(32)]]),
    "a digest too short": head(tensors=[["|u1", [0], b"abc"]]),
    "tensors that are no list": head(tensors={"a": 1}),
    "a tensor that is not there": head(body={"__tensor__": 0}),
    "a tensor and more": head(body={"__tensor__": 0, "b": 1}, tensors=[["|u1", [0], sha256().digest()]]),
    "no name": head(name=...),
    "a name of words": head(name=["a", 0, 0, 0]),
    "a negative name": head(name=[0, 0, 0, -1]),
    "a flag for a number": head(name=[True, 0, 0, 0]),
    "no sender": head(**{"from": ...}),
    "a sequence of words": head(seq="one"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_before_anything_is_made_for_it(lie):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WireError):
        read(LIES[lie])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


def test_limits_are_the_receivers():
    data = b"".join(parcel(np.zeros(1000)).frame())
    for limits in (Limits(payload=7999), Limits(head=20), Limits(tensors=0)):
        with pytest.raises(WireError, match="too"):
            read(data, limits)
    assert read(data, Limits(payload=8000)).body.shape == (1000,)


def test_a_damaged_tensor_and_flags_that_are_none_are_refused():
    data = bytearray(b"".join(parcel(np.zeros(3)).frame()))
    data[-1] ^= 1
    with pytest.raises(WireError, match="damaged"):
        read(bytes(data))
    two = np.array([2], np.uint8)
    with pytest.raises(WireError, match="flags"):
        read(head(body={"__tensor__": 0}, tensors=[["|b1", [1], sha256(two).digest()]]) + two.tobytes())


class Canary:
    fired = False

    def __reduce__(self):
        return (exec, ("import tests.core.test_wire as t; t.Canary.fired = True",))


@pytest.mark.parametrize("wrap", [lambda p: p, framed, lambda p: head(body=p), lambda p: head(body=p.hex())])
def test_a_pickle_never_wakes(wrap):
    with suppress(WireError):
        read(wrap(pickle.dumps(Canary())))
    assert not Canary.fired


@pytest.mark.parametrize(
    "body", [object(), {1: 2}, {"__tensor__": 1}, np.array(["a"]), np.array([None]), {"a": {1, 2}}]
)
def test_what_may_not_travel_is_not_sent(body):
    with pytest.raises(WireError):
        read(b"".join(parcel(body).frame()))


class Box:
    """A room that keeps what it is given."""

    def __init__(self, outline):
        self.outline, self.data = outline, bytearray()

    def write(self, data):
        self.data += data

    def tensors(self):
        found, at = [], 0
        for one in self.outline.body.values():
            found.append(np.frombuffer(bytes(self.data), one.dtype, one.size, at).reshape(one.shape))
            at += one.nbytes
        return found

    def drop(self):
        self.data = None


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_tensors_go_where_the_receiver_says_once_the_head_is_known(step):
    sent = parcel({"a": np.arange(3), "none": np.empty((0, 2)), "b": np.ones((2, 2), "<f4")})
    data, boxes = b"".join(sent.frame()), []

    def room_for(outline):
        boxes.append(Box(outline))
        return boxes[-1]

    intake = Intake(Limits(), room_for=room_for)
    found = [intake.feed(data[at : at + step]) for at in range(0, len(data), step)][-1]
    assert found.room is boxes[0]
    assert (found.kind, found.sender, boxes[0].outline.kind) == ("Answer", "bank-a", "Answer")
    assert [v.tolist() for v in found.body.values()] == [[0, 1, 2], [], [[1.0, 1.0], [1.0, 1.0]]]
    assert found.digests == tuple(sha256(v.tobytes()).digest() for v in sent.body.values())
    assert replace(found, digests=()).frame()[1] == found.frame()[1] == sent.frame()[1]


def test_a_room_that_gets_damaged_numbers_never_becomes_a_parcel():
    data = bytearray(b"".join(parcel({"a": np.arange(3)}).frame()))
    data[-1] ^= 1
    with pytest.raises(WireError, match="damaged"):
        Intake(Limits(), room_for=Box).feed(bytes(data))


@pytest.mark.parametrize("places", [[1, 0], [0, 0], [0], [0, 1, 2], [0, 1, 1]])
def test_each_tensor_is_named_once_and_in_order(places):
    told = msgpack.unpackb(parcel([np.arange(2), np.arange(2)]).frame()[1])
    told["body"] = [{"__tensor__": place} for place in places]
    with pytest.raises(WireError, match=r"names a tensor|does not name"):
        read(framed(msgpack.packb(told), tail=2 * np.arange(2).tobytes()))
