"""`hansa run`: a run folder, changes, wrong words, and runs that are stopped and go on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from hansa.cli.run import settings
from hansa.errors import ConfigError


def test_the_result_is_strict_json(project):
    found = json.loads((project / "out.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert set(found["metrics"]["parties"]) == {"bank-a", "bank-b", "bank-c"}
    assert found["rounds"] == 3


def test_a_setting_that_nobody_knows_names_the_nearest(hansa, project):
    assert "Did you mean 'rounds'" in hansa("run", project / "job.toml", "--set", "ruonds=3", code=2)


def test_wrong_use_is_one_sentence(hansa, project):
    assert "needs a job file" in hansa("run", code=2)
    assert "cannot be read" in hansa("run", project / "none.toml", code=2)
    assert "sets nothing" in hansa("run", project / "job.toml", "--set", "rounds", code=2)
    assert "is no folder" in hansa("run", project / "job.toml", "--data", project / "nowhere", code=2)


def test_no_customers_value_is_ever_shown(hansa, project, tmp_path):
    broken = (project / "data" / "bank-a.csv").read_text("utf-8").splitlines()
    broken[5] += ",CANARY-4711"
    (tmp_path / "bank-a.csv").write_text("\n".join(broken), "utf-8")
    change = f'simulation.files.bank-a="{tmp_path / "bank-a.csv"}"'
    said = hansa("run", project / "job.toml", "--set", change, "--runs", tmp_path / "runs", code=3)
    assert "CANARY" not in said
    assert "6" in said


CARD = """
name = "card"
[data]
target = "default"
id = "id"
[[steps]]
use = "binning"
drop = ["region", "issued"]
[[steps]]
use = "selection"
[[steps]]
use = "glm"
[[steps]]
use = "evaluate"
[simulation]
files = { bank-a = "data/bank-a.csv", bank-b = "data/bank-b.csv", bank-c = "data/bank-c.csv" }
"""


def test_a_scorecards_job_is_checked_run_reported_and_scores(hansa, project, tmp_path):
    (tmp_path / "card.toml").write_text(CARD, "utf-8")
    words = [tmp_path / "card.toml", "--data", project]
    said = hansa("check", *words)
    assert "rows without and with the event by cell" in said
    assert "The job can be run." in said
    assert "own AUC" in hansa("run", *words, "--runs", tmp_path / "runs", "--workers", "1")
    run = next((tmp_path / "runs").iterdir())
    told = json.loads((run / "result.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert told["regression"]["coefficients"].keys() == {"const", *told["selection"]["kept"]}
    assert "The regression" in (run / "report.html").read_text("utf-8")
    hansa("predict", run, project / "data" / "bank-a.csv", "--out", tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text("utf-8").startswith("id,probability")
    assert "card" in hansa("runs", "list", tmp_path / "runs")


def test_settings_are_toml_or_words():
    assert settings(["a=5", "b=[1, 2]", "c=word", 'd={ use = "adam" }']) == {
        "a": 5,
        "b": [1, 2],
        "c": "word",
        "d": {"use": "adam"},
    }
    with pytest.raises(ConfigError):
        settings(["nothing"])


def begin(project, runs):
    words = ["run", project / "job.toml", "--runs", runs, "--workers", "1", "--no-baselines", "--set", "patience=0"]
    many = ["--set", "rounds=400", "--set", "check_every=50"]
    return [sys.executable, "-m", "hansa", *map(str, words), *many]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_goes_on_to_the_same_bits(how, project, tmp_path):
    whole = subprocess.run(begin(project, tmp_path / "whole"), capture_output=True, text=True, check=True)
    assert "bank-a" in whole.stdout
    process = subprocess.Popen(
        begin(project, tmp_path / "runs"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not list((tmp_path / "runs").glob("*/kept/snapshot")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    (run,) = (tmp_path / "runs").iterdir()
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert f"hansa run --resume {run}" in said
    assert not (run / "result.json").exists()
    again = [sys.executable, "-m", "hansa", "run", "--resume", str(run)]
    assert subprocess.run(again, capture_output=True, text=True, check=True).stdout == whole.stdout
    (first,) = (tmp_path / "whole").iterdir()
    one, two = (json.loads((r / "result.json").read_text("utf-8"))["parameters_sha256"] for r in (first, run))
    assert one == two
