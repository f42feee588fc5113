"""Networks built in odd ways, and parties of odd sizes: the same model as by torch's own loop, or one clear error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from hansa.core.draws import Draws
from hansa.core.pytree import ravel, unravel
from hansa.core.trainer import Design, Inputs, Local
from hansa.errors import ConfigError
from hansa.trainers.on_torch import on_torch
from hansa.trainers.on_torch.network import network

LOCAL = Local(epochs=2, batch=8)


def rows(n, weight=None, dtype="float64"):
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 4)).astype(dtype)
    return Design(X, (rng.random(n) < 0.5).astype(dtype), weight)


def fitted(trainer, data, local=LOCAL, features=4):
    """What each party's training changes, as a stack where the network allows it, and alone."""
    params = trainer.init(features, "random", Draws(0, "start"))
    draws = [Draws(0, f"bank-{i}") for i in range(len(data))]
    lone = replace(trainer, vectorize=False)
    alone = [lone.fit(params, one, local, draw)["delta"][0] for one, draw in zip(data, draws, strict=True)]
    return params, trainer.fit_many(params, data, local, draws)["delta"], np.stack(alone)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 1)
        self.second.weight = self.first.weight

    def forward(self, X):
        return self.last(torch.tanh(self.second(torch.tanh(self.first(X)))))


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 1)
        self.again = self.first

    def forward(self, X):
        return self.last(torch.tanh(self.again(torch.tanh(self.first(X)))))


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale, self.last = nn.Parameter(torch.tensor(2.0)), nn.Linear(4, 1)

    def forward(self, X):
        return self.scale * self.last(X)


class Memory(nn.Module):
    def __init__(self):
        super().__init__()
        self.past, self.last = nn.LSTM(2, 3, num_layers=2, batch_first=True, bidirectional=True), nn.Linear(6, 1)

    def forward(self, X):
        return self.last(self.past(X.reshape(X.shape[0], 2, 2))[0][:, -1])


@pytest.mark.parametrize("given", [False, True], ids=["made", "given"])
@pytest.mark.parametrize("kind", [Tied, Shared, Scaled, Memory])
def test_it_learns_what_torchs_own_loop_does(kind, given):
    trainer = on_torch(kind() if given else kind, dtype="float64", device="cpu")
    params, together, alone = fitted(trainer, [rows(20), rows(13)], Local(steps=3))
    net = network(trainer, 4)
    for i, data in enumerate((rows(20), rows(13))):
        net.load(params)
        optimiser = torch.optim.SGD(net.module.parameters(), lr=0.1)
        for _ in range(3):
            optimiser.zero_grad()
            out = net.module(torch.from_numpy(data.X))[:, 0]
            nn.functional.binary_cross_entropy_with_logits(out, torch.from_numpy(data.y)).backward()
            optimiser.step()
        change = ravel(net.read())[0] - ravel(params)[0]
        assert np.abs(alone[i] - change).max() < 1e-12
        assert np.abs(together[i] - change).max() < 1e-12
    assert {name.rpartition(".")[2] for name in params} >= {"bias"}
    assert not any("second.weight" in name or "again" in name for name in params)


@pytest.mark.parametrize("place", [0, 999])
def test_the_padding_of_an_embedding_is_never_learned(place):
    class Padded(nn.Module):
        def __init__(self, inputs):
            super().__init__()
            self.table, self.last = nn.Embedding(1000, 3, padding_idx=place), nn.Linear(3, 1)

        def forward(self, codes):
            return self.last(self.table(codes).mean(1))

    trainer = on_torch(Padded, device="cpu", dtype="float64").reading(Inputs(tuple("abcd"), (1000,) * 4))
    rng = np.random.default_rng(0)
    data = [Design(rng.choice([place, 1, 2], (n, 4)).astype(float), np.arange(n) % 2.0) for n in (20, 9)]
    params, together, alone = fitted(trainer, data)
    assert np.abs(together - alone).max() < 1e-12  # torch 2.13, mapped, forgets the padding of all but the first
    layout = ravel(params)[1]
    assert not any(unravel(layout, delta)["net.table.weight"][place].any() for delta in together)


def normed(**settings):
    return lambda: nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5, **settings), nn.ReLU(), nn.Linear(5, 1))


def test_a_batch_norm_takes_a_single_row_as_it_comes():
    trainer = on_torch(normed(), device="cpu", dtype="float64")
    params, together, _ = fitted(trainer, [rows(1), rows(9)])  # nine rows: the last batch is one row
    assert np.isfinite(together).all()
    assert together.any(axis=1).all()
    layout = ravel(params)[1]
    assert not unravel(layout, together[0])["net.1.running_mean"].any()
    assert unravel(layout, together[1])["net.1.running_mean"].any()


def test_counts_of_batches_begin_anew_and_are_no_part_of_what_is_held():
    trainer = on_torch(normed(momentum=None), device="cpu")
    params = trainer.init(4, "random", Draws(0, "start"))
    held, data = trainer.held(4), rows(20, dtype="float32")
    first, second = (trainer.fit(params, data, LOCAL, Draws(0, "a"))["delta"] for _ in range(2))
    assert (first == second).all()
    network(trainer, 4).__dict__.pop("held")
    assert trainer.held(4) == held


def test_a_variance_below_zero_is_taken_for_zero():
    trainer = on_torch(normed(), device="cpu")
    params = trainer.init(4, "random", Draws(0, "start"))
    shaken = {name: value - 2 if name.endswith("running_var") else value for name, value in params.items()}
    assert np.isfinite(trainer.predict(shaken, rows(5, dtype="float32").X)).all()


def test_rows_that_weigh_nothing_move_nothing():
    trainer = on_torch(lambda: nn.Linear(4, 1), device="cpu", dtype="float64")
    local = Local(epochs=2, batch=5, optimizer="adam", clip_norm=1.0)
    _, together, alone = fitted(trainer, [rows(10, np.zeros(10)), rows(10, np.r_[np.ones(5), np.zeros(5)])], local)
    assert not together[0].any()
    assert not alone[0].any()
    assert together[1].any()
    assert np.abs(together - alone).max() < 1e-12


def test_one_row_and_a_batch_beyond_all_rows():
    trainer = on_torch(lambda: nn.Linear(4, 1), device="cpu", dtype="float64")
    _, huge, alone = fitted(trainer, [rows(1), rows(30)], Local(epochs=2, batch=10**9))
    assert (huge == fitted(trainer, [rows(1), rows(30)], Local(epochs=2))[1]).all()
    assert np.abs(huge - alone).max() < 1e-12


def test_an_optimiser_that_asks_several_times():
    data = Design(rows(60).X, rows(60).X[:, 0] > 0.3 * rows(60).X[:, 1])
    trainer = on_torch(lambda: nn.Linear(4, 1), optimizer="LBFGS", device="cpu", dtype="float64")
    params = trainer.init(4, "random", Draws(0, "start"))
    once = trainer.fit(params, data, Local(steps=1, learning_rate=0.5), Draws(0, "a"))
    moved = unravel(ravel(params)[1], ravel(params)[0] + once["delta"][0])
    assert ((trainer.predict(moved, data.X) > 0.5) == data.y).mean() > 0.9


def test_what_an_optimiser_or_a_schedule_cannot_do_is_told():
    data, draws = rows(9, dtype="float32"), Draws(0, "a")
    for wrong, what in (
        ({"optimizer": "Muon"}, "Muon does not take this network"),
        ({"scheduler": torch.optim.lr_scheduler.ReduceLROnPlateau}, "waits for a measure"),
    ):
        trainer = on_torch(lambda: nn.Linear(4, 1), device="cpu", **wrong)
        with pytest.raises(ConfigError, match=what):
            trainer.fit(trainer.init(4, "random", draws), data, LOCAL, draws)


def test_a_sparse_table_may_be_pulled_too():
    class Sparse(nn.Module):
        def __init__(self, inputs):
            super().__init__()
            self.table, self.last = nn.Embedding(6, 3, sparse=True), nn.Linear(3, 1)

        def forward(self, codes):
            return self.last(self.table(codes).mean(1))

    trainer = on_torch(Sparse, device="cpu", optimizer="SGD").reading(Inputs(tuple("abcd"), (6,) * 4))
    data = Design(np.random.default_rng(0).integers(0, 6, (20, 4)).astype("float32"), np.arange(20) % 2.0)
    _, together, _ = fitted(trainer, [data], Local(epochs=2, batch=8, prox=0.1, clip_norm=1.0))
    assert np.isfinite(together).all()


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")  # torch says so of each
def test_lazy_layers_take_their_shape_from_the_columns():
    def lazy():
        return nn.Sequential(nn.LazyLinear(5), nn.ReLU(), nn.LazyLinear(1))

    trainer = on_torch(lazy, device="cpu")
    assert trainer.init(4, "random", Draws(0, "start"))["net.0.weight"].shape == (5, 4)
    with pytest.raises(ConfigError, match="lazy"):
        on_torch(lazy())


def test_a_factory_must_make_a_fresh_network():
    net = nn.Linear(4, 1)
    trainer = on_torch(lambda: net, device="cpu")
    with pytest.raises(ConfigError, match="same network twice"):
        fitted(trainer, [rows(9, dtype="float32")])


def test_half_precision_is_brought_up():
    net = nn.Linear(4, 1, dtype=torch.bfloat16)
    trainer = on_torch(net, device="cpu")
    params = trainer.init(4, "random", Draws(0, "start"))
    assert params["net.weight"].dtype == np.float32
    assert np.allclose(params["net.weight"], net.weight.detach().float().numpy())
