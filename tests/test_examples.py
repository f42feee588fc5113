"""Every example runs as a user would run it: in a process of its own, to its last assert."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_it_runs_to_its_last_assert(path, tmp_path):
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "jobs").glob("*.toml")), ids=lambda path: path.name)
def test_it_reads_and_its_job_survives_a_round_trip(path):
    from hansa.core.job import Job
    from hansa.running.scenario import read_job

    job = read_job(path).job
    assert Job.from_toml(job.to_toml()) == job
