"""F11: stores of older versions, written by sources that had them and stopped in mid-job, are opened and go on.

Each in `golden/` is a coordinator and three banks of `federation`; what is larger than 256 bytes lies in files. None is
ever made anew: a later version gets a file of its own beside them.

    stores-1    the first of all: a job of 8 rounds, ended in the sixth
    stores-2    sites with a privacy ledger: the same job, and a private one of 6 rounds that ended in the fourth
    stores-3    the same; charges hold the digests of their words
    ledger-1    a bank with a ledger apart: two rounds of the private job were answered, and a third one was charged
                there as the node died, before the answer was in its store
    ledger-2    with digests: a third round was refused once it was computed, and a fourth one answered in the node's
                store as it died, before that was charged in the ledger
"""

from __future__ import annotations

import asyncio
import sqlite3
import tarfile
from pathlib import Path

import numpy as np
import pytest

from hansa.core.message import Answer, Envelope, Name
from hansa.core.post import in_process
from hansa.engines.network.desk import Desk
from hansa.engines.network.purse import Purse
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import Store
from hansa.errors import ConfigError, PolicyRefusal
from hansa.horizontal.rounds import Learning, Train
from hansa.privacy.released import parts_of
from tests.engines.network.federation import TEXT, Federation, alone, job_of, members

PLAIN = TEXT.replace("rounds = 4", "rounds = 8")
PRIVATE = """
name = "private"
data = {target = "late"}

[[steps]]
use = "rounds"
rounds = 6
check_every = 0
local = {steps = 2, batch = 32, learning_rate = 0.2}
chain = [{use = "private_sgd", noise_multiplier = 10.0, sampling = 0.5}, "weighted_mean"]
"""


def unpacked(version, folder, what="stores"):
    with tarfile.open(Path(__file__).parent / "golden" / f"{what}-{version}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


async def finished(folder, job):
    rounds, federation = [], Federation(folder, job, members())
    await federation.start()
    try:
        found = await federation.run(lambda keep: rounds.append(getattr(keep.state.state, "round", None)))
        return found.last(Learning).chosen, rounds, [entry.digest for entry in federation.store.jobs()]
    finally:
        await federation.stop()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_what_an_older_hansa_left_in_mid_job_goes_on_to_the_same_model(tmp_path, version):
    old, job = unpacked(version, tmp_path), job_of(PLAIN)
    model, rounds, jobs = asyncio.run(asyncio.wait_for(finished(old, job), 60))
    assert jobs[0] == job.digest  # the text of a job is what it was
    assert min(number for number in rounds if number) >= 5  # not from the beginning
    wanted = np.frombuffer(alone(job, members()), model.dtype)
    np.testing.assert_allclose(model.ravel(), wanted, rtol=1e-9, atol=1e-12)  # its first half is another machine's
    for party in members():
        store = SiteStore(old / party.name)
        assert (store.verify(), store.privacy.verify()) == (None, None)
        store.close()


def account(folder, name, job):
    store = SiteStore(folder / name)
    try:
        assert store.privacy.verify() is None
        return next(one for one in store.privacy.accounts() if one.job == job.digest)
    finally:
        store.close()


@pytest.mark.parametrize("version", [2, 3])
def test_what_an_older_hansa_has_charged_stays_charged_and_the_job_goes_on_in_the_same_account(tmp_path, version):
    old, job = unpacked(version, tmp_path), job_of(PRIVATE)
    before = {party.name: account(old, party.name, job) for party in members()}
    model, rounds, jobs = asyncio.run(asyncio.wait_for(finished(old, job), 60))
    assert jobs == [job_of(PLAIN).digest, job.digest]
    assert np.isfinite(model).all()
    assert min(number for number in rounds if number) >= 3
    for name, held in before.items():
        assert (held.open, held.plan.parts) == (True, parts_of(job))
        assert len(held.given) in {3, 4}
        after = account(old, name, job)
        assert (after.plan, after.given[: len(held.given)]) == (held.plan, held.given)
        assert len({one.name for one in after.given}) == len(after.given) == 6, "each round once"
        assert {one.part.events for one in after.given} == {held.plan.parts[0].events}


def seated(old, job):
    """A bank at its desk, beside a ledger apart, and an ask to train under any name."""
    store, bank = SiteStore(old / "bank-0", shared=old / "ledger"), members(1)[0]
    purse = Purse(store.privacy, job, job.digest, bank, "anna")
    desk = Desk(store, job, store.open(job.to_toml(), job.digest), bank, in_process(job, [bank]), purse)
    ask = Train(np.zeros(3), 0, job.steps[0].local, ({}, {}))
    return store, lambda keep: desk.answer(Envelope(Name(0, keep, 1), ask)).said


def test_a_ledger_apart_that_did_not_know_words_by_their_digests_goes_on(tmp_path):
    store, answer = seated(unpacked(1, tmp_path, "ledger"), job_of(PRIVATE))
    assert all(isinstance(answer(keep), Answer) for keep in (0, 1, 3))
    (account,) = store.privacy.accounts()
    assert [one.name.keep for one in account.given] == [0, 1, 2, 3], "what it had said is not charged again"
    assert len({one.part for one in account.given}) == 1
    with pytest.raises(PolicyRefusal, match="Another word to step 0, keep 2"):  # nobody knows whether it has left
        answer(2)
    assert store.privacy.verify() is None
    store.close()


def test_a_ledger_apart_goes_on_with_what_a_node_had_not_paid_as_it_died(tmp_path):
    store, answer = seated(unpacked(2, tmp_path, "ledger"), job_of(PRIVATE))
    (account,) = store.privacy.accounts()
    assert [one.name.keep for one in account.given] == [0, 1, 2, 3]
    assert [isinstance(answer(keep), Answer) for keep in range(5)] == [True, True, False, True, True]
    (account,) = store.privacy.accounts()
    assert [one.name.keep for one in account.given] == [0, 1, 2, 3, 4]
    assert store.privacy.verify() is None
    store.close()


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(("kind", "place"), [(Store, "coordinator/coordinator.db"), (SiteStore, "bank-0/site.db")])
def test_a_store_of_a_newer_hansa_is_refused_and_stays_as_it_is(tmp_path, kind, place, version):
    path = unpacked(version, tmp_path) / place
    connection = sqlite3.connect(path)
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    assert found == (version if kind is SiteStore else 1)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"newer hansa.*version 99.*Install the newer hansa again"):
        kind(path.parent)
    assert path.read_bytes() == before
