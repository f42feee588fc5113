"""`hansa consortium try`: six processes, one model, and all of them gone afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def test_it_runs_the_demos_job_and_compares_it_to_a_simulation(hansa, tmp_path):
    out, folder = tmp_path / "out.json", tmp_path / "try"
    said = hansa("consortium", "try", "--rows", 5000, "--rounds", 3, "--folder", folder, "--json", out)
    found = json.loads(out.read_text())
    assert found["parameters_sha256"] == found["simulation_parameters_sha256"]
    assert (found["banks"], found["rounds"]) == (5, 3)
    assert found["round_ms_median"] > 0
    assert all(size > 0 for size in found["bytes_left"].values())
    for word in ("coordinator", "north", "the same bits", "/metrics", str(folder)):
        assert word in said
    (train,) = [line.split() for line in said.splitlines() if line.startswith("Train ")]
    assert train[1] == "3"
    (total,) = [line.split() for line in said.splitlines() if line.startswith("total ")]
    assert [int(size.replace(",", "")) for size in total[1:]] == list(found["bytes_left"].values())
    assert "round 3 of 3" in said
    hansa("consortium", "try", "--folder", folder, code=2)  # nothing is overwritten


ROUNDS = """
[[steps]]
use = "prepare"
drop = ["region", "issued"]
[[steps]]
use = "rounds"
rounds = 1
check_every = 0
chain = ["by_examples", {use = "secure_sum", cohorts = "steady"}]
"""
CARD = """
[[steps]]
use = "binning"
keep = ["income", "debt_to_income", "utilisation"]
[[steps]]
use = "selection"
min_iv = 0.0
[[steps]]
use = "glm"
sums = "secure_sum"
"""
JOB = """
name = "secure book"
min_cell = 1
{steps}
[simulation]
embedded = "loan_book"
rows = 5000
partition = {{use = "by_column", column = "region"}}
"""


@pytest.mark.parametrize("steps", [ROUNDS, CARD], ids=["rounds", "a scorecard's regression"])
def test_another_job_runs_with_secure_sums_between_banks_that_have_pinned_each_other(steps, hansa, tmp_path):
    (tmp_path / "job.toml").write_text(JOB.format(steps=steps))
    said = hansa("consortium", "try", "--job", tmp_path / "job.toml", "--json", tmp_path / "out.json")
    assert "the same bits" in said
    sums = [line.split()[1] for line in said.splitlines() if line.startswith(("Invited ", "Opened "))]
    assert len(sums) == 2
    assert sums[0] == sums[1] != "0"


def test_an_interrupt_ends_every_process(tmp_path):
    command = [sys.executable, "-m", "hansa", "consortium", "try", "--rows", "5000", "--folder", str(tmp_path / "try")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = iter(process.stdout.readline, "")
        next(line for line in lines if line.startswith("process "))
        pids = [int(next(lines).split()[1]) for _ in range(6)]
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=40)
    assert process.returncode == 130
    assert "Traceback" not in complaint
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
