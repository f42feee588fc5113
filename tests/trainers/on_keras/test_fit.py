"""A party is trained as its settings, the links' wishes and its own draws say, and as nothing else says."""

from __future__ import annotations

import numpy as np
import pytest

import hansa as hs
from hansa.core.draws import Draws
from hansa.core.pytree import ravel
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError
from hansa.trainers.on_keras import Keras, on_keras
from hansa.trainers.on_keras.backend import library
from tests.trainers.on_keras.designs import LOCAL, rows
from tests.trainers.on_torch.test_federated import banks

keras = library()


def test_links_may_tilt_and_start_elsewhere():
    trainer, data, draws = Keras(hidden=(4,)), rows(), Draws(0, "bank-a")
    params = trainer.init(3, "random", Draws(1, "start"))
    flat, _ = ravel(params)
    rng = np.random.default_rng(0)
    tilt, start = (rng.normal(size=(1, flat.size)).astype("float32") for _ in range(2))
    plain = trainer.fit(params, data, Local(steps=1), draws)["delta"]
    tilted = trainer.fit(params, data, Local(steps=1, tilt=tilt), draws)["delta"]
    assert np.abs(tilted - plain + 0.1 * tilt).max() < 1e-6
    moved = trainer.fit(params, data, Local(steps=1, start=start, learning_rate=1e-9), draws)["delta"][0]
    assert np.abs(moved - (start[0] - flat)).max() < 1e-5
    assert (trainer.fit(params, data, Local(steps=1), draws)["delta"] == plain).all()  # no wish outlives its round


def test_a_party_without_rows_moves_nothing():
    trainer = Keras(hidden=(4,))
    params = trainer.init(3, "random", Draws(1, "start"))
    empty = Design(np.zeros((0, 3), np.float32), np.zeros(0, np.float32))
    load = trainer.fit(params, empty, LOCAL, Draws(0, "a"))
    assert not load["delta"].any()
    assert trainer.margin(params, empty.X).shape == (0,)


def test_ones_own_loss_is_of_each_row():
    squared = on_keras(lambda: keras.Sequential([keras.layers.Dense(1)]), loss=lambda y, out: (y - out) ** 2)
    params, data = squared.init(3, "random", Draws(1, "start")), rows()
    margin = squared.margin(params, data.X)
    loss = squared.fit(params, data, Local(steps=1), Draws(0, "a"))["loss"]
    assert loss == pytest.approx(((margin - data.y) ** 2).sum(), rel=1e-4)
    mean = on_keras(
        lambda: keras.Sequential([keras.layers.Dense(1)]), loss=lambda y, out: keras.ops.mean((y - out) ** 2)
    )
    with pytest.raises(ConfigError, match="each row"):
        mean.fit(params, data, LOCAL, Draws(0, "a"))


def test_worker_processes_train_to_the_same_model():
    job = hs.Job(
        "keras", (hs.Prepare(keep=("age", "home")), hs.Rounds(Keras(hidden=(8,)), LOCAL, rounds=2, check_every=0))
    )
    kept = []
    for workers in (1, 2):
        with hs.Simulation(banks(), workers=workers).session(job) as session:
            kept.append(session.run().results[-1].params)
    assert np.abs(kept[0] - kept[1]).max() < 1e-6
