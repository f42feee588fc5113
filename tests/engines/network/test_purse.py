"""What a desk says of its rows is charged before it leaves; what goes beyond the plan is held first, or refused."""

from __future__ import annotations

import errno
import shutil
from dataclasses import replace

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.load import Load
from hansa.core.message import Answer, Envelope, Name, Refusal
from hansa.core.party import Party
from hansa.core.post import in_process
from hansa.core.table import Table
from hansa.core.trainer import Local
from hansa.core.work import Outcome
from hansa.engines.network.desk import Desk
from hansa.engines.network.purse import Purse
from hansa.engines.network.site_store import SiteStore
from hansa.errors import BudgetSpent, DataError, JobError, PartyLost, PolicyRefusal
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


def sat(folder, disk=None, shared=None, *, compute=None, guards=()):
    store, bank = SiteStore(folder, disk or Disk(), lambda: 5.0, shared=shared), replace(BANK, guards=guards)
    try:
        purse = Purse(store.privacy, JOB, JOB.digest, bank, "anna")
        compute = compute or in_process(JOB, [bank])
        return store, Desk(store, JOB, store.open(JOB.to_toml(), JOB.digest), bank, compute, purse)
    except BaseException:
        store.close()
        raise


class Keeps:
    """A guard that says no: to what is asked, or to what would leave; or has a fault there."""

    def __init__(self, when, fault=None):
        self.when, self.fault = when, fault

    def no(self, when, otherwise):
        if when == self.when and self.fault is not None:
            raise self.fault
        return Refusal("It stays here.") if when == self.when else otherwise

    def admit(self, ask, job):
        return self.no("admit", None)

    def release(self, answer, ask, job):
        return self.no("release", answer)


def saying(said):
    """Whoever computes, and comes to this."""

    def compute(work):
        if isinstance(said, Exception):
            raise said
        return Outcome((said,), None, (None,))

    return compute


SHUT = Keeps("release")


def given(store):
    (account,) = store.privacy.accounts()
    return [(one.part.what, one.part.step, one.name) for one in account.given]


def test_each_answer_is_charged_once_and_what_costs_nothing_is_not(tmp_path):
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
    assert given(store) == [("Train", 0, Name(0, 1, 0)), ("Train", 0, Name(0, 2, 0)), ("Check", 0, Name(0, 2, 1))]
    (account,) = store.privacy.accounts()
    (part,) = [one for one in account.plan.parts if one.what == "Train"]
    assert part.times == 3
    assert account.given[0].part.events == part.events
    assert part.events[0].times == 2, "an update is two private steps"
    store.close()


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
@pytest.mark.parametrize(
    "how",
    [
        {"compute": saying(Refusal("Too few of its rows have the event."))},
        {"compute": saying(DataError("A column is not as agreed."))},
        {"compute": saying(JobError("The process that trains has ended twice."))},
        {"compute": saying(ValueError("4711 Meyer"))},
        {"compute": saying(Answer(Load({"delta": np.full((1, 2), np.nan)})))},
        {"guards": (SHUT,)},
        {"guards": (Keeps("release", KeyError("4711 Meyer")),)},
    ],
    ids=["refusal", "data", "died", "fault", "not sound", "guard", "guard's fault"],
)
def test_a_refusal_after_rows_were_looked_at_is_charged_once_as_the_answer_would_have_been(tmp_path, how, shared):
    shared = tmp_path / "ledger" if shared else None
    for _ in range(2):  # and after a restart
        store, desk = sat(tmp_path / "a", shared=shared, **how)
        for _ in range(2):
            assert isinstance(desk.answer(Envelope(Name(0, 1, 0), TRAIN)).said, Refusal)
            assert isinstance(desk.answer(Envelope(Name(0, 0, 0), Shape())).said, Answer | Refusal)
        assert given(store) == [("Train", 0, Name(0, 1, 0))]
        assert store.privacy.accounts()[0].given[0].part.events == desk.purse.prices[0, "Train"].events
        assert (store.privacy.verify(), store.verify()) == (None, None)
        store.close()


@pytest.mark.parametrize("fault", [None, KeyError("4711 Meyer")], ids=["no", "fault"])
def test_a_refusal_at_the_door_costs_nothing(tmp_path, fault):
    store, desk = sat(tmp_path, guards=(Keeps("admit", fault),))
    assert isinstance(desk.answer(Envelope(Name(0, 1, 0), TRAIN)).said, Refusal)
    store.close()
    store, desk = sat(tmp_path)
    desk.told[0, "Train"] = {Name(0, 0, turn) for turn in range(99)}
    assert "this is one more" in desk.answer(Envelope(Name(0, 2, 0), TRAIN)).said.what
    store.close()
    store, desk = sat(tmp_path, compute=saying(PartyLost("The trainer went home.")))
    with pytest.raises(PartyLost):
        desk.answer(Envelope(Name(0, 2, 1), TRAIN))
    assert given(store) == []
    store.close()


def test_refusals_of_what_was_computed_take_of_the_plan_and_beyond_it_of_the_budget(tmp_path):
    """Else a coordinator could ask for what is refused again and again."""
    store, desk = sat(tmp_path, guards=(SHUT,))
    cap = lambda asked, others: Refusal("Too much.") if asked.counts()["Train"][0].times > 4 else None  # noqa: E731
    desk.purse.cap = cap
    for keep in range(4):
        desk.answer(Envelope(Name(0, keep, 0), TRAIN))
    store.close()
    store, desk = sat(tmp_path)
    desk.purse.cap = cap
    for _ in range(2):
        with pytest.raises(BudgetSpent, match="Too much"):
            desk.answer(Envelope(Name(0, 4, 0), TRAIN))
    assert [name.keep for _, _, name in given(store)] == [0, 1, 2, 3]
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
        for _ in range(2):  # an ask that comes again holds nothing more
            cost = purse.hold(Name(0, number, 0), "Train")
        with store.database.transaction() as connection:
            store.privacy.add(connection, cost)
    assert heard == [3, 4]
    assert purse.hold(Name(0, 99, 0), "Check").part.what == "Check"
    assert purse.hold(Name(0, 99, 0), "Shape") is None
    with pytest.raises(BudgetSpent, match="Too much"):
        purse.hold(Name(0, 4, 0), "Train")
    assert len(given(store)) == 4
    store.close()


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
@pytest.mark.parametrize("guards", [(), (SHUT,)], ids=["answers", "refusals"])
def test_a_death_at_any_call_leaves_nothing_said_that_is_not_charged_and_nothing_charged_twice(
    tmp_path, power, shared, guards
):
    """The disk is that of the node's store and of a ledger that it shares."""
    asks = [Envelope(Name(0, keep, 0), TRAIN) for keep in range(3)]
    for n in range(1, 80):
        folder, image = tmp_path / f"{n}", tmp_path / f"{n} after"
        disk = Disk(folder, image, 0, "die", power)
        store, desk = sat(folder / "a", disk, folder / "ledger" if shared else None, guards=guards)
        desk.answer(asks[0])
        disk.n, heard = disk.calls + n, {asks[0].name}
        try:
            for ask in asks[1:]:
                heard.add(desk.answer(ask).name)
        except Dead:
            store.close()
        else:
            store.close()
            break
        before = SiteStore(image / "a", shared=image / "ledger" if shared else None)
        assert heard <= {name for _, _, name in given(before)}, "what was said is charged"
        before.close()
        store, desk = sat(image / "a", shared=image / "ledger" if shared else None, guards=guards)
        written = [one.line.name for one in store.ledger.lines()]
        assert [name for _, _, name in given(store)] == written, "no word can leave before it is charged"
        assert desk.purse.taken == {(0, "Train"): set(written)}
        for ask in asks:
            assert isinstance(desk.answer(ask).said, Refusal if guards else Answer)
        assert sorted(name for _, _, name in given(store)) == [ask.name for ask in asks]
        assert store.privacy.verify() is None
        store.close()
    assert n >= 10 + 4 * shared


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
@pytest.mark.parametrize("guards", [(), (SHUT,)], ids=["answers", "refusals"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_whichever_call_of_a_disk_fails_nothing_leaves_that_is_not_charged(tmp_path, code, guards, shared):
    ask = Envelope(Name(0, 0, 0), TRAIN)
    for n in range(1, 40):
        disk = Disk()
        store, desk = sat(tmp_path / f"{n}", disk, tmp_path / f"{n} ledger" if shared else None, guards=guards)
        disk.n, disk.how = disk.calls + n, code
        try:
            desk.answer(ask)
        except DataError:
            assert given(store) == []
            if n % 2:  # it is asked again, or offered by itself
                desk.answer(ask)
            words = desk.unacknowledged()
            assert len(words) == len(given(store))
        desk.answer(ask)
        assert given(store) == [("Train", 0, ask.name)]
        store.close()
        if disk.calls < disk.n:
            break
    assert n >= 5 + 2 * shared


def put_back(tmp_path, more):
    """A node that has said something, the copy of its folder from before it said some more, and the asks of both."""
    asks = [Envelope(Name(0, keep, 0), TRAIN) for keep in range(3)]
    store, desk = sat(tmp_path / "a", shared=tmp_path / "ledger")
    first = desk.answer(asks[0]).said
    store.close()
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    store, desk = sat(tmp_path / "a", shared=tmp_path / "ledger")
    for one in (asks[1], *more):
        desk.answer(one)
    store.close()
    return first, asks


def test_a_node_that_is_put_back_says_nothing_else_under_a_name_that_was_charged(tmp_path):
    """Its noise would be another: neither is it free, nor is the same ask answered twice."""
    first, asks = put_back(tmp_path, ())
    store, desk = sat(tmp_path / "copy", shared=tmp_path / "ledger")
    again = desk.answer(asks[0]).said
    assert again.load["delta"].tobytes() == first.load["delta"].tobytes(), "what it had said before is free"
    assert isinstance(desk.answer(asks[2]).said, Answer), "what it was not asked since is answered, and charged"
    charged = [("Train", 0, Name(0, keep, 0)) for keep in (0, 1, 2)]
    assert given(store) == charged
    told = r"Another word to step 0, keep 1, .* was charged.*older than the ledger.*Submit it as a new job"
    for _ in range(2):
        with pytest.raises(PolicyRefusal, match=told):
            desk.answer(asks[1])
        with pytest.raises(PolicyRefusal, match=told):
            desk.unacknowledged()
    store.close()
    with pytest.raises(PolicyRefusal, match=told):  # the node begins anew
        sat(tmp_path / "copy", shared=tmp_path / "ledger")
    store, desk = sat(tmp_path / "a", shared=tmp_path / "ledger")
    assert isinstance(desk.answer(asks[1]).said, Answer), "the folder that is not older goes on"
    assert (given(store), store.privacy.verify()) == (charged, None)
    store.close()


def test_what_is_said_again_in_the_same_bytes_is_free_where_a_node_is_put_back(tmp_path):
    check = Envelope(Name(0, 1, 1), Check(np.zeros(2)))
    put_back(tmp_path, [check])
    store, desk = sat(tmp_path / "copy", shared=tmp_path / "ledger")
    assert isinstance(desk.answer(check).said, Answer)
    assert [name for _, _, name in given(store)] == [Name(0, 0, 0), Name(0, 1, 0), check.name]
    store.close()


def test_two_copies_of_a_node_at_once_do_not_both_answer(tmp_path):
    store, _ = sat(tmp_path / "a", shared=tmp_path / "ledger")
    store.close()
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    (one, first), (other, second) = (sat(tmp_path / name, shared=tmp_path / "ledger") for name in ("a", "copy"))
    ask = Envelope(Name(0, 0, 0), TRAIN)
    assert isinstance(first.answer(ask).said, Answer)
    with pytest.raises(PolicyRefusal, match="Another word"):
        second.answer(ask)
    assert given(one) == given(other) == [("Train", 0, ask.name)]
    one.close()
    other.close()


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
