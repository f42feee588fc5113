"""SIGKILL of real processes at every named step: each job ends with a simulation's bits, and each word counts once."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from dataclasses import dataclass, field, replace

import pytest

from hansa.cli.rig import Rig
from hansa.core.job import Job
from hansa.core.table import Table
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import COUNTED, Store
from hansa.engines.simulation import Simulation
from hansa.errors import PartyLost
from hansa.running.verb import run
from tests.engines.network.die_at import COORDINATOR, LARGE, NODE
from tests.engines.network.federation import members

TEXT = """
name = "{name}"
min_parties = 3
[data]
table = "loans"
target = "late"
[[steps]]
use = "prepare"
[[steps]]
use = "rounds"
rounds = {rounds}
check_every = 2
trainer = {{use = "tabular", hidden = {hidden}}}
"""
NAMES = ("bank-0", "bank-1", "bank-2")
EVERYBODY = ("coordinator", *NAMES)
PATIENCE = 60.0


def job_of(name, rounds, hidden):
    return Job.from_toml(Job.from_toml(TEXT.format(name=name, rounds=rounds, hidden=hidden)).to_toml())


def tables():
    found = {}
    for party in members():
        table = party.table("t")
        found[party.name] = Table.of({name: table.column(name).values.tolist() for name in table.names}, target="late")
    return found


@dataclass
class Trial:
    """One rig, on which jobs run one after another while processes are killed and started again."""

    folder: object
    rounds: int = 4
    hidden: tuple = (4,)
    jobs: list = field(default_factory=list)
    killed: list = field(default_factory=list)
    trouble: list = field(default_factory=list)

    def __post_init__(self):
        self.rig = Rig.lay_out(self.folder / "rig", job_of("first", self.rounds, list(self.hidden)), tables())
        self.lock = threading.Lock()

    def begin(self, name, point=None, count=1):
        """Start a process, one that will die at a point if there is one; it may do so at once."""
        armed = ("-m", "tests.engines.network.die_at", *point, str(count)) if point else self.rig.program
        try:
            replace(self.rig, program=armed).start(name)
        except PartyLost:
            if point is None:
                raise

    def kill(self, *names):
        for name in names:
            self.rig.kill(name)

    def at_points(self, name, points, draw, others=()):
        """Let a process die at one point after another; `others` are killed and started with it."""
        for point in points:
            self.kill(name)
            self.begin(name, point, 1 if point.kind == "Hello" else draw.randint(1, 2))  # that is said once a line
            process, end = self.rig.processes[name], time.monotonic() + PATIENCE
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.005)
            if process.returncode != -signal.SIGKILL:
                raise AssertionError(f"{name} did not die {point}, but ended with {process.returncode}")
            self.killed.append(f"{name} {point}")
            self.kill(*others)
            for other in others:
                self.begin(other)
        self.kill(name)
        self.begin(name)

    def at_random(self, instants, draw):
        """Kill one process, or all of them, at random instants."""
        for _ in range(instants):
            time.sleep(draw.uniform(0.05, 0.6))
            names = EVERYBODY if draw.random() < 0.2 else (draw.choice(EVERYBODY),)
            self.kill(*names)
            self.killed.append(" ".join(names))
            for name in names:
                self.begin(name)

    def under(self, *work):
        """Run jobs until the work, in threads, is done; what went wrong in it."""
        threads = [threading.Thread(target=self.guarded, args=one) for one in work]
        with self.rig:
            self.rig.start_all()
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads) or not self.jobs:
                job = job_of(f"job {len(self.jobs)}", self.rounds, list(self.hidden))
                result = run(job, on=Consortium(self.rig.card, patience=PATIENCE), baselines=False)
                self.jobs.append((job, result.model.parameters_sha256))
            for thread in threads:
                thread.join()
            self.wanted = run(self.jobs[0][0], on=Simulation(self.rig.parties()), baselines=False)
        assert not self.trouble, self.trouble
        return self.verdict()

    def guarded(self, function, *arguments):
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - told where the test can see it
            self.trouble.append(repr(error))

    def verdict(self):
        """Every job has the bits of a simulation; every round counts each bank once; nothing acknowledged is lost."""
        assert {digest for _, digest in self.jobs} == {self.wanted.model.parameters_sha256}
        store = Store(self.rig.folder / "consortium" / "store")
        sites = [SiteStore(self.rig.folder / name / "state") for name in NAMES]
        try:
            heard = set(store.database.rows("SELECT job, step, keep, turn, attempt, party, digest FROM words"))
            assert store.database.rows("SELECT count(*) FROM conflicts") == [(0,)]
            for job, _ in self.jobs:
                assert store.job(job.digest).state == "done"
                trained = store.database.rows(
                    "SELECT keep, party, count(*) FROM words WHERE job = ? AND kind = 'Train' AND fate = ?"
                    " GROUP BY keep, party",
                    *(job.digest, COUNTED),
                )
                assert len(trained) == self.rounds * len(NAMES)
                assert {count for *_, count in trained} == {1}
            for name, site in zip(NAMES, sites, strict=True):
                assert site.verify() is None
                rows = site.database.rows("SELECT job, step, keep, turn, attempt, digest FROM given WHERE acknowledged")
                assert {(*row[:5], name, row[5]) for row in rows} <= heard
                lines = [(one.line.job, one.line.name) for one in site.ledger.lines()]
                assert len(set(lines)) == len(lines)
        finally:
            for one in (store, *sites):
                one.close()
        return (
            f"{len(self.killed)} instants tried, {len(self.jobs)} jobs; none lost, none counted twice, "
            "every model bit-equal"
        )


@pytest.fixture
def tell(capsys):
    """Print a line also where nothing fails."""

    def told(line):
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return told


@pytest.mark.slow
def test_the_coordinator_dies_at_every_named_step(tmp_path, tell):
    trial, draw = Trial(tmp_path), random.Random(1)
    tell("coordinator: " + trial.under((trial.at_points, "coordinator", COORDINATOR, draw)))
    assert len(set(trial.killed)) == len(COORDINATOR) >= 25


@pytest.mark.slow
def test_a_node_dies_at_every_named_step(tmp_path, tell):
    trial, draw = Trial(tmp_path), random.Random(2)
    halves = (NODE[::2], NODE[1::2])
    work = [(trial.at_points, name, half, draw) for name, half in zip(NAMES, halves, strict=False)]
    tell("nodes: " + trial.under(*work))
    assert len(set(trial.killed)) == len(NODE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coordinator", "bank-1"])
def test_all_die_at_once_wherever_a_large_word_is_written(tmp_path, tell, name):
    """Words that are files of their own: each is written, synced, named, and its name synced."""
    trial, others = Trial(tmp_path, hidden=(300, 300)), [one for one in EVERYBODY if one != name]
    tell(f"all, at {name}'s files: " + trial.under((trial.at_points, name, LARGE, random.Random(4), others)))
    assert len(set(trial.killed)) == len(LARGE)


@pytest.mark.slow
def test_one_or_all_die_at_20_random_instants(tmp_path, tell):
    trial = Trial(tmp_path)
    tell("random: " + trial.under((trial.at_random, 20, random.Random(3))))
    assert len(trial.killed) == 20


@pytest.mark.soak
def test_one_or_all_die_at_200_random_instants(tmp_path, tell):
    trial = Trial(tmp_path)
    tell("random: " + trial.under((trial.at_random, 200, random.Random(5))))
    assert len(trial.killed) == 200
