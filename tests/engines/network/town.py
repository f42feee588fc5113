"""A coordinator and banks in one process, over real TLS, on an event loop in a thread; people come with passes."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hansa.core.post import in_process
from hansa.engines.network.calls import Caller
from hansa.engines.network.channel import caller, dialler
from hansa.engines.network.coordinator import Coordinator
from hansa.engines.network.files import save
from hansa.engines.network.identity import Identity
from hansa.engines.network.node import Node
from hansa.engines.network.passes import Pass, give
from hansa.engines.network.privacy_ledger import uncapped
from hansa.engines.network.roster import Roster
from hansa.engines.network.site_store import SiteStore
from tests.engines.network.banks import consortium, enrolled
from tests.engines.network.federation import members


@dataclass
class Town:
    """Folders of a consortium, and what runs over them."""

    folder: object
    parties: list
    beat: float = 0.2
    refusals: dict = field(default_factory=dict)
    caps: dict = field(default_factory=dict)
    org: object = None
    port: int = 0
    nodes: dict = field(default_factory=dict)

    def __post_init__(self):
        self.org = consortium(self.folder / "org")
        for party in self.parties:
            enrolled(self.org, party.name, self.folder / party.name / "keys")
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def on(self, coroutine, patience=30):
        """Run something on the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(patience)

    def open(self):
        """Start the coordinator, at the port that it had."""

        async def begun():
            self.stop, ready = asyncio.Event(), self.loop.create_future()
            self.coordinator = Coordinator(self.org.folder, self.beat)
            self.serving = self.loop.create_task(
                self.coordinator.serve(f"127.0.0.1:{self.port}", ready.set_result, self.stop)
            )
            await asyncio.wait({ready, self.serving}, return_when=asyncio.FIRST_COMPLETED)
            return ready.result() if ready.done() else await self.serving

        self.port = self.on(begun())

    def shut(self):
        """End the coordinator."""

        async def ended():
            self.stop.set()
            await self.serving

        self.on(ended())

    def join(self, party, sign=None):
        """Start a bank's node, which signs with its own key or in another way."""

        async def joined():
            identity = Identity.read(self.folder / party.name / "keys")
            store = SiteStore(self.folder / party.name / "state")
            node = Node(
                party,
                store,
                sign or identity.sign,
                Roster({}, identity.coordinator).verify,
                lambda job: in_process(job, [party]),
                lambda job, offer: self.refusals.get(party.name),
            )
            node.cap = self.caps.get(party.name, uncapped)
            task = self.loop.create_task(node.serve(dialler(f"localhost:{self.port}", identity), self.soon))
            self.nodes[party.name] = (task, store, node)

        self.on(joined())

    @staticmethod
    async def soon(seconds):
        await asyncio.sleep(min(seconds, 0.1))

    def leave(self, name):
        """End a bank's node."""

        async def left():
            task, store, _ = self.nodes.pop(name)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            store.close()

        self.on(left())

    def card(self, name, role):
        """A person's pass, as a file; a second one would take its place."""
        path = self.folder / f"{name}.toml"
        if path.exists():
            return path, Pass.read(path)
        card = replace(give(self.org, name, role, datetime.now(UTC)), coordinator=f"localhost:{self.port}")
        save(path, card)
        return path, card

    def calls(self, name, role):
        """A person at the telephone."""
        _, card = self.card(name, role)
        return Caller(card, caller(card))

    def close(self):
        """End everything."""
        for name in list(self.nodes):
            self.leave(name)
        self.shut()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@contextmanager
def inhabited(folder, parties=None):
    """A town whose coordinator runs and whose banks have joined."""
    made = Town(folder, parties or members())
    made.open()
    for party in made.parties:
        made.join(party)
    yield made
    made.close()
