"""The only room of gRPC: one bidirectional stream of bytes for each node, mutual TLS, dialled by the node.

No port is opened at a bank. Messages are bytes, and the method takes and gives bytes: nothing is parsed before
`hansa.engines.network.stream` does. Older TLS than 1.3 is not spoken.

    server, port = await listen("0.0.0.0:7443", identity, members.trust, hub.attend)    at the coordinator
    pipe = await dialler("hansa.example:7443", identity)()                               at a bank

Example:
    >>> GrpcPipe(call=None, end=None).end is None, callable(listen), callable(dialler)
    (True, True, True)
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, final

from hansa.engines.network.stream import CHUNK, Pipe
from hansa.errors import HansaError, IdentityError, PartyLost
from hansa.extras import need

if TYPE_CHECKING:
    from hansa.engines.network.identity import Identity, Trust

SERVICE: Final = "hansa.v1.Consortium"
_TALK: Final = f"/{SERVICE}/Talk"
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 4 * CHUNK),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.so_reuseport", 0),
)
# gRPC has no switch for the version of TLS. TLS 1.3 brings its own ciphers; the one left to TLS 1.2 wants an RSA
# certificate, and the coordinator's is of P-256: a peer that speaks only 1.2 finds nothing in common.
_CIPHERS = "ECDHE-RSA-AES256-GCM-SHA384"


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
    address: str, identity: Identity, trust: Callable[[], Trust], attend: Callable[[Pipe, str], Awaitable[None]]
) -> tuple[Any, int]:
    """Serve nodes at an address; the server, to be stopped, and its port. `attend` gets each stream and its peer.

    Raises:
        PartyLost: the address cannot be listened at.
    """
    grpc = _grpc()

    async def talk(_: Any, context: Any) -> None:
        try:
            shaken = context.auth_context()
            (certificate,) = shaken["x509_pem_cert"]
            if shaken.get("ssl_tls_version", [b"TLSv1.3"]) != [b"TLSv1.3"]:
                raise IdentityError("Another version of TLS than 1.3.")
            peer = trust().peer(certificate.decode("ascii"), "party", datetime.now(UTC))
        except (HansaError, KeyError, ValueError):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "This certificate does not count here.")
            return
        try:
            await attend(GrpcPipe(context, grpc.aio.EOF), peer)
        except HansaError as error:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, error.what)

    handlers = {"Talk": grpc.stream_stream_rpc_method_handler(talk)}
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    pair = (identity.tls_key.encode(), identity.tls.encode())
    roots = trust().roots  # the consortium's authority, and banks' own
    credentials = grpc.ssl_server_credentials([pair], roots.encode(), require_client_auth=True)
    try:
        port = server.add_secure_port(address, credentials)
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
    options = (*_OPTIONS, *((("grpc.ssl_target_name_override", server),) if server else ()))

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


def _grpc() -> Any:
    os.environ["GRPC_SSL_CIPHER_SUITES"] = _CIPHERS  # read when gRPC begins
    need("grpc.aio")
    return need("grpc")


def _broken() -> tuple[type[BaseException], ...]:
    grpc = _grpc()
    return (grpc.aio.AioRpcError, grpc.aio.UsageError, grpc.aio.InternalError)


def _lost(error: Any) -> PartyLost:
    code = getattr(error, "code", None)
    why = code().name.lower().replace("_", " ") if callable(code) else "the stream is closed"
    return PartyLost("The other end cannot be reached.", f"{why.capitalize()}.", "It is dialled again.")
