"""Whatever a data scientist brings becomes two pure functions that learn."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from flax import linen, nnx

from hansa.core.draws import Draws
from hansa.core.pytree import ravel, unravel
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError
from hansa.trainers.on_jax import on_jax


def linen_net():
    return linen.Sequential([linen.Dense(16), linen.tanh, linen.Dense(1)])


def nnx_net():
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


SIGMOIDS = [
    linen.Sequential([linen.Dense(1), linen.sigmoid]),
    lambda rngs: nnx.Sequential(nnx.Linear(4, 1, rngs=rngs), lambda X: nnx.sigmoid(X)[:, 0]),
    (lambda key, X: jax.numpy.zeros((X.shape[1], 1)), lambda w, X: jax.nn.sigmoid(X @ w)),
]


@pytest.mark.parametrize("net", SIGMOIDS)
def test_a_network_that_ends_in_a_sigmoid_gives_the_probabilities_it_has_learned(net):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4)).astype("float32")
    data = Design(X, (rng.random(400) < 1 / (1 + np.exp(2 - X[:, 0]))).astype("float32"))
    trainer, draws = on_jax(net), Draws(0, "bank-a")
    start, local = trainer.init(4, "zero", draws), Local(epochs=20, batch=50, learning_rate=0.5)
    found = unravel(ravel(start)[1], trainer.fit(start, data, local, draws)["delta"][0])
    linear = on_jax((lambda key, X: jax.numpy.zeros((X.shape[1], 1)), lambda w, X: X @ w))
    assert trainer.predict(start, X) == pytest.approx(np.full(400, 0.5))
    assert trainer.predict(found, X).min() < 0.3
    if isinstance(net, tuple):
        begin = linear.init(4, "zero", draws)
        same = unravel(ravel(begin)[1], linear.fit(begin, data, local, draws)["delta"][0])
        assert trainer.predict(found, X) == pytest.approx(linear.predict(same, X), abs=1e-4)
    else:
        assert trainer.predict(found, X).mean() == pytest.approx(data.y.mean(), abs=0.03)


def test_margins_stay_margins_and_a_softmax_is_one():
    three = linen.Sequential([linen.Dense(3), linen.softmax])
    trainer, X = on_jax(three, task="multiclass", classes=3), np.eye(2, dtype="float32")
    params = trainer.init(2, "random", Draws(0, "start"))
    assert trainer.predict(params, X) == pytest.approx(np.asarray(three.apply({"params": params["learned"]}, X)))
    plain = on_jax(linen.Sequential([linen.Dense(4), linen.sigmoid, linen.Dense(1)]))
    params = plain.init(2, "random", Draws(0, "start"))
    line = np.asarray(plain.own.network.apply({"params": params["learned"]}, X))[:, 0]
    assert plain.predict(params, X) == pytest.approx(1 / (1 + np.exp(-line)))


def test_plain_mistakes_are_named():
    with pytest.raises(ConfigError, match="takes nothing"):
        on_jax(lambda: nnx.Linear(3, 1, rngs=nnx.Rngs(0)))
    with pytest.raises(ConfigError, match="does not take the 2 columns"):
        on_jax(lambda rngs: nnx.Linear(5, 1, rngs=rngs)).init(2, "random", Draws(0, "start"))
