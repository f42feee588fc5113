"""A run folder at the command line."""

from __future__ import annotations

import shutil

import pytest

from hansa.cli.runs import RunFolder
from hansa.errors import ConfigError, DataError


def only_run(project):
    (run,) = (project / "runs").iterdir()
    return run


def test_it_holds_what_the_house_says(project):
    names = {path.name for path in only_run(project).iterdir()}
    assert {"job.toml", "result.json", "events.jsonl", "kept", "model", "report.html"} <= names


def test_a_finished_run_says_so(hansa, project):
    assert "has finished" in hansa("run", "--resume", only_run(project))


def test_what_is_no_run_folder_is_said_so(tmp_path):
    with pytest.raises(ConfigError, match="no run folder"):
        RunFolder.open(tmp_path)


def test_changed_data_are_refused(hansa, project, tmp_path):
    whole = tmp_path / "copy"
    shutil.copytree(project, whole)
    run = only_run(whole)
    (run / "result.json").unlink()
    note = run / "run.json"
    note.write_text(note.read_text("utf-8").replace(str(project), str(whole)), "utf-8")
    with (whole / "data" / "bank-a.csv").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert "have changed" in hansa("run", "--resume", run, code=3)
    with pytest.raises(DataError, match="no result yet"):
        RunFolder.open(run).summary()
