"""Tails of the normal and the chi-squared distribution, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hansa.core.metrics.tails import chi2_beyond, chi2_quantile, normal_beyond, normal_within
from hansa.errors import ConfigError


@pytest.mark.parametrize("z", [0.0, 1e-9, 0.5, 1.96, -3.0, 8.0, 30.0])
def test_the_normal_tail_is_scipys(z):
    assert normal_beyond(z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-13)


@pytest.mark.parametrize("level", [0.01, 0.5, 0.95, 0.999])
def test_the_normal_quantile_is_scipys(level):
    assert normal_within(level) == pytest.approx(stats.norm.ppf((1 + level) / 2), rel=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 50, 400])
def test_the_chi_squared_tail_is_scipys(freedom):
    for x in (*np.linspace(1e-3, 4 * freedom + 20, 60), 1e-12):
        assert chi2_beyond(x, freedom) == pytest.approx(stats.chi2.sf(x, freedom), rel=1e-10, abs=1e-15)
    for level in (0.01, 0.5, 0.95, 0.99, 0.999):
        assert chi2_quantile(level, freedom) == pytest.approx(stats.chi2.ppf(level, freedom), rel=1e-9)


def test_ends_and_wrong_settings():
    assert (chi2_beyond(-1.0, 2), chi2_beyond(np.inf, 2)) == (1.0, 0.0)
    with pytest.raises(ConfigError, match="degrees of freedom"):
        chi2_beyond(1.0, 0)
    with pytest.raises(ConfigError, match="level"):
        chi2_quantile(1.0, 2)
