"""An exported network scores as hansa does, for any number of rows, and tells nothing of the machine it came from."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import hansa as hs
from hansa.core.draws import Draws
from hansa.core.trainer import Inputs
from hansa.errors import ConfigError
from hansa.trainers.on_torch import Torch, on_torch
from hansa.trainers.on_torch.export import to_onnx
from hansa.trainers.on_torch.ready import ft_transformer, lstm, mlp, resnet, tcn

runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

MIXED = Inputs(("age", "住房", "note [0]", "note [1]"), (0, 4, 50, 50))
SERIES = Inputs(("a1", "b1", "a2", "b2"), (0, 0, 0, 0))


def rows_of(inputs, rows, dtype):
    rng = np.random.default_rng(rows)
    columns = [rng.integers(0, size, rows) if size else rng.normal(size=rows) for size in inputs.sizes]
    return np.stack(columns, axis=1).astype(dtype)


@pytest.mark.parametrize(
    ("trainer", "inputs", "output"),
    [
        (Torch(mlp(dropout=0.2)), MIXED, "probability"),
        (Torch(resnet(depth=1), task="multiclass", classes=3), MIXED, "probabilities"),
        (Torch(ft_transformer(depth=1), task="regression", dtype="float64"), MIXED, "value"),
        (Torch(lstm(2)), SERIES, "probability"),
        (Torch(tcn(2)), SERIES, "probability"),
    ],
    ids=["mlp", "resnet", "ft_transformer", "lstm", "tcn"],
)
def test_it_scores_as_hansa_does(trainer, inputs, output):
    trainer, width = trainer.reading(inputs), len(inputs.names)
    params = trainer.init(width, "random", Draws(0, "start"))
    session = runtime.InferenceSession(to_onnx(trainer, params, width))
    assert [one.name for one in session.get_outputs()] == [output]
    for rows in (1, 2, 700):
        X = rows_of(inputs, rows, trainer.dtype)
        assert np.abs(session.run(None, {"X": X.astype("float32")})[0] - trainer.predict(params, X)).max() < 1e-5
    assert json.loads(session.get_modelmeta().custom_metadata_map["columns"]) == list(inputs.names)


def test_a_network_of_ones_own_with_what_it_learned(tmp_path):
    import torch

    class Net(torch.nn.Module):
        def __init__(self, inputs):
            super().__init__()
            self.home = torch.nn.Embedding(inputs.sizes[inputs.codes[0]], 3)
            self.body = torch.nn.Sequential(
                torch.nn.BatchNorm1d(4),
                torch.nn.Dropout(0.3),
                torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(4, 1)),
            )

        def forward(self, numbers, codes):
            return self.body(torch.cat([numbers, self.home(codes[:, 0])], 1))[:, 0]

    rng, rows = np.random.default_rng(0), 200
    columns = {
        "age": rng.normal(size=rows),
        "home": rng.choice(["own", "rent"], rows),
        "late": rng.integers(0, 2, rows),
    }
    banks = [hs.Party(name, columns, target="late") for name in ("a", "b", "c")]
    trainer = on_torch(Net, optimizer="Adam", batch=32, device="cpu")
    job = hs.Job("own", (hs.Prepare(categorical="codes"), hs.Rounds(trainer, rounds=2), hs.Evaluate()))
    model = hs.run(job, on=hs.Simulation(banks, workers=1), baselines=False).model
    body = model.export(tmp_path / "own.onnx").read_bytes()
    found = runtime.InferenceSession(body).run(None, {"X": model.design(columns)})[0]
    assert np.abs(found - model.predict_proba(columns)[:, 1]).max() < 1e-5
    assert __file__.encode() not in body
    assert b".py" not in body


def test_what_onnx_cannot_hold_is_one_clear_error(capfd):
    import torch

    class Branching(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.last = torch.nn.Linear(2, 1)

        def forward(self, X):
            return self.last(X) if float(X.sum()) > 1 else -self.last(X)

    trainer = on_torch(Branching, device="cpu")
    with pytest.raises(ConfigError, match="cannot be written as ONNX"):
        to_onnx(trainer, trainer.init(2, "random", Draws(0, "start")), 2)
    said = capfd.readouterr()
    assert said.out + said.err == ""


def test_training_goes_on_as_if_nothing_had_been_exported():
    from hansa.core.trainer import Design, Local

    trainer = Torch(mlp(hidden=(4,)), device="cpu")
    params, X = trainer.init(3, "random", Draws(0, "start")), rows_of(Inputs(("a", "b", "c"), (0, 0, 0)), 20, "float32")
    data = Design(X, np.tile([0.0, 1.0], 10).astype("float32"))
    before = trainer.fit(params, data, Local(epochs=2), Draws(0, "a"))["delta"]
    to_onnx(trainer, params, 3)
    assert (trainer.fit(params, data, Local(epochs=2), Draws(0, "a"))["delta"] == before).all()


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    trainer = Torch(mlp(hidden=(4,)), device="cpu")
    with pytest.raises(ConfigError, match=r"hansa\[onnx\]"):
        to_onnx(trainer, trainer.init(2, "random", Draws(0, "start")), 2)
