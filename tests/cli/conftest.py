"""Run the command line as a user does, and see that it never shows a traceback or a colour without a terminal."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from hansa.cli.main import app


@pytest.fixture
def hansa():
    runner = CliRunner()

    def call(*words, code=0):
        done = runner.invoke(app, [str(word) for word in words])
        said = done.output + (done.stderr if done.stderr_bytes is not None else "")
        assert "Traceback" not in said
        assert "\x1b[" not in said or "--help" in words
        assert done.exit_code == code, said
        return said

    return call


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A folder made by `hansa new`, with one finished run."""
    folder = tmp_path_factory.mktemp("项目") / "信用"
    runner = CliRunner()
    assert runner.invoke(app, ["new", str(folder)]).exit_code == 0
    words = ["run", str(folder / "job.toml"), "--set", "rounds=3", "--runs", str(folder / "runs"), "--workers", "1"]
    done = runner.invoke(app, [*words, "--json", str(folder / "out.json"), "--no-baselines"])
    assert done.exit_code == 0, done.output
    return folder
