r"""A small HTTP server on loopback that says whether a process lives, is ready, and what it has counted.

    GET /healthz    200 as long as the process turns over its work
    GET /readyz     200 when it can do its task, else 503: a coordinator that serves; a node that is connected
    GET /metrics    figures as Prometheus reads them

It answers nothing else, reads at most a few KiB of a question, and waits for nobody long. It tells who the parties are
and which jobs run: so it listens at this machine alone, unless it is told otherwise.

Example:
    >>> async def asked(path: str) -> str:
    ...     figure = Figure("hansa_jobs", "Jobs.", "gauge", ("state",), {("done",): 2.0})
    ...     async with serving(Health(Address.of("127.0.0.1:0"), lambda: True, lambda: (figure,))) as port:
    ...         reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ...         writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    ...         text = (await reader.read()).decode()
    ...         writer.close()
    ...     return text.splitlines()[0 if path == "/readyz" else -1]
    >>> asyncio.run(asked("/readyz")), asyncio.run(asked("/metrics"))
    ('HTTP/1.1 200 OK', 'hansa_jobs{state="done"} 2.0')
    >>> exposed([Figure("hansa_up", "Here.", "gauge", (), {(): 1.0})]).splitlines()[-1]
    b'hansa_up 1.0'
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, final

from hansa.engines.network.meters import Figure
from hansa.errors import ConfigError, HansaError

_MOST = 8 << 10  # bytes of a question
_PATIENCE = 5.0  # seconds for a question to come, and for an answer to be taken
_AT_ONCE = 16
_TEXT: Final = "text/plain; charset=utf-8"


@final
@dataclass(frozen=True)
class Address:
    """Where to listen: a numeric address and a port, 0 for any that is free.

    Example:
        >>> Address.of("127.0.0.1:9464"), Address.of("off")
        (Address(host='127.0.0.1', port=9464), None)
        >>> Address.of("0.0.0.0:9464")
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: Health and metrics would be told to other machines. They name the parties and the \
jobs. Listen at 127.0.0.1, or say --health-to-others.
    """

    host: str
    port: int

    @classmethod
    def of(cls, text: str, *, others: bool = False) -> Address | None:
        """Read HOST:PORT, or "off"; `others` must be said for an address that other machines reach.

        Raises:
            ConfigError: it is none, or reaches further than was said.
        """
        if text == "off":
            return None
        host, _, port = text.rpartition(":")
        try:
            found, number = ip_address(host.strip("[]")), int(port)
        except ValueError:
            found, number = None, -1
        if found is None or not 0 <= number < 1 << 16:
            raise ConfigError(
                f"'{text}' is no address for health and metrics.", mend="Write ADDRESS:PORT, as in 127.0.0.1:9464."
            )
        if not (found.is_loopback or others):
            raise ConfigError(
                "Health and metrics would be told to other machines.",
                "They name the parties and the jobs.",
                "Listen at 127.0.0.1, or say --health-to-others.",
            )
        return cls(str(found), number)


@final
@dataclass(frozen=True)
class Health:
    """Where to listen, if at all; whether the process is ready, and its figures, which are read in a thread."""

    at: Address | None
    ready: Callable[[], bool]
    figures: Callable[[], Sequence[Figure]]
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE), repr=False)

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one question, and hang up."""
        with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_PATIENCE):
                if not self.room.locked():  # whoever comes in a crowd is hung up
                    async with self.room:
                        writer.write(await self.answer(await reader.readuntil(b"\r\n\r\n")))
                        await writer.drain()
        writer.close()

    async def answer(self, question: bytes) -> bytes:
        """The whole answer to a question's head."""
        words = question.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or words[0] not in {b"GET", b"HEAD"}:
            return _said(405, b"Only GET.\n")
        path = words[1].split(b"?", 1)[0]
        if path == b"/healthz":
            return _said(200, b"ok\n")
        if path == b"/readyz":
            return _said(200, b"ready\n") if self.ready() else _said(503, b"not ready\n")
        if path != b"/metrics":
            return _said(404, b"/healthz, /readyz and /metrics are here.\n")
        try:
            return _said(200, exposed(await asyncio.to_thread(self.figures)))
        except HansaError:  # a store that cannot be read
            return _said(503, b"The figures cannot be read.\n")


@asynccontextmanager
async def serving(health: Health) -> AsyncIterator[int]:
    """Serve while the block lasts; the port, 0 where nothing is told.

    Raises:
        ConfigError: nobody can listen there.
    """
    at = health.at
    if at is None:
        yield 0
        return
    try:
        server = await asyncio.start_server(health.attend, at.host, at.port, limit=_MOST)
    except OSError as error:
        raise ConfigError(
            f"Health and metrics cannot be told at {at.host}:{at.port}.",
            f"{error.strerror or 'The address is taken'}.",
            "Name another port: --health 127.0.0.1:0 takes a free one, --health off tells nothing.",
        ) from None
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


def exposed(figures: Iterable[Figure]) -> bytes:
    """Figures in the text format that Prometheus reads."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.registry import Collector

    families = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}

    @final
    class Told(Collector):
        def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
            for figure in figures:
                family = families[figure.kind](figure.name, figure.what, labels=figure.labels)
                for labels, value in figure.values.items():
                    family.add_metric(labels, value)
                yield family

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Told())
    return generate_latest(registry)


def _said(code: int, body: bytes) -> bytes:
    words = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}[code]
    lines = (f"HTTP/1.1 {code} {words}", f"Content-Type: {_TEXT}", f"Content-Length: {len(body)}", "Connection: close")
    return "\r\n".join((*lines, "", "")).encode() + body
