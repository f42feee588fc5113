from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.metrics import population_stability, stability_alarm
from hansa.errors import DataError

COUNTS = st.lists(st.integers(0, 1000), min_size=2, max_size=8).filter(any)


def test_the_sum_by_hand():
    expected = (0.4 - 0.5) * np.log(0.4 / 0.5) + (0.3 - 0.2) * np.log(0.3 / 0.2)
    assert population_stability([50, 30, 20], [40, 30, 30]) == pytest.approx(expected, abs=1e-15)


@given(COUNTS, st.integers(0, 5), st.integers(1, 50))
def test_it_is_symmetric_not_negative_and_blind_to_size(counts, turn, times):
    one, other = np.array(counts) + 1, np.roll(counts, turn) + 1
    found = population_stability(one, other)
    assert found >= 0
    assert found == pytest.approx(population_stability(other, one), abs=1e-12)
    assert found == pytest.approx(population_stability(times * one, other), abs=1e-9)
    assert population_stability(one, times * one) == pytest.approx(0, abs=1e-12)


def test_an_empty_group_is_half_a_row_and_no_infinity():
    by_hand = population_stability([10.5, 10.5, 0.5], [10, 10, 10])
    assert population_stability([10, 10, 0], [10, 10, 10]) == pytest.approx(by_hand)
    assert np.isfinite(by_hand)


def test_no_rows_are_no_figure():
    assert np.isnan(population_stability([0, 0], [1, 2]))
    assert np.isnan(population_stability([], []))


@pytest.mark.parametrize(("one", "other"), [([1, 2], [1, 2, 3]), ([-1, 2], [1, 2]), ([np.nan, 1], [1, 1])])
def test_what_is_no_count_is_refused(one, other):
    with pytest.raises(DataError):
        population_stability(one, other)


def test_the_alarm_is_passed_by_one_in_a_hundred_without_drift():
    rng = np.random.default_rng(3)
    one, other = rng.multinomial(1000, [0.2] * 5, 4000), rng.multinomial(500, [0.2] * 5, 4000)
    passed = [population_stability(a, b) > stability_alarm(1000, 500, 5) for a, b in zip(one, other, strict=True)]
    assert 0.005 < np.mean(passed) < 0.016
    assert np.isnan(stability_alarm(0, 5, 3))
