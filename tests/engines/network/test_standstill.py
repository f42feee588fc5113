"""SIGSTOP of real processes: a bank that stands still is missed and comes back; nothing is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

import pytest

from hansa.core.carry import Carrier
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.store import COUNTED, Store
from hansa.errors import TooFewParties
from hansa.running.verb import run
from tests.engines.network.federation import TEXT, Federation, job_of, members
from tests.engines.network.trial import NAMES, Trial


def standing_still(trial, name, seconds, after):
    """Stop a process once the job has come so far; it goes on after a while."""

    def watch(keep):
        if len(seen) == after:
            process = trial.rig.processes[name]
            process.send_signal(signal.SIGSTOP)
            threading.Timer(seconds, os.kill, (process.pid, signal.SIGCONT)).start()
        seen.append(keep)

    seen = []
    return watch


@pytest.mark.slow
def test_a_bank_that_stands_still_is_named_as_lost_and_comes_back(tmp_path):
    trial = Trial(tmp_path, rounds=100, settings="min_parties = 2\nquorum = 2\ndeadline = 1.0\nset_aside_after = 0")
    job = trial.job("still")
    with trial.rig:
        trial.rig.start_all()
        result = run(job, on=Consortium(trial.rig.card), watch=standing_still(trial, "bank-1", 2.5, 5), baselines=False)
    counts = [point.counted for point in result.history]
    assert (counts[0], min(counts), counts[-1]) == (3, 2, 3)
    store = Store(trial.rig.folder / "consortium" / "store")
    try:
        trained = store.database.rows(
            "SELECT party, count(*), max(keep) FROM words WHERE kind = 'Train' AND fate = ? GROUP BY party", COUNTED
        )
        there = {party: count for party, count, _ in trained}
        assert there["bank-0"] == there["bank-2"] == 100 > there["bank-1"]
        assert len({last for *_, last in trained}) == 1, "it is there again in the last round"
        assert "conflict" not in [note.kind for note in store.notes(job.digest)]
    finally:
        store.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rounds", "combine"),
    [("coordinator", 60, "weighted_mean"), ("bank-1", 60, "weighted_mean"), ("bank-1", 12, "secure_sum")],
)
def test_whoever_stands_still_before_the_deadline_changes_no_bit(tmp_path, name, rounds, combine):
    trial = Trial(tmp_path, rounds=rounds, combine=combine)
    with trial.rig:
        trial.rig.start_all()
        job = trial.job("late")
        watch = standing_still(trial, name, 1.5, 5)
        found = run(job, on=Consortium(trial.rig.card), watch=watch, baselines=False)
        trial.jobs.append((job, found.model.parameters_sha256))
        trial.simulate()
    trial.verdict()


def missed(folder, deadline, quorum, gone):
    """A job whose bank is gone once it has given so many words: what came of it, and how long that took."""
    federation = Federation(folder, job_of(f"quorum = {quorum}\ndeadline = {deadline}\n" + TEXT), members())

    async def whole():
        await federation.start(only=[name for name in NAMES if gone or name != "bank-1"])
        names = [party.name for party in federation.parties]
        carrier = Carrier(federation.job, names, federation.board, federation.board.journal)
        times = []

        def watch(keep):
            times.append(time.monotonic())
            if len(times) == gone:
                asyncio.run_coroutine_threadsafe(federation.leave("bank-1"), federation.hub.loop).result()
                times[-1] = time.monotonic()

        times_begin = time.monotonic()
        try:
            await asyncio.to_thread(carrier.run, watch)
        except TooFewParties as error:
            return str(error), time.monotonic() - (times[-1] if times else times_begin)
        finally:
            await federation.stop()
        return "", 0.0

    return asyncio.run(asyncio.wait_for(whole(), 60))


@pytest.mark.parametrize("gone", [0, 1, 2, 3])
def test_a_bank_that_is_gone_ends_a_round_at_its_deadline_and_is_named(tmp_path, gone):
    said, took = missed(tmp_path, 0.6, 0, gone)
    assert "Missing: bank-1" in said
    assert took > 0.5, "not before the deadline"


@pytest.mark.soak
@pytest.mark.parametrize("gone", [0, 1, 2, 3])
def test_a_deadline_is_kept_to_a_second(tmp_path, gone):
    _, took = missed(tmp_path, 3.0, 0, gone)
    assert abs(took - 3.0) <= 1.0
