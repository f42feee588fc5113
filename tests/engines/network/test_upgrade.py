"""F11: stores of version 1, written by the sources that first had them and stopped in mid-job, are opened and go on.

`golden/stores-1.tar.gz`: a coordinator and three banks of `federation`, 8 rounds, ended in the sixth; what is larger
than 256 bytes lies in files. It is never made anew: a later version gets a file of its own beside it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tarfile
from pathlib import Path

import numpy as np
import pytest

from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import Store
from hansa.errors import ConfigError
from hansa.horizontal.rounds import Learning
from tests.engines.network.federation import TEXT, Federation, alone, job_of, members

GOLDEN = Path(__file__).parent / "golden" / "stores-1.tar.gz"


@pytest.fixture
def old(tmp_path):
    with tarfile.open(GOLDEN) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


async def finished(folder, job):
    rounds, federation = [], Federation(folder, job, members())
    await federation.start()
    try:
        found = await federation.run(lambda keep: rounds.append(getattr(keep.state.state, "round", None)))
        return found.last(Learning).chosen, rounds, [entry.digest for entry in federation.store.jobs()]
    finally:
        await federation.stop()


def test_what_a_first_hansa_left_in_mid_job_goes_on_to_the_same_model(old):
    job = job_of(TEXT.replace("rounds = 4", "rounds = 8"))
    model, rounds, jobs = asyncio.run(asyncio.wait_for(finished(old, job), 60))
    assert jobs == [job.digest]  # the text of a job is what it was
    assert min(number for number in rounds if number) >= 5  # not from the beginning
    wanted = np.frombuffer(alone(job, members()), model.dtype)
    np.testing.assert_allclose(model.ravel(), wanted, rtol=1e-9, atol=1e-12)  # its first half is another machine's
    for party in members():
        store = SiteStore(old / party.name)
        assert store.verify() is None
        store.close()


@pytest.mark.parametrize(("kind", "place"), [(Store, "coordinator/coordinator.db"), (SiteStore, "bank-0/site.db")])
def test_a_store_of_a_newer_hansa_is_refused_and_stays_as_it_is(old, kind, place):
    path = old / place
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    assert version == 1
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"newer hansa.*version 99.*Install the newer hansa again"):
        kind(path.parent)
    assert path.read_bytes() == before
