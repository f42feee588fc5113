"""`hansa report`: the page anew."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import pytest

DEEP = "[" * 200_000


def copied(project, folder):
    """A copy of the project's run, to damage."""
    return Path(copytree(next((project / "runs").iterdir()), folder / "run"))


def test_the_page_is_built_from_the_folder_alone(hansa, project, tmp_path):
    (run,) = (project / "runs").iterdir()
    hansa("report", run, "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page == (run / "report.html").read_text("utf-8")
    assert "bank-c" in page


def test_damaged_score_counts_are_said(hansa, project, tmp_path):
    (run,) = (project / "runs").iterdir()
    copy = copytree(run, tmp_path / "run")
    (copy / "scores.csv").write_text("margin from,negatives,positives\n-inf,1\n")
    assert "damaged" in hansa("report", copy, code=3)


def test_a_run_without_a_result_is_said_so(hansa, tmp_path):
    assert "no run folder" in hansa("report", tmp_path, code=2)


@pytest.mark.parametrize(
    "text", ["{}", "[]", "3", '{"history": 1}', '{"history": [1]}', DEEP], ids=lambda text: text[:20]
)
def test_a_damaged_result_is_said_so(hansa, project, tmp_path, text):
    run = copied(project, tmp_path)
    (run / "result.json").write_text(text, encoding="utf-8")
    assert "result.json' is damaged" in hansa("report", run, code=3)


@pytest.mark.parametrize("wrong", [{"workers": "a"}, {"digests": 3}, {"data": 4}, {"more": 1}])
def test_a_damaged_note_is_said_so(hansa, project, tmp_path, wrong):
    run = copied(project, tmp_path)
    note = run / "run.json"
    note.write_text(json.dumps(json.loads(note.read_text("utf-8")) | wrong), encoding="utf-8")
    assert "run.json is damaged" in hansa("report", run, code=2)
    assert "run.json is damaged" in hansa("run", "--resume", run, code=2)
