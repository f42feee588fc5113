"""`hansa registry`: from a run to the champion that is exported and served, and back."""

from __future__ import annotations

import pytest

from tests.cli.test_export import card_model

WHO = ("--who", "M. Weber", "--why", "the yearly review")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_run_becomes_champion_is_exported_by_its_name_and_makes_way(hansa, project, tmp_path):
    (run,) = (project / "runs").iterdir()
    assert "scores@1: candidate." in hansa("registry", "add", run, "--name", "scores", *WHO)
    card_model(tmp_path / "card")
    hansa("registry", "add", "card", "--name", "scores", *WHO)
    for version in (2, 1):
        hansa("registry", "promote", f"scores@{version}", "--to", "champion", *WHO)
    listed = hansa("registry", "list").splitlines()
    assert ["champion" in line for line in listed[1:]] == [True, False]
    assert "AUC 0." in listed[1]
    assert "is no scorecard" in hansa("export", "scores@champion", "--format", "sql", code=2)
    assert "scores@2: champion." in hansa("registry", "rollback", "scores", "--who", "A. Roth", "--why", "no card")
    assert "SELECT" in hansa("export", "scores@champion", "--format", "sql")
    shown = hansa("registry", "show", "scores@1")
    assert "retired for version 2, by A. Roth: no card" in shown
    assert "  result.json" in shown
    assert "scores@2: retired." in hansa("registry", "retire", "scores@2", *WHO)
    assert "has no champion" in hansa("serve", "scores@champion", code=2)


def test_a_model_is_called_as_its_job(hansa, tmp_path):
    card_model(tmp_path / "card")
    assert "scorecard@1" in hansa("registry", "add", "card", *WHO)


def test_who_and_why_are_asked_for(hansa, tmp_path):
    assert "--why" in hansa("registry", "add", "card", "--who", "M. Weber", code=2)
    assert "There is no whole model" in hansa("registry", "add", "nowhere", *WHO, code=3)
    for verb in ("list", "verify"):
        assert "There is no model" in hansa("registry", verb)
    assert "hansa registry add" in hansa("export", "scores@champion", code=2)


def test_a_stage_that_there_is_not_is_one_clear_message(hansa):
    said = hansa("registry", "promote", "scores@1", "--to", "champ", *WHO, code=2)
    assert "--to cannot be 'champ'. One of: 'challenger', 'champion'." in said


def test_a_registry_tells_whether_it_is_as_it_was_written(hansa, tmp_path):
    card_model(tmp_path / "card")
    hansa("registry", "add", "card", "--name", "scores", *WHO)
    head = hansa("registry", "verify").split()[-1]
    hansa("registry", "promote", "scores@1", "--to", "champion", *WHO)
    assert "2 lines" in hansa("registry", "verify", "--head", head)
    assert "has that hash" in hansa("registry", "verify", "--head", "0" * 64, code=3)
    file = tmp_path / "registry" / "registry.jsonl"
    file.write_text(file.read_text("utf-8").replace("Weber", "Huber"), "utf-8")
    assert "line 1 is not as it was written" in hansa("export", "scores@champion", "--format", "sql", code=3)
