"""What a ledger tells: what was spent on what, by whom, what is held, what is left, and what was renewed."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from hansa.core.message import Answer, Envelope, Name
from hansa.core.post import in_process
from hansa.engines.network.desk import Desk
from hansa.engines.network.privacy_ledger import uncapped
from hansa.engines.network.purse import Purse
from hansa.engines.network.site_store import SiteStore, read_privacy
from hansa.errors import BudgetSpent, ConfigError
from hansa.governance.budget import Budget
from hansa.governance.policy import Policy
from hansa.governance.site_file import NodeFile, Source
from hansa.horizontal.rounds import Check
from hansa.privacy.accounting import epsilon
from hansa.privacy.spending import Plan
from hansa.running.site import budgets_of
from hansa.running.spent import lines, overspent_by, release, spent
from tests.engines.network.test_purse import BANK, JOB, TRAIN


def file(epsilon_=3.0, since="2026-01-01", unbounded=("Check",)):
    budgets = {"record": Budget(epsilon_, 1e-5, since, unbounded)}
    policy = Policy(columns={"loans": ("x", "late")})
    tables, privacy = {"loans": Source("loans.csv")}, {"loans": budgets}
    return NodeFile("bank-a", "hansa.example:7443", tables, policy=policy, privacy=privacy)


def exact(rounds):
    return epsilon(noise_multiplier=10.0, steps=2 * rounds, delta=1e-5)


@pytest.fixture
def home(tmp_path):
    """A node's folder after two of three rounds of a private job."""
    store = SiteStore(tmp_path / "state")
    store.privacy.declare("bank-a", "hansa.example:7443", budgets_of(file()))
    purse = Purse(store.privacy, JOB, JOB.digest, BANK, "anna", file().overspent)
    desk = Desk(store, JOB, store.open(JOB.to_toml(), JOB.digest), BANK, in_process(JOB, [BANK]), purse)
    for name, ask in ((Name(0, 1, 0), TRAIN), (Name(0, 2, 0), TRAIN), (Name(0, 2, 1), Check(np.zeros(2)))):
        assert isinstance(desk.answer(Envelope(name, ask)).said, Answer)
    yield tmp_path, store
    store.close()


def test_it_tells_what_was_given_what_is_held_and_what_is_left(home):
    told = spent(file(), home[0])
    (one,) = told["tables"]
    assert [one[key] for key in ("table", "unit", "relation", "accountant")] == [
        "loans",
        "record",
        "add_or_remove",
        "pld",
    ]
    assert one["spent"] == pytest.approx(exact(2), abs=2e-6)
    assert one["held"] == pytest.approx(exact(3), abs=2e-6)
    assert one["left"] == pytest.approx(3.0 - exact(3), abs=2e-6)
    assert one["budget"]["epsilon"] == 3.0
    (job,) = one["jobs"]
    assert (job["name"], job["submitter"], job["open"]) == ("private", "anna", True)
    assert job["coordinator"] == "hansa.example:7443"
    assert job["given"] == {"Train": 2, "Check": 1}
    assert job["planned"] == {"Train": 3, "Check": 2}
    assert job["unbounded"] == ["Check"]
    assert abs(job["last"] - time.time()) < 600
    assert told["uncharged"] == []
    said = "\n".join(lines(told))
    assert "'private' of anna at hansa.example:7443, open: Train 2 of 3, Check 1 of 2" in said
    assert "without a bound: Check" in said
    json.dumps(told)


def test_once_closed_only_what_was_given_counts_and_a_renewal_is_told(home):
    folder, store = home
    store.privacy.close_job(JOB.digest)
    (one,) = spent(file(), folder)["tables"]
    assert one["held"] == one["spent"]
    later = file(since="2026-11-21", epsilon_=5.0)
    store.privacy.declare("bank-a", "hansa.example:7443", budgets_of(later))
    stood = [one["lines"]["loans, record"] for one in spent(later, folder)["budgets"]]
    assert [text[:13] for text in stood] == ["epsilon = 3 a", "epsilon = 5 a"]


def test_what_the_bank_has_released_is_free_and_told_with_the_reason(home):
    folder, store = home
    with pytest.raises(ConfigError, match=r"open in another process.*Stop the other one first"):
        release(file(), folder, JOB.digest[:8], "The consortium has dissolved.")
    store.close()
    with pytest.raises(ConfigError, match="No open job"):
        release(file(), folder, "zz", "The consortium has dissolved.")
    assert release(file(), folder, JOB.digest[:8], "The consortium has dissolved.").job == JOB.digest
    told = spent(file(), folder)
    (one,) = told["tables"]
    assert one["held"] == one["spent"] == pytest.approx(exact(2), abs=2e-6)
    assert one["jobs"][0]["released"] == "The consortium has dissolved."
    assert (told["chain"]["whole"], told["uncharged"]) == (True, [])
    assert "released (The consortium has dissolved.): Train 2 of 3" in "\n".join(lines(told))


def test_digits_of_several_open_jobs_release_none_and_a_bank_releases_only_at_its_own_node(tmp_path):
    shared = replace(file(), ledger="../ledger")
    for node, jobs in (("a", ("ab1", "ab2")), ("b", ("cd",))):
        store = SiteStore(tmp_path / node / "state", shared=tmp_path / "ledger")
        for job in jobs:
            store.privacy.approve(job, Plan("scores", "anna", "loans", ()), uncapped)
        store.close()
    for digits, words in (("ab", "More than one"), ("cd", "No open job")):
        with pytest.raises(ConfigError, match=words):
            release(shared, tmp_path / "a", digits, "It has dissolved.")
    release(shared, tmp_path / "b", "cd", "It has dissolved.")
    ledger = read_privacy(tmp_path / "a" / "state", tmp_path / "ledger")
    assert [(one.job, one.open) for one in ledger.accounts()] == [("ab1", True), ("ab2", True), ("cd", False)]
    ledger.database.close()


def test_without_a_budget_all_of_it_is_told_all_the_same(home):
    bare = NodeFile("bank-a", "hansa.example:7443", {"loans": Source("loans.csv")})
    (one,) = spent(bare, home[0])["tables"]
    assert (one["budget"], one["left"], one["unit"]) == (None, None, "record")
    assert one["spent"] == pytest.approx(exact(2), abs=2e-6)
    assert "loans, record: no budget, recorded alone" in lines(spent(bare, home[0]))[0]


def test_an_answer_that_is_not_charged_is_found_by_the_wire_ledger(home):
    folder, store = home
    connection = store.database._connection
    connection.execute("DROP TRIGGER privacy_keeps")
    connection.execute("DELETE FROM privacy WHERE sequence >= 4")
    told = spent(file(), folder)
    assert told["chain"]["whole"], "rows at the end leave no gap"
    assert told["uncharged"] == [2, 3]


def test_a_job_is_tried_against_what_is_held_and_holds_nothing(home):
    folder, store = home
    assert overspent_by(file(), folder, JOB, "anna") is None, "it is the one that is under way"
    other = type(JOB).from_toml(JOB.to_toml().replace('"private"', '"again"'))
    assert overspent_by(file(2 * exact(3)), folder, other, "anna") is None
    assert overspent_by(file(exact(3) + 1e-3), folder, other, "anna").error == BudgetSpent.__name__
    assert overspent_by(file(exact(2)), folder / "nowhere", other, "anna").error == BudgetSpent.__name__
    assert len(store.privacy.accounts()) == 1


def test_a_folder_without_a_ledger_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no privacy ledger. Start the node once"):
        spent(file(), tmp_path)
