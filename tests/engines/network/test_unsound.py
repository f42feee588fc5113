"""An update that is not as it should be does not leave its site; where it does, the coordinator does not count it."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from hansa.core.attendance import summed
from hansa.core.load import Load
from hansa.core.message import Answer
from hansa.core.post import in_process
from hansa.engines.network import desk as room
from hansa.errors import PartyFailed, PolicyRefusal
from hansa.horizontal.prepare import Count
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


def test_a_job_in_which_all_is_well_notes_nothing(tmp_path):
    done, notes, *_ = carried(tmp_path, lambda load: load)
    assert chosen(done) == alone(job_of("quorum = 2\n" + TEXT), members())
    assert {note.kind for note in notes} <= {"submitted", "running", "done"}
