"""Jax networks in private training: clipped sums equal to brute force."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

from hansa.core.draws import Draws
from hansa.core.trainer import Design, Local, Private
from hansa.errors import ConfigError
from hansa.trainers.on_jax import private as module
from hansa.trainers.on_jax.trainer import Jax, on_jax


def shared(params, X):
    """A kernel that is used twice, and slopes that are in no product."""
    return jnp.tanh(jnp.tanh(X * params["slopes"]) @ params["square"]) @ params["square"][:, :1]


def begin_shared(key, X):
    width = X.shape[1]
    return {"slopes": jnp.ones(width), "square": jax.random.normal(key, (width, width))}


DRAWS = Draws(3, "bank-a")
SILENT = Private(clip=0.2, noise_multiplier=0.0, sampling=1.0)
TRAINERS = {
    "dense": Jax(hidden=(6,), dtype="float64"),
    "classes": Jax(hidden=(4,), task="multiclass", classes=3, dtype="float64"),
    "value": Jax(hidden=(), task="regression", dtype="float64"),
    "own": on_jax(linen.Sequential([linen.Dense(4), linen.LayerNorm(), linen.tanh, linen.Dense(1)]), dtype="float64"),
    "shared": on_jax((begin_shared, shared), dtype="float64"),
    "mixing": on_jax((lambda key, X: X[0], lambda w, X: (X - X.mean(0)) @ w[:, None] + w[0]), dtype="float64"),
}
WIDE = {"shared", "mixing"}


def rows(name, n=40, *, weighted=False):
    rng = np.random.default_rng(1)
    y = {"classes": rng.integers(0, 3, n), "value": rng.normal(size=n)}.get(name, rng.integers(0, 2, n))
    weight = rng.uniform(0.5, 2, n) if weighted else None
    return Design(rng.normal(size=(n, 5)), y.astype(float), weight, np.sort(rng.integers(0, 12, n)))


def local(private=SILENT, **settings):
    return Local(**{"steps": 1, "batch": 10, "learning_rate": 1.0, "private": private, **settings})


@pytest.mark.parametrize("name", TRAINERS)
@pytest.mark.parametrize("unit", ["record", "customer"])
@pytest.mark.parametrize("weighted", [False, True])
def test_clipped_sums_are_brute_force(name, unit, weighted):
    trainer, data = TRAINERS[name], rows(name, weighted=weighted)
    params = trainer.init(5, "random", DRAWS)
    found = -trainer.fit(params, data, local(replace(SILENT, unit=unit)), DRAWS)["delta"][0]
    each = np.array([
        -trainer.fit(params, Design(data.X[[i]], data.y[[i]]), Local(steps=1, learning_rate=1.0), DRAWS)["delta"][0]
        for i in range(data.rows)
    ])  # fmt: skip
    each = each if data.weight is None else each * data.weight[:, None]
    who = data.who if unit == "customer" else np.arange(data.rows)
    sums = np.array([each[who == one].sum(axis=0) for one in np.unique(who)])
    expected = (sums * np.minimum(1, 0.2 / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))).sum(axis=0)
    assert np.allclose(found, expected / 10, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", TRAINERS)
def test_only_what_is_not_dense_is_written_down_row_by_row(name):
    with TRAINERS[name].precision():
        assert module._program(TRAINERS[name], 5).wide == (name in WIDE)


@pytest.mark.parametrize("name", ["own", "shared"])
def test_noise_has_its_size(name):
    trainer, data = TRAINERS[name], rows(name, n=20)
    params = trainer.init(5, "random", DRAWS)
    still = trainer.fit(params, data, local(), DRAWS)["delta"][0]
    loud = local(replace(SILENT, noise_multiplier=2.0))
    noise = np.concatenate([trainer.fit(params, data, loud, DRAWS)["delta"][0] - still for _ in range(100)])
    assert noise.std() == pytest.approx(0.2 * 2.0 / 10, rel=0.06)


def test_the_variance_of_a_million_draws_is_that_of_the_claim():
    trainer, data = Jax(hidden=(1000, 1000)), rows("dense", n=20)
    params = trainer.init(5, "random", DRAWS)
    loud = local(replace(SILENT, noise_multiplier=2.0))
    still, moved = (trainer.fit(params, data, one, DRAWS)["delta"][0].astype(float) for one in (local(), loud))
    noise = moved - still
    assert len(noise) > 1_000_000
    assert noise.var() == pytest.approx((0.2 * 2.0 / 10) ** 2, rel=0.01)
    assert abs(noise.mean()) < 5 * noise.std() / 1000


def test_an_empty_batch_is_noise_alone():
    trainer, quiet = TRAINERS["dense"], Private(clip=2.0, noise_multiplier=0.0, sampling=1e-12)
    params = trainer.init(5, "random", DRAWS)
    assert not trainer.fit(params, rows("dense"), local(quiet), DRAWS)["delta"].any()


def test_the_penalty_is_added_after_the_noise():
    trainer = Jax(hidden=(), l2=0.5, dtype="float64")
    params = trainer.init(5, "random", DRAWS)
    still = Private(1.0, 0.0, sampling=1e-12)
    delta = trainer.fit(params, rows("dense"), local(still), DRAWS)["delta"][0]
    weight = params["learned"]["0"]["weight"]
    assert np.allclose(np.sort(delta), np.sort([0.0, *(-0.5 * weight.ravel())]))


def test_batch_norms_and_what_nobody_accounts_for_are_refused():
    data = rows("dense")

    class Normed(linen.Module):
        @linen.compact
        def __call__(self, X, train=True):
            return linen.Dense(1)(linen.BatchNorm(use_running_average=not train)(X))

    for trainer, match in (
        (on_jax(Normed()), "LayerNorm"),
        (on_jax(linen.Dense(1), epochs=2), "accounted from those"),
        (on_jax(linen.Dense(1), optimizer=optax.sgd(0.1)), "without private_sgd"),
    ):
        with pytest.raises(ConfigError, match=match):
            trainer.fit(trainer.init(5, "random", DRAWS), data, local(), DRAWS)
