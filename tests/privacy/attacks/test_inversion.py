"""Gradient inversion: its own gradient against differences, and rows that come back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hansa.privacy.attacks.inversion import Dense, Known, invert, right_of, usual

KNOWN = Known(codes=((4, 5, 6), (7, 8, 9, 10)))


def net(rng, sizes, activation):
    return Dense(
        tuple((rng.normal(size=pair) * (2 / pair[0]) ** 0.5, np.zeros(pair[1])) for pair in pairwise(sizes)), activation
    )


def people(rng, n):
    X = np.zeros((n, 11))
    X[:, :4] = rng.normal(size=(n, 4))
    X[np.arange(n), 4 + rng.integers(0, 3, n)] = 1
    X[np.arange(n), 7 + rng.integers(0, 4, n)] = 1
    return X, (np.arange(n) % 2).astype(float)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("sizes", [(4, 1), (4, 6, 1), (4, 6, 5, 1)])
def test_the_gradient_of_the_match_is_that_of_differences(activation, sizes):
    rng = np.random.default_rng(1)
    made, X = net(rng, sizes, activation), rng.normal(size=(2, 3, 4))
    y = np.broadcast_to([0.0, 1.0, 1.0], (2, 3))
    back = [rng.normal(size=one.shape) for one in made.slopes(X, y)]
    by_hand, differences = made.pulled(X, y, back), np.zeros_like(X)
    for place in np.ndindex(X.shape):
        step = np.zeros_like(X)
        step[place] = 1e-6
        more, less = (
            sum(float((b * s).sum()) for b, s in zip(back, made.slopes(X + sign * step, y), strict=True))
            for sign in (1, -1)
        )
        differences[place] = (more - less) / 2e-6
    assert np.allclose(by_hand, differences, atol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_few_mixed_rows_come_back(activation):
    rng = np.random.default_rng(7)
    X, y = people(rng, 3)
    made = net(rng, (11, 64, 32, 1), activation)
    found = invert(made, made.slopes(X, y), y, KNOWN, rng)
    assert right_of(found, X, KNOWN).mean() > 0.9


def test_guessing_is_no_better_than_it_is():
    rng = np.random.default_rng(7)
    X, _ = people(rng, 2000)
    guess = usual(X, KNOWN)
    right = right_of(np.broadcast_to(guess, (40, 11)), X[:40], KNOWN).mean(axis=0)
    assert 0.1 < right[:2].mean() < 0.6  # codes of 3 and of 4
    assert 0.1 < right[2:].mean() < 0.5  # numbers within .319


def test_noise_comes_back_as_a_guess_at_best():
    rng = np.random.default_rng(7)
    X, y = people(rng, 3)
    made = net(rng, (11, 64, 1), "tanh")
    seen = [rng.normal(size=one.shape) for one in made.slopes(X, y)]
    assert right_of(invert(made, seen, y, KNOWN, rng), X, KNOWN).mean() < 0.6
