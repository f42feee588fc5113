"""Run folders on disk: whole, from Python, under way, damaged; and told to trackers afterwards as while they ran."""

from __future__ import annotations

import shutil

import pytest

from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.running.shelf import one_run, read_run, runs_in, tell
from hansa.running.verb import run
from hansa.tracking.log import LOG, read_log
from tests.running.banks import banks, job


class Heard:
    """A tracker that remembers what it was told."""

    def __init__(self):
        self.said = []

    def start(self, run):
        self.said.append(run)

    def log(self, entry):
        self.said.append(entry)

    def finish(self, result):
        self.said.append(result)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run's folder as the command line leaves it, and what a tracker heard meanwhile."""
    folder, heard = tmp_path_factory.mktemp("runs") / "first", Heard()
    result = run(job(), on=Simulation(banks(), workers=1), baselines=False, folder=folder, trackers=[heard])
    result.keep(folder)
    (folder / "run.json").write_text("{}", "utf-8")
    return folder, heard


def test_a_run_is_read_whole(whole):
    found = one_run(whole[0])
    assert (found.name, found.state, found.job["name"], found.rounds) == ("first", "finished", "small", 4)
    assert found.curve("validation_log_loss")[0] == [1, 2, 3, 4]


def test_trackers_hear_the_same_afterwards(whole):
    folder, heard = whole
    again = Heard()
    tell(one_run(folder), [again])
    assert again.said[0] == heard.said[0]
    assert again.said[1:-1] == list(read_log(folder / LOG))
    assert [entry for entry in heard.said[1:-1] if entry.measures] == [e for e in again.said[1:-1] if e.measures]
    assert again.said[-1]["parameters_sha256"] == heard.said[-1]["parameters_sha256"]


DAMAGE = {
    "result.json": [b'{"metrics": ', b"[]", b"{}", b'{"metrics": 5}', b"\xff", b"[" * 100_000],
    "job.toml": [b"= 5", b"\xff\xfe", b"a = " + b"[" * 100_000],
}


@pytest.mark.parametrize(("name", "body"), [(name, body) for name, bodies in DAMAGE.items() for body in bodies])
def test_a_damaged_file_is_named(name, body, whole, tmp_path):
    shutil.copytree(whole[0], tmp_path / "first")
    (tmp_path / "first" / name).write_bytes(body)
    (found,) = runs_in(tmp_path)
    assert found.state == "damaged"
    assert name in found.why
    with pytest.raises(DataError, match=name):
        one_run(tmp_path / "first")


def test_a_run_that_was_stopped_is_unfinished(whole, tmp_path):
    shutil.copytree(whole[0], tmp_path / "first")
    (tmp_path / "first" / "result.json").unlink()
    assert read_run(tmp_path / "first").state == "unfinished"
    (tmp_path / "first" / "job.toml").unlink()
    assert "lost its job.toml" in read_run(tmp_path / "first").why


def test_a_run_from_python_has_a_log_alone(whole, tmp_path):
    shutil.copytree(whole[0], tmp_path / "first")
    for name in ("job.toml", "run.json", "result.json"):
        (tmp_path / "first" / name).unlink()
    found, heard = one_run(tmp_path / "first"), Heard()
    tell(found, [heard])
    assert (found.state, found.rounds, heard.said[0].job, heard.said[-1]) == ("unfinished", 4, "first", None)


def test_what_has_nothing_to_tell_says_so(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "job.toml").write_text('name = "scores"\nsteps = ["rounds"]', "utf-8")
    with pytest.raises(DataError, match="nothing to tell"):
        tell(one_run(tmp_path / "first"), [Heard()])


def test_a_tracker_that_fails_afterwards_is_an_error(whole):
    class Broken(Heard):
        def log(self, entry):
            raise OSError

    with pytest.raises(DataError, match="not told to all"):
        tell(one_run(whole[0]), [Broken()])


def test_files_beside_runs_and_hidden_folders_are_passed_over(tmp_path):
    (tmp_path / "page.html").touch()
    (tmp_path / ".cache").mkdir()
    assert runs_in(tmp_path) == []
    with pytest.raises(ConfigError, match="no folder"):
        runs_in(tmp_path / "none")
