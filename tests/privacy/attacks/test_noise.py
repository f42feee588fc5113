"""Tests of noise: honest noise passes, each kind of wrong noise is caught."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.privacy.attacks.noise import ALARM, apart, poisson, scored, shape, spread
from hansa.privacy.counts import noised_counts
from hansa.privacy.sampling import whole_noise


def test_honest_noise_passes_and_its_chances_are_even():
    rng = np.random.default_rng(5)
    chances = np.array([[spread(x, 2.0), shape(x, 2.0)] for x in rng.normal(0, 2, (400, 2000))])
    assert chances.min() > 1e-6
    assert np.abs(np.mean(chances < 0.5, axis=0) - 0.5).max() < 0.1


@pytest.mark.parametrize("wrong", [0.95, 1.05, 0.0])
def test_a_wrong_size_is_caught(wrong):
    assert spread(wrong * np.random.default_rng(5).normal(size=20_000), 1.0) < ALARM


def test_a_wrong_shape_is_caught_though_its_size_is_right():
    rng = np.random.default_rng(5)
    assert shape(rng.laplace(0, 0.5**0.5, 20_000), 1.0) < ALARM
    assert shape(rng.choice([-1.0, 1.0], 20_000), 1.0) < ALARM


def test_noise_that_comes_again_is_caught():
    one, other = np.random.default_rng(5).normal(size=(2, 5000))
    assert apart(one, other) > 1e-6
    assert apart(one, one + 0.5 * other) < ALARM
    assert apart(np.zeros(10), other[:10]) == 0


def test_samples_that_are_not_poisson_are_caught():
    rng = np.random.default_rng(5)
    honest = rng.binomial(2000, 0.2, 40) + rng.normal(size=40)
    assert poisson(honest, 2000, 0.2, 1.0) > 1e-6
    assert poisson(np.full(40, 400.0) + rng.normal(size=40), 2000, 0.2, 1.0) < ALARM
    assert poisson(rng.binomial(2000, 0.25, 40), 2000, 0.2, 1.0) < ALARM


@pytest.mark.parametrize("mechanism", ["gaussian", "geometric"])
@pytest.mark.parametrize("size", [0.6, 3.0, 4000.0])
@pytest.mark.parametrize("step", [1.0, 2.0**-20])
def test_released_noise_is_scored_as_the_normals_that_it_stands_for(mechanism, size, step):
    noise = whole_noise(mechanism, size / step, 40_000) * step
    if step == 1:
        noise = noised_counts(np.zeros(40_000), 1, size, mechanism)
    found = scored(noise, size, mechanism)
    assert min(spread(found, 1.0), shape(found, 1.0)) > ALARM
    assert spread(scored(noise, 1.1 * size, mechanism), 1.0) < ALARM
    other = "geometric" if mechanism == "gaussian" else "gaussian"
    alike = size / 2**0.5 if mechanism == "gaussian" else size * 2**0.5  # of the same variance
    assert shape(scored(noise, alike, other), 1.0) < ALARM
    assert spread(scored(np.zeros(100), size, mechanism), 1.0) < ALARM or size < 1
