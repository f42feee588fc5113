"""A site's jobs are those whose text has their digest; its ledger holds a line for every word that it gave."""

from __future__ import annotations

from hashlib import sha256

import pytest

from hansa.core.message import Name, Refusal
from hansa.engines.network.privacy_ledger import uncapped
from hansa.engines.network.seat_book import SeatBook
from hansa.engines.network.site_store import MOST_REFUSED, Others, SiteStore, read_ledger
from hansa.engines.network.wire_ledger import Line
from hansa.engines.network.words import Word
from hansa.errors import ConfigError, DataError, WireError
from hansa.privacy.spending import Plan
from tests.engines.network.disks import DIGEST, TOML, Disk


def site(path):
    return SiteStore(path, Disk(), lambda: 5.0)


def test_a_job_is_opened_by_its_whole_text_and_a_changed_one_is_not(tmp_path):
    store = site(tmp_path)
    assert store.open(TOML, DIGEST) == store.open(TOML, DIGEST) == sha256(TOML.encode()).hexdigest()
    with pytest.raises(WireError, match="changed after its digest"):
        store.open(TOML + " ", DIGEST)
    assert store.notes() == ()
    store.mark(DIGEST, "closed")
    store.close()
    again = site(tmp_path)
    assert again.toml(DIGEST) == TOML
    assert again.states() == {DIGEST: "closed"}
    with pytest.raises(ConfigError, match="not opened here"):
        again.toml("ab" * 32)
    again.database._connection.execute("UPDATE jobs SET toml = 'another'")
    with pytest.raises(DataError, match=r"damaged.*backup"):
        again.toml(DIGEST)
    again.close()


def test_lines_at_the_end_that_were_taken_away_are_missed_by_the_words_that_they_speak_of(tmp_path):
    store = site(tmp_path)
    book = SeatBook(store, store.open(TOML, DIGEST), "bank-a")
    for turn in range(4):
        book.give(Word(Name(0, 0, turn), "bank-a", "Train", Refusal(f"No {turn}.")))
    assert store.verify() is None
    connection = store.database._connection
    for statement in (
        "PRAGMA foreign_keys = OFF",
        "DROP TRIGGER ledger_keeps",
        "DELETE FROM ledger WHERE sequence > 2",
    ):
        connection.execute(statement)
    assert store.ledger.verify() is None
    assert store.verify() == 3
    store.close()


def test_what_leaves_beside_words_has_lines_too(tmp_path):
    store = site(tmp_path)
    line = Line(5.0, "", Name(0, 0, 0), "Hello", 40, (), "ab" * 32, "none")
    assert [store.left(line), store.left(line)] == [1, 2]
    assert [one.line for one in store.ledger.lines()] == [line, line]
    store.close()


def begin(store, number):
    text = f"{TOML}# {number}"
    store.open(text, digest := sha256(text.encode()).hexdigest())
    return digest


def test_the_jobs_of_a_day_are_counted_across_restarts_and_a_clock_that_jumps(tmp_path):
    now = [1e9]
    store = SiteStore(tmp_path, Disk(), lambda: now[0])
    first, _, _ = (begin(store, number) for number in range(3))
    assert store.others("ab" * 32) == Others(0, 3)
    assert store.others(first) == Others(0, 0), "it is not begun anew"
    store.close()
    store = SiteStore(tmp_path, Disk(), lambda: now[0])
    for hours, counted in ((1, 3), (-1, 3), (23, 3), (-23, 3), (25, 0), (-25, 0)):
        now[0] = 1e9 + 3600 * hours
        assert store.others("ab" * 32).begun == counted, hours
    begin(store, 3)  # by a clock that is a day behind
    now[0] = 1e9
    assert store.others("ab" * 32).begun == 3
    store.close()


def test_the_jobs_that_are_open_are_counted_across_restarts(tmp_path):
    plan = Plan("scores", "anna", "loans", ())
    store = site(tmp_path)
    for job in ("ab", "cd", "ef"):
        store.privacy.approve(job, plan, uncapped)
    store.privacy.close_job("cd")
    store.close()
    again = site(tmp_path)
    assert [again.others(job).open for job in ("ab", "cd", "ef", "01")] == [1, 2, 1, 2]
    again.privacy.approve("cd", plan, uncapped)
    assert again.others("01").open == 3
    again.close()


def test_so_many_refusals_a_day_are_written_down_each_with_its_line_and_no_more(tmp_path):
    now = [5.0]
    store, no = SiteStore(tmp_path, Disk(), lambda: now[0]), Refusal("Not at this hour.")
    told = [store.refuse(f"{number:064x}", no) for number in range(MOST_REFUSED + 3)]
    assert told == [True] * MOST_REFUSED + [False] * 3
    assert len(store.ledger.lines()) == len(store.notes()) == MOST_REFUSED
    assert store.notes()[0] == (5.0, "job refused", "0" * 64, "Not at this hour.")
    now[0] += 24 * 3600.0
    assert store.refuse(DIGEST, no)
    assert store.verify() is None
    store.close()


def test_the_ledger_is_read_while_a_node_is_at_work_and_not_where_there_is_none(tmp_path):
    store = site(tmp_path / "bank-a")
    book = SeatBook(store, store.open(TOML, DIGEST), "bank-a")
    ledger = read_ledger(tmp_path / "bank-a")
    book.give(Word(Name(0, 0, 0), "bank-a", "Train", Refusal("No.")))
    assert [one.line.kind for one in ledger.lines()] == ["Train"]
    ledger.database.close()
    store.close()
    with pytest.raises(ConfigError, match="no site's store"):
        read_ledger(tmp_path)
