"""Whatever a data scientist brings becomes two pure functions that learn."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.core.pytree import ravel, unravel
from hansa.core.trainer import Design, Local
from hansa.trainers.on_jax import on_jax


def linen_net():
    from flax import linen

    return linen.Sequential([linen.Dense(16), linen.tanh, linen.Dense(1)])


def nnx_net():
    from flax import nnx

    def make(rngs):
        return nnx.Sequential(
            nnx.Linear(3, 16, rngs=rngs),
            nnx.BatchNorm(16, rngs=rngs),
            nnx.relu,
            nnx.Dropout(0.1, rngs=rngs),
            nnx.Linear(16, 1, rngs=rngs),
        )

    return make


def pair():
    import jax

    def init(key, X):
        return {"w": 0.1 * jax.random.normal(key, (X.shape[1],)), "b": jax.numpy.zeros(())}

    return init, lambda params, X: X @ params["w"] + params["b"]


@pytest.mark.parametrize("make", [linen_net, nnx_net, pair])
def test_each_learns(make):
    import optax

    trainer = on_jax(make(), optimizer=optax.adam(0.02))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).astype("float32")
    data = Design(X, (X[:, 0] - X[:, 1] > 0).astype("float32"))
    params, draws, local = trainer.init(3, "random", Draws(0, "start")), Draws(0, "a"), Local(epochs=10, batch=32)
    vector, layout = ravel(params)
    load = trainer.fit(params, data, local, draws)
    learned = unravel(layout, vector + load["delta"][0])
    assert ((trainer.predict(learned, X) > 0.5) == data.y).mean() > 0.93
    assert (trainer.fit(params, data, local, draws)["delta"] == load["delta"]).all()  # what is dropped is seeded


def test_batch_statistics_move_with_the_rows():
    trainer = on_jax(nnx_net())
    params = trainer.init(3, "random", Draws(0, "start"))
    assert params["kept"]
    X = np.random.default_rng(0).normal(3, 1, (50, 3)).astype("float32")
    vector, layout = ravel(params)
    data = Design(X, np.tile(np.float32([0, 1]), 25))
    moved = unravel(layout, vector + trainer.fit(params, data, Local(steps=20), Draws(0, "a"))["delta"][0])["kept"]
    assert np.abs(ravel(moved)[0] - ravel(params["kept"])[0]).max() > 0.1


def told_in_its_word(word):
    from flax import linen

    def forward(X, still):
        X = linen.BatchNorm(use_running_average=still)(linen.Dense(3)(X))
        return linen.Dense(1)(linen.Dropout(0.5, deterministic=still)(X))

    class Training(linen.Module):
        @linen.compact
        def __call__(self, X, training):
            return forward(X, not training)

    class Deterministic(linen.Module):
        @linen.compact
        def __call__(self, X, deterministic=True):
            return forward(X, deterministic)

    return {"training": Training, "deterministic": Deterministic}[word]()


@pytest.mark.parametrize("word", ["training", "deterministic"])
def test_a_module_is_told_in_its_own_word_whether_it_is_trained(word):
    trainer = on_jax(told_in_its_word(word))
    params, X = trainer.init(3, "random", Draws(0, "start")), np.random.default_rng(0).normal(3, 1, (50, 3))
    data = Design(X.astype("float32"), np.tile(np.float32([0, 1]), 25))
    vector, layout = ravel(params)
    fits = [trainer.fit(params, data, Local(steps=3), Draws(0, bank))["delta"][0] for bank in "ab"]
    assert ravel(unravel(layout, fits[0])["kept"])[0].any()  # batch norms take the rows' statistics
    assert (fits[0] != fits[1]).any()  # and what is dropped is drawn
    assert (trainer.predict(params, data.X) == trainer.predict(params, data.X)).all()
    shaken = unravel(layout, vector - 2)
    assert np.isfinite(trainer.predict(shaken, data.X)).all()  # a variance below 0 is taken for 0
