"""`hansa report`: the page anew."""

from __future__ import annotations

from shutil import copytree


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
