"""The toy job, stopped at every write of its store: it goes on to the same bits, and each answer counts once."""

from __future__ import annotations

import errno
from math import inf

import numpy as np
import pytest

from hansa.core.job import At, Job
from hansa.core.journal import Closing, Snapshot
from hansa.core.load import Load
from hansa.core.message import Answer, Name, Refusal
from hansa.core.post import seats_of
from hansa.core.step import Done
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.store import COUNTED, FRESH, LET_GO
from hansa.engines.network.words import Word
from hansa.errors import ConfigError, DataError, WireError
from tests.core.test_carry import chance, dropping, parties
from tests.core.toys import Buffered, Walk
from tests.engines.network.disks import DIGEST, Dead, Disk, carried, files, opened, params, toy_job

MEMBERS = parties(4, 3)
NAMES = [party.name for party in MEMBERS]
CLOCK = dropping(3, 0.3)


def finished(job, folder, clock, disks, inline=256, sparing=0.0):
    """Carry the job over one disk after another, each of which is found as the one before left it."""
    seats = seats_of(job, MEMBERS)
    for disk in disks:
        store = None
        try:
            store = opened(folder, NAMES, disk, inline)
            done, _ = carried(job, MEMBERS, store, clock, seats, sparing)
            return done, store
        except Dead:
            folder = disk.image
        except DataError:
            pass
        finally:
            if store is not None and disk.n:
                store.close()
    raise AssertionError("no disk was good enough")


def counts(store):
    return store.database.rows("SELECT fate, count(*) FROM words GROUP BY fate ORDER BY fate")


@pytest.mark.parametrize("sparing", [0.0, inf], ids=["each", "spared"])
@pytest.mark.parametrize("inline", [0, 1 << 20], ids=["files", "rows"])
@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
def test_a_run_that_dies_at_any_call_goes_on_to_the_same_bits(tmp_path, inline, power, sparing):
    job, whole, clock = toy_job(1 if power else 2), Disk(), None if sparing else CLOCK
    done, store = finished(job, tmp_path / "whole", clock, [whole], inline, sparing)
    wanted, counted, state = params(done), counts(store), store.state(DIGEST)
    store.close()
    for n in range(1, whole.calls + 1):
        folder = tmp_path / str(n)
        disks = [Disk(folder, tmp_path / f"{n} after", n, "torn" if n % 2 else "die", power), Disk()]
        done, store = finished(job, folder, clock, disks, inline, sparing)
        assert disks[0].dead
        assert params(done) == wanted
        assert counts(store) == counted
        assert store.state(DIGEST) == state
        store.close()


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_run_whose_disk_fails_at_any_call_is_told_so_and_goes_on_when_it_is_mended(tmp_path, code):
    job, whole = toy_job(1), Disk()
    done, store = finished(job, tmp_path / "whole", CLOCK, [whole], 0)
    wanted, counted = params(done), counts(store)
    store.close()
    for n in range(1, whole.calls + 1):
        done, store = finished(job, tmp_path / str(n), CLOCK, [Disk(n=n, how=code), Disk()], 0)
        assert params(done) == wanted
        assert counts(store) == counted
        store.close()


@pytest.mark.parametrize("seed", range(6))
def test_buffered_rounds_go_on_alike_with_their_answers_in_flight(tmp_path, seed):
    clock = lambda party, name: 0.5 + 4 * chance(seed, party, name)  # noqa: E731
    job, whole = Job("toys", (Buffered(k=2, rounds=4), Buffered(k=2, rounds=3)), min_parties=1), Disk()
    done, store = finished(job, tmp_path / "whole", clock, [whole])
    wanted = params(done)
    store.close()
    for n in range(3 + seed, whole.calls + 1, 17):
        disks = [Disk(tmp_path / str(n), tmp_path / f"{n} after", n), Disk()]
        done, store = finished(job, tmp_path / str(n), clock, disks)
        assert params(done) == wanted
        assert store.database.rows("SELECT max(fate) FROM words WHERE fate = 1") == [(1,)]
        store.close()


def test_the_folder_does_not_grow_with_the_rounds(tmp_path):
    sizes = []
    for rounds in (2, 20):
        _, store = finished(toy_job(rounds), tmp_path / str(rounds), None, [Disk()], 0)
        sizes.append(len(files(tmp_path / str(rounds))))
        assert store.database.rows("SELECT count(*) FROM words WHERE body IS NOT NULL") == [(0,)]
        store.close()
    assert sizes[0] == sizes[1] == 1, "the last snapshot"


def answer(value=1.0, size=1):
    return Answer(Load({"delta": np.full((1, size), value)}))


def journal_in(folder, inline=256, sparing=0.0):
    store = opened(folder, NAMES, inline=inline)
    return store, JobJournal(store, toy_job(), DIGEST, sparing)


def test_another_word_is_refused_and_a_word_counts_once(tmp_path):
    store, journal = journal_in(tmp_path)
    name = Name(0, 0, 0)
    journal.record(name, "bank-0", answer())
    journal.record(name, "bank-0", answer())
    with pytest.raises(WireError, match=r"bank-0 has given another answer.*noted"):
        journal.record(name, "bank-0", answer(2.0))
    closing = Closing((("bank-0", name),), (), ("bank-1",), (), 1.0)
    journal.close(name, closing)
    journal.close(name, closing)
    assert journal.closing(name) == closing
    with pytest.raises(DataError, match="another way"):
        journal.close(name, Closing((), (), ("bank-1",), (), 1.0))
    with pytest.raises(DataError, match="counts twice"):
        journal.close(Name(0, 0, 1), closing)
    assert journal.closing(Name(0, 0, 1)) is None
    store.close()


def test_a_word_that_came_late_and_was_not_brought_outlives_a_snapshot(tmp_path):
    """It is acknowledged, so its bank has forgotten it: it stays until a turn takes it, or its step is over."""
    store, journal = journal_in(tmp_path, inline=0)
    name, late = Name(0, 0, 0), Word(Name(0, 0, 0), "bank-1", "Nudge", answer(2.0))
    journal.record(name, "bank-0", answer())
    journal.record(name, "bank-2", Refusal("No."))
    store.put(DIGEST, [late])
    assert journal.waiting() == ((name, "bank-1", "Nudge"),)
    journal.close(name, Closing((("bank-0", name),), ("bank-2",), (), (), 0.0))
    journal.save(Snapshot(1, At(0, Done(), Walk(np.zeros(2)))))
    store.close()
    store, journal = journal_in(tmp_path, inline=0)
    assert journal.waiting() == ((name, "bank-1", "Nudge"),)
    assert journal.answer(name, "bank-1").load["delta"].tolist() == [[2.0]]
    assert journal.answer(name, "bank-0") is None
    assert store.put(DIGEST, [Word(name, "bank-0", "", answer()), Word(name, "bank-0", "", answer(3.0))]) == (
        "same",
        "clash",
    ), "what is gone still has its digest"
    journal.save(Snapshot(2, At(1, Done((Walk(np.zeros(2)),)))))
    assert journal.waiting() == ()
    assert len(files(tmp_path)) == 1
    store.close()


def test_a_turn_is_closed_in_the_transaction_of_the_snapshot_that_follows_it(tmp_path):
    store, journal = journal_in(tmp_path)
    name, other = Name(0, 0, 0), Name(0, 1, 0)
    closing = Closing((("bank-0", name),), ("bank-2",), (), (), 1.0)
    journal.record(name, "bank-0", answer())
    journal.record(name, "bank-1", answer())
    journal.save(Snapshot(1, At(0, Done(), Walk(np.zeros(2)))), (name, closing))
    assert counts(store) == [(COUNTED, 1), (LET_GO, 1)]
    assert journal.closing(name) is None, "nobody asks after it again"
    with pytest.raises(DataError, match="counts twice"):
        journal.save(Snapshot(2, At(0, Done(), Walk(np.ones(2)))), (other, closing))
    assert journal.latest().keep == 1, "all of it, or none"
    store.close()


def test_a_snapshot_that_may_wait_is_left_out_and_the_next_says_what_has_counted_since(tmp_path):
    store, journal = journal_in(tmp_path, sparing=inf)
    keeps = [Name(0, keep, 0) for keep in range(3)]
    closings = [Closing((("bank-0", name),), (), (), (), 1.0) for name in keeps]
    journal.save(Snapshot(0, At(0, Done(), Walk(np.zeros(2)))))
    for name, closing in zip(keeps, closings, strict=True):
        journal.record(name, "bank-0", answer())
        journal.save(Snapshot(name.keep + 1, At(0, Done(), Walk(np.ones(2)))), (name, closing), may_wait=True)
    assert journal.latest().keep == 0
    assert counts(store) == [(FRESH, 3)]
    assert journal.answer(keeps[0], "bank-0"), "what a run needs that begins again"
    journal.write()
    journal.write()
    assert journal.latest().keep == 3
    assert counts(store) == [(COUNTED, 3)]
    assert journal.answer(keeps[0], "bank-0") is None
    store.close()


def test_a_small_word_that_has_come_is_not_read_again_and_a_large_one_is_mapped(tmp_path):
    store, journal = journal_in(tmp_path)
    name, small, large = Name(0, 0, 0), answer(1.0), answer(2.0, 50_000)
    words = [Word(name, "bank-0", "Nudge", small), Word(name, "bank-1", "Nudge", large)]
    assert journal.put(words) == ("new", "new")
    assert journal.put([Word(name, "bank-0", "Nudge", answer(3.0))]) == ("clash",)
    assert journal.answer(name, "bank-0") is small
    assert not journal.answer(name, "bank-1").load["delta"].flags.owndata
    assert journal.waiting() == ()
    ahead = answer(4.0)  # on a letter that left before what it follows from was written
    assert journal.put([Word(Name(0, 1, 0), "bank-0", "Nudge", ahead)]) == ("new",)
    journal.save(Snapshot(1, At(0, Done(), Walk(np.zeros(2)))), (name, Closing((("bank-0", name),), (), (), (), 0.0)))
    assert journal.answer(name, "bank-0") is None
    assert journal.answer(Name(0, 1, 0), "bank-0") is ahead
    store.close()


def test_a_large_answer_is_mapped_and_checked_once(tmp_path):
    store, journal = journal_in(tmp_path)
    journal.record(Name(0, 0, 0), "bank-0", answer(1.0, 50_000))
    first = journal.answer(Name(0, 0, 0), "bank-0")
    assert journal.answer(Name(0, 0, 0), "bank-0") is first
    assert not first.load["delta"].flags.owndata
    store.close()


@pytest.mark.parametrize("table", ["closings", "snapshots", "words"])
def test_what_is_damaged_is_told_with_its_mend(tmp_path, table):
    store, journal = journal_in(tmp_path, inline=1 << 20)
    name = Name(0, 0, 0)
    journal.save(Snapshot(0, At(0, Done(), Walk(np.zeros(2)))))
    journal.record(name, "bank-0", answer())
    journal.close(name, Closing((("bank-0", name),), (), (), (), 0.0))
    store.database._connection.execute(f"UPDATE {table} SET body = substr(body, 1, 20)")  # noqa: S608 - our own names
    reads = {"closings": lambda: journal.closing(name), "snapshots": journal.latest}
    with pytest.raises(DataError, match=r"damaged.*backup"):
        reads.get(table, lambda: journal.answer(name, "bank-0"))()
    store.close()


def test_a_job_that_was_not_submitted_has_no_journal(tmp_path):
    store = opened(tmp_path, NAMES)
    with pytest.raises(ConfigError, match="not submitted"):
        JobJournal(store, toy_job(), "ab" * 32)
    job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    store.submit(job.to_toml(), "anna", NAMES)
    assert JobJournal(store, job).digest == job.digest
    store.close()
