"""The guide to a first consortium is true: its commands run as they stand, in their order."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hansa.cli.main import app

PAGE = (Path(__file__).parent.parent / "docs" / "consortium.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
(NODE,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def said(tmp_path, monkeypatch):
    """What each command says, in a folder with a project's first book and job."""
    runner = CliRunner()
    assert runner.invoke(app, ["new", str(tmp_path / "project")]).exit_code == 0
    shutil.copy(tmp_path / "project" / "data" / "bank-a.csv", tmp_path / "book.csv")
    job = (tmp_path / "project" / "job.toml").read_text("utf-8")
    columns = re.search(r"^loans = \[(.*)\]$", NODE, re.MULTILINE)[1].replace('"', "").split(", ")
    keep = [name for name in columns if name not in {"id", "default"}]
    old = 'drop = ["region", "issued"]'
    assert old in job
    (tmp_path / "job.toml").write_text(job.replace(old, f"keep = {keep}"), "utf-8")
    (tmp_path / "node.toml").write_text(NODE, "utf-8")
    monkeypatch.chdir(tmp_path)
    found = {}
    for line in COMMANDS:
        done = runner.invoke(app, shlex.split(line)[1:])
        assert done.exit_code == 0, (line, done.output, done.stderr)
        found.setdefault(line, done.output)
    return found


def test_the_commands_run_as_they_stand(said):
    assert len(said) >= 10
    assert all(line.startswith("hansa ") for line in said)
    assert "bank-a  since" in said["hansa consortium members"]
    tried = said["hansa node check node.toml job.toml --submitter risk-team --parties 3"]
    assert "The policy lets the job through" in tried
    assert "list number 1, of 4 certificates" in said['hansa revoke bank-a --reason "keys were lost"']
