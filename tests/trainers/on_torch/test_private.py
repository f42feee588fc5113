"""Torch networks in private training: clipped sums equal to brute force, whichever way they are found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from hansa.core.draws import Draws
from hansa.core.pytree import ravel
from hansa.core.trainer import Design, Local, Private
from hansa.errors import ConfigError
from hansa.trainers.on_torch import private
from hansa.trainers.on_torch.network import network
from hansa.trainers.on_torch.trainer import Torch, on_torch

DRAWS = Draws(3, "bank-a")
SILENT = Private(clip=0.2, noise_multiplier=0.0, sampling=1.0)


class Conv(nn.Module):
    """No dense layers alone: a convolution over the columns, a layer norm, and a head."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv1d(1, 3, 2), nn.LayerNorm(12), nn.Linear(12, 1)

    def forward(self, X):
        return self.head(self.norm(torch.tanh(self.conv(X[:, None])).flatten(1)))


class Mixing(nn.Module):
    """A network that takes the mean of its batch off."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, 1)

    def forward(self, X):
        return self.head(X - X.mean(dim=0))


def frozen():
    made = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1))
    made[0].weight.requires_grad_(False)
    return made


def twice():
    """One dense layer is used two times."""
    layer = nn.Linear(5, 5)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(5, 1))


def hooked():
    """Dense layers, and a hook that takes the mean of the batch off."""
    made = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1))
    made[1].register_forward_hook(lambda part, given, out: out - 0.5 * out.mean(dim=0))
    return made


MODULES = {
    "twice": twice,
    "hooked": hooked,
    "dense": lambda: nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 1)),
    "no bias": lambda: nn.Sequential(nn.Linear(5, 7, bias=False), nn.ReLU(), nn.Linear(7, 1)),
    "chance": lambda: nn.Sequential(nn.Linear(5, 1), nn.Sigmoid()),
    "conv": Conv,
    "frozen": frozen,
    "classes": lambda: nn.Sequential(nn.Linear(5, 6), nn.GELU(), nn.Linear(6, 3)),
    "value": lambda: nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 1)),
}
TASKS = {"classes": {"task": "multiclass", "classes": 3}, "value": {"task": "regression"}}


def rows(name, n=90, weighted=False):
    rng = np.random.default_rng(1)
    y = {"classes": rng.integers(0, 3, n), "value": rng.normal(size=n)}.get(name, rng.integers(0, 2, n))
    return Design(
        rng.normal(size=(n, 5)),
        y.astype(float),
        rng.uniform(0.5, 2, n) if weighted else None,
        np.sort(rng.integers(0, 12, n)),
    )


def made(name, **settings):
    torch.manual_seed(0)
    return on_torch(MODULES[name](), dtype="float64", device="cpu", **TASKS.get(name, {}), **settings)


def brute(trainer, params, data, clip, who):
    alone = replace(trainer, vectorize=False)
    total = 0
    for unit in np.unique(who):
        g = 0
        for i in np.flatnonzero(who == unit):
            row = Design(data.X[[i]], data.y[[i]])
            weight = 1 if data.weight is None else data.weight[i]
            g = g - weight * alone.fit(params, row, Local(steps=1, learning_rate=1.0), DRAWS)["delta"][0]
        total = total + g * min(1, clip / np.linalg.norm(g))
    return total


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("unit", ["record", "customer"])
@pytest.mark.parametrize("weighted", [False, True])
def test_clipped_sums_are_brute_force(name, unit, weighted):
    trainer, data = made(name), rows(name, weighted=weighted)
    params = trainer.init(5, "random", DRAWS)
    local = Local(steps=1, batch=10, learning_rate=1.0, private=replace(SILENT, unit=unit))
    found = -trainer.fit(params, data, local, DRAWS)["delta"][0]
    who = data.who if unit == "customer" else np.arange(data.rows)
    assert np.allclose(found, brute(trainer, params, data, SILENT.clip, who) / 10, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "ghost"),
    [("dense", True), ("classes", True), ("conv", False), ("frozen", False), ("twice", False), ("hooked", False)],
)
def test_dense_layers_are_clipped_by_ghost_norms_whatever_frames_them(name, ghost):
    trainer = made(name)
    w, layout = ravel(trainer.init(5, "random", DRAWS))
    assert private.Clips(trainer, network(trainer, 5), layout, w)._ghost == ghost


def test_customers_whose_rows_go_on_in_the_next_piece_are_clipped_whole(monkeypatch):
    trainer, data = made("conv"), rows("conv")
    params = trainer.init(5, "random", DRAWS)
    local = Local(steps=1, batch=10, learning_rate=1.0, private=replace(SILENT, unit="customer"))
    whole = trainer.fit(params, data, local, DRAWS)["delta"]
    monkeypatch.setattr("hansa.trainers.on_torch.private._ROWS", 4)
    assert np.allclose(whole, trainer.fit(params, data, local, DRAWS)["delta"], rtol=1e-9, atol=1e-12)


def test_a_network_that_mixes_rows_sees_each_alone():
    """Alone, each row less its own mean is nothing: only the bias has a gradient."""
    trainer, data = on_torch(Mixing(), dtype="float64", device="cpu"), rows("mixing")
    params = trainer.init(5, "random", DRAWS)
    delta = trainer.fit(params, data, Local(steps=1, batch=10, private=SILENT), DRAWS)["delta"][0]
    assert np.count_nonzero(delta) == 1


@pytest.mark.parametrize("name", ["dense", "conv"])
def test_noise_has_its_size(name):
    trainer, data = made(name), rows(name, n=20)
    params = trainer.init(5, "random", DRAWS)
    quiet = Local(steps=1, batch=10, learning_rate=1.0, private=SILENT)
    loud = replace(quiet, private=replace(SILENT, noise_multiplier=2.0))
    still = trainer.fit(params, data, quiet, DRAWS)["delta"]
    noise = np.concatenate([trainer.fit(params, data, loud, DRAWS)["delta"][0] - still[0] for _ in range(150)])
    assert noise.std() == pytest.approx(0.2 * 2.0 / 10, rel=0.05)


def test_the_variance_of_a_million_draws_is_that_of_the_claim():
    wide = nn.Sequential(nn.Linear(5, 1000), nn.ReLU(), nn.Linear(1000, 1000), nn.ReLU(), nn.Linear(1000, 1))
    trainer, data = on_torch(wide, device="cpu"), rows("dense", n=20)
    params = trainer.init(5, "random", DRAWS)
    quiet = Local(steps=1, batch=10, learning_rate=1.0, private=SILENT)
    loud = replace(quiet, private=replace(SILENT, noise_multiplier=2.0))
    still, moved = (trainer.fit(params, data, one, DRAWS)["delta"][0].astype(float) for one in (quiet, loud))
    noise = moved - still
    assert len(noise) > 1_000_000
    assert noise.var() == pytest.approx((0.2 * 2.0 / 10) ** 2, rel=0.01)
    assert abs(noise.mean()) < 5 * noise.std() / 1000


def test_several_steps_learn_and_dropout_is_allowed():
    trainer = on_torch(
        lambda inputs: nn.Sequential(nn.Linear(len(inputs.names), 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 1)),
        l2=1e-3,
    )
    data = rows("dense", n=400)
    data = replace(data, y=(data.X[:, 0] > 0).astype(float))
    params = trainer.init(5, "random", DRAWS)
    private = Private(1.0, 0.5, sampling=0.2)
    load = trainer.fit(params, data, Local(steps=60, batch=80, learning_rate=0.5, private=private), DRAWS)
    vector = np.concatenate([params[name].ravel() for name in sorted(params)]) + load["delta"][0]
    ends = np.cumsum([params[name].size for name in sorted(params)])[:-1]
    after = {n: v.reshape(params[n].shape) for n, v in zip(sorted(params), np.split(vector, ends), strict=True)}
    right = (trainer.predict(after, data.X.astype(np.float32)) > 0.5) == data.y
    assert right.mean() > 0.85


def test_batch_norms_and_parts_of_ones_own_are_refused():
    local, data = Local(steps=1, batch=10, private=SILENT), rows("dense")
    norm = on_torch(nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)))
    with pytest.raises(ConfigError, match="LayerNorm"):
        norm.fit(norm.init(5, "random", DRAWS), data, local, DRAWS)
    for own in ({"loss": nn.BCEWithLogitsLoss()}, {"optimizer": "AdamW"}):
        trainer = on_torch(MODULES["dense"](), **own)
        with pytest.raises(ConfigError, match="without private_sgd"):
            trainer.fit(trainer.init(5, "random", DRAWS), data, local, DRAWS)


@pytest.mark.parametrize("own", [{"epochs": 5}, {"batch": 8}])
def test_steps_that_nobody_would_account_for_are_refused(own):
    trainer = on_torch(MODULES["dense"](), **own)
    with pytest.raises(ConfigError, match="accounted from those"):
        trainer.fit(trainer.init(5, "random", DRAWS), rows("dense"), Local(steps=1, batch=10, private=SILENT), DRAWS)


def test_it_says_that_it_can():
    assert "per_record" in Torch().honours
