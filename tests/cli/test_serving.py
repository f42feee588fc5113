"""A service ends cleanly when it is told to, and its log quotes nobody."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys

import pytest

from hansa.cli.serving import Lines, at_health, serve
from hansa.errors import ConfigError

CODE = """
import asyncio, os, sys
from hansa.cli.serving import serve
async def service(stop):
    print("up", flush=True)
    await stop.wait()
    print("down", flush=True)
serve(service)
"""
CLUMSY = """
import asyncio, logging, resource, sys
from hansa.cli.serving import serve
LOG = logging.getLogger("hansa.network")
async def fails():
    customer = "CANARY-7"
    raise ValueError(f"row of {customer}")
async def service(stop):
    LOG.info("bank-a is connected", extra={"party": "bank-a"})
    try:
        await fails()
    except ValueError:
        LOG.exception("a step failed")
    task = asyncio.create_task(fails())
    await asyncio.sleep(0.05)
    del task
    asyncio.get_running_loop().call_exception_handler({"message": "odd", "exception": ValueError("CANARY-7")})
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
serve(service, sys.argv[1])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_by_itself_at_a_signal(number):
    with subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert process.communicate(timeout=20)[0] == "down\n"
    assert process.returncode == 0


def clumsy(how):
    return subprocess.run([sys.executable, "-c", CLUMSY, how], capture_output=True, text=True, check=True).stderr


def test_a_log_in_json_is_an_object_a_line_and_quotes_no_error(capfd):
    text = clumsy("json")
    found = [json.loads(line) for line in text.splitlines()]
    assert "CANARY" not in text
    first, second, third, fourth = found
    assert (first["what"], first["party"], first["level"], first["from"]) == (
        "bank-a is connected",
        "bank-a",
        "info",
        "hansa.network",
    )
    assert second["error"]["kind"] == "ValueError"
    assert "<string>:" in second["error"]["where"]
    assert third["what"] == "Task exception was never retrieved"
    assert third["error"]["kind"] == fourth["error"]["kind"] == "ValueError"
    assert all(one["at"].endswith("Z") for one in found)


def test_a_log_in_text_is_a_line_for_each_and_quotes_no_error():
    text = clumsy("text")
    assert "CANARY" not in text
    assert len(text.splitlines()) == 4
    assert "ERROR a step failed ValueError in <string>:" in text


def test_a_line_stays_one_line():
    record = logging.LogRecord("hansa", logging.INFO, "", 0, "one\ntwo", (), None)
    assert "\n" not in Lines("text").format(record)
    assert json.loads(Lines("json").format(record))["what"] == "one\ntwo"


def test_another_form_of_a_log_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'json'"):
        serve(None, "jsn")
    assert at_health(0) == ""
