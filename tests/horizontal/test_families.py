"""Families: slopes are those of the means, and deviances those of scipy's likelihoods."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hansa.errors import DataError
from hansa.horizontal.families import Family

ETA = np.array([-2.0, -0.5, 0.1, 1.5])
CASES = [("logistic", "cloglog"), ("logistic", "default"), ("poisson", "log"), ("gamma", "log"), ("linear", "identity")]


@pytest.mark.parametrize(("name", "link"), CASES)
def test_a_slope_is_how_the_mean_changes(name, link):
    family = Family(name, link)
    change = (family.mean(ETA + 1e-6) - family.mean(ETA - 1e-6)) / 2e-6
    np.testing.assert_allclose(family.slope(ETA), change, rtol=1e-8)
    mean = float(family.mean(np.array([0.3]))[0])
    assert family.linked(mean) == pytest.approx(0.3)


def test_the_inverse_link_turns_back():
    family = Family("gamma", "inverse")
    np.testing.assert_allclose(family.slope(ETA), -1 / ETA**2)
    assert family.linked(float(family.mean(np.array([0.25]))[0])) == 0.25


def test_deviances_are_twice_the_distance_to_the_saturated_likelihood():
    mean, ones = np.array([0.5, 1.0, 2.5]), np.ones(3)
    y = np.array([0.0, 1.0, 4.0])
    likelihood = stats.poisson.logpmf(y, mean) - stats.poisson.logpmf(y, np.maximum(y, 1e-300))
    assert Family("poisson").deviance(y, mean, ones) == pytest.approx(-2 * likelihood.sum())
    p = np.array([0.2, 0.7, 0.9])
    y = np.array([0.0, 1.0, 1.0])
    assert Family("logistic").deviance(y, p, ones) == pytest.approx(-2 * stats.bernoulli.logpmf(y, p).sum())
    y = np.array([0.3, 1.0, 7.0])
    at, best = (stats.gamma.logpdf(y, 1.0, scale=m).sum() for m in (mean, y))
    assert Family("gamma").deviance(y, mean, ones) == pytest.approx(2 * (best - at))
    assert Family("tweedie", power=1.999999).deviance(y, mean, ones) == pytest.approx(2 * (best - at), rel=1e-4)
    assert Family("gamma").deviance(y, np.array([1.0, -1.0, 1.0]), ones) == np.inf


@pytest.mark.parametrize(("name", "y"), [("logistic", 0.5), ("poisson", -1.0), ("gamma", 0.0), ("tweedie", -2.0)])
def test_outcomes_of_another_family_are_counted_and_refused(name, y):
    with pytest.raises(DataError, match="1 of 1 rows are not"):
        Family(name).check(np.array([y]))
