"""Noised counts: of the right size for what a unit changes, in L2 or in L1."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from hansa.privacy.counts import noised_counts


@pytest.mark.parametrize("change", [1, 4])
@pytest.mark.parametrize("mechanism", ["gaussian", "geometric"])
def test_noise_has_its_variance_to_a_hundredth(change, mechanism):
    told = noised_counts(np.full(1_000_000, 1000.0), change, 3.0, mechanism)
    fade = exp(-1 / (3 * change))
    variance = 9 * change**2 if mechanism == "gaussian" else 2 * fade / (1 - fade) ** 2
    assert told.var() == pytest.approx(variance, rel=0.012)
    assert told.mean() == pytest.approx(1000, abs=0.02 * change * 3)
    assert (told == np.rint(told)).all()


def test_counts_of_nothing_are_off_to_both_sides_so_that_sums_of_them_are_not():
    told = noised_counts(np.zeros(100_000), 1, 2.0)
    assert told.min() < 0 < told.max()
    assert told.mean() == pytest.approx(0, abs=0.05)


def test_without_noise_counts_are_themselves():
    assert noised_counts(np.array([2.5, 0.0]), 3, 0.0).tolist() == [2.5, 0.0]
