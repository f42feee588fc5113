"""A consortium of real processes, for tests: they die, stand still and start again while jobs run, and are judged."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import dataclass, field, replace

from hansa.cli.rig import Rig
from hansa.core.job import Job
from hansa.core.table import Table
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.replay import replay
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import COUNTED, Store
from hansa.engines.simulation import Simulation
from hansa.errors import PartyLost
from hansa.running.verb import run
from tests.engines.network.federation import members

TEXT = """
name = "{name}"
{settings}
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
chain = ["by_examples", "{combine}"]
"""
NAMES = ("bank-0", "bank-1", "bank-2")
EVERYBODY = ("coordinator", *NAMES)
PATIENCE, LONG = 120.0, 280.0
"""Seconds for a process to come to a step, and for one who follows a job while the coordinator dies again and again."""


def job_of(name, rounds, hidden, settings="min_parties = 3", combine="weighted_mean", text=TEXT):
    text = text.format(name=name, rounds=rounds, hidden=list(hidden), settings=settings, combine=combine)
    return Job.from_toml(Job.from_toml(text).to_toml())


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
    settings: str = "min_parties = 3"
    combine: str = "weighted_mean"
    text: str = TEXT
    jobs: list = field(default_factory=list)
    killed: list = field(default_factory=list)
    trouble: list = field(default_factory=list)

    def __post_init__(self):
        self.rig = Rig.lay_out(self.folder / "rig", self.job("first"), tables())
        self.lock = threading.Lock()

    def job(self, name):
        return job_of(name, self.rounds, self.hidden, self.settings, self.combine, self.text)

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
        """Run jobs until the work, in threads, is done, and judge them."""
        self.carry(*work)
        self.simulate()
        return self.verdict()

    def carry(self, *work):
        """Run jobs until the work is done, and nothing went wrong in it."""
        threads = [threading.Thread(target=self.guarded, args=one) for one in work]
        with self.rig:
            self.rig.start_all()
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads) or not self.jobs:
                job = self.job(f"job {len(self.jobs)}")
                result = run(job, on=Consortium(self.rig.card, patience=LONG), baselines=False)
                self.jobs.append((job, result.model.parameters_sha256))
            for thread in threads:
                thread.join()
        assert not self.trouble, self.trouble

    def simulate(self):
        """Run the same job on the same rows in one process."""
        self.wanted = run(self.jobs[0][0], on=Simulation(self.rig.parties()), baselines=False)

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
                assert len({replay(job, NAMES, JobJournal(store, job)) for _ in range(2)}) == 1
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
