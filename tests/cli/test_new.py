"""`hansa new`: a folder to start from, and nothing overwritten."""

from __future__ import annotations

from hansa.running.scenario import read_job


def test_its_job_reads_and_its_books_are_there(project):
    file = read_job(project / "job.toml")
    assert all((project / path).is_file() for path in file.scenario.files.values())
    assert (project / "README.md").read_text("utf-8").startswith("# A hansa project")


def test_nothing_is_overwritten(hansa, project):
    before = (project / "job.toml").read_bytes()
    assert "not empty" in hansa("new", project, code=2)
    assert (project / "job.toml").read_bytes() == before
