"""The only room of gRPC: one bidirectional stream of bytes for each node, mutual TLS, dialled by the node.

No port is opened at a bank. Messages are bytes, and the method takes and gives bytes: nothing is parsed before
`hansa.engines.network.stream` does. Older TLS than 1.3 is not spoken.

    server, port = await listen("0.0.0.0:7443", identity, members.trust, hub.attend)    at the coordinator
    pipe = await dialler("hansa.example:7443", identity)()                               at a bank
    answer = caller(card)(question)                                                      of one who has a pass
    answer = applicant(way)(question)                                                    of one who wants certificates

Example:
    >>> GrpcPipe(call=None, end=None).end is None, callable(listen), callable(dialler), callable(caller)
    (True, True, True, True)
    >>> callable(applicant), Way("hansa.example:7443", "", "", "").server
    (True, '')
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from hansa.engines.network.stream import CHUNK, Pipe
from hansa.errors import HansaError, IdentityError, PartyLost
from hansa.extras import need

if TYPE_CHECKING:
    from hansa.engines.network.identity import Identity, Trust
    from hansa.engines.network.names import Role
    from hansa.engines.network.passes import Pass

SERVICE: Final = "hansa.v1.Consortium"
_TALK: Final = f"/{SERVICE}/Talk"
_CALL: Final = f"/{SERVICE}/Call"
_APPLY: Final = f"/{SERVICE}/Apply"
_AHEAD: Final = 1 << 20  # bytes of a stream that may lie unread: 160 Mbit a second where the other end is 50 ms away
_PATIENCE: Final = 60.0  # seconds for one call; the longest that a coordinator lets a caller wait is a third of it
_LOOK: Final = 2.0  # seconds for which authorities that open a connection are believed unread
BEAT: Final = 20.0
"""Seconds of silence after which either end looks whether the other is still there; it has half of that to answer."""
# gRPC has no switch for the version of TLS. TLS 1.3 brings its own ciphers; the one left to TLS 1.2 wants an RSA
# certificate, and the coordinator's is of P-256: a peer that speaks only 1.2 finds nothing in common.
_CIPHERS = "ECDHE-RSA-AES256-GCM-SHA384"


Admits: TypeAlias = "Callable[[bytes, str, Role], Awaitable[bytes]]"
"""Answers who wants certificates: a guest, who was invited, or a party that has some."""


@final
@dataclass(frozen=True)
class Way:
    """How to reach a coordinator: its address, whom to believe there, one's certificate and key (PEM).

    `server`: its name where the address is another's, as a proxy's. No `repr` shows the key.
    """

    address: str
    authority: str
    certificate: str
    key: str = field(repr=False)
    server: str = ""


@final
@dataclass(frozen=True)
class GrpcPipe:
    """A gRPC call, or the server's side of one, as a pipe."""

    call: Any
    end: Any

    async def read(self) -> bytes | None:
        """The next message; None at the end.

        Raises:
            PartyLost: the stream broke.
        """
        try:
            message = await self.call.read()
        except _broken() as error:
            raise _lost(error) from None
        return None if message is self.end or message is None else bytes(message)

    async def write(self, message: bytes) -> None:
        """Send one; waits while the reader is slow.

        Raises:
            PartyLost: the stream broke.
        """
        try:
            await self.call.write(message)
        except _broken() as error:
            raise _lost(error) from None


async def listen(
    address: str,
    identity: Identity,
    trust: Callable[[], Trust],
    attend: Callable[[Pipe, str], Awaitable[None]],
    answer: Callable[[bytes, str], Awaitable[bytes]] | None = None,
    admit: Admits | None = None,
    turned: Callable[[str], Awaitable[None]] | None = None,
) -> tuple[Any, int]:
    """Serve nodes at an address; the server, to be stopped, and its port. `attend` gets each stream and its peer.

    `answer` gets each call of a person, and who it is; `admit` each of one who wants certificates; `turned` hears the
    name of whoever is turned away, as the certificate has it.

    Raises:
        PartyLost: the address cannot be listened at.
    """
    grpc = _grpc()

    async def known(context: Any, *roles: Role) -> tuple[str, Role]:
        for role in roles:
            with suppress(HansaError, KeyError, ValueError):
                return _peer(context.auth_context(), trust(), role), role
        if turned is not None:
            (name,) = context.auth_context().get("x509_common_name", (b"",))
            await turned(name.decode("utf-8", "replace"))
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "This certificate does not count here.")
        raise IdentityError("This certificate does not count here.")

    async def talk(_asks: Any, context: Any) -> None:
        peer, _ = await known(context, "party")
        try:
            await attend(GrpcPipe(context, grpc.aio.EOF), peer)
        except HansaError as error:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, error.what)

    async def call(data: bytes, context: Any) -> bytes:
        peer, _ = await known(context, "person")
        return b"" if answer is None else await answer(data, peer)

    async def apply(data: bytes, context: Any) -> bytes:
        peer, role = await known(context, "guest", "party")
        return b"" if admit is None else await admit(data, peer, role)

    handlers = {
        "Talk": grpc.stream_stream_rpc_method_handler(talk),
        "Call": grpc.unary_unary_rpc_method_handler(call),
        "Apply": grpc.unary_unary_rpc_method_handler(apply),
    }
    server = grpc.aio.server(options=_options())
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    try:
        port = server.add_secure_port(address, _Roots(identity, trust).credentials())
    except RuntimeError:
        raise PartyLost(f"Nobody can listen at {address}.", mend="Choose a free port of this machine.") from None
    await server.start()
    return server, int(port)


def dialler(address: str, identity: Identity, server: str = "") -> Callable[[], Awaitable[Pipe]]:
    """A way to open a stream to the coordinator; `server`: its name where the address is another's, as a proxy's."""
    grpc = _grpc()
    credentials = grpc.ssl_channel_credentials(
        identity.authority.encode(), identity.tls_key.encode(), identity.tls.encode()
    )
    options = (*_options(), *((("grpc.ssl_target_name_override", server),) if server else ()))

    async def dial() -> Pipe:
        channel = grpc.aio.secure_channel(address, credentials, options=options)
        call = channel.stream_stream(_TALK)()
        try:
            await call.wait_for_connection()
        except _broken() as error:
            await channel.close()
            raise _lost(error) from None
        return GrpcPipe(_Kept(call, channel), grpc.aio.EOF)

    return dial


def caller(card: Pass, server: str = "") -> Callable[[bytes], bytes]:
    """A way to make calls with a pass, each on a line of its own; raises PartyLost where nobody answers."""
    return _unary(_CALL, Way(card.coordinator, card.authority, card.tls, card.tls_key, server))


def applicant(way: Way) -> Callable[[bytes], bytes]:
    """A way to ask for certificates, each time on a line of its own; raises PartyLost where nobody answers."""
    return _unary(_APPLY, way)


def _unary(method: str, way: Way) -> Callable[[bytes], bytes]:
    grpc = _grpc()
    credentials = grpc.ssl_channel_credentials(way.authority.encode(), way.key.encode(), way.certificate.encode())
    options = (*_options(), *((("grpc.ssl_target_name_override", way.server),) if way.server else ()))

    def call(data: bytes) -> bytes:
        with grpc.secure_channel(way.address, credentials, options=options) as channel:
            try:
                answer: bytes = channel.unary_unary(method)(data, timeout=_PATIENCE)
            except grpc.RpcError as error:
                code = error.code().name
                if code == "UNAUTHENTICATED":
                    raise IdentityError("The coordinator does not take this certificate.") from None
                raise PartyLost(
                    f"The coordinator at {way.address} cannot be reached.",
                    f"{code.capitalize().replace('_', ' ')}.",
                    "Start it, or correct its address.",
                ) from None
        return answer

    return call


@final
class _Roots:
    """Whose certificates open a connection: of the consortium's authority and banks' own, looked at every few seconds.

    A bank's authority that is accepted, or withdrawn, counts so without a new start.
    """

    def __init__(self, identity: Identity, trust: Callable[[], Trust]) -> None:
        self._pair, self._trust = (identity.tls_key.encode(), identity.tls.encode()), trust
        self._roots, self._due = trust().roots, time.monotonic() + _LOOK

    def credentials(self) -> Any:
        return _grpc().dynamic_ssl_server_credentials(
            self._configuration(), self._newer, require_client_authentication=True
        )

    def _configuration(self) -> Any:
        return _grpc().ssl_server_certificate_configuration([self._pair], self._roots.encode())

    def _newer(self) -> Any:
        """What holds from this handshake on; None: what held before."""
        if time.monotonic() < self._due:
            return None
        before, self._due = self._roots, time.monotonic() + _LOOK
        with suppress(HansaError, OSError):  # a file that cannot be read now is read later
            self._roots = self._trust().roots
        return None if self._roots == before else self._configuration()


@final
@dataclass(frozen=True)
class _Kept:
    """A call with the channel that it runs over, which goes when the call does."""

    call: Any
    channel: Any

    async def read(self) -> Any:
        return await self.call.read()

    async def write(self, message: bytes) -> None:
        await self.call.write(message)


def _peer(shaken: Mapping[str, Any], trust: Trust, role: Role) -> str:
    """Who is at the other end of a connection, by its certificate."""
    (certificate,) = shaken["x509_pem_cert"]
    if shaken.get("ssl_tls_version", [b"TLSv1.3"]) != [b"TLSv1.3"]:
        raise IdentityError("Another version of TLS than 1.3.")
    return trust.peer(certificate.decode("ascii"), role, datetime.now(UTC))


def _options() -> tuple[tuple[str, int], ...]:
    beat = int(1e3 * BEAT)
    return (
        ("grpc.max_receive_message_length", 4 * CHUNK),
        ("grpc.max_concurrent_streams", 16),  # of one line: a node needs one
        ("grpc.http2.bdp_probe", 0),  # else it reads ahead ever more, and all of it lies in memory
        ("grpc.http2.lookahead_bytes", _AHEAD),
        ("grpc.http2.max_frame_size", CHUNK),
        ("grpc.keepalive_time_ms", beat),
        ("grpc.keepalive_timeout_ms", beat // 2),
        ("grpc.http2.ping_timeout_ms", beat // 2),  # a ping of another kind may be the one that is not answered
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", beat // 4),  # else a quiet line is hung up after 100 s
        ("grpc.min_reconnect_backoff_ms", beat // 2),  # the longest that a handshake takes, here
        ("grpc.server_handshake_timeout_ms", beat // 2),  # and there
        ("grpc.so_reuseport", 0),
        ("grpc.use_local_subchannel_pool", 1),  # a new dial does not wait because the last one failed
    )


def _grpc() -> Any:
    os.environ["GRPC_SSL_CIPHER_SUITES"] = _CIPHERS  # read when gRPC begins
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # else each stranger's handshake is a line in the log
    need("grpc.aio")
    return need("grpc")


def _broken() -> tuple[type[BaseException], ...]:
    grpc = _grpc()
    over = asyncio.InvalidStateError  # what gRPC says of a call that has just ended
    return (grpc.aio.AioRpcError, grpc.aio.UsageError, grpc.aio.InternalError, over)


def _lost(error: Any) -> PartyLost:
    code = getattr(error, "code", None)
    why = code().name.lower().replace("_", " ") if callable(code) else "the stream is closed"
    return PartyLost("The other end cannot be reached.", f"{why.capitalize()}.", "It is dialled again.")
