"""Dataclasses to plain data and back; hostile bytes give one kind of error."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hansa.core.codec import Growing, build, pack, plain, unpack
from hansa.core.job import Job
from hansa.core.plan import Everyone, Quorum
from hansa.core.trainer import Local
from hansa.errors import ConfigError, WireError
from hansa.horizontal import Evaluate, Prepare, Rounds
from hansa.links import adam, by_examples, clip_l2, weighted_mean
from hansa.trainers import Tabular


@dataclass(frozen=True)
class Inner:
    x: int
    tag: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    many: tuple[Inner, ...] = ()
    named: Mapping[str, float] = field(default_factory=dict)
    maybe: int | None = None
    rows: NDArray[Any] | None = None


ONE = Outer("银行", Inner(3, "b"), (Inner(1), Inner(2)), {"a": 0.5}, 7, np.arange(6, dtype=np.uint8).reshape(2, 3))


def same(a, b):
    return plain(a) == plain(b) if a.rows is None else np.array_equal(a.rows, b.rows) and a.rows.dtype == b.rows.dtype


def test_bytes_give_the_value_back():
    again = unpack(Outer, pack(ONE))
    assert same(again, ONE)
    assert (again.name, again.inner, again.many, again.named, again.maybe) == (
        ONE.name,
        ONE.inner,
        ONE.many,
        ONE.named,
        ONE.maybe,
    )


@pytest.mark.parametrize("kind", ["u1", "i4", "i8", "u8", "f4", "f8", "b1"])
def test_an_array_keeps_its_kind_and_shape(kind):
    rows = np.zeros((2, 0, 3), dtype=kind)
    again = unpack(Outer, pack(Outer("x", Inner(1), rows=rows)))
    assert (again.rows.dtype, again.rows.shape) == (rows.dtype, rows.shape)


def test_a_whole_job_survives_toml():
    chain = (by_examples(), clip_l2(0.5), weighted_mean(), adam(0.1))
    rounds = Rounds(Tabular(hidden=(8, 4)), Local(steps=3, clip_norm=1.0), chain, 7)
    job = Job("全部", (Prepare(numeric="bins", drop=("x",)), rounds, Evaluate(compare=False)), seed=5)
    again = Job.from_toml(job.to_toml())
    assert again == job
    assert again.digest == job.digest


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": "a", "inner": {"x": 1}, "nmae": 1}, "Did you mean 'name'"),
        ({"name": "a"}, "needs 'inner'"),
        ({"name": 3, "inner": {"x": 1}}, "name must be text"),
        ({"name": "a", "inner": {"x": 1.5}}, "inner.x must be a whole number"),
        ({"name": "a", "inner": {"x": True}}, "whole number"),
        ({"name": "a", "inner": {"x": 1, "tag": "c"}}, "One of: 'a', 'b'"),
        ({"name": "a", "inner": [1]}, "inner must be a table"),
        ({"name": "a", "inner": {"x": 1}, "many": 4}, "many must be a list"),
        ({"name": "a", "inner": {"x": 1}, "named": {"k": "v"}}, "named.k must be a number"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data, words):
    with pytest.raises(ConfigError) as caught:
        build(Outer, data)
    assert words in str(caught.value)


def test_parts_of_another_kind_are_refused():
    text = 'name = "a"\nsteps = [{use = "rounds", chain = ["linear"]}]'
    with pytest.raises(ConfigError, match="'linear' is no link"):
        Job.from_toml(text)


def test_what_no_file_can_hold_is_refused():
    with pytest.raises(ConfigError, match="cannot be written"):
        plain({"f": object()})


@given(data=st.binary(max_size=200))
def test_any_bytes_give_a_value_or_one_kind_of_error(data):
    with suppress(WireError):
        unpack(Outer, data)


@given(at=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 10_000))
def test_so_do_bytes_that_were_right_once(at, value, cut):
    body = bytearray(pack(ONE))
    body[at % len(body)] = value
    with suppress(WireError):
        unpack(Outer, bytes(body[: 1 + cut % len(body)]))


HOSTILE = [
    {"__array__": "O", "shape": [1], "data": b"x" * 8},
    {"__array__": "f8", "shape": [-1], "data": b"x" * 8},
    {"__array__": "f8", "shape": [1 << 60], "data": b"x" * 8},
    {"__array__": "f8", "shape": [2], "data": b"x" * 8},
    {"__array__": "f8", "shape": "ab", "data": b"x" * 8},
    {"__array__": ["f8"], "shape": [1], "data": b"x" * 8},
    {"__array__": "f8"},
    {"__array__": "f8", "shape": [1] * 64, "data": b"x" * 8},
]


@pytest.mark.parametrize("rows", HOSTILE)
def test_hostile_arrays_are_refused(rows):
    body = msgpack.packb({"name": "a", "inner": {"x": 1}, "rows": rows})
    with pytest.raises(WireError):
        unpack(Outer, body)


def test_depth_and_extensions_are_refused():
    deep = b"\x91" * 100_000 + b"\xc0"
    for body in (deep, msgpack.packb({"name": msgpack.ExtType(5, b"code"), "inner": {"x": 1}})):
        with pytest.raises(WireError):
            unpack(Outer, body)


@dataclass(frozen=True)
class Floats:
    values: NDArray[np.floating]


def test_whole_numbers_of_a_file_become_floats_where_floats_are_wanted():
    assert build(Floats, {"values": [1, 2]}).values.dtype == np.float64
    for wrong in ([[1], [1, 2]], ["a"], np.array([1])):
        with pytest.raises(ConfigError):
            build(Floats, {"values": wrong})


@pytest.mark.parametrize("order", [np.asfortranarray, lambda rows: rows.astype(rows.dtype.newbyteorder(">"))])
def test_an_array_arrives_whatever_its_order_in_memory(order):
    rows = np.arange(6, dtype=np.int64).reshape(2, 3)
    again = unpack(Outer, pack(Outer("x", Inner(1), rows=order(rows)))).rows
    assert np.array_equal(again, rows)
    assert again.dtype == np.dtype("<i8")


@pytest.mark.parametrize("rows", [np.zeros(2, np.complex128), np.zeros(2, np.float16), np.array(["a"])])
def test_arrays_of_other_kinds_may_not_travel(rows):
    with pytest.raises(WireError, match="may not travel"):
        pack(Outer("x", Inner(1), rows=rows))


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ('"wieghted_mean"', "Did you mean 'weighted_mean'"),
        ('{use = "clip_l2", bond = 1.0}', "Did you mean 'bound'"),
        ('{use = "clip_l2"}', "needs 'bound'"),
        ('{use = "clip_l2", bound = "x"}', "must be a number"),
        ('{use = "coordinate_median", x = 1}', "'coordinate_median' has no settings"),
        ("3", "must name a part"),
        ("{use = 3}", "must name a part"),
    ],
)
def test_a_bad_part_is_said_with_its_mend(part, words):
    with pytest.raises(ConfigError) as caught:
        Job.from_toml(f'name = "a"\nsteps = [{{use = "rounds", chain = [{part}]}}]')
    assert words in str(caught.value)


def test_a_key_twice_and_flags_of_neither_kind_are_refused():
    inner = msgpack.packb("inner") + msgpack.packb({"x": 1})
    once = msgpack.packb("name") + msgpack.packb("a")
    flags = msgpack.packb({"name": "a", "inner": {"x": 1}, "rows": {"__array__": "b1", "shape": [1], "data": b"\x02"}})
    for body in (b"\x83" + once + once + inner, flags):
        with pytest.raises(WireError):
            unpack(Outer, body)
    assert unpack(Outer, b"\x82" + once + inner).name == "a"


def test_a_state_that_grows_is_told_as_if_each_were_the_first():
    growing, history = Growing(), ()
    for i in range(50):  # rows come, are replaced and go, so that others take their place in memory
        history = (*(history[-9:] if i % 7 else history[3:]), Quorum(i + 1, within=float(i + 1)))
        history = (*history[:-1], replace(history[-1], within=0.5)) if i % 3 else history
        state = {"history": history, "params": np.full(3, i), "links": ({"c": np.ones(2)}, (Everyone(), 1.5))}
        assert repr(growing.plain(state)) == repr(plain(state))
