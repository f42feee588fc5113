"""What a stack cannot do is found out beforehand, and said."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.trainer import Inputs
from hansa.trainers.on_torch import on_torch
from hansa.trainers.on_torch.network import network
from hansa.trainers.on_torch.stacked import refusal

TWO = Inputs(("a", "b"), (0, 0))


def refused(make):
    return refusal(network(on_torch(make, device="cpu"), 2), TWO)


def test_what_cannot_be_mapped_is_named():
    import torch

    class Branching(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.last = torch.nn.Linear(2, 1)

        def forward(self, X):
            return self.last(X) if float(self.last.weight.sum()) > 100 else self.last(X) + 1

    linear = torch.nn.Linear
    assert refused(lambda: linear(2, 1)) == ""
    assert refused(lambda: torch.nn.Sequential(linear(2, 1), torch.nn.Dropout())).startswith("it draws random")
    assert refused(lambda: torch.nn.Sequential(torch.nn.BatchNorm1d(2), linear(2, 1))).startswith("it keeps")
    assert refused(Branching) == "torch cannot map it over parties"


def test_gradients_of_a_stack_are_those_of_each_party():
    import torch

    from hansa.trainers.on_torch.stacked import Stacked

    net = network(on_torch(lambda: torch.nn.Linear(2, 1), device="cpu", dtype="float64"), 2)
    rng = np.random.default_rng(0)
    w = {"net.weight": rng.normal(size=(3, 1, 2)), "net.bias": rng.normal(size=(3, 1))}
    slopes = {name: np.empty_like(value) for name, value in w.items()}
    X, slope = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 5, 1))
    stacked = Stacked(net, w, slopes)
    assert np.allclose(stacked.forward(X), X @ w["net.weight"].transpose(0, 2, 1) + w["net.bias"][:, None])
    stacked.backward(X, slope)
    assert np.allclose(slopes["net.weight"], slope.transpose(0, 2, 1) @ X)
    assert slopes["net.bias"] == pytest.approx(slope.sum(1))
