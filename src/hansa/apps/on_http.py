"""A scorecard over HTTP: the only room of fastapi and uvicorn, loaded when one is served.

What is logged holds no request: neither its path nor a row. What nobody expected is told as a fault, without its text.
"""

from __future__ import annotations

import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, NoReturn, final

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from hansa.apps.answering import Answering
from hansa.errors import DataError, HansaError

MOST_BYTES: Final = 4 << 20
_KEPT: Final = 100_000


@final
@dataclass(frozen=True)
class Times:
    """How long answers took, the latest ones, in seconds.

    Example:
        >>> times = Times()
        >>> times.taken.extend([0.001] * 99 + [0.5])
        >>> times.said
        '100 requests, p50 1.0 ms, p99 6.0 ms'
    """

    taken: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    @property
    def said(self) -> str:
        """The count and two quantiles."""
        if not self.taken:
            return "0 requests"
        middle, late = 1000 * np.quantile(np.array(self.taken), [0.5, 0.99])
        return f"{len(self.taken)} requests, p50 {middle:.1f} ms, p99 {late:.1f} ms"


def service(
    answering: Answering, ended: Callable[[str], None] = lambda _: None, most_bytes: int = MOST_BYTES
) -> FastAPI:
    """The service: POST /score takes one row, POST /scores a list, GET /healthz tells that it lives.

    `ended` is told the times when it stops.

    Example:
        >>> from hansa.horizontal.card import Card
        >>> sorted(route.path for route in service(Answering(Card((), 600))).routes)
        ['/healthz', '/score', '/scores']
    """
    times = Times()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        ended(times.said)

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    async def answered(request: Request, *, single: bool) -> JSONResponse:
        began = perf_counter()
        try:
            body = await _body(request, most_bytes)
            told = await run_in_threadpool(_answer, answering, body, single=single)
        except HansaError as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        except Exception as error:  # noqa: BLE001 - its text may quote a customer
            return JSONResponse({"error": f"{type(error).__name__}: a fault in hansa."}, status_code=500)
        times.taken.append(perf_counter() - began)
        return JSONResponse(told)

    async def score(request: Request) -> JSONResponse:
        return await answered(request, single=True)

    async def scores(request: Request) -> JSONResponse:
        return await answered(request, single=False)

    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok", "answered": times.said})

    app.add_api_route("/score", score, methods=["POST"])
    app.add_api_route("/scores", scores, methods=["POST"])
    app.add_api_route("/healthz", healthz)
    return app


def listen(app: FastAPI, at: socket.socket, begun: Callable[[Callable[[], None]], None] = lambda _: None) -> None:
    """Serve on a bound socket until SIGTERM or Ctrl-C; writes no access log. `begun` is told how to stop it.

    Example:
        >>> from http.client import HTTPConnection
        >>> from threading import Thread
        >>> from hansa.horizontal.card import Card
        >>> at, said = socket.create_server(("127.0.0.1", 0)), []
        >>> def ask(stop: Callable[[], None]) -> None:
        ...     try:
        ...         line = HTTPConnection(*at.getsockname(), timeout=20)
        ...         line.request("GET", "/healthz")
        ...         said.append(json.load(line.getresponse()))
        ...         line.close()
        ...     finally:
        ...         stop()
        >>> listen(service(Answering(Card((), 600))), at, lambda stop: Thread(target=ask, args=(stop,)).start())
        >>> at.close()
        >>> said
        [{'status': 'ok', 'answered': '0 requests'}]
    """
    config = uvicorn.Config(app, access_log=False, log_level="critical", server_header=False, limit_concurrency=256)
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    begun(stop)
    server.run(sockets=[at])


async def _body(request: Request, most: int) -> bytes:
    """The body, read no further than it may be long."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise DataError(f"A request is at most {most:,} bytes.", mend="Send fewer rows at a time.")
    return bytes(body)


def _answer(answering: Answering, body: bytes, *, single: bool) -> Any:
    wrong = DataError("The request is no JSON.", mend="Send UTF-8 JSON, numbers finite, null for a gap.")
    try:
        told = json.loads(body, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise wrong from None
    if single:
        return answering.answer([told])[0]
    if not isinstance(told, list):
        raise DataError("A batch is a list of rows.", mend="Send [{...}, ...], or one row to /score.")
    return answering.answer(told)


def _refused(_: str) -> NoReturn:
    raise ValueError
