"""Weights & Biases offline: its transaction log, read back record by record."""

from __future__ import annotations

import json
import os
import struct
import time

import pytest

from hansa.engines.simulation import Simulation
from hansa.running.verb import run
from hansa.tracking.log import LOG, read_log
from hansa.tracking.on_wandb import WandB
from tests.running.banks import banks, job

BLOCK = 32 * 1024
HEAD = 7


def records(file):
    """The records of a log as LevelDB has them: pieces of at most a block, each with checksum, size and kind."""
    from wandb.proto.wandb_internal_pb2 import Record

    body, place, whole = file.read_bytes(), HEAD, b""
    while place + HEAD <= len(body):
        rest = BLOCK - place % BLOCK
        if rest < HEAD:
            place += rest
            continue
        _, size, kind = struct.unpack("<IHB", body[place : place + HEAD])
        whole += body[place + HEAD : place + HEAD + size]
        place += HEAD + size
        if kind in {1, 4}:  # a whole record, or the last piece of one
            yield Record.FromString(whole)
            whole = b""


def read(folder):
    """What was told of a run: its settings, its history, its summary."""
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    while not any(record.HasField("exit") for record in records(file)):
        time.sleep(0.01)  # its own process writes the end a moment later
    config, history, summary = {}, [], {}
    for record in records(file):
        config |= {one.key: json.loads(one.value_json) for one in record.run.config.update}
        summary |= {one.key or one.nested_key[0]: json.loads(one.value_json) for one in record.summary.update}
        if record.HasField("history"):
            history.append({one.key or one.nested_key[0]: json.loads(one.value_json) for one in record.history.item})
    return file, config, history, summary


def test_what_it_wrote_offline_is_what_the_log_says(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder, place = tmp_path / "first", tmp_path / "told"
    place.mkdir()
    result = run(
        job(), on=Simulation(banks(), workers=1), baselines=False, folder=folder, trackers=[WandB("credit", place)]
    )
    file, config, history, summary = read(place)
    told = [entry for entry in read_log(folder / LOG) if entry.measures]
    rounds = [(line["round"], line["rounds/train_loss"], line["_timestamp"]) for line in history[1:]]
    assert rounds == [(e.round, pytest.approx(e.measures["train_loss"]), pytest.approx(e.at)) for e in told[1:]]
    assert history[0]["prepare/parties"] == 3
    assert config["job_digest"] == job().digest
    assert config["steps.1.rounds"] == 4
    assert summary["result/federated/auc"] == pytest.approx(result.metrics["federated"]["auc"])
    assert b"bank-" not in file.read_bytes()


def test_nothing_of_the_machine_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_ERROR_REPORTING", raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    run(job(rounds=1), on=Simulation(banks(), workers=1), baselines=False, trackers=[WandB("credit", tmp_path)])
    file, *_ = read(tmp_path)
    kinds = {record.WhichOneof("record_type") for record in records(file)}
    assert "run" in kinds
    assert kinds.isdisjoint({"environment", "files", "output", "output_raw", "stats"})
    assert not list(file.parent.rglob("requirements.txt"))
    assert [r.run.host for r in records(file) if r.HasField("run")] == [""]
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"
