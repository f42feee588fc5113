"""Every example runs as a user would run it: in a process of its own, to its last assert."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from hansa.extras import EXTRAS

ROOT = Path(__file__).parents[1]


def imported(path):
    """The libraries that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    whole = {item.name for node in nodes if isinstance(node, ast.Import) for item in node.names}
    parts = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in whole | parts}


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_it_runs_to_its_last_assert(path, tmp_path):
    for library in sorted(imported(path) & EXTRAS.keys()):
        if find_spec(library) is None:
            pytest.skip(f"needs {library} (extra '{EXTRAS[library]}')")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "jobs").glob("*.toml")), ids=lambda path: path.name)
def test_it_reads_and_its_job_survives_a_round_trip(path):
    from hansa.core.job import Job
    from hansa.running.scenario import read_job

    job = read_job(path).job
    assert Job.from_toml(job.to_toml()) == job
