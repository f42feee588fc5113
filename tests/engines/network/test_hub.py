"""A job between a coordinator and banks gives the bits of one process, whatever is cut, killed or started again."""

from __future__ import annotations

import asyncio
import errno
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf

import numpy as np
import pytest

from hansa.cli.rig import allowing
from hansa.core.load import Load
from hansa.core.message import Answer, Name, Refusal
from hansa.engines.network.hub import Come
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import Store
from hansa.engines.network.words import Word
from hansa.errors import DataError, NotNow, PolicyRefusal, TooFewParties, WireError
from hansa.governance.door import PolicyGuard
from hansa.governance.hours import Hours
from tests.engines.network.disks import Disk
from tests.engines.network.federation import TEXT, Federation, alone, chosen, job_of, members


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


async def whole(federation, watch=None):
    await federation.start()
    try:
        return chosen(await federation.run(watch))
    finally:
        await federation.stop()


def test_a_job_between_banks_gives_the_bits_of_one_process(tmp_path):
    job, parties = job_of(), members()
    assert run(whole(Federation(tmp_path, job, parties))) == alone(job, parties)


@pytest.mark.parametrize("seed", range(4))
def test_streams_that_are_cut_again_and_again_change_no_bit(tmp_path, seed):
    job, parties, draw = job_of(), members(), random.Random(seed)
    found = run(whole(Federation(tmp_path, job, parties, cuts=lambda: draw.randint(12, 40))))
    assert found == alone(job, parties)


@pytest.mark.parametrize("keeps", [1, 2, 4])
def test_a_coordinator_that_was_killed_goes_on_to_the_same_model(tmp_path, keeps):
    job, parties = job_of(), members()

    async def stopped():
        federation, count = Federation(tmp_path, job, parties), []
        await federation.start()

        def watch(keep):
            count.append(keep)
            if len(count) == keeps:
                federation.board.stop()

        with pytest.raises(WireError, match="stopped"):
            await federation.run(watch)
        await federation.stop()
        return await whole(Federation(tmp_path, job, parties))

    assert run(stopped()) == alone(job, parties)


def test_a_word_that_is_made_up_after_a_restart_counts_in_no_round_that_waits_for_its_own(tmp_path):
    """What was asked before is not known any more; a late word is of use only where the first few are enough."""
    job, parties = job_of(), members()

    async def stopped():
        federation, keeps = Federation(tmp_path, job, parties), []
        await federation.start()
        with pytest.raises(WireError, match="stopped"):
            await federation.run(lambda keep: keeps.append(keep) or (len(keeps) == 4 and federation.board.stop()))
        await federation.stop()
        again = Federation(tmp_path, job, parties)
        await again.start()
        load = Load({"delta": np.full((1, 4), 1e6), "weight": np.ones((1, 1))})
        again.store.put(again.board.digest, [Word(Name(1, 2, 7), "bank-1", "Train", Answer(load))])
        try:
            return chosen(await again.run()), again.board._before
        finally:
            await again.stop()

    assert run(stopped()) == (alone(job, parties), {"bank-1"})


@pytest.mark.parametrize("wait", [0.0, 0.3])
def test_words_that_are_offered_before_the_plan_has_come_to_their_asks_are_asked_for_again(tmp_path, wait):
    """A coordinator died before they were durable, with snapshots that were left out; a word goes over a line once."""
    job, parties = job_of("deadline = 5\n" + TEXT), members()

    async def died():
        federation, keeps = Federation(tmp_path, job, parties), []
        await federation.start()
        federation.board.journal.sparing = inf

        def watch(keep):
            keeps.append(keep)
            if len(keeps) == 5:
                federation.board.journal.write = lambda: None
                federation.board.stop()

        with pytest.raises(WireError, match="stopped"):
            await federation.run(watch)
        ((last,),) = federation.store.database.rows("SELECT max(keep) FROM words")
        assert federation.board.journal.keeps < last
        with federation.store.database.transaction() as connection:
            connection.execute("DELETE FROM words WHERE party = 'bank-1' AND keep = ?", (last,))
        bank = federation.nodes["bank-1"][1]
        with bank.database.transaction() as connection:
            connection.execute("UPDATE given SET acknowledged = 0 WHERE keep = ?", (last,))
        await federation.stop()
        again = Federation(tmp_path, job, parties)
        await again.start()
        await asyncio.sleep(wait)  # the banks may be there first, or the plan
        try:
            return chosen(await again.run())
        finally:
            await again.stop()

    assert run(died()) == alone(job, parties)


def test_a_bank_that_was_killed_comes_back_with_its_memory(tmp_path):
    job, parties = job_of(), members()

    async def killed():
        federation, keeps = Federation(tmp_path, job, parties), []
        await federation.start()
        loop = asyncio.get_running_loop()

        async def again():
            await federation.leave("bank-1")
            federation.join(parties[1])

        def watch(keep):
            keeps.append(keep)
            if len(keeps) in {2, 4}:
                asyncio.run_coroutine_threadsafe(again(), loop).result(20)

        try:
            return chosen(await federation.run(watch))
        finally:
            await federation.stop()

    assert run(killed()) == alone(job, parties)


def test_a_bank_that_never_comes_ends_the_job_at_its_deadline_and_is_named(tmp_path):
    job, parties = job_of("deadline = 0.5\n" + TEXT), members()

    async def without():
        federation = Federation(tmp_path, job, parties)
        await federation.start(only={"bank-0", "bank-2"})
        try:
            await federation.run()
        finally:
            await federation.stop()

    with pytest.raises(TooFewParties, match="bank-1"):
        run(without())


NO = Refusal("Not at this hour.", mend="Ask tomorrow.")


def test_a_quorum_goes_on_without_a_bank_that_refuses_the_job(tmp_path):
    job, parties, counted = job_of("quorum = 3\ndeadline = 0.5\n" + TEXT), members(4), []
    federation = Federation(tmp_path, job, parties, refusals={"bank-3": NO})
    assert run(whole(federation, lambda keep: counted.append(keep.measures.get("parties"))))
    assert counted[0] == 3.0
    store = SiteStore(tmp_path / "bank-3")
    assert [(kind, what) for _, kind, _, what in store.notes()] == [("job refused", "Not at this hour.")]
    there = Store(tmp_path / "coordinator")  # at both ends
    assert [(n.party, n.what) for n in there.notes(job.digest) if n.kind == "job refused"] == [("bank-3", NO.what)]
    there.close()
    assert [(one.line.kind, one.line.size) for one in store.ledger.lines()] == [("Shut", 43)]  # its reason has left
    store.close()


def test_a_job_that_everyone_must_answer_is_refused_by_name(tmp_path):
    federation = Federation(tmp_path, job_of(), members(), refusals={"bank-0": NO})
    with pytest.raises(PolicyRefusal, match="bank-0 refuses: Not at this hour"):
        run(whole(federation))


def test_a_job_that_meets_the_hours_of_a_bank_is_resumed_within_them_to_the_same_bits(tmp_path):
    job, times = job_of(), [datetime(2026, 11, 23, 10, tzinfo=UTC)]
    policy = replace(allowing(job, members(1)[0].table("t"), 1), hours=Hours("UTC", "08:00", "18:00"))
    parties = [replace(one, guards=(PolicyGuard(policy, lambda: times[-1]),)) for one in members()]

    async def late():
        federation, keeps = Federation(tmp_path, job, parties), []
        await federation.start()
        night = times[-1] + timedelta(hours=12)
        try:
            await federation.run(lambda keep: keeps.append(keep) or (len(keeps) == 4 and times.append(night)))
        finally:
            await federation.stop()

    with pytest.raises(NotNow, match=r"Jobs do not run here at this time. .* 08:00 .* resume it, then"):
        run(late())
    times.pop()
    assert run(whole(Federation(tmp_path, job, parties))) == alone(job, members())


def test_another_word_under_the_same_name_is_noted_and_not_counted(tmp_path):
    job, parties = job_of(), members()

    async def twice():
        federation = Federation(tmp_path, job, parties)
        await federation.start()

        def watch(keep):
            if keep.measures.get("parties") == 3.0:
                said = Refusal("Never.")
                federation.hub._words.put((forged(federation, said),))

        try:
            return chosen(await federation.run(watch)), [
                note.kind for note in federation.store.notes(federation.board.digest)
            ]
        finally:
            await federation.stop()

    def forged(federation, said):
        return Come(federation.board.digest, Word(Name(0, 0, 0), "bank-1", "Describe", said))

    found, notes = run(twice())
    assert found == alone(job, parties)
    assert "conflict" in notes


@pytest.mark.parametrize("who", ["coordinator", "bank-1"])
@pytest.mark.parametrize("n", [24, 27, 30, 35, 41])
def test_a_disk_that_is_full_for_a_moment_costs_a_line_and_no_word(tmp_path, who, n):
    job, parties = job_of(), members()
    disk = Disk(n=n, how=errno.ENOSPC)
    try:
        found = run(whole(Federation(tmp_path, job, parties, disks={who: disk})))
    except DataError:  # the plan itself could not write: the job goes on when it is started again
        assert who == "coordinator"
        found = run(whole(Federation(tmp_path, job, parties)))
    assert disk.calls >= n
    assert found == alone(job, parties)


def test_a_node_that_dials_again_takes_the_place_of_its_half_open_line(tmp_path):
    job, parties = job_of(), members()

    async def twice():
        federation = Federation(tmp_path, job, parties)
        await federation.start()
        try:
            while len(federation.hub.lines) < 3:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
            old = federation.hub.lines["bank-1"]
            task, store = federation.nodes.pop("bank-1")
            task.cancel()  # nobody tells the coordinator: its end stays open
            store.close()
            federation.join(parties[1])
            found = chosen(await federation.run())
            return found, federation.hub.lines["bank-1"] is old
        finally:
            await federation.stop()

    assert run(twice()) == (alone(job, parties), False)
