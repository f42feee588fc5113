"""Moments from sums around any centre, and cross tables of a single row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hansa.errors import DataError
from hansa.horizontal.description import CrossTable, Moments, described
from hansa.horizontal.woe import Cells


@given(st.integers(0, 1000), st.floats(-3, 3))
def test_moments_do_not_depend_on_the_centre(seed, centre):
    x = np.random.default_rng(seed).gamma(2, 1, 50)
    made = Moments.of("x", 60, 50, centre, np.array([((x - centre) ** k).sum() for k in range(1, 5)]))
    assert made.mean == pytest.approx(x.mean())
    assert made.deviation == pytest.approx(x.std())
    assert made.skewness == pytest.approx(stats.skew(x), abs=1e-6)
    assert made.kurtosis == pytest.approx(stats.kurtosis(x), abs=1e-6)
    assert made.gaps == 10


def test_nothing_has_no_moments_and_one_row_no_dependence():
    assert np.isnan(Moments.of("x", 5, 0, 0.0, np.zeros(4)).mean)
    table = CrossTable(Cells("a"), Cells("b", edges=(1.0,)), np.array([[5.0, 6.0, 0.0], [0.0, 0.0, 0.0]]))
    assert np.isnan(table.pvalue)
    assert np.isnan(table.cramers_v)
    with pytest.raises(DataError, match="was not described"):
        described(0, (), (0.0, np.zeros(0), np.zeros((0, 0))), ()).moment("a")
