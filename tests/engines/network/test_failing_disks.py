"""A disk that fails or is full at its n-th call, at the coordinator or at a bank, in a whole job: no bit is another."""

from __future__ import annotations

import asyncio
import errno

import pytest

from hansa.engines.network.store import COUNTED, Store
from hansa.errors import DiskFailed
from tests.engines.network.disks import Disk
from tests.engines.network.federation import TEXT, Federation, alone, chosen, job_of, members

JOBS = {
    "rows": job_of(TEXT.replace("rounds = 4", "rounds = 2")),
    "files": job_of(TEXT.replace("rounds = 4", "rounds = 1").replace("hidden = [4]", "hidden = [300, 300]")),
}
"""Words that lie in rows, and updates that are files of their own."""


async def carried(federation):
    try:
        await federation.start()
        return chosen(await asyncio.wait_for(federation.run(), 60))
    finally:
        if federation.hub is not None:
            await federation.stop()
        elif federation.store is not None:
            federation.store.close()


def tried(folder, kind, disks):
    """Run a job over disks; where it cannot start or be written, once more, over good ones."""
    job, parties = JOBS[kind], members()
    try:
        found = asyncio.run(carried(Federation(folder, job, parties, disks=disks)))
    except DiskFailed:
        found = asyncio.run(carried(Federation(folder, job, parties)))
    store = Store(folder / "coordinator")
    try:
        assert store.database.rows("SELECT count(*) FROM conflicts") == [(0,)]
        trained = "SELECT count(*) FROM words WHERE kind = 'Train' AND fate = ? GROUP BY keep, party"
        assert store.database.rows(trained, COUNTED) == [(1,)] * len(parties) * job.steps[1].rounds
    finally:
        store.close()
    return found


def fails_at(folder, kind, who, calls):
    """Let each of these calls of a disk fail, in a run of its own; how many failed."""
    wanted, met = alone(JOBS[kind], members()), 0
    for n in calls:
        disk = Disk(n=n, how=(errno.EIO, errno.ENOSPC)[n % 2])
        assert tried(folder / f"{who} {n}", kind, {who: disk}) == wanted, (who, n)
        met += disk.calls >= n
    return met


@pytest.mark.parametrize("who", ["coordinator", "bank-1"])
@pytest.mark.parametrize("kind", JOBS)
def test_any_call_of_a_disk_may_fail(tmp_path, kind, who):
    assert fails_at(tmp_path, kind, who, range(2, 60, 11)) >= 4


@pytest.mark.soak
@pytest.mark.parametrize("who", ["coordinator", "bank-1"])
@pytest.mark.parametrize("kind", JOBS)
def test_every_call_of_a_disk_may_fail(tmp_path, tell, kind, who):
    whole = Disk()
    tried(tmp_path / "whole", kind, {who: whole})
    met = fails_at(tmp_path, kind, who, range(1, whole.calls + 1))
    tell(f"disk of {who}, words in {kind}: {met} of {whole.calls} calls failed, one in each job; every model bit-equal")
    assert met >= 0.8 * whole.calls, "words that come together are written together, sometimes more, sometimes fewer"
