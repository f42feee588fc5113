"""Trackers are told of a run as its log has it; none of them can stop it."""

from __future__ import annotations

import json
import logging

import pytest

from hansa.engines.simulation import Simulation
from hansa.running.verb import run
from hansa.tracking.about import About, figures
from hansa.tracking.feed import Feed
from hansa.tracking.log import LOG, Entry, append, read_log
from tests.running.banks import banks, job


class Heard:
    """A tracker that remembers what it was told."""

    def __init__(self):
        self.entries, self.run, self.results = [], None, []

    def start(self, run):
        self.run = run

    def log(self, entry):
        self.entries.append(entry)

    def finish(self, result):
        self.results.append(result)


class Broken:
    """A tracker that fails at one of its verbs, with an address in its message."""

    def __init__(self, verb):
        self.verb, self.told = verb, []

    def _say(self, verb):
        self.told.append(verb)
        if verb == self.verb:
            raise OSError("postgresql://user:CANARY@host")

    def start(self, run):
        self._say("start")

    def log(self, entry):
        self._say("log")

    def finish(self, result):
        self._say("finish")


def test_a_tracker_hears_what_the_folder_holds(tmp_path):
    heard = Heard()
    result = run(job(), on=Simulation(banks(), workers=1), baselines=False, folder=tmp_path / "first", trackers=[heard])
    assert tuple(e for e in heard.entries if e.measures) == tuple(
        e for e in read_log(tmp_path / "first" / LOG) if e.measures
    )
    assert (heard.run.run, heard.run.job, heard.run.digest) == ("first", "small", job().digest)
    assert figures(heard.results[0]) == figures(json.loads(result.to_json()))


def test_a_run_without_a_folder_is_told_too():
    heard = Heard()
    run(job(rounds=2), on=Simulation(banks(), workers=1), baselines=False, trackers=[heard])
    assert [entry.round for entry in heard.entries if entry.title == "rounds" and entry.measures] == [1, 2]
    assert heard.run.run.endswith("-small")


@pytest.mark.parametrize("verb", ["start", "log", "finish"])
def test_a_tracker_that_fails_does_not_stop_the_run(verb, caplog):
    broken, heard = Broken(verb), Heard()
    with caplog.at_level(logging.WARNING, "hansa.tracking"):
        result = run(job(rounds=2), on=Simulation(banks(), workers=1), baselines=False, trackers=[broken, heard])
    assert result.model.parameters_sha256
    assert broken.told.count(verb) == 1
    assert broken.told[-1] == verb
    (said,) = caplog.messages
    assert "Broken failed (OSError)" in said
    assert "CANARY" not in said
    assert len(heard.results) == 1


def test_a_run_that_breaks_off_closes_its_trackers():
    def stop(keep):
        raise KeyboardInterrupt

    heard = Heard()
    with pytest.raises(KeyboardInterrupt):
        run(job(), on=Simulation(banks(), workers=1), baselines=False, watch=stop, trackers=[heard])
    assert heard.results == [None]


def test_a_run_that_goes_on_is_told_from_its_first_round(tmp_path):
    for round_ in (1, 2, 3):
        append(tmp_path / LOG, Entry(1, "rounds", round_, {"loss": 1.0}))
    heard = Heard()
    with Feed([heard], About("first", "small", None, {}), tmp_path) as feed:
        feed.log(Entry(1, "rounds", 3, {"loss": 2.0}))
        feed.finish({})
    assert [(entry.round, entry.measures["loss"]) for entry in heard.entries] == [(1, 1.0), (2, 1.0), (3, 2.0)]


def test_a_finished_run_that_is_asked_for_again_is_told_whole(tmp_path):
    engine = Simulation(banks(), workers=1)
    run(job(), on=engine, baselines=False, folder=tmp_path)
    heard = Heard()
    run(job(), on=engine, baselines=False, folder=tmp_path, trackers=[heard])
    assert [entry.round for entry in heard.entries if entry.title == "rounds" and entry.measures] == [1, 2, 3, 4]
