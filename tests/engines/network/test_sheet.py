"""Plain data with arrays at rest: the same in and out, aligned, without copies, and never a crash on other bytes."""

from __future__ import annotations

import struct
from contextlib import suppress
from hashlib import sha256

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.wire import DTYPES
from hansa.engines.network.sheet import START, digest_of, first_digest_of, lay_out, pick_up
from hansa.errors import DataError, WireError
from tests.core.trees import same

arrays = st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 4), max_size=3)).map(
    lambda pair: np.ones(pair[1], pair[0])
)
leaves = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats() | st.text() | st.binary() | arrays
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def sheet(tree):
    layout = lay_out(tree)
    return b"".join(layout.pieces(layout.digests()))


@settings(max_examples=300)
@given(trees)
def test_what_is_laid_out_is_picked_up_again(tree):
    data = sheet(tree)
    assert same(pick_up(data, digest_of(tree)), tree)
    assert lay_out(tree).size == len(data)
    assert digest_of(pick_up(data, digest_of(tree))) == digest_of(tree)


def test_arrays_are_neither_copied_nor_out_of_line():
    tree = {"a": np.ones(3, "i1"), "x": np.arange(5.0), "y": np.ones((2, 3), "<f4")}
    layout = lay_out(tree)
    pieces = layout.pieces(layout.digests())
    assert any(np.shares_memory(np.frombuffer(piece, "u1"), tree["x"]) for piece in pieces if len(piece))
    data = np.frombuffer(b"".join(pieces), "u1")
    for array in pick_up(data.data, digest_of(tree)).values():
        assert np.shares_memory(array, data)
        assert (array.ctypes.data - data.ctypes.data) % 64 == 0
        assert not array.flags.writeable


def test_other_byte_orders_and_strides_become_the_usual_ones():
    tree = {"x": np.arange(6, dtype=">f8").reshape(2, 3).T, "n": np.array(7, ">i4")}
    found = pick_up(sheet(tree), digest_of(tree))
    assert found["x"].tolist() == tree["x"].tolist()
    assert found["x"].dtype.str == "<f8"
    assert found["n"].shape == ()


@pytest.mark.parametrize(
    "tree", [np.array(["a"]), np.array([None]), np.ones(1, "f2"), {1: 2}, {"__array__": 0}, object(), {1, 2}]
)
def test_what_has_no_place_on_a_sheet_is_refused(tree):
    with pytest.raises(WireError):
        lay_out([tree])


TREE = {"x": np.arange(3.0), "n": [1, {"a": b"b"}]}
FIRST = bytes.fromhex(
    "484e535301002e00000000000000"  # HNSS, version 1, 46 bytes of head
    "82a47472656582a17881a95f5f61727261795f5f00a16e920181a161c40162a66172726179739192a33c66389103"
    "00000000"
    "0000000000000000000000000000f03f0000000000000040"
)


def test_sheets_of_version_1_are_read_as_they_were_written():
    """Bytes that hansa wrote before there was a version 2, and their digest in the rows of a store."""
    digest = sha256(FIRST).hexdigest()
    assert first_digest_of(TREE) == digest != digest_of(TREE)
    assert same(pick_up(FIRST, digest), TREE)
    with pytest.raises(DataError, match="not what was written"):
        pick_up(FIRST, digest_of(TREE))


def test_zeros_between_arrays_are_zeros():
    data = bytearray(sheet(TREE))
    data[20] = 1
    with pytest.raises(DataError, match="no sheet"):
        pick_up(bytes(data), digest_of(TREE))


@settings(max_examples=500)
@given(st.binary(max_size=200), st.integers(0, 200), st.integers(1, 255))
def test_any_bytes_are_a_sheet_or_a_data_error(noise, place, flip):
    for whole, digest in ((sheet(TREE), digest_of(TREE)), (FIRST, first_digest_of(TREE))):
        data = bytearray(whole)
        data[place % len(data)] ^= flip
        for body in (noise, bytes(data), whole[:place], whole + noise[:1] * 9):
            if body != whole:
                with pytest.raises(DataError):
                    pick_up(body, digest)
        packed = bytes(data[-8 - len(noise) :][:-8])
        with suppress(DataError):  # whoever writes a head can name its digest: it is still a sheet, or an error
            pick_up(bytes(data[:-8]) + struct.pack("<Q", len(packed)), sha256(packed).hexdigest())


@pytest.mark.parametrize(
    "head",
    [
        {"tree": {"__array__": 0}, "arrays": []},
        {"tree": None, "arrays": [["|O", [1], bytes(32)]]},
        {"tree": None, "arrays": [["<f8", [-1], bytes(32)]]},
        {"tree": None, "arrays": [["<f8", [1 << 62], bytes(32)]]},
        {"tree": None, "arrays": [["<f8"]]},
        {"tree": msgpack.ExtType(5, b"x"), "arrays": []},
        {"arrays": []},
        [],
    ],
    ids=str,
)
def test_lies_in_a_head_are_data_errors(head):
    packed = msgpack.packb(head)
    with pytest.raises(DataError, match="no sheet"):
        pick_up(START + packed + struct.pack("<Q", len(packed)), sha256(packed).hexdigest())
