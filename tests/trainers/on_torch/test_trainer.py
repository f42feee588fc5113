"""A torch network is one more trainer: the same sums, the same settings, the same model as by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.core.trainer import Design, Inputs, Local
from hansa.errors import ConfigError
from hansa.trainers import Tabular
from hansa.trainers.on_torch import Torch, on_torch
from hansa.trainers.on_torch.ready import mlp
from tests.trainers.parties import LOCALS


def rows(n, seed=0, features=4, dtype="float64"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, features)).astype(dtype)
    return Design(X, (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(dtype))


def to_tabular(params):
    """A torch mlp's parameters as `Tabular` nests them."""
    places = sorted({int(name.partition(".")[0]) for name in params})
    return [{"weight": params[f"{i}.weight"].T.copy(), "bias": params[f"{i}.bias"]} for i in places]


def flat(load, trainer, params):
    """A delta's layers as `Tabular`'s, one after another."""
    from hansa.core.pytree import ravel, unravel

    delta = unravel(ravel(params)[1], load["delta"][0])
    return np.concatenate([np.r_[layer["bias"], layer["weight"].ravel()] for layer in to_tabular(delta)])


@pytest.mark.parametrize("local", LOCALS)
@pytest.mark.parametrize("vectorize", [True, False])
def test_it_trains_as_the_network_by_hand_does(local, vectorize):
    trainer = Torch(mlp(hidden=(6, 3)), dtype="float64", vectorize=vectorize, l2=0.01, device="cpu")
    params, data, draws = trainer.init(4, "random", Draws(1, "start")), rows(45), Draws(3, "bank-a")
    by_hand = Tabular(hidden=(6, 3), dtype="float64", l2=0.01).fit(to_tabular(params), data, local, draws)
    found = trainer.fit(params, data, local, draws)
    assert np.abs(flat(found, trainer, params) - by_hand["delta"][0]).max() < 1e-12
    assert found["loss"] == pytest.approx(by_hand["loss"])
    assert found["rows"] == by_hand["rows"]


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("vectorize", [True, False])
def test_classes_and_values_too(task, vectorize):
    classes = 3 if task == "multiclass" else 2
    trainer = Torch(mlp(hidden=(5,)), task=task, classes=classes, dtype="float64", vectorize=vectorize, device="cpu")
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 40).astype(float) if task == "multiclass" else rng.normal(size=40)
    data, params = Design(rng.normal(size=(40, 4)), y), trainer.init(4, "random", Draws(1, "start"))
    loss = "cross_entropy" if task == "multiclass" else "squared"
    twin = Tabular(hidden=(5,), loss=loss, classes=classes, dtype="float64")
    local, draws = Local(epochs=2, batch=9), Draws(0, "bank-a")
    by_hand = twin.fit(to_tabular(params), data, local, draws)["delta"][0]
    assert np.abs(flat(trainer.fit(params, data, local, draws), trainer, params) - by_hand).max() < 1e-12
    assert np.allclose(trainer.predict(params, data.X), twin.predict(to_tabular(params), data.X))


def test_a_stack_gives_each_party_what_it_gets_alone():
    trainer = Torch(mlp(hidden=(16,)), device="cpu")
    params = trainer.init(4, "random", Draws(1, "start"))
    data = [rows(n, n, dtype="float32") for n in (30, 0, 75, 30)]
    draws, local = [Draws(0, f"bank-{i}") for i in range(4)], Local(epochs=2, batch=16)
    together = trainer.fit_many(params, data, local, draws)["delta"]
    alone = [trainer.fit(params, one, local, draw)["delta"][0] for one, draw in zip(data, draws, strict=True)]
    assert np.abs(together - alone).max() < 1e-6
    apart = Torch(mlp(hidden=(16,)), device="cpu", vectorize=False)
    lone = [apart.fit(params, one, local, draw)["delta"][0] for one, draw in zip(data, draws, strict=True)]
    assert (apart.fit_many(params, data, local, draws)["delta"] == lone).all()
    assert np.abs(together - lone).max() < 1e-6


def test_links_may_tilt_and_start_elsewhere():
    data, draws = rows(30), Draws(0, "bank-a")
    for vectorize in (True, False):
        trainer = Torch(mlp(hidden=(3,)), dtype="float64", vectorize=vectorize, device="cpu")
        params = trainer.init(4, "random", Draws(1, "start"))
        size = sum(value.size for value in params.values())
        rng = np.random.default_rng(0)
        tilt, start = rng.normal(size=(1, size)), rng.normal(size=(1, size))
        plain = trainer.fit(params, data, Local(steps=1), draws)["delta"]
        tilted = trainer.fit(params, data, Local(steps=1, tilt=tilt), draws)["delta"]
        assert np.abs(tilted - (plain - 0.1 * tilt)).max() < 1e-12
        moved = trainer.fit(params, data, Local(steps=1, start=start, learning_rate=1e-9), draws)["delta"][0]
        assert np.abs(moved - (start[0] - np.concatenate([params[k].ravel() for k in sorted(params)]))).max() < 1e-6


def test_ones_own_loss_optimiser_and_schedule_are_used():
    import torch

    calls = []
    trainer = on_torch(
        lambda: torch.nn.Linear(4, 1),
        loss=lambda out, y: calls.append("loss") or torch.nn.functional.smooth_l1_loss(out[:, 0], y),
        optimizer=lambda parameters: torch.optim.RMSprop(parameters, lr=0.01),
        scheduler=lambda optimiser: calls.append("schedule") or torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.5),
        epochs=3,
        batch=10,
        device="cpu",
    )
    params = trainer.init(4, "random", Draws(0, "start"))
    assert "of its own" in trainer.how(4)
    assert np.abs(trainer.fit(params, rows(30), Local(), Draws(0, "a"))["delta"]).max() > 0
    assert calls.count("loss") == 9
    assert calls.count("schedule") == 1
    assert (
        on_torch(lambda: torch.nn.Linear(4, 1), optimizer="adamw", device="cpu")
        .fit(params, rows(30), Local(), Draws(0, "a"))["delta"]
        .any()
    )


def test_a_network_as_it_stands_is_the_start():
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    trainer = on_torch(net, device="cpu")
    first = trainer.init(4, "random", Draws(0, "start"))
    assert (first["net.0.weight"] == net[0].weight.detach().numpy()).all()
    trainer.fit(first, rows(30), Local(), Draws(0, "a"))
    assert (trainer.init(4, "random", Draws(1, "start"))["net.0.weight"] == first["net.0.weight"]).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": 1},
        {"classes": 3},
        {"epochs": -1},
        {"l2": -1.0},
        {"threads": 0},
    ],
)
def test_settings_outside_their_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        Torch(**wrong)


def test_what_is_no_network_is_refused():
    import torch

    with pytest.raises(ConfigError, match="no network"):
        on_torch(3)
    with pytest.raises(ConfigError, match="no such setting"):
        on_torch(torch.nn.Linear(1, 1), epoch=2)
    with pytest.raises(ConfigError, match="makes no torch"):
        on_torch(dict).init(2, "random", Draws(0, "a"))
    trainer = Torch(optimizer="adamm", device="cpu")
    params = trainer.init(4, "random", Draws(0, "s"))
    with pytest.raises(ConfigError, match="no optimiser 'adamm'"):
        trainer.fit(params, rows(9, dtype="float32"), Local(), Draws(0, "a"))
    with pytest.raises(ConfigError, match="start from zero"):
        Torch().init(4, "zero", Draws(0, "a"))


def test_blocks_go_to_a_forward_that_names_them():
    import torch

    class Net(torch.nn.Module):
        def __init__(self, inputs):
            super().__init__()
            self.home = torch.nn.Embedding(inputs.sizes[inputs.codes[0]], 2)
            self.last = torch.nn.Linear(2 + len(inputs.numbers), 1)

        def forward(self, numbers, codes):
            return self.last(torch.cat([numbers, self.home(codes[:, 0])], 1))

    trainer = on_torch(Net, device="cpu").reading(Inputs(("age", "home", "limit"), (0, 4, 0)))
    params = trainer.init(3, "random", Draws(0, "start"))
    assert params["net.home.weight"].shape == (4, 2)
    X = np.array([[0.1, 3.0, 1.0], [0.2, 0.0, 2.0]] * 10, np.float32)
    assert trainer.how(3) == "A stack of parties at once."
    assert trainer.fit(params, Design(X, np.tile([0.0, 1.0], 10)), Local(), Draws(0, "a"))["delta"].any()
