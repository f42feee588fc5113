"""The same job, the same bits: alone, in one process, over two, over three."""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.on_disk import room
from hansa.core.party import Party
from hansa.core.table import Table
from hansa.core.trainer import Local
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Learning, Rounds
from hansa.links import adam, by_examples, clip_l2, fixed, perturb, rule, weighted_mean
from hansa.trainers import Linear, Tabular


def parties(n=9, least=20):
    made = []
    for i in range(n):
        rng = np.random.default_rng(i)
        rows = least + 17 * i
        x = rng.normal(size=(rows, 3))
        y = (rng.random(rows) < 1 / (1 + np.exp(-x @ [1.0, -1.0, 0.5]))).astype(float)
        made.append(Party(f"bank-{i}", {"t": Table.from_matrix(x, y)}))
    return made


def params(job, workers, members=None, **settings):
    with Simulation(members or parties(), workers, **settings).session(job) as session:
        return session.run().last(Learning).chosen.tobytes()


JOBS = {
    "linear": Rounds(Linear(), Local(epochs=2, batch=8, learning_rate=0.1), rounds=4, check_every=0),
    "tabular, momentum": Rounds(
        Tabular(hidden=(6, 5)), Local(epochs=1, batch=7, optimizer="momentum"), rounds=4, check_every=0
    ),
    "a cohort, clipped, noisy from the seed, Adam": Rounds(
        Tabular(hidden=(6,)),
        Local(steps=5, batch=9, optimizer="adam", learning_rate=0.01),
        (fixed(5), by_examples(), clip_l2(0.5), perturb(0.01, reproducible_noise=True), weighted_mean(), adam(0.01)),
        rounds=4,
        check_every=0,
    ),
}


@pytest.mark.parametrize("name", JOBS)
def test_bits_do_not_depend_on_the_number_of_processes(name):
    job = Job("bits", (JOBS[name],))
    alone = params(job, 1)
    assert params(job, 2) == alone
    assert params(job, 3) == alone
    assert params(job, 1, clock=lambda party, name: 1.0) == alone


def test_a_whole_job_has_the_same_bits_and_figures_on_a_crew():
    job = Job("whole", (Prepare(), JOBS["linear"], Evaluate()))
    found = []
    for workers in (1, 3):
        with Simulation(parties(5, 120), workers).session(job) as session:
            done = session.run()
            found.append((done.last(Learning).params.tobytes(), done.results[2].parties, sorted(session.memories())))
    assert repr(found[0]) == repr(found[1])


def test_a_rule_of_the_running_script_needs_no_worker_to_know_it():
    mine = rule(lambda updates, weights: updates.mean(axis=0))
    job = Job("mine", (Rounds(chain=(mine,), rounds=2, check_every=0),))
    assert params(job, 3) == params(job, 1)


def test_a_crew_is_called_only_once_the_work_has_taken_a_while():
    job = Job("short", (JOBS["linear"],))
    with Simulation(parties()).session(job) as session:
        session.run()
        assert session.crew is None
        session.spent = 1e9
        session.run()
        assert session.crew is not None or session.wanted == 1


def test_there_is_at_most_one_process_a_party():
    job = Job("few", (JOBS["linear"],))
    with Simulation(parties(3), workers=24).session(job) as session:
        session.run()
        assert len(session.crew.workers) == 2  # and this one


def test_a_crew_takes_only_the_cores_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5}, raising=False)
    with Simulation(parties()).session(Job("few", (JOBS["linear"],))) as session:
        assert session.wanted == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    with Simulation(parties()).session(Job("few", (JOBS["linear"],))) as session:
        assert session.wanted == min(os.cpu_count() or 1, 9)


def test_parties_and_workers_are_checked():
    with pytest.raises(ConfigError, match="name of its own"):
        Simulation([*parties(2), *parties(1)])
    with pytest.raises(ConfigError, match="at least 0"):
        Simulation(parties(), workers=-1)


def test_tables_on_disk_stay_in_this_process_and_give_the_same_bits():
    def lay(column):
        values = room(column.values.shape, column.values.dtype)
        values[:] = column.values
        return dataclasses.replace(column, values=values)

    members = parties(3, 120)
    far = []
    for party in members:
        table = party.table("")
        laid = Table.of([lay(table.column(name)) for name in table.names], target=table.target)
        far.append(Party(party.name, {"t": laid}))
    job = Job("far", (Prepare(), Rounds(Tabular(hidden=(6,)), Local(epochs=1, batch=9), rounds=2), Evaluate()))
    with Simulation(far, workers=2).session(job) as session:
        found = session.run().last(Learning).chosen.tobytes()
        assert session.crew is None
    assert found == params(job, 2, members)
