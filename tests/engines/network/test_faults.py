"""Real TLS through bad weather: whatever becomes of the bytes, a job gives the bits of one process and never hangs."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from hansa.core.carry import Carrier
from hansa.core.post import in_process
from hansa.engines.network import channel
from hansa.engines.network.board import Board
from hansa.engines.network.channel import dialler, listen
from hansa.engines.network.hub import Hub
from hansa.engines.network.identity import Identity
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.membership import Membership
from hansa.engines.network.node import Node
from hansa.engines.network.sayings import Offer
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import Store
from hansa.errors import TooFewParties
from tests.engines.network.banks import NOW, consortium, enrolled
from tests.engines.network.federation import TEXT, alone, chosen, job_of, members
from tests.engines.network.proxy import Proxy, Weather

HOUR = timedelta(hours=1).total_seconds()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    org = consortium(folder / "org")
    for name in ("bank-0", "bank-1", "bank-2"):
        enrolled(org, name, folder / name)
    return folder


@dataclass
class Rig:
    """A coordinator and three banks, each of which dials through a proxy of its own."""

    folder: object
    house: object
    job: object = field(default_factory=job_of)
    weather: object = Weather
    clock: object = None
    lines: list = field(default_factory=list)
    proxies: list = field(default_factory=list)
    stores: list = field(default_factory=list)
    watch: object = None

    async def run(self):
        """Carry the job; what the plan chose."""
        org, parties = Membership(self.house / "org"), members()
        timed = {} if self.clock is None else {"clock": self.clock}
        roster, store = org.roster(NOW), Store(self.folder / "coordinator", **timed)
        hub = Hub(store, org.identity.sign, roster.verify)
        names = [party.name for party in parties]
        digest = store.submit(self.job.to_toml(), "anna", names)
        board = Board(hub, digest, Offer(self.job.to_toml(), roster.members), JobJournal(store, self.job))
        server, port = await listen("127.0.0.1:0", org.identity, org.trust, hub.attend)
        self.stores.append(store)
        tasks = [asyncio.create_task(await self.bank(party, roster, port, timed)) for party in parties]
        hub.open_job(board)
        try:
            return chosen(await asyncio.to_thread(Carrier(self.job, names, board, board.journal).run, self.watch))
        finally:
            board.stop()  # of no effect on a job that is over; else its thread would wait on
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for proxy in self.proxies:
                await proxy.stop()
            await server.stop(0)
            hub.stop()

    async def bank(self, party, roster, port, timed):
        """A bank's node, from what its store holds."""
        proxy = Proxy(port, self.weather)
        self.proxies.append(proxy)
        identity, store = Identity.read(self.house / party.name), SiteStore(self.folder / party.name, **timed)
        self.stores.append(store)
        node = Node(
            party,
            store,
            identity.sign,
            roster.verify,
            lambda job: in_process(job, [party]),
            lambda job, offer: None,
        )
        return node.serve(dialler(f"localhost:{await proxy.start()}", identity), self.soon)

    @staticmethod
    async def soon(seconds):
        await asyncio.sleep(min(seconds, 0.02))


def through(rig, patience=60):
    """Run it, and check that every word that the coordinator has left its site by a line of the ledger, once."""

    async def within():
        return await asyncio.wait_for(rig.run(), patience)

    try:
        found = asyncio.run(within())
        store, *sites = rig.stores
        heard = store.database.rows("SELECT digest FROM words ORDER BY digest")
        told = [(one.line.digest,) for site in sites for one in site.ledger.lines()]
        assert heard == sorted(told)
        assert [site.verify() for site in sites] == [None] * len(sites)
    finally:
        for one in rig.stores:
            one.close()
    return found


@pytest.mark.parametrize("seed", range(3))
def test_lines_that_are_cut_at_any_byte_change_no_bit(tmp_path, house, seed):
    draw = random.Random(seed)
    rig = Rig(tmp_path, house, weather=lambda: Weather(cut=draw.randint(500, 90_000)))
    assert through(rig) == alone(rig.job, members())
    assert sum(proxy.connections for proxy in rig.proxies) > 6


@pytest.mark.parametrize("what", ["damaged", "doubled"])
def test_bytes_that_are_damaged_or_come_twice_change_no_bit(tmp_path, house, what):
    draw = random.Random(7)
    rig = Rig(tmp_path, house, weather=lambda: Weather(**{what: draw.randint(500, 90_000)}))
    assert through(rig) == alone(rig.job, members())
    assert sum(proxy.connections for proxy in rig.proxies) > 3


def test_a_slow_line_changes_no_bit(tmp_path, house):
    draw = random.Random(3)
    rig = Rig(tmp_path, house, weather=lambda: Weather(delay=draw.uniform(0.001, 0.02), rate=2e6))
    assert through(rig) == alone(rig.job, members())


def test_a_line_that_falls_silent_is_noticed_and_dialled_again(tmp_path, house, monkeypatch):
    monkeypatch.setattr(channel, "BEAT", 1.0)
    draw = random.Random(11)
    rig = Rig(tmp_path, house, weather=lambda: Weather(silent=draw.randint(500, 90_000)))
    assert through(rig) == alone(rig.job, members())
    assert sum(proxy.connections for proxy in rig.proxies) > 3


def test_a_quiet_line_stays_up(house, monkeypatch):
    monkeypatch.setattr(channel, "BEAT", 1.0)
    org = Membership(house / "org")

    async def quiet():
        async def attend(pipe, peer):
            while (message := await pipe.read()) is not None:
                await pipe.write(message)

        server, port = await listen("127.0.0.1:0", org.identity, org.trust, attend)
        try:
            pipe = await dialler(f"localhost:{port}", Identity.read(house / "bank-0"))()
            await pipe.write(b"hello")
            first = await pipe.read()
            await asyncio.sleep(6)  # more beats than a server bears with that was not told of them
            await pipe.write(b"still there")
            return first, await pipe.read()
        finally:
            await server.stop(0)

    assert asyncio.run(asyncio.wait_for(quiet(), 30)) == (b"hello", b"still there")


def test_a_bank_that_cannot_be_reached_hangs_no_turn_and_is_back_later(tmp_path, house):
    keeps = []
    job = job_of("quorum = 2\ndeadline = 0.5\nset_aside_after = 0\n" + TEXT.replace("rounds = 4", "rounds = 16"))

    def watch(keep):
        keeps.append(keep)
        rig.proxies[1].refusing = len(keeps) in {4, 5}
        if len(keeps) == 4:
            for task in list(rig.proxies[1].tasks):
                task.get_loop().call_soon_threadsafe(task.cancel)

    rig = Rig(tmp_path, house, job=job, watch=watch)
    try:
        assert asyncio.run(asyncio.wait_for(rig.run(), 60))
        trained = "SELECT count(*) FROM words WHERE kind = 'Train' GROUP BY keep ORDER BY keep"
        counts = [count for (count,) in rig.stores[0].database.rows(trained)]
    finally:
        for one in rig.stores:
            one.close()
    assert (counts[0], counts[-1]) == (3, 3), counts
    assert 2 in counts


def test_a_bank_that_never_comes_is_named_at_the_deadline(tmp_path, house):
    rig = Rig(tmp_path, house, job=job_of("deadline = 0.5\n" + TEXT), weather=lambda: Weather(silent=0))
    with pytest.raises(TooFewParties, match="bank-0"):
        through(rig)


def test_clocks_that_jump_lose_nothing(tmp_path, house):
    draw = random.Random(5)
    rig = Rig(tmp_path, house, clock=lambda: 1.7e9 + draw.choice([-1, 0, 1]) * HOUR)
    assert through(rig) == alone(rig.job, members())


def test_what_the_proxy_counts_is_what_the_ledgers_say(tmp_path, house):
    """No payload leaves that is in no line: the bytes are those of the ledger and a little for each message."""
    rig = Rig(tmp_path, house)
    through(rig)
    for proxy, party in zip(rig.proxies, members(), strict=True):
        store = SiteStore(tmp_path / party.name)
        lines = [one.line for one in store.ledger.lines()]
        store.close()
        said = sum(line.size for line in lines)
        assert said < proxy.up < said + 12_000 + 1_500 * len(lines), (party.name, said, proxy.up, len(lines))
