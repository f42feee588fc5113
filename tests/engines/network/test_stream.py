"""Streams: whole parcels, signed, in order, once; and what was cut off goes on where it stopped."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from hansa.core.message import Name
from hansa.core.wire import Limits, Parcel
from hansa.engines.network import stream
from hansa.engines.network.keys import new_signing_key, sign, verify
from hansa.engines.network.stream import Ends, Inbox, Line, Tube
from hansa.errors import HansaError, PartyLost, WireError

KEYS = {name: new_signing_key() for name in ("bank-a", "bank-b", "coordinator")}


def signing(name):
    return lambda digest: sign(KEYS[name], b"tag", digest)


def check(sender, digest, signature):
    verify(KEYS[sender].public_key(), b"tag", digest, signature)


def parcel(sequence=1, body=None, kind="Word", sender="bank-a"):
    return Parcel(kind, "ab" * 32, Name(0, 1, 0), sender, "coordinator", sequence, body)


def lines(inbox=None, signer="bank-a", peer="bank-a"):
    there, back = Tube(), Tube()
    bank = Line(Ends(there, back), "bank-a", "coordinator", signing(signer), Inbox(check))
    centre = Line(Ends(back, there), "coordinator", peer, signing("coordinator"), inbox or Inbox(check))
    return bank, centre


async def exchange(bank, centre, *parcels):
    async def give():
        for one in parcels:
            await bank.send(one)
        await bank.pipe.out.queue.put(None)

    sending, found = asyncio.create_task(give()), []
    try:
        while (one := await centre.receive()) is not None:
            found.append(one)
    finally:
        sending.cancel()
    return found


@pytest.mark.parametrize("size", [0, 1, 1000, 3_000_000])
def test_parcels_of_any_size_arrive_whole_and_in_order(size, monkeypatch):
    monkeypatch.setattr(stream, "CHUNK", 4096)
    sent = [parcel(i, {"x": np.arange(size, dtype="u1"), "i": i}) for i in (3, 4, 9)]
    found = asyncio.run(exchange(*lines(), *sent))
    assert [one.body["i"] for one in found] == [3, 4, 9]
    assert all(np.array_equal(one.body["x"], sent[0].body["x"]) for one in found)


def test_a_word_comes_once_and_in_order():
    found = asyncio.run(exchange(*lines(), parcel(1), parcel(1, {"other": 1}), parcel(2)))
    assert [one.sequence for one in found] == [1, 2]  # an honest end does not send it again on the same stream
    bank, _ = lines()

    async def back():
        await bank.send(parcel(1))
        await bank.send(parcel(0))

    with pytest.raises(PartyLost, match="over the next line"):
        asyncio.run(back())


@pytest.mark.parametrize("second", [0, 1])
def test_a_word_that_is_played_again_is_refused(second):
    messages = [asyncio.run(recorded(parcel(i, {"i": i})))[0] for i in (1, second)]
    inbox = Inbox(check)
    assert inbox.take("bank-a", messages[0]).sequence == 1
    with pytest.raises(WireError, match="comes again, or too late"):
        inbox.take("bank-a", messages[1])
    inbox.begin()  # on the next stream words may be offered again
    assert inbox.take("bank-a", messages[1]).sequence == second


def test_a_stream_that_speaks_of_job_after_job_is_ended(monkeypatch):
    monkeypatch.setattr(stream, "_JOBS", 2)
    sent = [replace(parcel(i), job=f"{i % 3:064x}") for i in (1, 2, 4, 5)]
    assert len(asyncio.run(exchange(*lines(), *sent))) == 4
    with pytest.raises(WireError, match="more jobs"):
        asyncio.run(exchange(*lines(), *sent, replace(parcel(6), job="f" * 64)))


def test_what_holds_the_line_may_repeat_its_sequence():
    found = asyncio.run(exchange(*lines(), parcel(1, kind="Beat"), parcel(1, kind="Beat"), parcel(2)))
    assert len(found) == 3


def test_another_ones_signature_name_or_certificate_is_refused():
    with pytest.raises(HansaError, match="signature"):
        asyncio.run(exchange(*lines(signer="bank-b"), parcel()))
    with pytest.raises(WireError, match="somebody else"):
        asyncio.run(exchange(*lines(), parcel(sender="bank-b")))
    with pytest.raises(HansaError, match="signature"):
        asyncio.run(exchange(*lines(peer="bank-b"), parcel()))


async def recorded(one):
    """The messages that a parcel travels in."""
    bank, centre = lines()
    await bank.send(one)
    found = []
    while not centre.pipe.back.queue.empty():
        found.append(centre.pipe.back.queue.get_nowait())
    return found


def test_a_frame_that_was_cut_off_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr(stream, "CHUNK", 1000)
    whole = parcel(5, np.arange(800.0))
    messages = asyncio.run(recorded(whole))
    assert len(messages) == 7
    for cut in range(1, len(messages)):
        inbox = Inbox(check)
        for message in messages[:cut]:
            assert inbox.take("bank-a", message) is None
        (held,) = inbox.holds.values()
        assert held == 1000 * cut

        async def again(inbox=inbox):
            bank, centre = lines(inbox)
            bank.held = dict(inbox.holds)
            await bank.send(whole)
            count = centre.pipe.back.queue.qsize()
            return await centre.receive(), count

        found, count = asyncio.run(again())
        assert np.array_equal(found.body, whole.body)
        assert count == len(messages) - cut
        assert inbox.holds == {}


def test_another_frame_begins_anew_where_one_was_cut_off(monkeypatch):
    monkeypatch.setattr(stream, "CHUNK", 1000)
    messages, other = (asyncio.run(recorded(parcel(i, np.full(800, float(i))))) for i in (5, 6))
    inbox = Inbox(check)
    inbox.take("bank-a", messages[0])
    for message in other[:-1]:
        inbox.take("bank-a", message)
    assert inbox.take("bank-a", other[-1]).body[0] == 6.0


@pytest.mark.parametrize("place", range(6))
def test_bytes_changed_on_the_way_are_never_a_parcel(place):
    (message,) = asyncio.run(recorded(parcel(5, np.arange(8.0))))
    for at in (place, 20 + place, 60 + place, len(message) - 1 - place):
        broken = bytearray(message)
        broken[at] ^= 1
        with pytest.raises(HansaError):
            Inbox(check).take("bank-a", bytes(broken))


@pytest.mark.parametrize("message", [b"", b"\0rest", b"\2", b"\1short"])
def test_what_begins_no_frame_is_refused(message):
    with pytest.raises(WireError):
        Inbox(check).take("bank-a", message)


def test_a_frame_beyond_the_limits_is_refused_at_its_first_message():
    messages = asyncio.run(recorded(parcel(5, np.zeros(1000))))
    with pytest.raises(WireError, match="too large"):
        Inbox(check, Limits(head=1000, payload=1000)).take("bank-a", messages[0])


def test_a_frame_longer_or_shorter_than_it_said_is_refused():
    first, second = (asyncio.run(recorded(parcel(i)))[0] for i in (1, 2))
    inbox = Inbox(check)
    with pytest.raises(WireError, match="longer"):
        inbox.take("bank-a", first + b"more")
    inbox = Inbox(check)
    assert inbox.take("bank-a", first[:150]) is None
    assert inbox.take("bank-a", second) is not None


def test_room_is_asked_for_large_frames_alone():
    asked = []

    def room_for(outline):
        asked.append(outline.sequence)

    sent = [parcel(1, {"x": np.zeros(1000)}), parcel(2, {"x": np.zeros(stream.SMALL // 8)})]
    found = asyncio.run(exchange(*lines(Inbox(check, room_for=room_for)), *sent))
    assert [one.sequence for one in found] == [1, 2]
    assert asked == [2]
