"""The one-run audit: its bound by the published formula, and what it says of mechanisms whose epsilon is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from hansa.privacy.attacks.audit import audit, epsilon_shown


def chance(m, r, v, epsilon, delta):
    """Theorem 5.2 as it stands, with scipy's binomial."""
    q = 1 / (1 + np.exp(-epsilon))
    tail = binom.sf(v - 1, r, q)
    steepest = max((binom.sf(v - i - 1, r, q) - tail) / i for i in range(1, v + 1))
    return min(tail + 2 * m * delta * steepest, 1)


@pytest.mark.parametrize(("r", "v", "delta"), [(1000, 960, 0), (1000, 1000, 1e-8), (100, 95, 1e-9), (200, 140, 1e-8)])
def test_the_bound_is_where_the_theorem_says(r, v, delta):
    found = epsilon_shown(1000, r, v, delta, 1e-4)
    assert 0 < found < 10
    assert chance(1000, r, v, found, delta) < 1e-4 * 1.01
    assert chance(1000, r, v, found + 0.01, delta) > 1e-4


def test_too_large_a_delta_shows_nothing():
    assert epsilon_shown(1000, 1000, 1000, 1e-4, 1e-4) == 0


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_randomised_response_shows_no_more_than_its_epsilon_and_much_of_it(epsilon):
    """Each canary's own answer is right with chance e^epsilon / (1 + e^epsilon): the audit is tight there."""
    rng, shown = np.random.default_rng(1), []
    for _ in range(20):
        inside = rng.random(4000) < 0.5
        right = rng.random(4000) < 1 / (1 + np.exp(-epsilon))
        shown.append(audit(np.where(inside == right, 1.0, -1.0) + rng.random(4000), inside, 0.0, 1 - 1e-4).epsilon)
    assert max(shown) <= epsilon
    assert np.median(shown) > 0.6 * epsilon


def test_a_mechanism_without_noise_is_found_out():
    inside = np.random.default_rng(0).random(1000) < 0.5
    shown = audit(inside + 1e-3 * np.arange(1000), inside, 1e-8, 1 - 1e-4)
    assert shown.epsilon > 3.5
    assert shown.right == shown.guesses
