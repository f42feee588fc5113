"""`hansa serve` keeps to this machine unless told otherwise, serves scorecards alone, and ends when it is told."""

from __future__ import annotations

import json
import re
import selectors
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hansa import load
from hansa.apps.answering import Answering
from tests.apps.asking import CANARY, ask

JOB = Path(__file__).parents[2] / "examples" / "jobs" / "scorecard.toml"
PATIENCE = 60.0
BEGIN = "from hansa.cli.entry import main; main()"


def test_what_cannot_be_served_is_said_so(hansa, project):
    (run,) = (project / "runs").iterdir()
    assert "is no scorecard" in hansa("serve", run, code=2)
    assert "--to-others" in hansa("serve", run, "--host", "0.0.0.0", code=2)  # noqa: S104 - it is refused


@pytest.fixture
def run_folder(hansa, tmp_path):
    """A run of the example's job on fewer rows."""
    hansa("run", JOB, "--set", "rows=6000", "--no-baselines", "--runs", tmp_path / "runs", "--workers", 1)
    (made,) = (tmp_path / "runs").iterdir()
    return made


def line_of(process):
    """The next line of what a process says, in time."""
    with selectors.DefaultSelector() as ready:
        ready.register(process.stderr, selectors.EVENT_READ)
        assert ready.select(PATIENCE), "It says nothing."
        return process.stderr.readline()


def books(run):
    """Rows of every column that the card reads, and what the model says of them in this process."""
    model = load(run / "model")
    cells = [one.cells for one in model.card.characteristics]
    rows = [{one.column: value(one, number) for one in cells} for number in range(6)]
    return rows, Answering.of(model).answer(rows)


def value(cells, number):
    if cells.edges:
        return None if number == 5 else float(cells.edges[number % len(cells.edges)])
    return None if number == 5 else cells.labels[number % len(cells.labels)][0]


@pytest.mark.skipif(sys.platform == "win32", reason="processes end by signals")
def test_a_served_scorecard_answers_as_the_model_and_ends_with_its_times(run_folder):
    pytest.importorskip("hansa.apps.on_http", reason="needs fastapi (extra 'server')")
    command = [sys.executable, "-c", BEGIN, "serve", str(run_folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    try:
        port = int(re.fullmatch(r"Listening at http://127\.0\.0\.1:(\d+)\n", line_of(process))[1])
        assert ask(port, "/healthz") == (200, {"status": "ok", "answered": "0 requests"})
        rows, expected = books(run_folder)
        assert ask(port, "/score", json.dumps(rows[0])) == (200, expected[0])
        assert ask(port, "/scores", json.dumps(rows)) == (200, expected)
        first = next(name for name, held in rows[0].items() if isinstance(held, float))
        status, told = ask(port, "/score", json.dumps({**rows[0], first: CANARY}))
        assert (status, f"'{first}'" in told["error"]) == (422, True)
        status, told = ask(port, "/scores", json.dumps([*rows, CANARY]))
        assert (status, set(told)) == (422, {"error"})
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, said) == (0, "")
    assert re.fullmatch(r"Answered: 2 requests, p50 [\d.]+ ms, p99 [\d.]+ ms\.\n", errors)
