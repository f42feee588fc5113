"""What travels is read and written whole, and torch is left as it was found."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.errors import ConfigError
from hansa.trainers.on_torch import Torch, on_torch
from hansa.trainers.on_torch.network import device_of, network, seeded, threads
from hansa.trainers.on_torch.ready import mlp


def test_what_is_written_is_what_is_read():
    net = network(Torch(mlp(hidden=(4,)), device="cpu"), 3)
    values = {name: np.full_like(value, i) for i, (name, value) in enumerate(net.read().items())}
    net.load(values)
    assert all((net.read()[name] == value).all() for name, value in values.items())


def test_a_seed_gives_the_same_network_again():
    trainer = Torch(mlp(hidden=(4,)), device="cpu")
    one, again, other = (seeded(trainer, 3, seed).state_dict()["0.weight"] for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


def test_threads_are_given_back():
    import torch

    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_gpu_that_is_not_there_is_refused():
    import torch

    if torch.cuda.is_available():
        assert device_of(Torch()).type == "cuda"
    else:
        with pytest.raises(ConfigError, match="no GPU"):
            device_of(Torch(device="cuda"))


def test_a_network_for_other_columns_is_named_before_it_is_trained():
    import torch

    with pytest.raises(ConfigError, match="does not take the 2 columns"):
        on_torch(lambda: torch.nn.Linear(5, 1), device="cpu").init(2, "random", Draws(0, "start"))
