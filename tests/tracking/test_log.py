"""A run's log: whole lines are read, cut ones are passed over, rounds done twice are told once."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hansa.core.job import At
from hansa.core.plan import Keep
from hansa.core.step import Done
from hansa.engines.simulation import Simulation
from hansa.running.verb import run
from hansa.tracking.log import LOG, Entry, append, entry_of, read_log, straight
from tests.running.banks import banks, job


def test_a_run_writes_where_it_stood_and_when(tmp_path):
    run(job(), on=Simulation(banks(), workers=1), baselines=False, folder=tmp_path)
    entries = read_log(tmp_path / LOG)
    rounds = [entry for entry in entries if entry.title == "rounds" and entry.measures]
    assert [entry.round for entry in rounds] == [1, 2, 3, 4]
    assert all("validation_log_loss" in entry.measures for entry in rounds)
    assert [entry.title for entry in entries][-1] == ""
    times = [entry.at for entry in entries]
    assert times == sorted(times)
    assert times[0] > 1e9


def test_what_is_no_number_is_not_written(tmp_path):
    entry = entry_of(Keep(At(1, Done()), {"loss": np.nan, "width": np.float32(3)}), job())
    append(tmp_path / LOG, entry)
    assert json.loads((tmp_path / LOG).read_text("utf-8"))["measures"] == {"width": 3.0}


DAMAGED = [b"", b"{", b"null", b"[]", b'{"step": 1}', b"\xff\xfe", b'{"step": "x", "measures": {}}', b"[" * 100_000]


@pytest.mark.parametrize("line", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_line_is_passed_over(line, tmp_path):
    file = tmp_path / LOG
    append(file, Entry(1, "rounds", 1))
    with file.open("ab") as log:
        log.write(line + b"\n")
    append(file, Entry(1, "rounds", 2))
    assert [entry.round for entry in read_log(file)] == [1, 2]


def test_a_run_that_went_on_is_told_once():
    told = [Entry(0), Entry(1, "rounds", 1), Entry(1, "rounds", 2), Entry(0), Entry(1, "rounds", 1, {"loss": 2.0})]
    assert straight(told) == (Entry(0), Entry(1, "rounds", 1, {"loss": 2.0}))
