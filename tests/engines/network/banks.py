"""Three banks and their consortium, with real keys and certificates, for tests."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hansa.engines.network.enrolment import accept, ask
from hansa.engines.network.membership import Charter, Membership

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def consortium(folder, title="Three banks"):
    return Membership.create(folder, Charter(title, "localhost:7443"), NOW)


def enrolled(members, name, folder, now=NOW):
    """A bank that was invited, has asked and was admitted."""
    invitation = members.invite(name, now)
    return accept(members.admit(ask(invitation, folder, now), now), folder, now)


@dataclass(frozen=True)
class Shaken:
    """What came of a TLS handshake: its version, and the certificate that the server saw."""

    version: str
    client: bytes | None


def context(folder, identity, server, authority=None):
    """A TLS 1.3 context as the stream makes it: one's own certificate, and the consortium's authority alone."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.verify_mode = ssl.CERT_REQUIRED
    chain = folder / f"{identity.name}-{server}.pem"
    chain.write_text(identity.tls + identity.tls_key)
    made.load_cert_chain(chain)
    made.load_verify_locations(cadata=authority or identity.authority)
    return made


def shake(server, client, name="localhost"):
    """A handshake in memory, and one byte, so that each side has seen the other's certificate."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=name)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    done: set[int] = set()
    for _ in range(10):
        for side in (near, far):
            try:
                side.do_handshake()
                done.add(id(side))
            except ssl.SSLWantReadError:
                pass
    near.write(b"x")
    assert far.read(1) == b"x"
    assert len(done) == 2
    return Shaken(near.version(), far.getpeercert(binary_form=True))
