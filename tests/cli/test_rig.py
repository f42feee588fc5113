"""A consortium of processes: killed by SIGKILL at any instant, the job ends with the bits of a simulation."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from hansa.cli.rig import Rig
from hansa.cli.trial import _cast
from hansa.core.job import Job
from hansa.core.table import Table
from hansa.engines.network.calls import Caller
from hansa.engines.network.channel import caller
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.passes import Pass
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import Store
from hansa.engines.simulation import Simulation
from hansa.errors import PartyLost
from hansa.running.verb import run
from tests.engines.network.federation import members

TEXT = """
name = "killed"
min_parties = 3
[data]
table = "loans"
target = "late"
[[steps]]
use = "prepare"
[[steps]]
use = "rounds"
rounds = {rounds}
check_every = 5
trainer = {{use = "tabular", hidden = [4]}}
[[steps]]
use = "evaluate"
"""
EXAMPLES = Path(__file__).parents[2] / "examples" / "jobs"
EVERYBODY = ("coordinator", "bank-0", "bank-1", "bank-2")


def tables():
    return {party.name: Table.of(rows(party), target="late") for party in members()}


def rows(party):
    table = party.table("t")
    return {name: table.column(name).values.tolist() for name in table.names}


def rig_of(folder, rounds):
    job = Job.from_toml(Job.from_toml(TEXT.format(rounds=rounds)).to_toml())
    return job, Rig.lay_out(folder / "rig", job, tables())


@contextmanager
def killing(rig, who, pauses):
    """Kill and start again while something goes on; how often."""
    over, kills = threading.Event(), []

    def work():
        for name, pause in zip(who, pauses, strict=True):
            if over.wait(pause):
                return
            rig.kill(name)
            kills.append(name)
            try:
                rig.start(name)
            except PartyLost as error:
                kills.append(error)
                return

    killer = threading.Thread(target=work)
    killer.start()
    try:
        yield kills
    finally:
        over.set()
        killer.join()
        assert set(kills) <= set(EVERYBODY), (rig.folder / f"{kills[-2]}.log").read_text()


def counted_once(folder, digest, names):
    """No word counts twice, nothing clashes, and every ledger is whole."""
    store = Store(folder / "consortium" / "store")
    try:
        assert store.job(digest).state == "done"
        assert "conflict" not in [note.kind for note in store.notes(digest)]
    finally:
        store.close()
    for name in names:
        site = SiteStore(folder / name / "state")
        try:
            assert site.verify() is None
            lines = [one.line for one in site.ledger.lines(digest)]
            assert len({line.name for line in lines}) == len(lines)
        finally:
            site.close()


def survive(folder, rounds, seed, count):
    """Run a job under `count` kills at random instants; how many there were."""
    draw = random.Random(seed)
    job, rig = rig_of(folder, rounds)
    who = [draw.choice(EVERYBODY) for _ in range(count)]
    with rig:
        rig.start_all()
        with killing(rig, who, [draw.uniform(0.05, 0.6) for _ in who]) as kills:
            found = run(job, on=Consortium(rig.card, patience=60))
        simulated = run(job, on=Simulation(rig.parties()), baselines=False)
    assert found.model.parameters_sha256 == simulated.model.parameters_sha256
    counted_once(rig.folder, job.digest, rig.names)
    return len(kills)


def test_killed_at_random_instants_it_gives_the_bits_of_a_simulation(tmp_path):
    assert survive(tmp_path, rounds=60, seed=1, count=4) >= 2


def over_the_network(path, data, folder, rounds=None):
    """A job of the examples between processes, and in one; the two models' digests."""
    job, tables = _cast(path, data, rounds)
    with Rig.lay_out(folder / "rig", job, tables) as rig:
        rig.start_all()
        found = run(job, on=Consortium(rig.card))
        near = run(job, on=Simulation(rig.parties(), workers=1), baselines=False)
    return found.model.parameters_sha256, near.model.parameters_sha256


@pytest.mark.slow
def test_a_torch_job_runs_over_the_network_unchanged(tmp_path, shared_data):
    pytest.importorskip("torch")
    far, near = over_the_network(EXAMPLES / "uci_default_mlp_torch.toml", shared_data, tmp_path, rounds=3)
    assert far == near


@pytest.mark.soak
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_runs_over_the_network_unchanged(tmp_path, shared_data, path, tell):
    begun = time.monotonic()
    far, near = over_the_network(path, shared_data, tmp_path)
    same = "the same bits as" if far == near else "OTHER BITS than"
    tell(f"{path.name}: {same} a simulation, both in {time.monotonic() - begun:.0f} s")
    assert (far == near) is not ("private" in path.stem)  # noise that protects somebody is never drawn twice


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_killed_two_hundred_times(tmp_path, seed, tell):
    kills = survive(tmp_path, rounds=300, seed=seed, count=10)
    tell(f"a rig of four processes: {kills} killed in one job of 300 rounds, same bits, each word counted once")
    assert kills >= 5


def test_all_processes_end_with_the_context_and_one_that_cannot_start_is_named(tmp_path):
    _, rig = rig_of(tmp_path, 2)
    with rig:
        rig.start_all()
        running = dict(rig.processes)
        assert {name for name, process in running.items() if process.poll() is None} == set(EVERYBODY)
    assert {process.poll() for process in running.values()} == {0}
    (rig.folder / "bank-1" / "loans.csv").unlink()
    with rig, pytest.raises(PartyLost, match="bank-1 did not start"):
        rig.start_all()


def test_a_stop_does_not_wait_for_training(tmp_path):
    job, rig = rig_of(tmp_path, 500)
    with rig:
        rig.start_all()
        card = Pass.read(rig.card)
        calls = Caller(card, caller(card))
        digest = calls.submit(job)
        while len(calls.log(digest, 0, 5.0)[0]) < 3:
            pass
        calls.stop(digest)
        end = time.monotonic() + 20
        while calls.status(digest)[0].state != "stopped" and time.monotonic() < end:
            time.sleep(0.05)
        assert calls.status(digest)[0].state == "stopped"
