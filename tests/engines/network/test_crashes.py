"""SIGKILL at random instants, of the coordinator and all banks at once: nothing is lost and nothing counts twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CHILD = [sys.executable, "-m", "tests.engines.network.kill_me"]


def started(folder):
    return subprocess.Popen(
        [*CHILD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=None
    )


def ended(child):
    """The last line of a run that was left in peace."""
    out, err = child.communicate()
    assert child.returncode == 0, err
    return out.splitlines()[-1]


def killed(folder, instants, seed, longest):
    """Kill so many processes at random instants of their work; the last lines of all runs that came to their end."""
    chance, ends, kills, run = random.Random(seed), [], 0, 0
    while kills < instants:
        child = started(folder / str(run))
        if kills % 5:
            child.stdout.readline()  # else it may die while it starts, or while it opens its stores
        time.sleep(chance.random() * longest)
        child.kill()
        out, err = child.communicate()
        if child.returncode == 0:
            ends.append(out.splitlines()[-1])
            run += 1
        else:
            assert child.returncode == -9, err
            kills += 1
    ends.append(ended(started(folder / str(run))))
    return ends


def show(folder, instants, seed):
    begun = time.monotonic()
    wanted = ended(started(folder / "whole"))
    longest = time.monotonic() - begun
    ends = killed(folder, instants, seed, longest / 3)
    assert wanted.startswith("end ")
    assert set(ends) == {wanted}
    return f"{instants} instants, {len(ends)} runs to the end, none lost, none counted twice, every model bit-equal"


@pytest.mark.slow
def test_runs_that_are_killed_at_random_instants_end_with_the_same_bits(tmp_path):
    show(tmp_path, 12, seed=2026)


@pytest.mark.soak
def test_200_instants(tmp_path, tell):
    tell("stores in one process: " + show(tmp_path, 200, seed=1))
