"""Noised counts: of the right size for what a unit changes, in L2 or in L1."""

from __future__ import annotations

from math import exp
from statistics import NormalDist

import numpy as np
import pytest

from hansa.privacy.accounting import epsilon
from hansa.privacy.counts import noised_counts


@pytest.mark.parametrize("change", [1, 4])
@pytest.mark.parametrize("mechanism", ["gaussian", "geometric"])
def test_noise_has_its_variance_to_a_hundredth(change, mechanism):
    told = noised_counts(np.full(1_000_000, 1000.0), change, 3.0, mechanism)
    fade = exp(-1 / (3 * change))
    variance = 9 * change**2 + 1 / 12 if mechanism == "gaussian" else 2 * fade / (1 - fade) ** 2
    assert told.var() == pytest.approx(variance, rel=0.012)
    assert told.mean() == pytest.approx(1000, abs=0.02 * change * 3)
    assert (told == np.rint(told)).all()


@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_gaussian_counts_are_what_the_accountant_takes_them_for(sigma):
    """Discrete Gaussian noise of few steps is more often nothing: its epsilon would be above the one that is told."""
    told, n = noised_counts(np.zeros(200_000), 1, sigma), NormalDist(0, sigma)
    for far in (0, 1, 2):
        share = (np.abs(told) == far).mean()
        chance = (n.cdf(far + 0.5) - n.cdf(far - 0.5)) * (2 if far else 1)
        assert share == pytest.approx(chance, abs=5 * (chance / 200_000) ** 0.5)
    spaces = np.arange(-40, 41)
    rounded = np.diff([n.cdf(x - 0.5) for x in (*spaces, 41)])
    discrete = np.exp(-(spaces**2) / (2 * sigma**2))
    found = epsilon(noise_multiplier=sigma, steps=2, delta=1e-5)
    assert beyond(rounded, found) < 1e-5 < beyond(discrete / discrete.sum(), found)


def beyond(chances, epsilon):
    """The delta of two counts, of which one row more moves each by one, at an epsilon."""
    both = np.outer(chances, chances)
    return np.maximum(both[1:, 1:] - np.exp(epsilon) * both[:-1, :-1], 0).sum() + both[0].sum() + both[1:, 0].sum()


def test_counts_of_nothing_are_off_to_both_sides_so_that_sums_of_them_are_not():
    told = noised_counts(np.zeros(100_000), 1, 2.0)
    assert told.min() < 0 < told.max()
    assert told.mean() == pytest.approx(0, abs=0.05)


def test_without_noise_counts_are_themselves():
    assert noised_counts(np.array([2.5, 0.0]), 3, 0.0).tolist() == [2.5, 0.0]
