"""What would meet a job at a node's store is told beforehand, in the words in which the node would refuse it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from hansa.core.job import Job
from hansa.core.message import Name, Refusal
from hansa.engines.network.desk import Desk
from hansa.engines.network.privacy_ledger import uncapped
from hansa.engines.network.seat_book import SeatBook
from hansa.engines.network.site_store import DATABASE, SiteStore
from hansa.engines.network.words import Word
from hansa.errors import ConfigError, PolicyRefusal
from hansa.governance.policy import Policy
from hansa.governance.site_file import NodeFile
from hansa.privacy.spending import Plan
from hansa.running.opening import standing, unpinned
from tests.engines.network.federation import job_of, members

JOB, PLAN = job_of(), Plan("net", "anna", "loans", ())
SECURE = Job.from_toml('name = "scores"\nsteps = [{use = "rounds", chain = ["by_examples", "secure_sum"]}]')


def file(*, ledger="", **bounds):
    return NodeFile("bank-a", "hansa.example:7443", {}, policy=Policy(**bounds), ledger=ledger)


def begun(store, *jobs):
    for job in jobs:
        store.privacy.approve(job.digest, PLAN, uncapped)
        store.open(job.to_toml(), job.digest)


def seeded(*seeds):
    return [replace(JOB, seed=seed) for seed in seeds]


@pytest.mark.parametrize("ledger", ["", "ledger"])
def test_open_jobs_and_those_of_the_day_are_counted_while_the_node_is_at_work(tmp_path, ledger):
    store = SiteStore(tmp_path / "state", shared=tmp_path / ledger if ledger else None)
    begun(store, *seeded(1, 2))
    found = standing(file(ledger=ledger, max_jobs=2, max_jobs_a_day=2), tmp_path, JOB)
    assert [one.what for one in found.refused] == [
        "It would be one of 3 jobs open at once; at most 2 is allowed.",
        "It would be one of 3 jobs begun in 24 hours; at most 2 is allowed.",
    ]
    store.privacy.close_job(seeded(1)[0].digest)
    found = standing(file(ledger=ledger, max_jobs=2, max_jobs_a_day=3), tmp_path, JOB)
    assert (found.refused, found.known) == ((), False)
    again = standing(file(ledger=ledger, max_jobs=1, max_jobs_a_day=1), tmp_path, seeded(2)[0])
    assert (again.refused, again.known) == ((), True)
    store.close()


def test_the_jobs_of_another_node_of_the_bank_are_not_counted(tmp_path):
    there = SiteStore(tmp_path / "other", shared=tmp_path / "ledger")
    begun(there, *seeded(1, 2))
    there.close()
    store = SiteStore(tmp_path / "state", shared=tmp_path / "ledger")
    assert standing(file(ledger="ledger", max_jobs=1, max_jobs_a_day=1), tmp_path, JOB).refused == ()
    store.close()


def test_a_job_that_was_released_is_refused_as_the_node_would(tmp_path):
    store = SiteStore(tmp_path / "state")
    begun(store, JOB)
    store.privacy.release(JOB.digest, "It never ended.")
    with pytest.raises(PolicyRefusal) as refused:
        store.privacy.approve(JOB.digest, PLAN, uncapped)
    (one,) = standing(file(), tmp_path, JOB).refused
    assert str(refused.value) == f"{one.what} {one.why} {one.mend}"
    store.close()


def test_a_job_of_which_too_much_was_refused_is_refused_as_the_node_would(tmp_path, monkeypatch):
    monkeypatch.setattr("hansa.engines.network.desk._NOES", 3)
    (party,), store = members(1), SiteStore(tmp_path / "state")
    begun(store, JOB)
    book = SeatBook(store, JOB.digest, party.name)
    for turn in range(3):
        assert standing(file(), tmp_path, JOB).refused == ()
        book.give(Word(Name(9, 0, turn), party.name, "Describe", Refusal("No.")))
    with pytest.raises(PolicyRefusal) as refused:
        Desk(store, JOB, JOB.digest, party, lambda work: None)
    (one,) = standing(file(), tmp_path, JOB).refused
    assert str(refused.value) == f"{one.what} {one.why} {one.mend}"
    store.close()


def test_a_node_that_was_never_started_has_nothing_against_a_job(tmp_path):
    assert standing(file(), tmp_path, JOB) == ((), False)
    assert not any(tmp_path.iterdir())


def test_a_node_beside_the_ledger_of_another_that_was_never_started_has_nothing_against_a_job(tmp_path):
    SiteStore(tmp_path / "other", shared=tmp_path / "ledger").close()
    assert standing(file(ledger="ledger"), tmp_path, JOB) == ((), False)


def test_a_store_of_a_newer_hansa_is_told(tmp_path):
    SiteStore(tmp_path / "state").close()
    with sqlite3.connect(tmp_path / "state" / DATABASE) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigError, match="newer hansa"):
        standing(file(), tmp_path, JOB)


def test_a_job_that_was_ended_too_often_is_refused_as_the_node_would(tmp_path, monkeypatch):
    monkeypatch.setattr("hansa.engines.network.privacy_ledger.MOST_CLOSED", 1)
    store = SiteStore(tmp_path / "state")
    begun(store, JOB)
    store.privacy.close_job(JOB.digest)
    with pytest.raises(PolicyRefusal) as refused:
        store.privacy.approve(JOB.digest, PLAN, uncapped)
    (one,) = standing(file(), tmp_path, JOB).refused
    assert str(refused.value) == f"{one.what} {one.why} {one.mend}"
    store.close()


def test_secure_sums_need_a_pinned_key_of_each_other_bank():
    bank = NodeFile("bank-a", "hansa.example:7443", {}, members={"bank-b": ("ab" * 32,), "bank-c": ()})
    assert [unpinned(bank, SECURE, n) for n in (1, 2)] == [(), ()]
    (one,) = unpinned(bank, SECURE, 3)
    assert one.what == "Keys of 1 other banks are pinned here; 2 are needed."
    assert unpinned(bank, JOB, 9) == ()
