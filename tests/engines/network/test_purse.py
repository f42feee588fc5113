"""A desk's answers are charged as they leave; what goes beyond the plan is held first, or refused."""

from __future__ import annotations

import errno
from dataclasses import replace

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.message import Answer, Envelope, Name, Refusal
from hansa.core.party import Party
from hansa.core.post import in_process
from hansa.core.table import Table
from hansa.core.trainer import Local
from hansa.engines.network.desk import Desk
from hansa.engines.network.purse import Purse
from hansa.engines.network.site_store import SiteStore
from hansa.errors import BudgetSpent, DataError
from hansa.horizontal.rounds import Check, Shape, Train
from tests.engines.network.disks import Dead, Disk

TEXT = """
name = "private"
min_parties = 1
data = {target = "late"}
[[steps]]
use = "rounds"
rounds = 3
check_every = 2
local = {steps = 2, batch = 16}
chain = [{use = "private_sgd", noise_multiplier = 10.0, sampling = 1.0}, "weighted_mean"]
"""
JOB = Job.from_toml(Job.from_toml(TEXT).to_toml())
ROWS = Table.of({"x": np.linspace(-1, 1, 80), "late": [0, 1] * 40}, target="late")
BANK = Party("bank-a", {"loans": ROWS})
TRAIN = Train(np.zeros(2), 0, Local(steps=2, batch=16), ({}, {}))


def sat(folder, disk=None, shared=None):
    store = SiteStore(folder, disk or Disk(), lambda: 5.0, shared=shared)
    purse = Purse(store.privacy, JOB, JOB.digest, BANK, "anna")
    return store, Desk(store, JOB, store.open(JOB.to_toml(), JOB.digest), BANK, in_process(JOB, [BANK]), purse)


def given(store):
    (account,) = store.privacy.accounts()
    return [(one.part.what, one.part.step, one.name) for one in account.given]


def test_each_answer_is_charged_once_and_what_costs_nothing_or_was_refused_is_not(tmp_path):
    store, desk = sat(tmp_path)
    asks = [
        (Name(0, 0, 0), Shape()),
        (Name(0, 1, 0), TRAIN),
        (Name(0, 2, 0), TRAIN),
        (Name(0, 2, 1), Check(np.zeros(2))),
    ]
    for _ in range(2):
        said = [desk.answer(Envelope(*one)).said for one in asks]
        assert all(isinstance(one, Answer) for one in said)
    no = desk.answer(Envelope(Name(0, 3, 0), Train(np.zeros(5), 0, Local(steps=2, batch=16), ({}, {})))).said
    assert isinstance(no, Refusal)
    assert given(store) == [("Train", 0, Name(0, 1, 0)), ("Train", 0, Name(0, 2, 0)), ("Check", 0, Name(0, 2, 1))]
    (account,) = store.privacy.accounts()
    (part,) = [one for one in account.plan.parts if one.what == "Train"]
    assert part.times == 3
    assert account.given[0].part.events == part.events
    assert part.events[0].times == 2, "an update is two private steps"
    store.close()


def test_after_a_restart_the_same_answer_is_given_and_not_charged_again(tmp_path):
    store, desk = sat(tmp_path)
    first = desk.answer(Envelope(Name(0, 1, 0), TRAIN)).said
    store.close()
    store, desk = sat(tmp_path)
    again = desk.answer(Envelope(Name(0, 1, 0), TRAIN)).said
    assert first.load["delta"].tobytes() == again.load["delta"].tobytes()
    assert given(store) == [("Train", 0, Name(0, 1, 0))]
    store.close()


def test_what_left_before_there_was_a_ledger_is_made_up_for(tmp_path):
    store, desk = sat(tmp_path)
    desk.answer(Envelope(Name(0, 1, 0), TRAIN))
    connection = store.database._connection
    for statement in ("DROP TRIGGER privacy_keeps", "DELETE FROM privacy"):
        connection.execute(statement)
    store.close()
    store, _ = sat(tmp_path)
    assert given(store) == [("Train", 0, Name(0, 1, 0))]
    store.close()


def test_what_goes_beyond_the_plan_is_held_before_it_is_computed_or_refused(tmp_path):
    store, _ = sat(tmp_path)
    heard = []

    def cap(asked, others):
        heard.append(sum(one.times for one in asked.counts()["Train"]))
        return Refusal("Too much.", "", "") if heard[-1] > 4 else None

    purse = Purse(store.privacy, JOB, JOB.digest, BANK, "anna", cap)
    for number in range(4):
        purse.reach(0, "Train", number)
        store.privacy.charge(purse.price(Name(0, number, 0), "Train"))
    assert heard == [3, 4]
    purse.reach(0, "Check", 99)
    purse.reach(0, "Shape", 99)
    with pytest.raises(BudgetSpent, match="Too much"):
        purse.reach(0, "Train", 4)
    assert len(given(store)) == 4
    store.close()


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
def test_a_death_at_any_call_leaves_nothing_given_that_is_not_charged_and_nothing_charged_twice(
    tmp_path, power, shared
):
    asks = [Envelope(Name(0, keep, 0), TRAIN) for keep in range(3)]
    for n in range(1, 80):
        folder, image = tmp_path / f"{n}", tmp_path / f"{n} after"
        ledger = tmp_path / f"{n} ledger" if shared else None
        disk = Disk(folder, image, 0, "die", power)
        store, desk = sat(folder, disk, shared=ledger)
        desk.answer(asks[0])
        disk.n = disk.calls + n
        try:
            for ask in asks[1:]:
                desk.answer(ask)
        except Dead:
            store.close()
        else:
            store.close()
            break
        store, desk = sat(image, shared=ledger)
        left = {one.line.name for one in store.ledger.lines()}
        charged = [name for _, _, name in given(store)]
        assert len(set(charged)) == len(charged)
        assert left <= set(charged)
        assert len(charged) - len(left) <= shared, "in one transaction they are equal; before it one may be charged"
        for ask in asks:
            assert isinstance(desk.answer(ask).said, Answer)
        assert sorted(name for _, _, name in given(store)) == [ask.name for ask in asks]
        assert store.privacy.verify() is None
        store.close()
    assert n >= 10


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_whichever_call_of_a_disk_fails_nothing_is_charged_that_was_not_given(tmp_path, code):
    for n in range(1, 40):
        disk = Disk()
        store, desk = sat(tmp_path / f"{n}", disk)
        disk.n, disk.how = disk.calls + n, code
        try:
            desk.answer(Envelope(Name(0, 0, 0), TRAIN))
        except DataError:
            assert given(store) == []
            desk.answer(Envelope(Name(0, 0, 0), TRAIN))
        assert given(store) == [("Train", 0, Name(0, 0, 0))]
        store.close()
        if disk.calls < disk.n:
            break
    assert n >= 5


def test_a_desk_leaves_a_job_that_asks_for_more_than_the_budget_covers(tmp_path):
    """As where a secure sum is tried again: nothing is computed, and nothing leaves."""
    store, desk = sat(tmp_path)
    desk.answer(Envelope(Name(0, 0, 0), TRAIN))
    once = replace(desk.purse.plan, parts=tuple(replace(part, times=1) for part in desk.purse.plan.parts))
    desk.purse.plan, desk.purse.cap = once, lambda asked, others: Refusal("The budget is spent.")
    for ask in (TRAIN, TRAIN, Check(np.zeros(2))):  # what it held is free for others, and it takes no more of it
        with pytest.raises(BudgetSpent, match="The budget is spent"):
            desk.answer(Envelope(Name(0, 1, 0), ask))
    assert given(store) == [("Train", 0, Name(0, 0, 0))]
    assert len(store.ledger.lines()) == 1
    assert store.privacy.open_jobs() == ()
    store.close()
