"""A service ends cleanly when it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

CODE = """
import asyncio, os, sys
from hansa.cli.serving import serve
async def service(stop):
    print("up", flush=True)
    await stop.wait()
    print("down", flush=True)
serve(service)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_by_itself_at_a_signal(number):
    with subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert process.communicate(timeout=20)[0] == "down\n"
    assert process.returncode == 0
