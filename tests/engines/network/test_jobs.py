"""Jobs of a store: begun, stopped, told of, and gone on with; without a network."""

from __future__ import annotations

import asyncio

import pytest

from hansa.core.job import Job
from hansa.engines.network.hub import Hub
from hansa.engines.network.jobs import Jobs, State
from hansa.engines.network.store import Store
from hansa.errors import ConfigError
from tests.engines.network.federation import UNSIGNED, believe

NAMES = ("bank-a", "bank-b", "bank-c")
JOB = Job.from_toml(Job.from_toml('name = "scores"\nsteps = ["prepare", "rounds"]').to_toml())


def over(folder, what, job=JOB):
    """Do something with the jobs of a store in which one was submitted."""

    async def done():
        store = Store(folder / "store")
        digest = store.submit(job.to_toml(), "anna", NAMES)
        jobs = Jobs(store, Hub(store, lambda digest: UNSIGNED, believe), dict, folder / "jobs")
        try:
            return await what(jobs, digest)
        finally:
            await jobs.close()
            jobs.hub.stop()
            store.close()

    return asyncio.run(asyncio.wait_for(done(), 30))


def test_a_job_under_way_is_not_begun_twice_and_one_that_is_not_cannot_be_stopped(tmp_path):
    async def what(jobs, digest):
        with pytest.raises(ConfigError, match="not under way"):
            jobs.stop(digest)
        jobs.begin(digest)
        with pytest.raises(ConfigError, match="under way"):
            jobs.begin(digest)
        with pytest.raises(ConfigError, match="not submitted"):
            jobs.begin("00" * 32)

    over(tmp_path, what)


def test_a_stopped_job_stays_stopped_and_a_running_one_goes_on_at_the_next_start(tmp_path):
    async def stopped(jobs, digest):
        jobs.begin(digest)
        jobs.stop(digest)
        await asyncio.to_thread(jobs.running[digest].thread.join)
        return jobs.state(digest)

    async def again(jobs, digest):
        await jobs.go_on()
        return digest in jobs.running

    async def begun(jobs, digest):
        jobs.begin(digest)
        return jobs.state(digest)

    assert over(tmp_path, stopped) == State("stopped")
    assert over(tmp_path, again) is False
    assert over(tmp_path, begun) == State("running")
    assert over(tmp_path, again) is True


def test_a_job_that_fails_says_why_and_wakes_who_follows(tmp_path):
    job = Job.from_toml(Job.from_toml('name = "late"\ndeadline = 0.2\nsteps = ["prepare", "rounds"]').to_toml())

    async def what(jobs, digest):
        jobs.begin(digest)
        assert await jobs.news(digest, 0, 20) == ()
        return jobs.state(digest)

    stands = over(tmp_path, what, job)
    assert stands.state == "failed"
    assert "bank-a, bank-b, bank-c" in stands.why
    assert (stands.error, stands.exit_code) == ("TooFewParties", 5)


def test_whoever_follows_waits_no_longer_than_it_says(tmp_path):
    async def what(jobs, digest):
        jobs.begin(digest)
        return await jobs.news(digest, 0, 0.05)

    assert over(tmp_path, what) == ()
