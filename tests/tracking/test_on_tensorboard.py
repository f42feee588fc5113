"""TensorBoard's event files, read back record by record."""

from __future__ import annotations

import struct

import pytest

from hansa.engines.simulation import Simulation
from hansa.running.verb import run
from hansa.tracking.log import LOG, read_log
from hansa.tracking.on_tensorboard import TensorBoard
from tests.running.banks import banks, job


def scalars(folder):
    """Every scalar of a run's one event file: {tag: [(step, value, time)]}; a record's length stands before it."""
    from tensorboardX.proto.event_pb2 import Event

    (file,) = folder.glob("events.out.tfevents.*")
    body, found, texts = file.read_bytes(), {}, []
    while body:
        (length,) = struct.unpack("<Q", body[:8])
        event = Event.FromString(body[12 : 12 + length])
        body = body[12 + length + 4 :]
        for value in event.summary.value:
            if value.HasField("tensor"):
                texts += [text.decode() for text in value.tensor.string_val]
            else:
                found.setdefault(value.tag, []).append((event.step, value.simple_value, event.wall_time))
    return found, texts


def test_what_it_wrote_is_what_the_log_says(tmp_path):
    folder, board = tmp_path / "first", TensorBoard(tmp_path / "boards")
    result = run(job(), on=Simulation(banks(), workers=1), baselines=False, folder=folder, trackers=[board])
    found, (text,) = scalars(tmp_path / "boards" / "first")
    rounds = [entry for entry in read_log(folder / LOG) if entry.title == "rounds" and entry.measures]
    told = [(entry.round, pytest.approx(entry.measures["train_loss"]), entry.at) for entry in rounds]
    assert found["rounds/train_loss"] == told
    assert found["result/federated/auc"][0][1] == pytest.approx(result.metrics["federated"]["auc"])
    assert f"| digest | {job().digest} |" in text
    assert "| steps.1.rounds | 4 |" in text
    assert not [tag for tag in found if "bank" in tag]


def test_a_run_that_is_told_again_is_written_anew(tmp_path):
    board = TensorBoard(tmp_path / "boards")
    for _ in range(2):
        run(
            job(rounds=2),
            on=Simulation(banks(), workers=1),
            baselines=False,
            folder=tmp_path / "first",
            trackers=[board],
        )
    found, _ = scalars(tmp_path / "boards" / "first")
    assert [step for step, _, _ in found["rounds/train_loss"]] == [1, 2]
