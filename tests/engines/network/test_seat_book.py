"""A word, the memory that hangs on it and its line in the ledger are durable together, and a seat sits where it sat."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.load import Load
from hansa.core.message import Answer, Envelope, Masked, Name, Refusal
from hansa.core.party import Seat
from hansa.engines.network.seat_book import SeatBook
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.words import Word
from hansa.errors import DataError, WireError
from tests.core.test_carry import parties
from tests.engines.network.disks import DIGEST, TOML, Dead, Disk, files, toy_job

PARTY = parties(1)[0]
JOB = toy_job()


def said(value, size=100):
    return Answer(Load({"delta": np.full((1, size), float(value))}))


def memory(value):
    return {"c": np.full((1, 50), float(value))}


def book_in(folder, disk=None, inline=256):
    store = SiteStore(folder, disk or Disk(), lambda: 5.0, inline)
    try:
        return store, SeatBook(store, store.open(TOML, DIGEST), PARTY.name)
    except BaseException:
        store.close()
        raise


def told(seat):
    """All of a seat, as plain text."""
    plain = lambda found: {key: value.tobytes() for key, value in found.items()}  # noqa: E731
    words = {
        name: word if isinstance(word, Refusal) else word.load["delta"].tobytes() for name, word in seat.given.items()
    }
    return plain(seat.memory), [(name, plain(one)) for name, one in seat.pending.items()], words


def restored(book):
    seat = Seat(PARTY, JOB)
    book.restore(seat)
    return told(seat)


@pytest.mark.parametrize("inline", [0, 1 << 20], ids=["files", "rows"])
def test_a_seat_is_restored_with_what_it_has_given_and_remembers(tmp_path, inline):
    store, book = book_in(tmp_path, inline=inline)
    seat = Seat(PARTY, JOB)
    for keep in range(7):
        envelope = Envelope(Name(0, keep, 0), Masked(None), () if keep in {0, 3} else (Name(0, keep - 1, 0),))
        assert seat.open(envelope) is None
        seat.close(envelope, said(keep), memory(keep))
        book.give(Word(envelope.name, PARTY.name, "Toy", said(keep)), memory(keep), counted=envelope.counted)
        book.acknowledged([envelope.name])
        memories, pending, words = restored(book)
        assert (memories, pending) == told(seat)[:2]
        assert {name: words[name] for name in told(seat)[2]} == told(seat)[2]
    store.close()
    store, book = book_in(tmp_path, inline=inline)
    assert restored(book)[:2] == told(seat)[:2]
    seat.settle([Name(0, 6, 0)])
    book.settle([Name(0, 6, 0)])
    assert restored(book)[:2] == told(seat)[:2]
    assert len(files(tmp_path)) == (0 if inline else len(restored(book)[2]) + 1), "older ones are gone"
    store.close()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 9), st.sets(st.integers(0, 9), max_size=3), st.booleans()), max_size=12))
def test_the_book_settles_as_a_seat_does(tmp_path_factory, asks):
    """Whatever has counted, in whatever order, late and early, at most four memories wait."""
    store, book = book_in(tmp_path_factory.mktemp("book"))
    seat = Seat(PARTY, JOB)
    for keep, counted, remembers in asks:
        envelope = Envelope(Name(0, keep, 0), Masked(None), tuple(Name(0, k, 0) for k in counted))
        if book.given(envelope.name) is not None:
            continue
        seat.settle(envelope.counted)
        after = memory(keep) if remembers else None
        if after is not None:
            seat.hold(envelope.name, after)
        book.give(Word(envelope.name, PARTY.name, "Toy", said(keep)), after, counted=envelope.counted)
    assert restored(book)[:2] == told(seat)[:2]
    assert store.verify() is None
    store.close()


def test_the_same_word_again_changes_nothing_and_another_is_refused_and_noted(tmp_path):
    store, book = book_in(tmp_path)
    name = Name(0, 0, 0)
    book.give(Word(name, PARTY.name, "Toy", said(1)), memory(1))
    book.give(Word(name, PARTY.name, "Toy", said(1)), memory(1))
    assert store.ledger.head()[0] == 1
    for other in (2, 2, 3):  # asked again and again, it is noted once
        with pytest.raises(WireError, match=r"Another word was given before.*begin it anew"):
            book.give(Word(name, PARTY.name, "Toy", said(other)), memory(other))
    assert [kind for _, kind, _, _ in store.notes()] == ["conflict"]
    assert book.given(name).load["delta"][0, 0] == 1.0
    assert store.ledger.head()[0] == 1
    store.close()


def test_a_word_is_offered_until_it_is_acknowledged_with_the_same_bytes(tmp_path):
    store, book = book_in(tmp_path, inline=0)
    for keep in range(5):
        book.give(Word(Name(0, keep, 0), PARTY.name, "Toy", said(keep)))
    book.acknowledged([Name(0, 1, 0), Name(0, 3, 0)])
    assert [word.name.keep for word in book.unacknowledged()] == [0, 2, 4]
    book.settle(())
    store.close()
    store, book = book_in(tmp_path, inline=0)
    assert [(word.name.keep, word.kind, word.said.load["delta"][0, 0]) for word in book.unacknowledged()] == [
        (0, "Toy", 0.0),
        (2, "Toy", 2.0),
        (4, "Toy", 4.0),
    ]
    book.give(Word(Name(0, 9, 0), PARTY.name, "Toy", said(9)))
    assert book.given(Name(0, 1, 0)) is None, "acknowledged and old: its content is gone"
    assert book.given(Name(0, 0, 0)) is not None, "nobody has said that it arrived"
    with pytest.raises(WireError, match="given before"):
        book.give(Word(Name(0, 1, 0), PARTY.name, "Toy", said(7)))
    assert len(files(tmp_path)) == 4
    store.close()


def test_a_coordinator_that_acknowledges_what_was_never_said_fills_no_memory_and_loses_no_word(tmp_path):
    store, book = book_in(tmp_path)
    book.give(Word(Name(0, 0, 0), PARTY.name, "Toy", said(0)))
    book.acknowledged(Name(7, 0, turn) for turn in range(100_000))
    book.acknowledged([Name(0, 0, 0)])
    assert [word.name.keep for word in book.unacknowledged()] == [0], "it is offered again, and then heard of again"
    book.give(Word(Name(0, 1, 0), PARTY.name, "Toy", said(1)))
    book.acknowledged([Name(0, 0, 0)])
    assert [word.name.keep for word in book.unacknowledged()] == [1]
    store.close()


def test_the_line_speaks_of_the_word_as_it_is_kept(tmp_path):
    store, book = book_in(tmp_path)
    book.give(Word(Name(0, 0, 0), PARTY.name, "Toy", said(1, 3)), protection="secure sum")
    (one,) = store.ledger.lines(DIGEST)
    ((digest,),) = store.database.rows("SELECT digest FROM given")
    assert (one.line.size, one.line.digest, one.line.protection) == (24, digest, "secure sum")
    assert one.line.time == 5.0
    store.close()


@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
@pytest.mark.parametrize("inline", [0, 1 << 20], ids=["files", "rows"])
def test_a_death_at_any_call_keeps_word_memory_and_line_or_none_of_them(tmp_path, inline, power):
    for how in ("die", "torn"):
        for n in range(1, 80):
            folder, image = tmp_path / f"{n}{how}", tmp_path / f"{n}{how} after"
            disk = Disk(folder, image, 0, how, power)
            store, book = book_in(folder, disk, inline)
            book.give(Word(Name(0, 0, 0), PARTY.name, "Toy", said(1)), memory(1))
            before = restored(book)
            disk.n = disk.calls + n
            try:
                book.give(Word(Name(0, 1, 0), PARTY.name, "Toy", said(2)), memory(2), counted=[Name(0, 0, 0)])
            except Dead:
                store.close()
            else:
                store.close()
                break
            store, book = book_in(image, inline=inline)
            lines, after = store.ledger.head()[0], restored(book)
            assert (after == before) == (lines == 1)
            assert store.verify() is None
            book.give(Word(Name(0, 1, 0), PARTY.name, "Toy", said(2)), memory(2), counted=[Name(0, 0, 0)])
            assert store.ledger.head()[0] == 2
            assert len(files(image)) == (4 if inline == 0 else 0)
            store.close()
        assert n >= 6


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_whichever_call_fails_nothing_leaves_and_the_next_try_succeeds(tmp_path, code):
    disk = Disk()
    store, book = book_in(tmp_path, disk, 0)
    for n in range(1, 80):
        name, lines = Name(0, 0, n), store.ledger.head()[0]
        disk.n, disk.how = disk.calls + n, code
        try:
            book.give(Word(name, PARTY.name, "Toy", said(n)), memory(n))
        except DataError:
            failed = True
        else:
            failed = False
        if not failed:
            break
        assert store.ledger.head()[0] == lines
        assert book.given(name) is None
        book.give(Word(name, PARTY.name, "Toy", said(n)), memory(n))
    assert n >= 6
    assert store.verify() is None
    store.close()


@pytest.mark.parametrize("table", ["given", "memories"])
@pytest.mark.parametrize("inline", [0, 1 << 20], ids=["files", "rows"])
def test_what_is_damaged_is_told_with_its_mend(tmp_path, table, inline):
    store, book = book_in(tmp_path, inline=inline)
    book.give(Word(Name(0, 0, 0), PARTY.name, "Toy", said(1)), memory(1))
    ((digest,),) = store.database.rows(f"SELECT digest FROM {table}")  # noqa: S608 - our own names
    if inline:
        store.database._connection.execute(f"UPDATE {table} SET body = substr(body, 2)")  # noqa: S608
    else:
        (tmp_path / "sheets" / digest).write_bytes(b"")
    with pytest.raises(DataError, match=r"damaged.*backup"):
        restored(book)
    store.close()


def test_what_holds_at_once_is_overwritten_before_it_is_let_go_however_large(tmp_path):
    secret = np.random.default_rng(1).integers(0, 256, 60_000).astype(np.uint8)  # pages of its own
    for turn, once in enumerate(({"at once/key": secret}, {"at once/key": np.zeros(8, np.uint8)})):
        store, book = book_in(tmp_path, inline=1 << 20)
        book.give(Word(Name(0, 0, turn), PARTY.name, "Shape", Refusal("No.")), {"model": np.ones(1), **once}, once=once)
        store.close()
        held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert [secret.tobytes()[at : at + 32] in held for at in (1000, 30_000, 59_000)] == [turn == 0] * 3
