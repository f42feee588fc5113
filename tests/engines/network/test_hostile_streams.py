"""Whatever a member's stream brings, it is a parcel or one clear error: nothing hangs, nothing runs, nothing grows."""

from __future__ import annotations

import asyncio
import os
import pickle
import struct
from contextlib import suppress
from hashlib import sha256

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.message import Name, Refusal
from hansa.core.wire import Limits, Parcel
from hansa.engines.network.hub import Hub
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.sayings import VERSION, plainly, word_parcel
from hansa.engines.network.store import Store
from hansa.engines.network.stream import Ends, Inbox, Line, Tube
from hansa.errors import HansaError, PartyLost, WireError
from tests.engines.network.federation import UNSIGNED, believe

SMALL = Limits(head=1 << 14, tensors=8, payload=1 << 16)
FIRST = struct.Struct("<BQQ32s64s")


def messages_of(*parcels):
    """What a line writes for these parcels, in messages."""

    async def written():
        there = Tube()
        line = Line(Ends(there, Tube()), "bank-a", COORDINATOR, lambda digest: UNSIGNED, Inbox(believe))
        for parcel in parcels:
            await line.send(parcel)
        return [there.queue.get_nowait() for _ in range(there.queue.qsize())]

    return asyncio.run(written())


def word(sequence, body=None):
    return Parcel("Word", "ab" * 32, Name(0, 1, 0), "bank-a", COORDINATOR, sequence, body)


GOOD = messages_of(*(word(i, {"x": np.arange(20.0), "what": "a word"}) for i in (1, 2, 3)))


def taken(inbox, messages):
    """Parcels until the first error, which is one of the house's."""
    found = []
    with suppress(HansaError):
        found += [parcel for one in messages if (parcel := inbox.take("bank-a", one)) is not None]
    return found


@given(st.lists(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda b: b"\1" + b)), max_size=5))
def test_bytes_at_random_are_no_parcel_and_spoil_none_that_comes_later(messages):
    inbox = Inbox(believe, SMALL)
    assert taken(inbox, messages) == []
    inbox.begin()
    assert [parcel.sequence for parcel in taken(inbox, GOOD)] == [1, 2, 3]


@given(st.data())
def test_messages_that_are_changed_cut_doubled_or_in_another_order_are_never_another_parcel(data):
    messages = data.draw(st.lists(st.sampled_from(GOOD), min_size=1, max_size=4))
    at = data.draw(st.integers(0, len(messages) - 1))
    changed = bytearray(messages[at])
    for place in data.draw(st.lists(st.integers(0, len(changed) - 1), max_size=3)):
        changed[place] ^= data.draw(st.integers(1, 255))
    messages[at] = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    for parcel in taken(Inbox(believe, SMALL), messages):
        assert parcel.body["x"].tolist() == list(range(20))
        assert parcel.body["what"] == "a word"


@pytest.mark.parametrize("offset", [0, 1, 1 << 20, (1 << 64) - 1])
@pytest.mark.parametrize("total", [0, 1, 1 << 40, (1 << 64) - 1])
def test_a_frame_that_claims_any_size_allocates_nothing(offset, total):
    inbox = Inbox(believe, SMALL)
    assert taken(inbox, [FIRST.pack(1, offset, total, bytes(32), UNSIGNED) + b"rest"]) == []


class Canary:
    """Unpickled, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_nothing_that_a_stream_brings_is_run(tmp_path):
    path = str(tmp_path / "fired")
    payload = pickle.dumps(Canary(path))
    yaml = f"!!python/object/apply:os.mkdir ['{path}']".encode()
    heads = [msgpack.packb({"kind": msgpack.ExtType(1, payload)}), msgpack.packb({"kind": payload}), payload, yaml]
    frames = [
        *(b"HNSA" + struct.pack("<HI", 1, len(head)) + sha256(head).digest() + head for head in heads),
        payload,
        yaml,
    ]
    for frame in frames:
        digest = frame[10:42].ljust(32, b"\0")
        message = FIRST.pack(1, 0, len(frame), digest, UNSIGNED) + frame
        assert taken(Inbox(believe, SMALL), [message]) == []
    (carried,) = taken(Inbox(believe, SMALL), messages_of(word(1, {"load": payload})))
    assert carried.body["load"] == payload  # bytes stay bytes
    assert not (tmp_path / "fired").exists()


async def joined(hub, name, *, hello=True):
    """A bank at the hub, which it has greeted: the way there, its line, and the hub's task."""
    there, back = Tube(), Tube()
    line = Line(Ends(there, back), name, COORDINATOR, lambda digest: UNSIGNED, Inbox(believe))
    task = asyncio.create_task(hub.attend(Ends(back, there), name))
    if hello:
        await line.send(plainly("Hello", name, COORDINATOR, body={"version": VERSION, "holds": {}, "jobs": []}))
        assert (await line.receive()).kind == "Welcome"
    return there, line, task


@pytest.mark.parametrize("seed", range(3))
def test_a_hub_that_hears_nonsense_ends_that_line_and_serves_the_others(tmp_path, seed):
    rng = np.random.default_rng(seed)

    async def heard():
        store = Store(tmp_path / "coordinator")
        hub, ended = Hub(store, lambda digest: UNSIGNED, believe), []
        for place in range(12):
            name = f"bank-{place}"
            there, line, task = await joined(hub, name, hello=place % 3 > 0)
            if place % 3 == 1:  # a word of a job that is not known is let go
                await line.send(word_parcel("cd" * 32, Name(0, 1, 0), "Shape", Refusal("No."), name, COORDINATOR))
                assert (await line.receive()).kind == "Ack"
            await there.queue.put(rng.bytes(int(rng.integers(1, 200))))
            ended.append((await asyncio.gather(task, return_exceptions=True))[0])
        left = dict(hub.lines)
        hub.stop()
        store.close()
        return ended, left

    ended, left = asyncio.run(asyncio.wait_for(heard(), 30))
    assert left == {}
    assert all(isinstance(error, HansaError) for error in ended)


def test_numbers_in_what_is_no_word_end_the_line_before_they_come(tmp_path):
    async def heard():
        store = Store(tmp_path / "coordinator")
        hub = Hub(store, lambda digest: UNSIGNED, believe)
        try:
            _, line, task = await joined(hub, "bank-0")
            large = plainly("Beat", "bank-0", COORDINATOR, body={"x": np.zeros(1 << 20)})
            sending = asyncio.create_task(line.send(large))  # its last messages find no reader
            with pytest.raises(WireError, match="Only a word brings numbers"):
                await task
            sending.cancel()
            return hub.inboxes["bank-0"].holds
        finally:
            hub.stop()
            store.close()

    assert asyncio.run(asyncio.wait_for(heard(), 30)) == {}


def test_a_bank_that_reads_nothing_of_what_it_is_told_loses_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr("hansa.engines.network.hub._UNREAD", 20)

    async def heard():
        store = Store(tmp_path / "coordinator")
        hub = Hub(store, lambda digest: UNSIGNED, believe)
        try:
            _, line, task = await joined(hub, "bank-0")
            for keep in range(100):  # words of no job are let go, and each is acknowledged
                said = word_parcel("cd" * 32, Name(0, keep, 0), "Shape", Refusal("No."), "bank-0", COORDINATOR)
                sending = asyncio.create_task(line.send(said))
                if task in (await asyncio.wait({sending, task}, return_when=asyncio.FIRST_COMPLETED))[0]:
                    sending.cancel()
                    break
            with pytest.raises(PartyLost, match="was dropped"):
                await task
            return dict(hub.lines)
        finally:
            hub.stop()
            store.close()

    assert asyncio.run(asyncio.wait_for(heard(), 30)) == {}


def test_a_stream_that_says_nothing_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("hansa.engines.network.hub._PATIENCE", 0.05)

    async def heard():
        store = Store(tmp_path / "coordinator")
        hub = Hub(store, lambda digest: UNSIGNED, believe)
        try:
            with pytest.raises(PartyLost, match="did not say hello"):
                await hub.attend(Ends(Tube(), Tube()), "bank-0")
        finally:
            hub.stop()
            store.close()

    asyncio.run(asyncio.wait_for(heard(), 30))
