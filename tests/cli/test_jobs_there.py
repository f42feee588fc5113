"""`hansa submit`, `status`, `logs`, `stop`, `resume`, against a coordinator and banks over real TLS."""

from __future__ import annotations

import json

import pytest

from tests.engines.network.federation import TEXT, job_of, members
from tests.engines.network.town import Town


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    made = Town(tmp_path_factory.mktemp("town"), members())
    made.open()
    for party in made.parties:
        made.join(party)
    yield made
    made.close()


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
