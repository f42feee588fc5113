"""Exact at the extremes, refused one bit beyond, and off by no more than the bound between."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hansa.errors import ChainError, ConfigError, PolicyRefusal
from hansa.privacy.fixed_point import FixedPoint, open_wide, whole, wide


def test_the_extremes_all_at_once_are_exact():
    for n, clip, bits, weight in ((1024, 16.0, 24, 2**24), (3, 16.0, 33, 2**24), (100, 8.0, 28, 2**24 - 1)):
        numbers = FixedPoint(clip, bits, weight)
        numbers.check(n)
        for sign in (1.0, -1.0):
            one, cut = numbers.narrow(np.array([sign * clip, sign * 1e300]), float(weight))
            total = np.zeros(2, np.uint64)
            for _ in range(n):
                total += one
            assert [int(q) for q in total.view(np.int64)] == [int(sign) * n * weight * int(clip) * 2**bits] * 2
            assert cut == 1


@pytest.mark.parametrize("n", [3, 4, 5, 16, 17, 100, 1024])
def test_the_largest_sum_fits_as_many_bits_as_are_said_and_no_fewer(n):
    for clip, bits, weight in ((16.0, 24, 2**24), (1.5, 10, 1000), (1.0, 0, 1)):
        needs, largest = FixedPoint(clip, bits, weight).needs(n), n * weight * clip * 2**bits
        assert 2 ** (needs - 2) <= largest < 2 ** (needs - 1)


def test_one_bit_more_is_refused_when_it_is_built():
    FixedPoint(bits=33).check(3)
    for numbers, n in ((FixedPoint(bits=34), 3), (FixedPoint(bits=33, noise_bits=1), 3), (FixedPoint(bits=33), 4)):
        with pytest.raises(ChainError, match="1 bits are missing"):
            numbers.check(n)
    for far in (FixedPoint(clip=1e300), FixedPoint(weight=10**400), FixedPoint(clip=1e-300, weight=10**400)):
        with pytest.raises(ChainError, match="bits are missing"):
            far.check(3)
    with pytest.raises(ChainError, match="At most 1024"):
        FixedPoint(bits=1, weight=1).check(1025)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.floats(-20, 20), min_size=3, max_size=3), min_size=3, max_size=8),
    st.lists(st.integers(1, 2**20), min_size=8, max_size=8),
)
def test_a_mean_is_off_by_at_most_half_a_step(rows, weighing):
    numbers = FixedPoint()
    total, weight = np.zeros(3, np.uint64), float(sum(weighing[: len(rows)]))
    plain = np.zeros(3)
    for row, w in zip(rows, weighing, strict=False):
        total += numbers.narrow(np.array(row), float(w))[0]
        plain += w * np.clip(row, -16, 16)
    assert np.abs(numbers.open_narrow(total) / weight - plain / weight).max() <= 2.0**-25 + 1e-14


@example([1 / 3 - 2.0**-54])
@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-(2.0**70), 2.0**70), min_size=1, max_size=6))
def test_wide_sums_are_within_the_bound_whatever_their_size(values):
    vectors = [np.array([value, -value, value * 1e-9]) for value in values]
    total = sum((wide(vector) for vector in vectors), np.zeros(6, np.uint64))
    for i, got in enumerate(open_wide(total)):
        exact = sum(Fraction(vector[i]) for vector in vectors)
        assert abs(Fraction(got) - exact) <= len(values) * Fraction(1, 2**33) + abs(exact) / 2**52


def test_near_cancellation_loses_nothing():
    total = wide(np.array([1e15 + 0.25])) + wide(np.array([-1e15]))
    assert open_wide(total).tolist() == [0.25]


def test_whole_numbers_are_as_they_are():
    total = whole(np.array([-5, 2**53])) + whole(np.array([3, 2**53]))
    assert total.view(np.int64).tolist() == [-2, 2**54]
    assert whole(np.array([True, False])).tolist() == [1, 0]
    assert whole(np.array([255], np.uint8)).tolist() == [255]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_at_the_party(bad):
    for into in (lambda v: FixedPoint().narrow(v, 1.0, "bank-a"), lambda v: wide(v, "bank-a")):
        with pytest.raises(PolicyRefusal, match="bank-a has NaN or infinity"):
            into(np.array([1.0, bad]))


@pytest.mark.parametrize("weight", [-1.0, 2.0**24 + 1, np.nan, np.inf])
def test_a_weight_without_room_is_refused(weight):
    with pytest.raises(PolicyRefusal, match="has room for"):
        FixedPoint().narrow(np.ones(1), weight)


def test_what_is_too_large_is_refused():
    for into in (lambda: wide(np.array([1e23])), lambda: whole(np.array([2**60])), lambda: whole(np.array([-(2**60)]))):
        with pytest.raises(PolicyRefusal, match="too large"):
            into()


@pytest.mark.parametrize(
    "settings_", [{"clip": 0.0}, {"clip": np.inf}, {"bits": 64}, {"weight": 0}, {"noise_bits": -1}]
)
def test_settings_outside_their_range_are_refused(settings_):
    with pytest.raises(ConfigError):
        FixedPoint(**settings_)
