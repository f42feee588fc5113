"""A9: whoever submits what, how often and at once, no bank gives more of a table's privacy than its budget.

Jobs end at the budget with the model that they have, and go on from there once it is renewed; each ledger holds what
the coordinator has, once.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.database import Database
from hansa.engines.network.disk import LocalDisk
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import SCHEMA
from hansa.errors import BudgetSpent, JobError, PolicyRefusal
from hansa.governance.budget import Budget, cost
from hansa.governance.site_file import NodeFile, Source
from hansa.privacy.accounting import epsilon
from hansa.privacy.released import priced
from hansa.running.verb import run
from tests.engines.network.federation import members
from tests.engines.network.town import inhabited

TEXT = """
name = "{name}"
seed = {seed}
data = {{target = "late"}}
[[steps]]
use = "rounds"
rounds = {rounds}
check_every = 0
local = {{steps = 2, batch = 32, learning_rate = 0.2}}
chain = [{{use = "private_sgd", noise_multiplier = 10.0, sampling = 1.0}}, "weighted_mean"]
"""
STATISTICS = """
name = "counts"
data = {target = "late"}
[[steps]]
use = "statistics"
cross = [["a", "late"]]
"""


def job_of(name="private", rounds=2, seed=0, more=""):
    text = TEXT.format(name=name, rounds=rounds, seed=seed) + more
    return Job.from_toml(Job.from_toml(text).to_toml())


@cache
def exact(rounds):
    return epsilon(noise_multiplier=10.0, steps=2 * rounds, delta=1e-5)


def budget(rounds):
    """What covers so many rounds, and not one more."""
    return Budget(exact(rounds) + 1e-4, 1e-5, "2026-01-01")


class Slow:
    """A guard that takes its time, so that a test can come between two rounds."""

    def admit(self, ask, job):
        time.sleep(0.1 if getattr(job.steps[0], "rounds", 0) > 9 else 0.0)

    def release(self, answer, ask, job):
        return answer


@pytest.fixture
def town(tmp_path):
    banks = members()
    banks[1] = replace(banks[1], guards=(Slow(),))
    with inhabited(tmp_path, banks) as made:
        made.path, _ = made.card("anna", "scientist")
        yield made


def capped(town, one):
    """Give bank-1 a budget: its node begins anew, as it does when its file has changed."""
    file = NodeFile("bank-1", "hansa.example:7443", {"t": Source("t.csv")}, privacy={"t": {"record": one}})
    town.leave("bank-1")
    town.caps["bank-1"] = file.overspent
    town.join(next(party for party in town.parties if party.name == "bank-1"))


def go(town, job, watch=None):
    return run(job, on=Consortium(town.path), watch=watch, baselines=False)


def accounts(town, name="bank-1"):
    return town.nodes[name][1].privacy.accounts()


def spent(town, one=None):
    """Epsilon of all that bank-1 has given, and may still have to give."""
    return cost(one or Budget(1.0, 1e-5, "2026-01-01"), "record", accounts(town))[0]


def settled(town, job, *, lost=0):
    """Each bank's ledger holds what the coordinator holds of it, each answer once; `lost`: so many it never took."""
    prices = priced(job)
    held = Database(town.org.folder / "store" / "coordinator.db", SCHEMA, LocalDisk(), reading=True)
    words = held.rows("SELECT step, keep, turn, attempt, kind, party FROM words WHERE job = ?", job.digest)
    held.close()
    for party in town.parties:
        mine = [one for one in accounts(town, party.name) if one.job == job.digest]
        given = [tuple(answer.name) for one in mine for answer in one.given]
        assert len(set(given)) == len(given)
        heard = {tuple(name) for *name, kind, who in words if who == party.name and (name[0], kind) in prices}
        assert heard <= set(given)
        assert len(given) <= len(heard) + lost
        assert town.nodes[party.name][1].verify() is None
        assert town.nodes[party.name][1].privacy.verify() is None


def closed(town):
    """Wait until bank-1 has heard that all jobs are over."""
    until = time.monotonic() + 20
    while town.nodes["bank-1"][1].privacy.open_jobs():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_whatever_is_submitted_again_renamed_or_searched_the_budget_holds(town):
    """The same job is one job, after a restart too; each other one is composed with all before it."""
    capped(town, budget(3))
    with pytest.raises(BudgetSpent, match=r"bank-1 refuses: The job would bring.*epsilon.*By itself it costs") as told:
        go(town, job_of(rounds=4))
    assert told.value.exit_code == 4
    assert not any(one.given or one.open for one in accounts(town)), "it was refused before it began"
    for _ in range(2):
        go(town, job_of(rounds=2))
    town.leave("bank-1")
    town.join(town.parties[1])
    with pytest.raises(BudgetSpent):
        go(town, job_of("search", rounds=2, seed=1))
    go(town, job_of("search", rounds=1, seed=1))
    closed(town)
    settled(town, job_of(rounds=2))
    assert spent(town) == pytest.approx(exact(3), abs=2e-6)


def test_of_jobs_at_once_only_as_many_begin_as_the_budget_covers(town):
    capped(town, budget(3))
    ended = {}

    def submit(name):
        try:
            ended[name] = go(town, job_of(name))
        except BudgetSpent as error:
            ended[name] = error

    threads = [threading.Thread(target=submit, args=(f"job {i}",)) for i in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(120)
    assert sorted(isinstance(one, BudgetSpent) for one in ended.values()) == [False, True, True]
    closed(town)
    assert spent(town) == pytest.approx(exact(2), abs=2e-6)


def test_statistics_and_evaluation_are_refused_unless_they_are_noised_or_listed(town):
    capped(town, Budget(9.0, 1e-5, "2026-01-01"))
    with pytest.raises(BudgetSpent, match="'statistics' would leave without a bound"):
        session(town, Job.from_toml(STATISTICS))
    with pytest.raises(BudgetSpent, match="'evaluate' would leave without a bound"):
        go(town, job_of(more='[[steps]]\nuse = "evaluate"\ncompare = false\n'))
    listed = Budget(9.0, 1e-5, "2026-01-01")
    capped(town, listed)
    noised = Job.from_toml(STATISTICS + 'noise_multiplier = 3.0\nkeep = ["a"]\nsplits = {a = [0.0], late = [0.0]}\n')
    session(town, noised)
    closed(town)
    settled(town, noised)
    from_counts = spent(town, listed)
    assert from_counts == pytest.approx(epsilon(noise_multiplier=3.0, steps=1, delta=1e-5), abs=2e-4)
    go(town, job_of(rounds=2))
    assert from_counts < spent(town, listed) < from_counts + exact(2), "statistics and training are composed"


def session(town, job):
    with Consortium(town.path).session(job) as visit:
        visit.run(None)


def test_a_budget_that_is_reached_in_mid_job_ends_it_with_its_model_and_once_renewed_it_goes_on(town):
    job, seen = job_of(rounds=30), []

    def watch(keep):
        seen.append(keep.state.state.round)
        if seen[-1] == 3:
            capped(town, budget(12))

    result = go(town, job, watch)
    assert "A privacy budget ended the job before its end; the model is the best of what was kept" in result.warnings[0]
    assert "bank-1 refuses" in result.warnings[0]
    assert 3 <= len(result.history) < 30
    assert np.isfinite(result.model.params).all()
    calls = town.calls("anna", "scientist")
    (standing,) = calls.status()
    assert (standing.state, standing.error) == ("spent", "BudgetSpent")
    settled(town, job, lost=1)
    closed(town)
    assert len(accounts(town)[0].given) <= len(result.history) + 1
    capped(town, budget(30))
    calls.resume(job.digest)
    whole = go(town, job)
    assert len(whole.history) == 30
    assert not any("ended the job" in line for line in whole.warnings)
    settled(town, job)
    assert [len(one.given) for one in accounts(town)] == [30]


def test_a_job_that_the_bank_has_released_is_free_for_others_and_answered_no_more(town):
    """Its node was down, nobody tells it that the job is over; and when it is asked again, it refuses."""
    capped(town, budget(30))
    job, given = job_of(rounds=30), []

    def watch(keep):
        if keep.state.state.round == 3:
            town.leave("bank-1")
            store = SiteStore(town.folder / "bank-1" / "state")
            given.extend(store.privacy.accounts()[0].given)
            store.privacy.release(job.digest, "We leave.")
            store.close()
            town.join(town.parties[1])

    with pytest.raises(PolicyRefusal, match=r"bank-1 refuses: The bank has taken back what the job held.*new job"):
        go(town, job, watch)
    (account,) = accounts(town)
    assert len(given) in {3, 4}
    assert (account.given, account.open, account.released) == (tuple(given), False, "We leave.")
    assert accounts(town, "bank-0")[0].released == ""
    go(town, job_of("another", rounds=20))
    settled(town, job, lost=1)


def test_a_job_that_is_over_while_a_node_is_away_holds_nothing_when_it_is_back(town):
    job = job_of(rounds=30)

    def watch(keep):
        if keep.state.state.round == 2:
            town.leave("bank-1")
            town.calls("anna", "scientist").stop(job.digest)

    with pytest.raises(JobError):
        go(town, job, watch)
    town.join(town.parties[1])
    closed(town)
    assert len(accounts(town)[0].given) <= 3
    settled(town, job, lost=1)
