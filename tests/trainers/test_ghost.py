"""Clipped sums are those of brute force: every example's gradient written down, cut, and added."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.trainers.ghost import Dense, group_squares, row_squares, write_clipped

RNG = np.random.default_rng(4)


def layers(b, widths=((7, 5), (5, 3)), bias=True):
    return [
        Dense(RNG.normal(size=(b, i)), RNG.normal(size=(b, o)), np.zeros((i, o)), np.zeros(o) if bias else None)
        for i, o in widths
    ]


def each(made):
    """Every row's gradient as one vector, `[b, d]`."""
    parts = []
    for below, error, _, bias in made:
        parts.append(np.einsum("bi,bo->bio", below, error).reshape(len(below), -1))
        if bias is not None:
            parts.append(error.copy())
    return np.concatenate(parts, axis=1)


def brute(gradients, clip):
    norms = np.linalg.norm(gradients, axis=1, keepdims=True)
    return (gradients * np.minimum(1, clip / norms)).sum(axis=0)


def written(made):
    return np.concatenate([part.ravel() for one in made for part in (one.weight, one.bias) if part is not None])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("clip", [0.1, 5.0, 1e6])
def test_rows_are_clipped_one_by_one(bias, clip):
    made = layers(40, bias=bias)
    expected = brute(each(made), clip)
    write_clipped(made, clip)
    assert np.allclose(written(made), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("clip", [0.1, 5.0, 1e6])
def test_customers_are_clipped_whole_be_they_large_or_small(clip):
    sizes = np.array([1, 3, 40, 1, 16, 17, 2])
    group = np.repeat(np.arange(len(sizes)), sizes)
    made = layers(len(group))
    whole = np.array([each(made)[group == g].sum(axis=0) for g in range(len(sizes))])
    assert np.allclose(group_squares(made, group), (whole**2).sum(axis=1))
    write_clipped(made, clip, group)
    assert np.allclose(written(made), brute(whole, clip), rtol=1e-9, atol=1e-9)


def test_norms_are_those_of_the_gradients():
    made = layers(9)
    assert np.allclose(row_squares(made), (each(made) ** 2).sum(axis=1))


def test_a_gradient_of_nothing_stays_nothing():
    made = [Dense(np.zeros((2, 3)), np.zeros((2, 1)), np.ones((3, 1)), np.ones(1))]
    write_clipped(made, 1.0)
    assert not written(made).any()


def test_rows_of_one_customer_that_cancel_are_nothing():
    below = np.ones((2, 3))
    made = [Dense(below, np.array([[1.0], [-1.0]]), np.zeros((3, 1)), np.zeros(1))]
    assert group_squares(made, np.array([0, 0])).item() == 0
