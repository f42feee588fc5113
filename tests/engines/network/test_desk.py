"""A durable seat gives one answer to one ask, also after it was put down, and does not run ahead of the disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.load import Load
from hansa.core.message import Answer, Envelope, Masked, Name, Refusal
from hansa.core.metrics import first_edges
from hansa.core.party import AT_ONCE
from hansa.core.post import in_process
from hansa.core.trainer import Local
from hansa.core.work import Outcome
from hansa.engines.network.desk import Desk
from hansa.engines.network.site_store import SiteStore
from hansa.errors import DataError
from hansa.horizontal.evaluate import Compare, Losses, Scores
from hansa.horizontal.fitter import Count, Describe
from hansa.horizontal.rounds import Rounds, Train
from hansa.horizontal.shape import Shape
from hansa.links import private_sgd, weighted_mean
from tests.engines.network.federation import job_of, members

ASK = Envelope(Name(0, 1, 0), Describe())


@pytest.fixture
def sit(tmp_path):
    """Sit down at a desk in the same folder, again and again."""
    stores = []

    def sat(compute=None, job=None):
        if stores:
            stores[-1].close()
        store = SiteStore(tmp_path / "site")
        stores.append(store)
        job, party = job or job_of(), members(1)[0]
        toml = job.to_toml()
        return Desk(store, job, store.open(toml, job.digest), party, compute or in_process(job, [party])), store

    yield sat
    stores[-1].close()


def never(work):
    raise AssertionError


def test_the_same_ask_gets_the_same_answer_without_work_also_after_a_restart(sit):
    desk, _ = sit()
    first = desk.answer(ASK)
    assert isinstance(first.said, Answer)
    again, _ = sit(never)
    assert repr(again.answer(ASK)) == repr(first)
    assert [word.name for word in again.unacknowledged()] == [ASK.name]
    again.book.acknowledged([ASK.name])
    assert again.unacknowledged() == ()


def test_each_word_has_a_line_in_the_ledger(sit):
    desk, store = sit()
    desk.answer(ASK)
    (line,) = store.ledger.lines()
    assert (line.line.kind, line.line.name) == ("Describe", ASK.name)
    assert store.verify() is None


def training(desk, keep, turn=1, attempt=0):
    """An ask to train, as the job has it, under some name."""
    step = desk.job.steps[0]
    return Envelope(Name(0, keep, turn, attempt), Train(np.zeros(3), 0, step.local.at(0, step.rounds), ({}, {})))


def test_no_more_updates_leave_than_the_approved_job_has_rounds_whatever_they_are_called(sit):
    job = job_of('name = "few"\nmin_parties = 1\ndata = {target = "late"}\nsteps = [{use = "rounds", rounds = 4}]')
    desk, _ = sit(job=job)
    for keep in range(3):
        assert isinstance(desk.answer(training(desk, keep)).said, Answer)
    again, _ = sit(job=job)  # the count outlives a restart
    first = again.answer(training(again, 2))
    assert isinstance(first.said, Answer)  # the same name: what was given before, and nothing more
    assert isinstance(again.answer(training(again, 2, turn=7)).said, Answer)
    for hostile in (training(again, 3), training(again, 2, turn=8), training(again, 0, attempt=1)):
        said = again.answer(hostile).said
        assert isinstance(said, Refusal)
        assert "Train 4 times in a step, and this is one more" in said.what
    assert isinstance(again.answer(training(again, 2)).said, Answer)


def test_a_sealed_test_is_asked_no_more_often_than_the_plan_asks(sit):
    text = 'name = "few"\nmin_parties = 1\ndata = {target = "late"}\nsteps = ["rounds", "evaluate"]'
    desk, _ = sit(job=job_of(text))
    for kind, most in ((Losses, 1), (Scores, 8), (Compare, 1)):
        assert desk.most[1][kind] == most
        desk.told[1, kind.__name__] = {Name(1, keep, 0) for keep in range(most)}
    for ask in (Losses(np.zeros(3)), Scores(np.zeros(3), first_edges()), Compare(np.zeros(3))):
        said = desk.answer(Envelope(Name(1, 50, 0), ask)).said
        assert isinstance(said, Refusal)
        assert "and this is one more" in said.what


def test_a_secure_sum_may_be_tried_again_and_not_for_ever(sit):
    chain = 'chain = ["by_examples", "secure_sum"]'
    text = f'name = "few"\ndata = {{target = "late"}}\nsteps = [{{use = "rounds", rounds = 2, {chain}}}]'
    desk, _ = sit(job=job_of(text))
    desk.told[0, "Train"] = {Name(0, 0, turn) for turn in range(5)}
    again = lambda keep, turn: desk._too_often(Envelope(Name(0, keep, turn), Masked(training(desk, 0).ask)))  # noqa: E731
    assert again(0, 9) is None
    assert again(1, 0) is None
    desk.told[0, "Train"].add(Name(0, 1, 0))
    assert again(2, 0) is not None  # a third round
    desk.told[0, "Train"] |= {Name(0, 1, turn) for turn in range(20)}
    assert again(1, 99) is not None


def test_what_tells_of_no_rows_is_not_asked_without_end_either(sit):
    job = job_of('name = "few"\nmin_parties = 1\ndata = {target = "late"}\nsteps = [{use = "rounds", rounds = 1}]')
    desk, _ = sit(job=job)
    said = [desk.answer(Envelope(Name(0, 0, turn), Shape())).said for turn in range(31)]
    assert [isinstance(one, Answer) for one in said] == [True] * 30 + [False]  # of a round, a check and itself
    assert "Shape 30 times in a step, and this is one more" in said[-1].what


def test_an_error_of_the_work_is_the_partys_no(sit):
    def fails(work):
        raise DataError("There is no target.", mend="Name one.")

    desk, _ = sit(fails)
    assert desk.answer(ASK).said == Refusal("There is no target.", "", "Name one.", "DataError")


@pytest.mark.parametrize("noise", [(), (private_sgd(2.0),)])
def test_a_refusal_tells_no_numbers_where_answers_hold_noise(sit, noise):
    def fails(work):
        raise DataError("Column 'pay_0' has gaps in 3 of 1,234 rows.", "Each needs a value: 99.5 %.", "Fill them.")

    step = Rounds(chain=(*noise, weighted_mean()), local=Local(steps=1, batch=8), check_every=0)
    desk, store = sit(fails, replace(job_of(), steps=(step,)))
    said = [desk.answer(Envelope(Name(0, 0, turn), Shape())).said for turn in range(2)][-1]
    if not noise:
        assert said.what == "Column 'pay_0' has gaps in 3 of 1,234 rows."
        return
    assert said == Refusal(
        "Column 'pay_0' has gaps in … of … rows.", "Each needs a value: … %.", "Fill them.", "DataError"
    )
    assert "in 3 of 1,234 rows" in store.notes()[-1][-1]


@pytest.mark.parametrize("where", ["handler", "guard"])
def test_a_fault_is_a_no_that_tells_its_kind_and_never_a_value(sit, where):
    def faulty(*words):
        return {}["4711 Meyer"]

    class Open:
        def admit(self, ask, job):
            return None

        def release(self, answer, ask, job):
            return faulty()

    desk, store = sit(faulty if where == "handler" else None)
    if where == "guard":
        desk.seat.party = type(desk.party)(desk.party.name, desk.party.tables, (Open(),))
    first = desk.answer(ASK)
    assert (first.said.what, first.said.error) == ("Describe ended with a fault: KeyError.", "PartyFailed")
    ((_, kind, job, what),) = store.notes()
    assert (kind, job) == ("fault", desk.digest)
    assert what.startswith("KeyError at Describe (")
    assert "test_desk.py, line" in what
    assert "Meyer" not in f"{first} {what}"
    again, _ = sit(never)
    assert repr(again.answer(ASK)) == repr(first), "it is the answer to this ask, for good"


def test_a_guard_at_the_door_is_asked_before_any_work(sit):
    class Closed:
        def admit(self, ask, job):
            return Refusal("Not on a Sunday.")

        def release(self, answer, ask, job):
            return answer

    desk, _ = sit(never)
    desk.seat.party = type(desk.party)(desk.party.name, desk.party.tables, (Closed(),))
    assert desk.answer(ASK).said.what == "Not on a Sunday."


def test_a_seat_whose_answer_could_not_be_written_goes_back_to_what_is_on_the_disk(sit, monkeypatch):
    desk, _ = sit()
    monkeypatch.setattr(desk.book, "give", lambda *words, **settings: (_ for _ in ()).throw(DataError("Disk full.")))
    with pytest.raises(DataError, match="Disk full"):
        desk.answer(ASK)
    monkeypatch.undo()
    assert desk.seat.given == {}
    assert isinstance(desk.answer(ASK).said, Answer)


def test_kinds_are_those_of_the_jobs_steps(sit):
    desk, _ = sit()
    assert {"Describe", "Train", "Compare"} <= set(desk.kinds)


def test_what_holds_at_once_is_durable_with_an_answer_and_with_a_refusal_whatever_counts(sit):
    def signs(number, said):
        def compute(work):
            memory = {**work.memories[0], "model": np.ones(1), f"{AT_ONCE}signed": np.array([number])}
            return Outcome((said,), None, (memory,))

        return compute

    for number, said in enumerate((Answer(Load({"x": np.ones((1, 1))})), Refusal("No."), Refusal("Never."))):
        desk, _ = sit(signs(number, said))
        desk.answer(Envelope(Name(0, 1, 5 - number), Count(()), counted=(Name(0, 1, 9),)))
        again, _ = sit(never)
        assert again.seat.memory[f"{AT_ONCE}signed"].tolist() == [number]
        assert "model" not in again.seat.memory
        assert [memory[f"{AT_ONCE}signed"].tolist() for memory in again.seat.pending.values()] == [[number]]
    again.seat.settle([Name(0, 1, 5)])
    again.book.settle([Name(0, 1, 5)])
    last, _ = sit(never)
    assert last.seat.memory.keys() == again.seat.memory.keys() == {"model", f"{AT_ONCE}signed"}
    assert last.seat.memory[f"{AT_ONCE}signed"].tolist() == [2]
