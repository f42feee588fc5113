"""Dropout, batch norms and frozen layers: the same bits for a lone party, and only what is learned travels."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError, DataError
from hansa.trainers.on_torch import Torch, on_torch
from hansa.trainers.on_torch.fit import fit_many, margins, why_one_by_one
from hansa.trainers.on_torch.ready import mlp

DATA = Design(np.random.default_rng(0).normal(size=(40, 3)).astype("float32"), (np.arange(40) % 2).astype("float32"))


def test_dropout_is_drawn_from_the_partys_own_stream():
    trainer = Torch(mlp(hidden=(16,), dropout=0.5), device="cpu")
    params = trainer.init(3, "random", Draws(0, "start"))
    assert why_one_by_one(trainer, 3) == "it draws random numbers while it is trained"
    draws = [Draws(0, name) for name in ("a", "b")]
    both = fit_many(trainer, params, [DATA, DATA], Local(steps=5), draws)["delta"]
    assert (both[1] == fit_many(trainer, params, [DATA], Local(steps=5), draws[1:])["delta"][0]).all()
    assert (both[0] != both[1]).any()
    assert (margins(trainer, params, DATA.X) == margins(trainer, params, DATA.X)).all()


def test_the_users_own_random_numbers_stay_as_they_were():
    import torch

    trainer = Torch(mlp(dropout=0.5), device="cpu")
    params = trainer.init(3, "random", Draws(0, "start"))
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    trainer.init(3, "random", Draws(1, "start"))
    trainer.fit(params, DATA, Local(), Draws(0, "a"))
    assert torch.rand(1) == before


def test_batch_statistics_travel_and_whole_numbers_stay():
    import torch

    trainer = on_torch(lambda: torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1)), device="cpu")
    params = trainer.init(3, "random", Draws(0, "start"))
    assert {name.rpartition(".")[2] for name in params} == {"weight", "bias", "running_mean", "running_var"}
    assert why_one_by_one(trainer, 3) == "it keeps statistics of its batches"
    shifted = Design(DATA.X + 5, DATA.y)
    from hansa.core.pytree import ravel, unravel

    delta = unravel(ravel(params)[1], trainer.fit(params, shifted, Local(steps=30), Draws(0, "a"))["delta"][0])
    assert np.abs(delta["net.0.running_mean"] - shifted.X.mean(0)).max() < 0.3
    assert np.isfinite(margins(trainer, params, DATA.X)).all()


def test_a_frozen_backbone_stays_at_home():
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    net[0].requires_grad_(False)
    trainer = on_torch(net, device="cpu")
    params = trainer.init(3, "random", Draws(0, "start"))
    assert sorted(params) == ["net.2.bias", "net.2.weight"]
    assert trainer.how(3) == "A stack of parties at once."
    assert trainer.fit(params, DATA, Local(), Draws(0, "a"))["delta"].shape == (1, 9)
    net.requires_grad_(False)
    with pytest.raises(ConfigError, match="no trainable"):
        on_torch(net).fit(params, DATA, Local(), Draws(0, "a"))


def test_row_weights_need_a_loss_by_row():
    import torch

    weighted = Design(DATA.X, DATA.y, np.linspace(0.1, 2, 40, dtype="float32"))
    for reduction, ends_well in (("none", True), ("mean", False)):
        loss = torch.nn.BCEWithLogitsLoss(reduction=reduction)
        trainer = on_torch(lambda: torch.nn.Linear(3, 1), loss=lambda out, y, f=loss: f(out[:, 0], y), device="cpu")
        params = trainer.init(3, "random", Draws(0, "start"))
        if ends_well:
            plain = Torch(mlp(hidden=()), device="cpu")
            names = {"net.weight": "0.weight", "net.bias": "0.bias"}
            twin = {names[name]: value for name, value in params.items()}
            expected = plain.fit(twin, weighted, Local(epochs=2, batch=10), Draws(0, "a"))["delta"]
            found = trainer.fit(params, weighted, Local(epochs=2, batch=10), Draws(0, "a"))["delta"]
            assert np.abs(found - expected).max() < 1e-6
        else:
            with pytest.raises(ConfigError, match="reduction='none'"):
                trainer.fit(params, weighted, Local(), Draws(0, "a"))


def test_outputs_of_another_shape_are_one_clear_error():
    import torch

    trainer = on_torch(lambda: torch.nn.Linear(3, 2), device="cpu")
    with pytest.raises(DataError, match="gives"):
        margins(trainer, trainer.init(3, "random", Draws(0, "s")), DATA.X)
