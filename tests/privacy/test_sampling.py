"""Noise has the law that it claims, exactly where it claims so, and nothing of it can be drawn again."""

from __future__ import annotations

import copy
from fractions import Fraction

import numpy as np
import pytest

from hansa.errors import ConfigError
from hansa.privacy import sampling
from hansa.privacy.sampling import Secret, below_exp, discrete_gaussian, geometric, poisson_sample

MANY = 1_000_000
SURE = 1e-6  # a true sampler fails a test once in a million runs


def chi_squared(drawn, chances):
    """The statistic by its degrees of freedom, as a standard normal (Wilson and Hilferty 1931)."""
    low = -(len(chances) // 2)
    counts = np.bincount(np.clip(drawn - low, 0, len(chances) - 1), minlength=len(chances))
    expected = chances / chances.sum() * len(drawn)
    free = len(chances) - 1
    statistic = ((counts - expected) ** 2 / expected).sum()
    return ((statistic / free) ** (1 / 3) - (1 - 2 / (9 * free))) / np.sqrt(2 / (9 * free))


def gaussian_chances(sigma, reach):
    far = np.arange(-60 * reach, 60 * reach + 1)
    return folded(np.exp(-(far**2) / (2 * sigma**2)), far, reach)


def folded(weights, far, reach):
    """The chances of -reach..reach, with the tails in the outermost."""
    chances = np.bincount(np.clip(far + reach, 0, 2 * reach), weights)
    return chances / chances.sum()


@pytest.mark.parametrize(("sigma", "reach"), [(0.4, 1), (1.0, 4), (7.3, 25)])
def test_the_discrete_gaussian_has_its_chances(sigma, reach):
    chances = gaussian_chances(sigma, reach)
    drawn = discrete_gaussian(sigma, MANY)
    assert chi_squared(drawn, chances) < 4.8
    assert drawn.var() == pytest.approx((chances * np.arange(-reach, reach + 1) ** 2).sum(), rel=0.05)


@pytest.mark.parametrize("sigma", [2.5, 1000.25, 2.0**30])
def test_the_discrete_gaussian_has_its_variance_to_a_hundredth(sigma):
    assert discrete_gaussian(sigma, MANY).astype(float).var() == pytest.approx(sigma**2, rel=0.01)


@pytest.mark.parametrize(("scale", "reach"), [(0.7, 3), (5.0, 15)])
def test_geometric_noise_has_its_chances(scale, reach):
    far = np.arange(-400, 401)
    chances = folded(np.exp(-np.abs(far) / scale), far, reach)
    drawn = geometric(scale, MANY)
    assert chi_squared(drawn, chances) < 4.8
    fade = np.exp(-1 / scale)
    assert drawn.var() == pytest.approx(2 * fade / (1 - fade) ** 2, rel=0.012)


@pytest.mark.parametrize("x", [Fraction(1, 3), Fraction(1), Fraction(7, 2), Fraction(30)])
def test_a_coin_is_settled_on_the_right_side(x):
    edge = int(np.floor(np.exp(-float(x)) * 2.0**64))
    near = edge // 2**12 + 1
    assert below_exp(edge - near, x)
    assert not below_exp(edge + near, x)


def test_coins_that_floats_cannot_judge_are_settled_exactly(monkeypatch):
    monkeypatch.setattr(sampling, "_SLACK", 2.0)  # every coin
    assert chi_squared(discrete_gaussian(1.5, 800), gaussian_chances(1.5, 4)) < 4.8
    assert (
        chi_squared(geometric(1.5, 800), folded(np.exp(-np.abs(np.arange(-60, 61)) / 1.5), np.arange(-60, 61), 4)) < 5
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_noise_is_standard_normal(dtype):
    drawn = Secret().normal(MANY, dtype)
    assert drawn.dtype == dtype
    assert drawn.var(dtype=float) == pytest.approx(1, rel=0.01)
    assert abs(drawn.mean(dtype=float)) < 5e-3
    edges = np.array([-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3])
    below = np.array([0.0013499, 0.0227501, 0.1586553, 0.3085375, 0.5, 0.6914625, 0.8413447, 0.9772499, 0.9986501])
    counts = np.bincount(np.searchsorted(edges, drawn), minlength=10)
    expected = np.diff([0, *below, 1]) * MANY
    assert ((counts - expected) ** 2 / expected).sum() < 51  # 9 degrees of freedom, 1e-7
    first, second = np.split(drawn, 2)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.008


def test_single_normals_reach_further_than_their_bits(monkeypatch):
    """A shift would show where unshifted noise cannot come: a million numbers make 7 of them likely enough."""
    secret = Secret()
    draws = [np.zeros(4, np.uint64), np.array([0, 1 << 63, 2**64 - 1, 3 << 62], np.uint64)]
    monkeypatch.setattr(Secret, "words", lambda self, n: draws.pop(0)[:n])
    first, *rest = secret.normal(8, "float32")[:4].tolist()
    assert first == pytest.approx(10.92, abs=0.01)
    assert rest == pytest.approx([6.763, 6.661, 6.706], abs=0.005)


@pytest.mark.parametrize(("rate", "n"), [(0.01, 20_000), (0.3, 500)])
def test_samples_are_poisson(rate, n):
    secret, many = Secret(), 3000
    samples = list(secret.samples(rate, n, many))
    assert len(samples) == many
    sizes = np.array([len(sample) for sample in samples])
    spread = n * rate * (1 - rate)
    assert sizes.mean() == pytest.approx(n * rate, abs=5 * np.sqrt(spread / many))
    assert sizes.var() == pytest.approx(spread, rel=5 * np.sqrt(2 / many))
    each = np.bincount(np.concatenate(samples), minlength=n)
    assert each.mean() == pytest.approx(many * rate, rel=0.02)
    assert each.var() == pytest.approx(many * rate * (1 - rate), rel=5 * np.sqrt(2 / n) + 0.02)
    assert all((np.diff(sample) > 0).all() for sample in samples[:50])


def test_each_step_has_a_sample():
    every = list(Secret().samples(1.0, 3, 5000))
    assert len(every) == 5000
    assert np.array_equal(every, np.tile(np.arange(3), (5000, 1)))
    assert [len(sample) for sample in Secret().samples(0.5, 0, 4)] == [0, 0, 0, 0]


def test_neighbours_are_in_a_sample_independently_of_each_other():
    secret = Secret()
    masks = np.array([np.isin(np.arange(40), sample) for sample in secret.samples(0.25, 40, 4000)])
    correlation = np.corrcoef(masks.T)[~np.eye(40, dtype=bool)]
    assert abs(correlation).max() < 5.5 / np.sqrt(4000)


def test_nothing_repeats_and_a_copy_draws_its_own():
    secret = Secret()
    twin = copy.deepcopy(secret)
    streams = [drawer.words(4).tolist() for drawer in (secret, twin, Secret(), secret)]
    assert len({tuple(stream) for stream in streams}) == 4


def test_long_draws_are_one_stream():
    words = Secret().words(40_000)
    assert len(np.unique(words)) == 40_000


def test_an_empty_draw_is_empty():
    assert [len(draw) for draw in (discrete_gaussian(1.0, 0), geometric(1.0, 0), Secret().words(0))] == [0, 0, 0]
    assert len(Secret().normal(0, "float64")) == len(poisson_sample(0.5, 0)) == 0


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), 2.0**41])
def test_a_scale_out_of_range_is_refused(wrong):
    with pytest.raises(ConfigError, match="above 0"):
        discrete_gaussian(wrong, 1)
    with pytest.raises(ConfigError, match="above 0"):
        geometric(wrong, 1)
    if wrong != 2.0**41:
        with pytest.raises(ConfigError, match="sampling rate"):
            poisson_sample(wrong, 1)
