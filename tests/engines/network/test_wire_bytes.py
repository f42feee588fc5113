"""Nothing leaves that is not in the ledger: a proxy on the line counts the bytes of the payloads, and little more."""

from __future__ import annotations

import asyncio

import pytest

from hansa.engines.network.consortium import Consortium
from hansa.engines.network.site_store import read_ledger, verified
from hansa.running.accounted import unexplained
from tests.engines.network.federation import TEXT, Federation, alone, chosen, job_of, members
from tests.engines.network.proxy import Proxy
from tests.engines.network.test_secure_sums import SECURE, banks
from tests.engines.network.town import Town

WIDE = TEXT.replace("hidden = [4]", "hidden = [4000]").replace("rounds = 4", "rounds = 6")
LINE = 8_000
"""Bytes of a line besides words: a TLS handshake with two certificates, the hello, and what HTTP/2 settles."""
WORD = 700
"""Bytes around one word: its envelope (names, digests, shapes), its signature, and the heads of HTTP/2 and TLS."""
SHARE = 0.01
"""Of large payloads: heads of frames and of TLS records."""


@pytest.fixture
def town(tmp_path):
    made = Town(tmp_path, members())
    made.open()
    yield made
    made.close()


def test_a_proxy_counts_what_the_ledger_says(town):
    proxies = {party.name: Proxy(town.port) for party in town.parties}
    straight = town.port
    for party in town.parties:
        town.port = town.on(proxies[party.name].start())
        town.join(party)
    town.port = straight
    job = job_of(WIDE)
    path, _ = town.card("anna", "scientist")
    with Consortium(path).session(job) as visit:
        assert chosen(visit.run(None)) == alone(job, town.parties)
    for party in town.parties:
        town.leave(party.name)
        proxy = proxies[party.name]
        ledger = read_ledger(town.folder / party.name / "state")
        lines = ledger.lines()
        payload = sum(one.line.size for one in lines)
        assert proxy.connections == 1
        assert payload > 400_000
        assert payload <= proxy.up <= payload * (1 + SHARE) + WORD * len(lines) + LINE, (payload, proxy.up, len(lines))
        assert verified(ledger) is None
        assert unexplained(job, lines) == ()
        ledger.database.close()
        town.on(proxy.stop())
    town.on(asyncio.sleep(0))


@pytest.mark.parametrize("chain", ["secure_sum", "encrypted_sum"])
def test_the_job_explains_what_leaves_in_secure_sums(tmp_path, chain):
    job = job_of(SECURE.replace("secure_sum", chain))
    federation = Federation(tmp_path, job, banks())

    async def whole():
        await federation.start()
        try:
            await federation.run()
            return [store.ledger.lines() for _, store in federation.nodes.values()]
        finally:
            await federation.stop()

    for lines in asyncio.run(asyncio.wait_for(whole(), 60)):
        assert {one.line.protection for one in lines if one.line.kind == "Train"} == {"secure sum"}
        assert unexplained(job, lines) == ()
