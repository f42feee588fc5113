"""A crew: fair cuts, errors heard out, and a worker that dies is one clear error."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from types import ModuleType
from typing import ClassVar, final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.job import Job
from hansa.core.link import Link
from hansa.core.table import Table
from hansa.engines.crew import Crew, Errand, _cuts, installed
from hansa.engines.simulation import Simulation
from hansa.errors import DataError, JobError, PartyLost
from hansa.horizontal.rounds import Learning, Rounds
from hansa.links import by_examples, weighted_mean
from tests.engines.test_simulation import JOBS, params, parties


@given(costs=st.lists(st.integers(1, 1000), min_size=1, max_size=60), hands=st.integers(1, 9))
def test_cuts_cover_everybody_once_and_no_run_is_far_above_its_share(costs, hands):
    cuts = _cuts(costs, range(len(costs)), hands)
    assert cuts[0] == 0
    assert cuts[-1] == len(costs)
    assert cuts == sorted(set(cuts))
    assert len(cuts) <= hands + 1
    heaviest = max(sum(costs[a:b]) for a, b in pairwise(cuts))
    assert heaviest <= sum(costs) / hands + 2 * max(costs)


def test_even_costs_are_cut_evenly():
    assert _cuts([1] * 10, range(10), 4) == [0, 2, 5, 7, 10]
    assert _cuts([1] * 20, range(20), 4) == [0, 5, 10, 15, 20]


def test_a_cut_between_many_small_parties_moves_to_where_a_larger_branch_begins():
    assert _cuts([1] * 100, range(100), 4) == [0, 24, 50, 76, 100]
    assert _cuts([1] * 63 + [10] * 4, range(67), 2)[1] == 47  # a party of ten is too much to move


def test_a_worker_that_dies_is_one_clear_error_and_nobody_hangs():
    job = Job("bits", (JOBS["linear"],))
    with Simulation(parties(), 3).session(job) as session:
        session.run()
        victim = session.crew.workers[0].process
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        with pytest.raises(PartyLost, match="worker process"):
            session.run()
        others = [worker.process for worker in session.crew.workers]
    assert all(process.poll() is not None for process in others)


def test_a_worker_that_dies_on_the_way_is_noticed_too():
    with Simulation(parties(), 3).session(Job("bits", (JOBS["linear"],))) as session:
        seen = []

        def watch(keep):
            seen.append(keep)
            if len(seen) == 2:
                os.kill(session.crew.workers[1].process.pid, signal.SIGKILL)

        with pytest.raises(PartyLost, match="worker process"):
            session.run(watch)
    assert len(seen) == 2
    assert all(worker.process.returncode is not None for worker in session.crew.workers)


@final
@dataclass(frozen=True)
class breaks(Link):  # noqa: N801 - links are named as a job file names them
    """A link with a bug that speaks of a customer."""

    stage: ClassVar = "party"

    def apply(self, load, told, mine, draws):
        raise ZeroDivisionError("income of customer 4711")


def test_a_bug_in_a_worker_is_named_without_its_text_and_the_worker_goes_on():
    job = Job("bug", (Rounds(chain=(by_examples(), breaks(), weighted_mean()), rounds=1, check_every=0),))
    assert installed(job)
    with Simulation(parties(), 3).session(job) as session:
        for _ in range(2):
            session.crew = session.crew or Crew(job, parties(), 2)
            with pytest.raises(JobError, match="in a worker process: ZeroDivisionError") as caught:
                session.run()
            assert "4711" not in str(caught.value)
        assert all(worker.process.poll() is None for worker in session.crew.workers)
    with Simulation(parties(), 1).session(job) as session, pytest.raises(ZeroDivisionError):
        session.run()


class Watchful:
    """A guard that lets everything pass."""

    def admit(self, ask, job):
        return None

    def release(self, answer, ask, job):
        return answer


def guarded(place, guard):
    members = parties()
    members[place] = replace(members[place], guards=(guard,))
    return members


def defined_in(module, kind):
    """The class as if a module of this name had made it."""
    return type(kind.__name__, kind.__bases__, {**vars(kind), "__module__": module, "__qualname__": kind.__name__})


@pytest.mark.parametrize("place", [0, 2, 8])
def test_a_guard_of_the_running_script_keeps_the_work_here(place, monkeypatch):
    kind = defined_in("__main__", Watchful)
    monkeypatch.setattr(sys.modules["__main__"], "Watchful", kind, raising=False)
    with Simulation(guarded(place, kind()), 3).session(Job("bits", (JOBS["linear"],))) as session:
        watched = session.run().last(Learning).params.tobytes()
        assert session.crew is None
    assert watched == params(Job("bits", (JOBS["linear"],)), 1)


@pytest.mark.parametrize("place", [0, 4, 8])
def test_what_a_worker_cannot_import_is_one_clear_error_and_nobody_hangs(place, monkeypatch, capfd):
    """Of a module that was made on the way: this process knows it, and no worker can."""
    made = ModuleType("made_on_the_way")
    made.Watchful = defined_in("made_on_the_way", Watchful)
    monkeypatch.setitem(sys.modules, "made_on_the_way", made)
    members = guarded(place, made.Watchful())
    with Simulation(members, 3).session(Job("bits", (JOBS["linear"],))) as session:
        session.crew = Crew(session.job, members, 3)
        for _ in range(2):
            with pytest.raises(JobError, match=r"cannot read what it was sent: ModuleNotFoundError.*workers=1"):
                session.run()
    assert "Traceback" not in capfd.readouterr().err


def test_a_job_that_a_worker_cannot_read_is_said_when_it_is_asked(monkeypatch):
    made = ModuleType("made_on_the_way")
    made.breaks = defined_in("made_on_the_way", Watchful)
    made.breaks.__name__ = made.breaks.__qualname__ = "breaks"
    monkeypatch.setitem(sys.modules, "made_on_the_way", made)
    crew = Crew(made.breaks(), (), 1)
    crew.workers[0].give(Errand(max, (3, 4)))
    with pytest.raises(JobError, match="cannot read what it was sent"):
        crew.workers[0].receive()
    crew.close()


def test_an_error_at_one_worker_comes_home_and_the_next_turn_is_heard_afresh():
    members = parties()
    broken = members[4].tables["t"].select(["x1", "y"])
    members[4] = type(members[4])("bank-4", {"t": broken})
    job = Job("bits", (Rounds(rounds=1, check_every=0),))
    with Simulation(members, 3).session(job) as session:
        with pytest.raises(DataError, match="differ in width"):
            session.run()
        with pytest.raises(DataError, match="differ in width"):
            session.run()


def test_the_bank_blamed_does_not_depend_on_the_number_of_workers():
    members = parties()
    for at in (2, 8):
        x = members[at].tables["t"].matrix(("x1", "x2", "x3")).copy()
        x[0, 0] = float("nan")
        members[at] = type(members[at])(f"bank-{at}", {"t": Table.from_matrix(x, members[at].tables["t"].y())})
    said = []
    for workers in (1, 2, 3):
        with Simulation(members, workers).session(Job("gaps", (Rounds(rounds=1),))) as session:
            with pytest.raises(DataError, match="bank-2: The features have gaps") as caught:
                session.run()
            said.append(str(caught.value))
    assert len(set(said)) == 1


def test_workers_go_home_when_the_crew_is_closed():
    crew = Crew(Job("bits", (JOBS["linear"],)), parties(), 2)
    crew.close()
    assert all(worker.process.returncode == 0 for worker in crew.workers)


def test_what_was_defined_in_a_running_script_is_not_installed():
    assert installed(JOBS)
    assert not installed(lambda: None)
