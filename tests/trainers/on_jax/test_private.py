"""Jax networks in private training: clipped sums equal to brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import optax
import pytest
from flax import linen

from hansa.core.draws import Draws
from hansa.core.trainer import Design, Local, Private
from hansa.errors import ConfigError
from hansa.trainers.on_jax.trainer import Jax, on_jax

DRAWS = Draws(3, "bank-a")
SILENT = Private(clip=0.2, noise_multiplier=0.0, sampling=1.0)
TRAINERS = {
    "dense": Jax(hidden=(6,), dtype="float64"),
    "classes": Jax(hidden=(4,), task="multiclass", classes=3, dtype="float64"),
    "value": Jax(hidden=(), task="regression", dtype="float64"),
    "own": on_jax(linen.Sequential([linen.Dense(4), linen.LayerNorm(), linen.tanh, linen.Dense(1)]), dtype="float64"),
}


def rows(name, n=70):
    rng = np.random.default_rng(1)
    y = {"classes": rng.integers(0, 3, n), "value": rng.normal(size=n)}.get(name, rng.integers(0, 2, n))
    return Design(rng.normal(size=(n, 5)), y.astype(float), who=np.sort(rng.integers(0, 12, n)))


def local(private=SILENT, **settings):
    return Local(**{"steps": 1, "batch": 10, "learning_rate": 1.0, "private": private, **settings})


@pytest.mark.parametrize("name", TRAINERS)
@pytest.mark.parametrize("unit", ["record", "customer"])
def test_clipped_sums_are_brute_force(name, unit):
    trainer, data = TRAINERS[name], rows(name)
    params = trainer.init(5, "random", DRAWS)
    found = -trainer.fit(params, data, local(replace(SILENT, unit=unit)), DRAWS)["delta"][0]
    each = np.array([
        -trainer.fit(params, Design(data.X[[i]], data.y[[i]]), Local(steps=1, learning_rate=1.0), DRAWS)["delta"][0]
        for i in range(data.rows)
    ])  # fmt: skip
    who = data.who if unit == "customer" else np.arange(data.rows)
    sums = np.array([each[who == one].sum(axis=0) for one in np.unique(who)])
    expected = (sums * np.minimum(1, 0.2 / np.linalg.norm(sums, axis=1, keepdims=True))).sum(axis=0)
    assert np.allclose(found, expected / 10, rtol=1e-6, atol=1e-9)


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
