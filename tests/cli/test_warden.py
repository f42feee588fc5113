"""Nothing outlives the rig: its processes go when whoever started them is killed, and only those."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hansa.cli import warden

SLEEPS = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)",
]


def begun(command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_those_that_were_named_are_ended_and_no_others():
    deaf, mild, ended, other = begun(DEAF), begun(SLEEPS), begun(SLEEPS), begun(SLEEPS)
    said = [f"+{one.pid}\n".encode() for one in (deaf, mild, ended)] + [f"-{ended.pid}\n".encode()]
    try:
        assert warden.watch(said, patience=0.5) == {deaf.pid, mild.pid}
        assert (mild.wait(10), deaf.wait(10)) == (-signal.SIGTERM, -signal.SIGKILL)
        assert ended.poll() is other.poll() is None
    finally:
        for one in (deaf, mild, ended, other):
            one.kill()
            one.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_rig_whose_owner_is_killed_leaves_no_process(tmp_path, how):
    command = [sys.executable, "-m", "hansa", "consortium", "try", "--rows", "5000", "--folder", str(tmp_path / "try")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as owner:
        lines = iter(owner.stdout.readline, "")
        next(line for line in lines if line.startswith("process "))
        processes = [Path("/proc", next(lines).split()[1]) for _ in range(6)]
        assert all(one.exists() for one in processes)
        owner.send_signal(how)
        owner.communicate(timeout=40)
    end = time.monotonic() + 30
    while any(one.exists() for one in processes) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(one.exists() for one in processes)
