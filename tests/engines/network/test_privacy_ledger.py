"""What is held, charged and closed stands in the ledger for good, once; two at a time never hold more than there is."""

from __future__ import annotations

import errno
import json
import multiprocessing
import threading
import time

import pytest

from hansa.core.message import Name, Refusal
from hansa.engines.network.privacy_ledger import Charge, uncapped
from hansa.engines.network.site_store import SiteStore
from hansa.errors import BudgetSpent, ConfigError, DataError, PolicyRefusal
from hansa.privacy.events import Gaussian, Laplace, Protects
from hansa.privacy.released import Part
from hansa.privacy.spending import Plan
from tests.engines.network.disks import Dead, Disk

PART = Part(0, "Train", (Gaussian(1.5, Protects("record")), Laplace(2.0, Protects("record"))), times=3)
PLAN = Plan("scores", "anna", "loans", (PART,))


def site(folder, disk=None, shared=None, clock=lambda: 5.0):
    return SiteStore(folder, disk or Disk(), clock, shared=shared)


def charge(job, turn):
    return Charge(job, Name(0, 0, turn), "loans", PART)


def charged(store, *some):
    """As a word of each is given, and is about to leave."""
    with store.database.transaction() as connection:
        for one in some:
            store.privacy.add(connection, one)
    for job in {one.job for one in some}:
        store.privacy.pay(job)


def at_most(count, *, slow=0.0):
    """A cap: so many answers of all jobs together."""

    def cap(asked, others):
        time.sleep(slow)
        wanted = sum(event.times for one in (asked, *others) for event in one.counts().get("Train", ()))
        return Refusal(f"{wanted} are too many.", "There is a budget.", "Renew it.") if wanted > count else None

    return cap


def held(store):
    return [(one.job, one.open, len(one.given), len(one.plan.parts)) for one in store.privacy.accounts()]


@pytest.mark.parametrize("apart", [False, True], ids=["own", "shared"])
def test_what_was_approved_charged_and_closed_is_read_back_after_a_restart(tmp_path, apart):
    shared = tmp_path / "ledger" if apart else None
    store = site(tmp_path / "a", shared=shared)
    store.privacy.approve("ab", PLAN, uncapped)
    store.privacy.approve("ab", PLAN, uncapped)
    for turn in (0, 1, 1):
        charged(store, charge("ab", turn))
    store.privacy.approve("cd", PLAN, uncapped)
    store.privacy.close_job("ab")
    store.privacy.close_job("ab")
    store.close()
    store = site(tmp_path / "a", shared=shared)
    assert held(store) == [("ab", False, 2, 1), ("cd", True, 0, 1)]
    (first, _) = store.privacy.accounts()
    assert first.plan == PLAN
    assert [(one.part.events, one.part.times, one.name.turn) for one in first.given] == [
        (PART.events, 1, 0),
        (PART.events, 1, 1),
    ]
    assert store.privacy.open_jobs() == ("cd",)
    assert (store.privacy.head()[0], store.privacy.verify()) == (5, None)
    store.close()


def test_a_refused_job_holds_nothing_and_one_that_is_refused_anew_holds_nothing_more(tmp_path):
    store = site(tmp_path)
    with pytest.raises(BudgetSpent, match=r"3 are too many. There is a budget. Renew it."):
        store.privacy.approve("ab", PLAN, at_most(2))
    assert held(store) == []
    store.privacy.approve("ab", PLAN, at_most(3))
    charged(store, charge("ab", 0))
    with pytest.raises(BudgetSpent):
        store.privacy.approve("cd", PLAN, at_most(5))
    store.privacy.approve("ab", PLAN.at_least(PART, 5), at_most(5))
    with pytest.raises(BudgetSpent):
        store.privacy.approve("ab", PLAN.at_least(PART, 6), at_most(5))
    assert held(store) == [("ab", False, 1, 1)]
    store.privacy.approve("cd", PLAN, at_most(4))
    store.close()


def test_a_job_that_begins_again_holds_its_plan_again(tmp_path):
    store = site(tmp_path)
    store.privacy.approve("ab", PLAN, uncapped)
    store.privacy.close_job("ab")
    store.privacy.approve("cd", PLAN, at_most(3))
    with pytest.raises(BudgetSpent):
        store.privacy.approve("ab", PLAN, at_most(3))
    store.privacy.close_job("cd")
    store.privacy.approve("ab", PLAN, at_most(3))
    assert store.privacy.open_jobs() == ("ab",)
    store.close()


@pytest.mark.parametrize("apart", [False, True], ids=["own", "shared"])
def test_a_job_that_the_bank_has_released_holds_nothing_keeps_its_charges_and_is_approved_no_more(tmp_path, apart):
    shared = tmp_path / "ledger" if apart else None
    store = site(tmp_path / "a", shared=shared)
    store.privacy.approve("ab", PLAN, uncapped)
    charged(store, charge("ab", 0))
    with pytest.raises(BudgetSpent):
        store.privacy.approve("cd", PLAN, at_most(4))
    store.privacy.release("ab", " It has dissolved. ")
    store.close()
    store = site(tmp_path / "a", shared=shared)
    assert held(store) == [("ab", False, 1, 1)]
    assert store.privacy.accounts()[0].released == "It has dissolved."
    assert store.privacy.open_jobs() == ()
    store.privacy.approve("cd", PLAN, at_most(4))
    for _ in range(2):
        with pytest.raises(PolicyRefusal, match=r"taken back what the job held.*more of it. Submit it as a new job"):
            store.privacy.approve("ab", PLAN, uncapped)
        store.privacy.close_job("ab")  # as a node does with what it refuses
    assert (store.privacy.head()[0], store.privacy.verify()) == (4, None)
    store.close()


def test_what_holds_nothing_is_not_released_nor_anything_without_a_reason(tmp_path):
    store = site(tmp_path)
    store.privacy.approve("ab", PLAN, uncapped)
    with pytest.raises(ConfigError, match="without a reason"):
        store.privacy.release("ab", " ")
    store.privacy.close_job("ab")
    for job in ("ab", "cd"):
        with pytest.raises(ConfigError, match="holds nothing"):
            store.privacy.release(job, "It has dissolved.")
    assert store.privacy.head()[0] == 2
    store.close()


def approving(folder, ledger, number, said):
    store = SiteStore(folder, shared=ledger)
    won = 0
    for job in range(6):
        try:
            store.privacy.approve(f"{number} {job}", PLAN, at_most(12, slow=0.01))
            won += 1
            charged(store, charge(f"{number} {job}", 0))
        except BudgetSpent:
            pass
    store.close()
    said.put(won)


def test_two_processes_with_one_ledger_never_hold_more_than_there_is(tmp_path):
    spawn, ledger = multiprocessing.get_context("spawn"), tmp_path / "ledger"
    said = spawn.Queue()
    both = [spawn.Process(target=approving, args=(tmp_path / str(i), ledger, i, said)) for i in range(2)]
    for one in both:
        one.start()
    won = [said.get(timeout=60) for _ in both]
    for one in both:
        one.join(60)
    assert sum(won) == 4
    store = site(tmp_path / "0", shared=ledger)
    assert sum(one.open for one in store.privacy.accounts()) == 4
    assert store.privacy.verify() is None
    store.close()


def test_jobs_that_are_approved_at_once_in_threads_never_hold_more_than_there_is(tmp_path):
    store, won = site(tmp_path), []

    def approve(job):
        try:
            store.privacy.approve(job, PLAN, at_most(6, slow=0.02))
            won.append(job)
        except BudgetSpent:
            pass

    threads = [threading.Thread(target=approve, args=(str(i),)) for i in range(5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(won) == len(store.privacy.open_jobs()) == 2
    store.close()


def test_the_same_job_at_two_stores_of_a_bank_is_charged_twice(tmp_path):
    """It is the same text in two consortia: each draws noise of its own."""
    stores = [site(tmp_path / name, shared=tmp_path / "ledger") for name in "ab"]
    for store in stores:
        store.privacy.approve("ab", PLAN, uncapped)
        charged(store, charge("ab", 0))
    assert [len(one.given) for one in stores[0].privacy.accounts()] == [1, 1]
    stores[0].privacy.close_job("ab")
    assert [store.privacy.open_jobs() for store in stores] == [(), ("ab",)]
    for store in stores:
        store.close()


def test_budgets_that_stood_are_recorded_and_a_renewal_is_seen(tmp_path):
    now = [5.0]
    store = site(tmp_path, clock=lambda: now[0])
    for at, line in ((5.0, "epsilon = 4"), (8.0, "epsilon = 4"), (9.0, "epsilon = 8")):
        now[0] = at
        store.privacy.declare("bank-a", "hansa.example:7443", {"loans, record": line})
    assert [(one.time, one.lines) for one in store.privacy.budgets()] == [
        (5.0, {"loans, record": "epsilon = 4"}),
        (9.0, {"loans, record": "epsilon = 8"}),
    ]
    now[0] = 7.0
    store.privacy.approve("ab", PLAN, uncapped)
    now[0] = 11.0
    store.privacy.close_job("ab")
    assert [at for _, at, *_ in store.privacy._rows()] == [5.0, 9.0, 9.0, 11.0], "a clock that is put back helps nobody"
    store.close()


def test_a_death_at_any_call_keeps_a_row_or_nothing_of_it(tmp_path):
    for n in range(1, 40):
        folder, image = tmp_path / str(n), tmp_path / f"{n} after"
        disk = Disk(folder, image, 0, "die")
        store = site(folder, disk)
        store.privacy.approve("ab", PLAN, uncapped)
        charged(store, charge("ab", 0))
        disk.n = disk.calls + n
        try:
            charged(store, charge("ab", 1))
            store.privacy.close_job("ab")
        except Dead:
            store.close()
        else:
            store.close()
            break
        store = site(image)
        assert held(store)[0][2] in {1, 2}
        charged(store, charge("ab", 1))
        store.privacy.close_job("ab")
        assert held(store) == [("ab", False, 2, 1)]
        assert store.privacy.verify() is None
        store.close()
    assert n >= 5


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_whichever_call_fails_nothing_is_charged_and_the_next_try_succeeds(tmp_path, code):
    disk = Disk()
    store = site(tmp_path, disk)
    for n in range(1, 20):
        disk.n, disk.how = disk.calls + n, code
        rows = store.privacy.head()[0]
        try:
            charged(store, charge("ab", n))
        except DataError:
            assert store.privacy.head()[0] == rows
            charged(store, charge("ab", n))
        else:
            break
    assert n >= 3
    assert store.privacy.verify() is None
    store.close()


def test_a_row_that_was_changed_is_named_and_one_that_cannot_be_read_is_said(tmp_path):
    store = site(tmp_path)
    store.privacy.approve("ab", PLAN, uncapped)
    charged(store, charge("ab", 0))
    connection = store.database._connection
    connection.execute("DROP TRIGGER privacy_stays")
    told = json.loads(store.privacy._rows()[1][-3])
    told["part"]["events"][0]["noise_multiplier"] = 99.0
    connection.execute("UPDATE privacy SET told = ? WHERE sequence = 2", (json.dumps(told),))
    assert store.privacy.verify() == 2
    connection.execute("UPDATE privacy SET told = '{' WHERE sequence = 2")
    with pytest.raises(DataError, match=r"Row 2 of the privacy ledger cannot be read.*backup"):
        store.privacy.accounts()
    store.close()
