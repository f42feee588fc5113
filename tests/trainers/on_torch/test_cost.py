"""Losses as people have them, and those that would be wrong in silence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hansa.core.draws import Draws
from hansa.core.pytree import ravel, unravel
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError, DataError
from hansa.trainers.on_torch import on_torch
from hansa.trainers.on_torch.cost import columns, mean_loss

OUT = torch.tensor([[0.5], [-1.0], [2.0]])
Y = torch.tensor([0.0, 1.0, 1.0])
EQUAL, SKEWED = torch.full((3,), 1 / 3), torch.tensor([0.5, 0.5, 0.0])


def cost(loss, out=OUT, y=Y, share=EQUAL, **settings):
    return mean_loss(on_torch(lambda: nn.Linear(1, 1), loss=loss, device="cpu", **settings), out, y, share)


def test_torchs_losses_are_taken_as_they_are():
    expected = nn.functional.binary_cross_entropy_with_logits(OUT[:, 0], Y, reduction="none")
    assert cost(nn.BCEWithLogitsLoss()) == pytest.approx(expected.mean())
    assert cost(nn.BCEWithLogitsLoss(reduction="none"), share=SKEWED) == pytest.approx(expected[:2].mean())
    assert cost(nn.MSELoss()) == pytest.approx(((OUT[:, 0] - Y) ** 2).mean())
    three = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    found = cost(nn.CrossEntropyLoss(), three, torch.tensor([0.0, 2.0, 1.0]), task="multiclass", classes=3)
    assert found == pytest.approx(nn.functional.cross_entropy(three, torch.tensor([0, 2, 1])))


def test_several_outputs_of_a_row_are_added():
    both = torch.cat([OUT, 2 * OUT], 1)
    assert cost(lambda out, y: (out - y[:, None]) ** 2, both, task="multiclass") == pytest.approx(
        ((both - Y[:, None]) ** 2).sum(1).mean()
    )


def test_a_loss_that_torch_would_spread_over_pairs_of_rows_is_refused():
    with pytest.raises(ConfigError, match="for 3 rows"):
        cost(lambda out, y: (out - y) ** 2)
    with pytest.raises(ConfigError, match="for 3 rows"):
        cost(lambda out, y: (out[:, 0] - y)[:2])
    with pytest.raises(ConfigError, match="gives a float"):
        cost(lambda out, y: 0.5)
    with pytest.raises(ConfigError, match="reduction='none'"):
        cost(nn.MSELoss(), share=SKEWED)


def test_outputs_that_are_no_column_are_named():
    with pytest.raises(DataError, match="a dict"):
        columns({"logits": OUT}, 1)
    with pytest.raises(DataError, match="task needs 2"):
        columns(OUT, 2)


def events(n=400):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2)).astype("float32")
    return Design(X, (rng.random(n) < 1 / (1 + np.exp(2 - X[:, 0]))).astype("float32"))


@pytest.mark.parametrize("loss", [None, nn.BCELoss()])
def test_a_network_that_ends_in_a_sigmoid_gives_the_probabilities_it_has_learned(loss):
    trainer = on_torch(lambda: nn.Sequential(nn.Linear(2, 1), nn.Sigmoid()), loss=loss, device="cpu")
    data, draws = events(), Draws(0, "bank-a")
    plain = on_torch(lambda: nn.Linear(2, 1), device="cpu", vectorize=False)
    start, local = plain.init(2, "zero", draws), Local(epochs=20, batch=50, learning_rate=0.5)
    same = {name.replace("net.", "net.0."): value for name, value in start.items()}
    found = unravel(ravel(same)[1], trainer.fit(same, data, local, draws)["delta"][0])
    expected = unravel(ravel(start)[1], plain.fit(start, data, local, draws)["delta"][0])
    assert trainer.predict(found, data.X) == pytest.approx(plain.predict(expected, data.X), abs=1e-4)
    assert trainer.predict(found, data.X).mean() == pytest.approx(data.y.mean(), abs=0.03)


def test_one_says_what_a_network_gives_where_its_layers_do_not():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(2, 1)

        def forward(self, X):
            return torch.sigmoid(self.line(X))

    trainer, X = on_torch(Hidden, output="chance", device="cpu"), events().X
    params = trainer.init(2, "zero", Draws(0, "start"))
    assert trainer.predict(params, X) == pytest.approx(np.full(len(X), 0.5))
    softmax = on_torch(
        lambda: nn.Sequential(nn.Linear(2, 3), nn.Softmax(1)), task="multiclass", classes=3, device="cpu"
    )
    params = softmax.init(2, "random", Draws(0, "start"))
    whole = nn.functional.softmax(
        torch.from_numpy(X) @ torch.from_numpy(params["net.0.weight"]).T + torch.from_numpy(params["net.0.bias"]), 1
    )
    assert softmax.predict(params, X) == pytest.approx(whole.numpy(), abs=1e-5)


def test_one_of_several_outputs_is_scored_where_it_is_named():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.event, self.amount = nn.Linear(2, 1), nn.Linear(2, 1)

        def forward(self, X):
            return self.event(X), self.amount(X)

    def loss(out, y):
        event, amount = out[0][:, 0], out[1][:, 0]
        return nn.functional.binary_cross_entropy_with_logits(event, y, reduction="none") + (amount - 3) ** 2

    data, draws, local = events(), Draws(0, "bank-a"), Local(epochs=20, batch=50, learning_rate=0.1)
    trainer = on_torch(Two, loss=loss, head=1, task="regression", device="cpu")
    start = trainer.init(2, "random", draws)
    delta = trainer.fit(start, data, local, draws)["delta"][0]
    found = unravel(ravel(start)[1], ravel(start)[0] + delta)
    assert trainer.predict(found, data.X) == pytest.approx(np.full(len(data.X), 3.0), abs=0.1)
    wide = on_torch(lambda: nn.Linear(2, 4), loss=lambda out, y: (out - y[:, None]) ** 2, head=3, task="regression")
    assert wide.predict(wide.init(2, "zero", draws), data.X).shape == (len(data.X),)
    with pytest.raises(DataError, match="head=0"):
        mean_loss(on_torch(Two), (OUT, OUT), Y, EQUAL)
    with pytest.raises(ConfigError, match="several outputs and one loss"):
        on_torch(Two, head=0)


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.functional.cross_entropy, nn.NLLLoss()])
def test_a_loss_for_classes_is_no_loss_for_an_event(loss):
    with pytest.raises(ConfigError, match=r"is for classes|does not take what the network gives"):
        cost(loss, torch.cat([OUT, OUT], 1))
