r"""Ends the processes of a rig when whoever started them is gone, however it went: SIGTERM, SIGKILL, a closed terminal.

It runs in a process of its own and hears by its standard input of each process that begins (`+NUMBER`) and ends
(`-NUMBER`). When that input ends, nobody looks after them any more: they are told to end, and after a while made to.

Example:
    >>> watch([b"+4194999\n", b"-4194999\n", b"no number\n"], patience=0.0)
    set()
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENCE = 10.0
"""Seconds for the processes to end by themselves."""


def watch(said: Iterable[bytes], patience: float = PATIENCE) -> set[int]:
    """Hear which processes there are until nothing more is said, then end those that are left; which those were."""
    living: set[int] = set()
    for line in said:
        sign, number = line[:1], line[1:].strip()
        if number.isdigit():
            (living.add if sign == b"+" else living.discard)(int(number))
    left = set(living)
    for one in living:
        _send(one, signal.SIGTERM)
    end = time.monotonic() + patience
    while living and time.monotonic() < end:
        time.sleep(0.05)
        living = {one for one in living if _send(one, 0)}
    for one in living:
        _send(one, signal.SIGKILL)
    return left


def _send(process: int, what: int) -> bool:
    """Send a signal; whether the process is there."""
    with suppress(OSError):
        os.kill(process, what)
        return True
    return False


if __name__ == "__main__":
    watch(sys.stdin.buffer)
