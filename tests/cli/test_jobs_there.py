"""`hansa submit`, `status`, `logs`, `stop`, `resume`, against a coordinator and banks over real TLS."""

from __future__ import annotations

import json
import time

import pytest

from tests.engines.network.federation import TEXT, job_of
from tests.engines.network.town import inhabited


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with inhabited(tmp_path_factory.mktemp("town")) as made:
        yield made


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_job_from_its_submission_to_its_result(hansa, town, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    anna, _ = town.card("anna", "scientist")
    (tmp_path / "job.toml").write_text(TEXT)
    said = hansa("status", "--pass", anna)
    assert "no jobs" in said
    said = hansa("submit", "job.toml", "--pass", anna)
    digest = job_of().digest
    assert digest[:12] in said
    assert "done." in hansa("logs", digest[:8], "--follow", "--pass", anna)
    assert "parties: bank-0, bank-1, bank-2" in hansa("status", digest[:8], "--pass", anna)
    hansa("submit", "job.toml", "--wait", "--pass", anna, "--json", "out.json")
    assert len(json.loads((tmp_path / "out.json").read_text())["history"]) == 4
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / "report.html").is_file()
    assert "done" in hansa("resume", digest[:8], "--pass", anna, code=2)
    assert "not under way" in hansa("stop", digest[:8], "--pass", anna, code=2)


def test_a_role_that_may_not_is_refused_and_a_pass_that_is_not_there_said(hansa, town, tmp_path):
    audit, _ = town.card("carl", "auditor")
    (tmp_path / "job.toml").write_text(TEXT)
    assert "role 'auditor'" in hansa("submit", tmp_path / "job.toml", "--pass", audit, code=4)
    assert "cannot be read" in hansa("status", "--pass", tmp_path / "none.toml", code=2)


def test_an_operator_stops_a_job_and_lets_it_go_on(hansa, town):
    ops, _ = town.card("ops", "operator")
    digest = town.calls("anna", "scientist").submit(job_of(TEXT.replace("rounds = 4", "rounds = 3000")))
    assert "Stopped" in hansa("stop", digest[:8], "--pass", ops)
    assert "stopped" in hansa("logs", digest[:8], "--follow", "--pass", ops)
    assert "goes on" in hansa("resume", digest[:8], "--pass", ops)
    assert "running" in hansa("status", digest[:8], "--pass", ops)
    hansa("stop", digest[:8], "--pass", ops)


def test_a_job_that_fails_ends_the_commands_with_its_own_exit_code(hansa, town, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    anna, _ = town.card("anna", "scientist")
    (tmp_path / "job.toml").write_text(TEXT.replace('target = "late"', 'target = "nothing"'))
    assert "bank-0" in hansa("submit", "job.toml", "--wait", "--pass", anna, code=3)
    digest = job_of(TEXT.replace('target = "late"', 'target = "nothing"')).digest
    assert "failed" in hansa("logs", digest[:8], "--follow", "--pass", anna, code=3)
    assert "nothing" in hansa("status", digest[:8], "--pass", anna, code=3)
    assert "failed" in hansa("status", "--pass", anna)  # a list tells of many
    assert "failed" in hansa("logs", digest[:8], "--notes", "--pass", anna)


def test_who_was_slow_and_set_aside_is_named_and_let_back_in(hansa, town):
    anna, _ = town.card("anna", "scientist")
    text = TEXT.replace("rounds = 4", "rounds = 3000").replace(
        "min_parties = 1", "min_parties = 2\nquorum = 2\ndeadline = 0.3"
    )
    digest = town.calls("anna", "scientist").submit(job_of(text))
    follow = lambda words: until(lambda: words in hansa("logs", digest[:8], "--notes", "--pass", anna))  # noqa: E731
    town.leave("bank-1")
    try:
        follow("set aside      bank-1")
        assert "lost           bank-1" in hansa("logs", digest[:8], "--notes", "--pass", anna)
        assert "not set aside" in hansa("readmit", digest[:8], "bank-0", "--pass", anna, code=2)
    finally:
        town.join(town.parties[1])
    assert "asked again" in hansa("readmit", digest[:8], "bank-1", "--pass", anna)
    follow("let back in    bank-1")
    hansa("stop", digest[:8], "--pass", anna)


def test_who_was_sent_away_is_read_by_an_auditor(hansa, town, tmp_path):
    audit, _ = town.card("carl", "auditor")
    (tmp_path / "job.toml").write_text(TEXT)
    hansa("submit", tmp_path / "job.toml", "--pass", audit, code=4)
    assert "Submit: PolicyRefusal" in hansa("logs", "--notes", "--pass", audit)
    anna, _ = town.card("anna", "scientist")
    assert "operators and auditors" in hansa("logs", "--notes", "--pass", anna, code=4)
