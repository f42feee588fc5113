"""An update that is not as it should be does not leave its site; where it does, the coordinator does not count it."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from hansa.core.attendance import summed
from hansa.core.load import Load
from hansa.core.message import Answer, Name
from hansa.core.post import in_process
from hansa.engines.network import desk as room
from hansa.engines.network.jobs import Jobs
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.sayings import word_parcel
from hansa.errors import PartyFailed, PolicyRefusal
from hansa.horizontal.fitter import Count
from hansa.horizontal.rounds import Check, Learning, Train
from tests.engines.network.federation import TEXT, Federation, alone, chosen, job_of, members

WIDENED = ("counts", "sums")
WRONG = {
    "NaN": lambda load: {**load, "delta": np.where(np.arange(load["delta"].size) == 1, np.nan, load["delta"])},
    "+Inf": lambda load: {**load, "delta": np.full_like(load["delta"], np.inf)},
    "-Inf": lambda load: {**load, "delta": np.full_like(load["delta"], -np.inf)},
    "a wrong shape": lambda load: {**load, "delta": np.repeat(load["delta"], 2, axis=1)},
    "a wrong type": lambda load: {**load, "delta": load["delta"].astype(np.int64)},
    "a vector missing": lambda load: {name: load[name] for name in load if name != "rows"},
    "a vector more": lambda load: {**load, "extra": load["rows"]},
    "two parties": lambda load: {name: np.concatenate([vector, vector]) for name, vector in load.items()},
}


def spoiling(federation, change, party, rounds, kind):
    """Let one bank's handlers answer a kind of ask in another way, in some rounds; returns how often."""
    spoiled, join = [], federation.join

    def compute_of(compute):
        def compute_badly(work):
            outcome = compute(work)
            ask = work.asks[0]
            if isinstance(ask, kind) and getattr(ask, "round", 1) in rounds:
                spoiled.append(ask)
                answer = Answer(Load(change(dict(outcome.answers[0].load.vectors))))
                outcome = type(outcome)((answer,), outcome.partial, outcome.memories)
            return outcome

        return compute_badly

    def joined(one):
        join(one)
        if one.name == party:
            task, _ = federation.nodes[one.name]
            node = task.get_coro().cr_frame.f_locals["self"]
            node.compute = lambda job: compute_of(in_process(job, [one]))

    federation.join = joined
    return spoiled


def carried(tmp_path, change, quorum=2, rounds=range(1, 3), kind=Train):
    """A job in which a bank's updates are spoiled in some rounds: what came of it, and what both ends have noted."""
    federation = Federation(tmp_path, job_of(f"quorum = {quorum}\n" + TEXT), members())
    spoiled = spoiling(federation, change, "bank-1", rounds, kind)

    async def whole():
        await federation.start()
        try:
            done = await federation.run()
            notes = federation.store.notes(federation.job.digest)
            kinds = federation.store.database.rows("SELECT party, kind, fate FROM words WHERE kind = 'Train'")
            left = [one.line for one in federation.nodes["bank-1"][1].ledger.lines() if one.line.kind == "Train"]
            return done, notes, kinds, left
        finally:
            await federation.stop()

    return *asyncio.run(asyncio.wait_for(whole(), 60)), spoiled


@pytest.mark.parametrize("case", WRONG)
def test_it_does_not_leave_its_site_and_the_others_go_on(tmp_path, case):
    done, notes, _, left, spoiled = carried(tmp_path, WRONG[case])
    assert spoiled
    assert [point.counted for point in done.last(Learning).history] == [3, 2, 2, 3]
    assert [len(line.shapes) for line in left].count(0) == 2, "what has left are two refusals, and no number"
    assert "unsound" not in [note.kind for note in notes]


@pytest.mark.parametrize("case", WRONG)
def test_a_site_that_does_not_look_is_named_and_not_counted(tmp_path, case, monkeypatch):
    monkeypatch.setattr(room, "amiss", lambda load, form: "")
    done, notes, words, left, spoiled = carried(tmp_path, WRONG[case])
    assert spoiled
    assert [point.counted for point in done.last(Learning).history] == [3, 2, 2, 3]
    assert [(note.kind, note.party) for note in notes].count(("unsound", "bank-1")) == 2
    assert len([party for party, _, fate in words if fate == 1]) == 10
    assert len(left) == 4


def test_where_everybody_must_come_the_job_ends_and_names_the_culprit(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "amiss", lambda load, form: "")
    with pytest.raises(PolicyRefusal, match=r"bank-1.*'delta' is not finite"):
        carried(tmp_path, WRONG["NaN"], quorum=0)


@pytest.mark.parametrize("kind", [Count, Check])
def test_sums_of_another_width_end_the_job_and_name_the_culprit(tmp_path, kind):
    """How wide these are follows from more than the ask: it is seen where the answers are added."""
    widen = lambda load: {**load, **{name: np.repeat(load[name], 2, axis=1) for name in load if name in WIDENED}}  # noqa: E731
    with pytest.raises(PartyFailed, match=r"bank-1 .*cannot be added to the others"):
        carried(tmp_path, widen, kind=kind)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda load: {**load, "delta": load["delta"] * 1e6}, "100 times the others'"),
        (lambda load: {**load, "delta": np.zeros_like(load["delta"])}, "nothing but zeros"),
    ],
)
def test_an_update_that_stands_out_counts_and_is_noted(tmp_path, change, what):
    done, notes, *_ = carried(tmp_path, change, rounds=[2])
    assert [point.counted for point in done.last(Learning).history] == [3, 3, 3, 3]
    (note,) = [note for note in notes if note.kind == "odd update"]
    assert note.party == "bank-1"
    assert what in note.what
    (said,) = summed([(note.party, note.kind, note.what)])  # as the result and its report tell it
    assert said.startswith("bank-1: odd update once. Its update is ")


def test_an_update_that_a_job_fails_of_is_noted_and_once_however_often_the_job_is_resumed(tmp_path):
    chain = 'chain = ["by_examples", "weighted_mean", {use = "sgd", learning_rate = 1e306}]'
    text = TEXT.replace("check_every = 2", chain)
    federation = Federation(tmp_path, job_of(text), members())
    spoiling(federation, lambda load: {**load, "delta": load["delta"] * 1e6}, "bank-1", [0], Train)

    async def failed():
        await federation.start()
        jobs, digest = Jobs(federation.store, federation.hub, dict, tmp_path / "jobs"), federation.job.digest
        jobs._logs[digest] = ()
        try:
            await asyncio.to_thread(jobs._carry, federation.board, federation.job, [f"bank-{i}" for i in range(3)])
            return jobs.state(digest), federation.store.notes(digest)
        finally:
            await federation.stop()

    for _ in range(2):
        stands, notes = asyncio.run(asyncio.wait_for(failed(), 60))
        assert "no longer finite in round 1" in stands.why
        assert [note.party for note in notes if note.kind == "odd update"] == ["bank-1"]


def test_a_job_in_which_all_is_well_notes_nothing(tmp_path):
    done, notes, *_ = carried(tmp_path, lambda load: load)
    assert chosen(done) == alone(job_of("quorum = 2\n" + TEXT), members())
    assert {note.kind for note in notes} <= {"submitted", "running", "done"}


def beforehand(tmp_path, changed, names):
    """A job for which a bank says words before it is asked, each with some vectors changed: what came of it."""
    federation = Federation(tmp_path, job_of("quorum = 2\n" + TEXT), members())

    async def whole():
        await federation.start()
        try:
            task, _ = federation.nodes["bank-1"]
            node = task.get_coro().cr_frame.f_locals["self"]
            async with asyncio.timeout(10):
                while node.line is None:  # noqa: ASYNC110 - the node has no event for it
                    await asyncio.sleep(0.005)
            whole = {name: np.ones((1, 1)) for name in ("rows", "loss", "weight")}
            load = Load({"delta": np.ones((1, 17)), **whole, "counted": np.ones((1, 1), dtype=np.int64), **changed})
            for name in names:
                said = word_parcel(federation.job.digest, name, "Train", Answer(load), "bank-1", COORDINATOR)
                await node.line.send_frame(said.frame())
            return await federation.run(), federation.store.database.rows("SELECT keep, turn FROM words")
        finally:
            await federation.stop()

    return asyncio.run(asyncio.wait_for(whole(), 60))


@pytest.mark.parametrize("changed", [{}, {"delta": np.full((1, 17), np.nan)}, {"delta": np.ones((1, 3))}])
def test_a_word_that_comes_before_its_ask_is_neither_kept_nor_counted(tmp_path, changed):
    names = [Name(1, 3, 0), Name(1, 4, 0), *(Name(2, keep, 0) for keep in range(50, 60))]
    done, words = beforehand(tmp_path, changed, names)
    assert [point.counted for point in done.last(Learning).history] == [3, 3, 3, 3]
    assert chosen(done) == alone(job_of(TEXT), members())
    assert max(words) < (50, 0)
