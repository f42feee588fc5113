"""The service over a live socket: single and batch, limits, and no value of a customer in what it says."""

from __future__ import annotations

import json
import queue
import socket
import threading

import pytest

from hansa.apps.answering import Answering
from tests.apps.asking import CANARY, ask
from tests.horizontal.cards import CARD, DEBT, HOME, MISSING, rows

http_room = pytest.importorskip("hansa.apps.on_http", reason="needs fastapi (extra 'server')")

ROWS = [row for row in rows() if row[DEBT] not in MISSING[DEBT] and row[HOME] not in MISSING[HOME]]


@pytest.fixture(scope="module")
def port():
    """A service in a thread, its socket's port."""
    told, stop = [], queue.Queue()
    app = http_room.service(Answering(CARD, most=500), told.append, most_bytes=200_000)
    with socket.create_server(("127.0.0.1", 0)) as at:
        thread = threading.Thread(target=http_room.listen, args=(app, at, stop.put))
        thread.start()
        yield at.getsockname()[1]
        stop.get(timeout=20)()
        thread.join()
    assert "p99" in told[0]


def test_single_and_batch_answer_as_the_card(port):
    expected = Answering(CARD).answer(ROWS[:40])
    assert ask(port, "/scores", json.dumps(ROWS[:40])) == (200, expected)
    assert ask(port, "/score", json.dumps(ROWS[0])) == (200, expected[0])
    status, told = ask(port, "/healthz")
    assert status == 200
    assert "p99" in told["answered"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/score", CANARY),
        ("/score", json.dumps({**ROWS[0], DEBT: CANARY})),
        ("/score", json.dumps({CANARY: 1})),
        ("/score", json.dumps({**ROWS[0], DEBT: float("nan")})),
        ("/scores", json.dumps({CANARY: 1})),
        ("/scores", "[" * 100_000),
        ("/scores", json.dumps(ROWS[:1] * 501)),
        ("/scores", json.dumps([CANARY * 20_000])),
    ],
)
def test_what_is_wrong_is_said_without_a_value(port, path, body):
    status, told = ask(port, path, body)
    assert status == 422
    assert set(told) == {"error"}


def test_no_page_of_documentation_calls_out(port):
    assert ask(port, "/docs")[0] == 404
