"""Plain data with arrays at rest: the same in and out, aligned, without copies, and never a crash on other bytes."""

from __future__ import annotations

from contextlib import suppress

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.wire import DTYPES
from hansa.engines.network.sheet import digest_of, lay_out, pick_up, size_of
from hansa.errors import DataError, WireError

arrays = st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 4), max_size=3)).map(
    lambda pair: np.ones(pair[1], pair[0])
)
leaves = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats() | st.text() | st.binary() | arrays
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)


@settings(max_examples=300)
@given(trees)
def test_what_is_laid_out_is_picked_up_again(tree):
    pieces = lay_out(tree)
    data = b"".join(pieces)
    assert same(pick_up(data), tree)
    assert size_of(pieces) == len(data)
    assert digest_of(lay_out(pick_up(data))) == digest_of(pieces)


def test_arrays_are_neither_copied_nor_out_of_line():
    tree = {"a": np.ones(3, "i1"), "x": np.arange(5.0), "y": np.ones((2, 3), "<f4")}
    pieces = lay_out(tree)
    assert any(np.shares_memory(np.frombuffer(piece, "u1"), tree["x"]) for piece in pieces if len(piece))
    data = np.frombuffer(b"".join(pieces), "u1")
    for array in pick_up(data.data).values():
        assert np.shares_memory(array, data)
        assert (array.ctypes.data - data.ctypes.data) % 64 == 0
        assert not array.flags.writeable


def test_other_byte_orders_and_strides_become_the_usual_ones():
    tree = {"x": np.arange(6, dtype=">f8").reshape(2, 3).T, "n": np.array(7, ">i4")}
    found = pick_up(b"".join(lay_out(tree)))
    assert found["x"].tolist() == tree["x"].tolist()
    assert found["x"].dtype.str == "<f8"
    assert found["n"].shape == ()


@pytest.mark.parametrize(
    "tree", [np.array(["a"]), np.array([None]), np.ones(1, "f2"), {1: 2}, {"__array__": 0}, object(), {1, 2}]
)
def test_what_has_no_place_on_a_sheet_is_refused(tree):
    with pytest.raises(WireError):
        lay_out([tree])


@settings(max_examples=500)
@given(st.binary(max_size=200), st.integers(0, 200), st.integers(1, 255))
def test_any_bytes_are_a_sheet_or_a_data_error(noise, place, flip):
    data = bytearray(b"".join(lay_out({"x": np.arange(3.0), "n": [1, {"a": b"b"}]})))
    data[place % len(data)] ^= flip
    for body in (noise, bytes(data), bytes(data)[:place]):
        with suppress(DataError):
            pick_up(body)


@pytest.mark.parametrize(
    "head",
    [
        {"tree": {"__array__": 0}, "arrays": []},
        {"tree": None, "arrays": [["|O", [1]]]},
        {"tree": None, "arrays": [["<f8", [-1]]]},
        {"tree": None, "arrays": [["<f8", [1 << 62]]]},
        {"tree": msgpack.ExtType(5, b"x"), "arrays": []},
        {"arrays": []},
        [],
    ],
    ids=str,
)
def test_lies_in_a_head_are_data_errors(head):
    packed = msgpack.packb(head)
    start = b"".join(lay_out(None))[:6]
    with pytest.raises(DataError, match="no sheet"):
        pick_up(start + len(packed).to_bytes(8, "little") + packed)
