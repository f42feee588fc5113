"""A coordinator and banks on one event loop, over pipes in memory that can be cut at any message."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from hansa.core.carry import Carrier, near
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.table import Table
from hansa.engines.network.board import Board
from hansa.engines.network.hub import Hub
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.node import Node
from hansa.engines.network.sayings import Offer
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import Store
from hansa.engines.network.stream import Ends, Tube
from hansa.errors import HansaError, PartyLost
from hansa.horizontal.rounds import Learning

TEXT = """
name = "net"
min_parties = 1
data = {target = "late"}

[[steps]]
use = "prepare"

[[steps]]
use = "rounds"
rounds = 4
check_every = 2
trainer = {use = "tabular", hidden = [4]}

[[steps]]
use = "evaluate"
"""
UNSIGNED = bytes(64)


def believe(sender, digest, signature):
    """Check no signature: streams have tests of their own."""


def members(count=3):
    made = []
    for i in range(count):
        rng = np.random.default_rng(i)
        x = rng.normal(size=(120, 2))
        late = (x[:, 0] + rng.normal(size=120) > 0).astype(int)
        table = Table.of({"a": x[:, 0], "b": x[:, 1], "late": late}, target="late")
        made.append(Party(f"bank-{i}", {"t": table}))
    return made


def job_of(text=TEXT):
    return Job.from_toml(Job.from_toml(text).to_toml())


def chosen(done):
    return done.last(Learning).chosen.tobytes()


def alone(job, parties):
    """The same job in one process."""
    return chosen(near(job, seats_of(job, parties), in_process(job, parties)).run())


@dataclass
class Cut:
    """A pipe that breaks, at both ends, after so many messages."""

    ends: Ends
    left: list[int]

    def step(self):
        self.left[0] -= 1
        if self.left[0] < 0:
            for tube in (self.ends.out, self.ends.back):
                while tube.queue.full():
                    tube.queue.get_nowait()
                tube.queue.put_nowait(None)
            raise PartyLost("The wire was cut.")

    async def read(self):
        self.step()
        return await self.ends.read()

    async def write(self, message):
        self.step()
        await self.ends.write(message)


@dataclass
class Federation:
    """What a test needs to start, cut and start again."""

    folder: object
    job: Job
    parties: list[Party]
    refusals: dict = field(default_factory=dict)
    disks: dict = field(default_factory=dict)
    cuts: object = staticmethod(lambda: 10**9)
    hub: Hub | None = None
    board: Board | None = None
    store: Store | None = None
    nodes: dict = field(default_factory=dict)
    tasks: list = field(default_factory=list)

    async def start(self, *, only=None):
        """Open the coordinator on its folder, and every bank on its own."""
        self.store = Store(self.folder / "coordinator", self.disks.get("coordinator"))
        names = [party.name for party in self.parties]
        digest = self.store.submit(self.job.to_toml(), "anna", names)
        self.hub = Hub(self.store, lambda digest: UNSIGNED, believe)
        journal = JobJournal(self.store, self.job)
        offer = Offer(self.job.to_toml(), dict.fromkeys(names, ""), "anna")
        self.board = Board(self.hub, digest, offer, journal)
        for party in self.parties:
            if only is None or party.name in only:
                self.join(party)
        self.hub.open_job(self.board)

    def join(self, party):
        """Bring a bank up, from what its store holds."""
        store = SiteStore(self.folder / party.name, self.disks.get(party.name))
        node = Node(
            party,
            store,
            lambda digest: UNSIGNED,
            believe,
            lambda job: in_process(job, [party]),
            lambda job, offer: self.refusals.get(party.name),
        )
        task = asyncio.create_task(node.serve(self.dialler(party.name), self.soon))
        self.nodes[party.name] = (task, store)

    async def leave(self, name):
        """Kill a bank's node."""
        task, store = self.nodes.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        store.close()

    @staticmethod
    async def soon(seconds):
        await asyncio.sleep(min(seconds, 0.01))

    def dialler(self, name):
        async def dial():
            there, back, left = Tube(), Tube(), [self.cuts()]
            self.tasks.append(asyncio.create_task(self.attend(Cut(Ends(back, there), left), name)))
            return Cut(Ends(there, back), left)

        return dial

    async def attend(self, pipe, name):
        """Serve a node as a server does: an error ends the stream."""
        with suppress(HansaError):
            await self.hub.attend(pipe, name)
        pipe.left[0] = 0
        with suppress(PartyLost):
            pipe.step()

    async def run(self, watch=None):
        """Carry the job in a thread."""
        names = [party.name for party in self.parties]
        return await asyncio.to_thread(Carrier(self.job, names, self.board, self.board.journal).run, watch)

    async def stop(self):
        """Take everything down, as a crash would, but for the files that it closes."""
        for name in list(self.nodes):
            await self.leave(name)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()
        self.hub.stop()
        self.store.close()
