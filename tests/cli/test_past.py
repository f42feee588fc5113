"""`hansa runs`, as a user types it; and `--track`, while a run is made and afterwards."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture
def runs(project, tmp_path):
    """A folder with a whole run, the same with another job file, one stopped, one cut off while it was written."""
    (made,) = (project / "runs").iterdir()
    for name in ("first", "second", "stopped", "cut"):
        shutil.copytree(made, tmp_path / "runs" / name)
    file = tmp_path / "runs" / "second" / "job.toml"
    file.write_text(file.read_text("utf-8").replace("rounds = 3", "rounds = 5"), "utf-8")
    (tmp_path / "runs" / "stopped" / "result.json").unlink()
    cut = tmp_path / "runs" / "cut" / "result.json"
    cut.write_bytes(cut.read_bytes()[:200])
    return tmp_path / "runs"


def test_every_run_is_listed_damaged_ones_too(hansa, runs):
    said = hansa("runs", "list", runs)
    states = {line.split()[0]: line.split()[2] for line in said.splitlines()[1:5]}
    assert states == {"first": "finished", "second": "finished", "stopped": "unfinished", "cut": "damaged"}
    assert "cut: its result.json cannot be read." in said


def test_an_empty_folder_is_said_so(hansa, tmp_path):
    assert "There is no run in" in hansa("runs", "list", tmp_path)
    assert "There is no folder" in hansa("runs", "list", tmp_path / "none", code=2)


def test_two_runs_are_compared(hansa, runs):
    said = hansa("runs", "compare", runs / "first", runs / "second")
    (line,) = [line for line in said.splitlines() if line.startswith("steps.1.rounds")]
    assert line.split() == ["steps.1.rounds", "3", "5"]
    assert "federated AUC" in said


def test_two_runs_are_drawn(hansa, runs, tmp_path):
    page = tmp_path / "out" / "page.html"
    assert "The page" in hansa("runs", "plot", runs / "first", runs / "stopped", "-o", page)
    assert "A ends at" in page.read_text("utf-8")


def test_wrong_use_is_one_sentence(hansa, runs):
    assert "Give two to 8" in hansa("runs", "compare", runs / "first", code=2)
    assert "is damaged: its result.json" in hansa("runs", "compare", runs / "first", runs / "cut", code=3)
    assert "is no run folder" in hansa("runs", "plot", runs / "first", runs / "none", code=2)
    assert "Did you mean 'tensorboard'" in hansa("runs", "export", runs / "first", "--track", "tensorbord=x", code=2)


def test_a_run_is_told_while_it_is_made_and_afterwards(hansa, project, tmp_path):
    pytest.importorskip("tensorboardX")
    words = ["--runs", tmp_path / "runs", "--workers", "1", "--no-baselines", "--set", "rounds=2"]
    hansa("run", project / "job.toml", *words, "--track", f"tensorboard={tmp_path / 'live'}")
    (made,) = (tmp_path / "runs").iterdir()
    assert "Told" in hansa("runs", "export", made, "--track", f"tensorboard={tmp_path / 'after'}")
    (live,), (after,) = ((tmp_path / name / made.name).iterdir() for name in ("live", "after"))
    assert abs(live.stat().st_size - after.stat().st_size) < 100  # the same records; their heads name the time


def test_a_finished_run_is_told_by_export_alone(hansa, runs, tmp_path):
    pytest.importorskip("tensorboardX")
    said = hansa("run", "--resume", runs / "first", "--track", f"tensorboard={tmp_path / 'boards'}", code=2)
    assert f"runs export {runs / 'first'}" in said
    assert not (tmp_path / "boards").exists()


def test_a_tracker_that_fails_leaves_a_line_and_a_result(hansa, project, tmp_path, caplog):
    pytest.importorskip("tensorboardX")
    (tmp_path / "file").touch()
    words = ["--runs", tmp_path / "runs", "--workers", "1", "--no-baselines", "--set", "rounds=2"]
    assert "bank-a" in hansa("run", project / "job.toml", *words, "--track", f"tensorboard={tmp_path / 'file'}")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "hansa.tracking"]
    assert line.startswith("TensorBoard failed (")


def test_a_wrong_tracker_is_said_before_anything_runs(hansa, project, tmp_path):
    said = hansa("run", project / "job.toml", "--runs", tmp_path / "runs", "--track", "mlflow=mlruns", code=2)
    assert "sqlite:///runs.db" in said
    assert not (tmp_path / "runs").exists()
