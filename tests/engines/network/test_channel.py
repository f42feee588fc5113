"""Real TLS on this machine: the same bits, and nobody else gets in."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest

from hansa.core.carry import Carrier
from hansa.core.post import in_process
from hansa.engines.network import channel
from hansa.engines.network.board import Board
from hansa.engines.network.certificates import self_signed
from hansa.engines.network.channel import dialler, listen
from hansa.engines.network.hub import Hub
from hansa.engines.network.identity import Identity
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.keys import key_text, new_tls_key
from hansa.engines.network.membership import Membership
from hansa.engines.network.names import Subject
from hansa.engines.network.node import Node
from hansa.engines.network.sayings import Offer
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import Store
from hansa.errors import HansaError, PartyLost
from tests.engines.network.banks import NOW, consortium, enrolled
from tests.engines.network.federation import alone, chosen, job_of, members


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A consortium of three banks, and one of somebody else's."""
    folder = tmp_path_factory.mktemp("house")
    org, other = consortium(folder / "org"), consortium(folder / "other", "Others")
    for name in ("bank-0", "bank-1", "bank-2"):
        enrolled(org, name, folder / name)
    enrolled(other, "bank-0", folder / "stranger")
    return folder


async def hang_up(*things):
    for thing in things:
        thing.cancel()
    await asyncio.gather(*things, return_exceptions=True)


async def run(folder, house):
    job, parties = job_of(), members()
    org = Membership(house / "org")
    roster, store = org.roster(NOW), Store(folder / "coordinator")
    hub = Hub(store, org.identity.sign, roster.verify)
    digest = store.submit(job.to_toml(), "anna", [party.name for party in parties])
    board = Board(hub, digest, Offer(job.to_toml(), roster.members, "anna"), JobJournal(store, job))
    server, port = await listen("127.0.0.1:0", org.identity, org.trust, hub.attend)
    tasks, stores = [], []
    for party in parties:
        identity = Identity.read(house / party.name)
        stores.append(SiteStore(folder / party.name))
        node = Node(
            party,
            stores[-1],
            identity.sign,
            roster.verify,
            lambda job, party=party: in_process(job, [party]),
            lambda job, offer: None,
        )
        tasks.append(asyncio.create_task(node.serve(dialler(f"localhost:{port}", identity))))
    hub.open_job(board)
    try:
        names = [party.name for party in parties]
        done = await asyncio.to_thread(Carrier(job, names, board, board.journal).run)
        return chosen(done)
    finally:
        await hang_up(*tasks)
        await server.stop(0.2)
        hub.stop()
        for one in (store, *stores):
            one.close()


def test_a_job_over_real_tls_gives_the_bits_of_one_process(tmp_path, house):
    job, parties = job_of(), members()
    assert asyncio.run(asyncio.wait_for(run(tmp_path, house), 60)) == alone(job, parties)


async def knock(house, identity, *, address="localhost"):
    """Dial with an identity; what the server has heard, and what became of the caller."""
    org, heard = Membership(house / "org"), []

    async def attend(pipe, peer):
        heard.append(peer)
        with suppress(HansaError):
            while await pipe.read() is not None:
                pass

    server, port = await listen("127.0.0.1:0", org.identity, org.trust, attend)
    try:
        pipe = await asyncio.wait_for(dialler(f"{address}:{port}", identity)(), 5)
        await pipe.write(b"hello")
        with suppress(TimeoutError):
            await asyncio.wait_for(pipe.read(), 0.3)
    except (HansaError, TimeoutError) as error:
        return heard, type(error)
    finally:
        await server.stop(0.1)
    return heard, None


def test_a_member_is_known_by_the_name_in_its_certificate(house):
    assert asyncio.run(knock(house, Identity.read(house / "bank-1"))) == (["bank-1"], None)


def test_another_consortiums_certificate_does_not_get_in(house):
    stranger = Identity.read(house / "stranger")
    heard, _ = asyncio.run(knock(house, stranger))
    assert heard == []
    ours = Identity.read(house / "bank-0")
    mixed = type(ours)(**{**vars(ours), "tls": stranger.tls, "tls_key": stranger.tls_key})
    heard, error = asyncio.run(knock(house, mixed))
    assert heard == []
    assert error is PartyLost or error is TimeoutError


def test_a_server_of_another_name_is_not_believed(house):
    heard, error = asyncio.run(knock(house, Identity.read(house / "bank-0"), address="127.0.0.1"))
    assert (heard, error is None) == ([], False)


def test_a_revoked_member_does_not_get_in(tmp_path, house):
    copy = tmp_path / "copy"
    shutil.copytree(house, copy)
    Membership(copy / "org").revoke("bank-2", "left", NOW)
    heard, _ = asyncio.run(knock(copy, Identity.read(copy / "bank-2")))
    assert heard == []


_OLD = """
import socket, ssl, sys
made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
made.load_cert_chain(sys.argv[2])
made.maximum_version = getattr(ssl.TLSVersion, sys.argv[3])
made.set_alpn_protocols(["h2"])
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5) as raw, made.wrap_socket(raw) as line:
    print(line.version())
"""


@pytest.mark.parametrize(("version", "wanted"), [("TLSv1_3", "TLSv1.3"), ("TLSv1_2", "")])
def test_only_tls_1_3_is_spoken(tmp_path, house, version, wanted):
    identity = Identity.read(house / "bank-0")
    chain = tmp_path / "chain.pem"
    chain.write_text(identity.tls + identity.tls_key)

    async def spoken():
        org = Membership(house / "org")

        async def attend(pipe, peer):
            await pipe.read()

        server, port = await listen("127.0.0.1:0", org.identity, org.trust, attend)
        try:
            command = [sys.executable, "-c", _OLD, str(port), str(chain), version]
            return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        finally:
            await server.stop(0.1)

    found = asyncio.run(spoken())
    assert found.stdout.strip() == wanted, found.stderr
    assert wanted or "SSL" in found.stderr


def test_a_port_that_is_taken_is_said(house):
    org = Membership(house / "org")

    async def twice():
        server, port = await listen("127.0.0.1:0", org.identity, org.trust, None)
        try:
            await listen(f"127.0.0.1:{port}", org.identity, org.trust, None)
        finally:
            await server.stop(0)

    with pytest.raises(PartyLost, match="can listen"):
        asyncio.run(twice())


def test_a_banks_own_authority_counts_from_the_moment_that_it_is_accepted_and_no_longer(tmp_path, monkeypatch):
    monkeypatch.setattr(channel, "_LOOK", 0.0)
    org = consortium(tmp_path / "org")
    theirs, key = self_signed("Bank C's authority", new_tls_key(), NOW), new_tls_key()
    text = theirs.issue(key.public_key(), Subject("bank-c"), "tls", (), NOW)
    bank = Identity("bank-c", text, "", org.identity.authority, "", key_text(key), "")

    async def attend(pipe, peer):
        await pipe.write(peer.encode())

    async def heard(port):
        try:
            pipe = await dialler(f"localhost:{port}", bank)()
            return await pipe.read()
        except PartyLost:
            return b""

    async def tried():
        server, port = await listen("127.0.0.1:0", org.identity, org.trust, attend)
        found = [await heard(port)]
        org.accept("bank-c", theirs.certificate)
        found.append(await heard(port))
        org.revoke("bank-c", "left", NOW)
        found.append(await heard(port))
        await server.stop(0.2)
        return found

    assert asyncio.run(asyncio.wait_for(tried(), 60)) == [b"", b"bank-c", b""]
