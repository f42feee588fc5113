"""Which parameters of a jax network are kernels of one product of a row, and how shifts of it run through."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

from hansa.trainers.on_jax.products import kernels_of, shifted
from hansa.trainers.on_jax.trainer import Jax, on_jax

ROW, SQUARE = jnp.arange(3.0), jnp.ones((3, 3))


def program(function, *leaves):
    return jax.make_jaxpr(lambda *inputs: function(*inputs).sum())(*leaves, ROW)


@pytest.mark.parametrize(
    ("function", "kernels"),
    [
        (lambda w, x: x[None] @ w, 1),
        (lambda w, x: x[None] @ w + (w**2).sum(), 0),  # in two places
        (lambda w, x: jnp.tanh(x[None] @ w) @ w, 0),  # twice
        (lambda w, x: w @ x[:, None], 0),  # from the other side
        (lambda w, x: jnp.stack([x, x]) @ w, 0),  # two rows
        (lambda w, x: x[None] @ w.T, 0),
        (lambda w, x: x[None] * w, 0),
        (jax.jit(lambda w, x: x[None] @ w), 0),  # out of sight
    ],
)
def test_a_kernel_takes_part_in_one_product_and_in_nothing_else(function, kernels):
    assert len(kernels_of(program(function, SQUARE), leaves=1)) == kernels


def test_a_row_is_no_kernel():
    assert kernels_of(jax.make_jaxpr(lambda w, x: (w @ x).sum())(jnp.ones((1, 3)), SQUARE), leaves=1) == {}


def test_shifts_run_through_what_follows():
    def function(first, second, x):
        return (jnp.tanh(x[None] @ first) @ second) ** 2

    leaves = [SQUARE / 5, jnp.full((3, 2), 0.3)]
    cost = program(function, *leaves)
    run = shifted(cost, kernels_of(cost, 2))
    shifts = [jnp.full((1, 3), 0.1), jnp.full((1, 2), -0.2)]
    found, below = run(shifts, [*leaves, ROW])
    inner = np.tanh(ROW[None] @ leaves[0] + shifts[0])
    assert found == pytest.approx(float((((inner @ leaves[1]) + shifts[1]) ** 2).sum()))
    assert np.allclose(below[0], ROW[None])
    assert np.allclose(below[1], inner)


@pytest.mark.parametrize(
    "trainer",
    [
        Jax(hidden=(4,)),
        on_jax(linen.Sequential([linen.Dense(4), linen.relu, linen.Dense(1)])),
        on_jax(lambda rngs: nnx.Sequential(nnx.Linear(3, 4, rngs=rngs), nnx.relu, nnx.Linear(4, 1, rngs=rngs))),
    ],
    ids=["house", "linen", "nnx"],
)
def test_dense_layers_are_found_whoever_wrote_them(trainer):
    leaves, form = jax.tree.flatten(trainer.first(3, 0))

    def cost(*inputs):
        key = jax.random.key(0)
        return trainer.network.apply(jax.tree.unflatten(form, inputs[:-1]), inputs[-1][None], key, train=True)[0].sum()

    found = kernels_of(jax.make_jaxpr(cost)(*leaves, ROW), len(leaves))
    assert [leaves[place].shape for place in found] == [(3, 4), (4, 1)]
