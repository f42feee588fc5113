"""Noised counts: of the right size for as many tables as a record is in."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.privacy.counts import noised_counts


@pytest.mark.parametrize("tables", [1, 4])
def test_noise_grows_with_the_tables_that_a_record_is_in(tables):
    told = noised_counts(np.full(200_000, 1000.0), tables, noise_multiplier=3.0)
    assert told.var() == pytest.approx(9 * tables, rel=0.02)
    assert told.mean() == pytest.approx(1000, abs=0.1)
    assert (told == np.rint(told)).all()


def test_counts_of_nothing_are_off_to_both_sides_so_that_sums_of_them_are_not():
    told = noised_counts(np.zeros(100_000), 1, 2.0)
    assert told.min() < 0 < told.max()
    assert told.mean() == pytest.approx(0, abs=0.05)


def test_without_noise_counts_are_themselves():
    assert noised_counts(np.array([2.5, 0.0]), 3, 0.0).tolist() == [2.5, 0.0]
