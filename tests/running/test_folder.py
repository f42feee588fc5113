"""A run folder: what is stopped goes on to the same bits; what is damaged is said so."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.job import At
from hansa.core.journal import Snapshot
from hansa.core.message import Name
from hansa.core.party import Party
from hansa.core.post import seats_of
from hansa.core.step import Done
from hansa.core.table import Column
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.horizontal.evaluate import Verdict
from hansa.running import folder as folder_module
from hansa.running.folder import Folder
from hansa.running.verb import run
from tests.running.banks import banks, job


class Stopped(KeyboardInterrupt):
    pass


def stopping(after):
    seen = []

    def watch(keep):
        seen.append(keep)
        if len(seen) == after:
            raise Stopped

    return watch


@pytest.mark.parametrize("after", range(1, 10))
@pytest.mark.parametrize("sparing", [0.0, 1e9], ids=["each keep", "only at the end of steps"])
def test_a_run_stopped_at_any_keep_goes_on_to_the_same_bits(after, sparing, tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "_SPARING", sparing)
    engine = Simulation(banks(), workers=1)
    whole = run(job(), on=engine, baselines=False)
    with pytest.raises(Stopped):
        run(job(), on=engine, baselines=False, folder=tmp_path, watch=stopping(after))
    again = run(job(), on=engine, baselines=False, folder=tmp_path)
    assert again.model.parameters_sha256 == whole.model.parameters_sha256
    assert repr(again.metrics) == repr(whole.metrics)


def finished(path):
    run(job(), on=Simulation(banks(), workers=1), baselines=False, folder=path)
    return path / "kept" / "snapshot"


def test_a_finished_run_tells_what_it_found(tmp_path):
    finished(tmp_path)
    assert Folder(tmp_path, job(), {}).found().last(Verdict).parties
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert len(lines) >= 6


def test_what_is_pending_under_several_names_is_kept(tmp_path):
    seats, names = seats_of(job(), banks()), (Name(1, 4, 0), Name(1, 5, 2, 1))
    for name in names:
        seats["bank-1"].hold(name, {"c": np.full((1, 2), float(name.keep))})
    kept = Folder(tmp_path, job(), seats)
    kept.save(Snapshot(3, At(0, Done()), {"bank-1": names[:1]}))
    back = seats_of(job(), banks())
    assert Folder(tmp_path, job(), back).latest().counted == {"bank-1": names[:1]}
    assert {name: memory["c"].tolist() for name, memory in back["bank-1"].pending.items()} == {
        names[0]: [[4.0, 4.0]],
        names[1]: [[5.0, 5.0]],
    }


def test_a_flipped_byte_is_noticed(tmp_path):
    file = finished(tmp_path)
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)
    with pytest.raises(DataError, match="damaged"):
        Folder(tmp_path, job(), {}).found()


def test_another_jobs_snapshot_is_refused(tmp_path):
    finished(tmp_path)
    with pytest.raises(ConfigError, match="another job"):
        run(job(rounds=5), on=Simulation(banks(), workers=1), folder=tmp_path)


def other_rows():
    """The same banks, one of them with one other value."""
    table = banks()[1].table("")
    age = table.column("age").floats().copy()
    age[7] += 1
    return [banks()[0], Party("bank-1", {"": table.with_columns([Column.of("age", age.astype(int))])}), banks()[2]]


def test_a_run_does_not_go_on_over_other_rows(tmp_path):
    finished(tmp_path)
    with pytest.raises(ConfigError, match=r"begun on other data of bank-1\."):
        run(job(), on=Simulation(other_rows(), workers=1), folder=tmp_path)


def test_a_run_that_was_stopped_does_not_go_on_over_other_rows(tmp_path):
    with pytest.raises(Stopped):
        run(job(), on=Simulation(other_rows(), workers=1), folder=tmp_path, watch=stopping(4))
    with pytest.raises(ConfigError, match="other data of bank-1"):
        run(job(), on=Simulation(banks(), workers=1), folder=tmp_path)
    again = run(job(), on=Simulation(other_rows(), workers=1), folder=tmp_path)
    assert repr(again.metrics) == repr(run(job(), on=Simulation(other_rows(), workers=1)).metrics)


@pytest.mark.parametrize("others", [banks(4), banks()[::-1]], ids=["one more", "in another order"])
def test_a_run_does_not_go_on_with_other_parties(others, tmp_path):
    finished(tmp_path)
    with pytest.raises(ConfigError, match="other parties"):
        run(job(), on=Simulation(others, workers=1), folder=tmp_path)
