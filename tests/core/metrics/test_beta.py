"""The beta distribution against scipy, and Jeffreys' test against what it is made for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hansa.core.metrics.beta import beta_below, beta_quantile, jeffreys_interval, jeffreys_test
from hansa.errors import ConfigError


@pytest.mark.parametrize("a", [0.5, 1.0, 2.5, 40.5, 3000.5])
@pytest.mark.parametrize("b", [0.5, 3.0, 99.5, 60_000.5])
def test_it_is_scipys(a, b):
    for x in (1e-6, 0.001, 0.02, 0.2, 0.5, 0.9, 0.9999, a / (a + b)):
        assert beta_below(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-9)
    for level in (0.025, 0.5, 0.975):
        assert beta_quantile(level, a, b) == pytest.approx(stats.beta.ppf(level, a, b), rel=1e-9, abs=1e-9)


def test_the_ends_are_closed():
    assert jeffreys_interval(0, 40)[0] == 0.0
    assert jeffreys_interval(40, 40)[1] == 1.0
    assert beta_below(-1, 2, 3) == 0.0
    assert beta_below(2, 2, 3) == 1.0


def test_a_rate_that_was_set_right_is_seldom_refused():
    rng = np.random.default_rng(0)
    events = rng.binomial(800, 0.03, 2000)
    refused = np.mean([jeffreys_test(float(one), 800, 0.03) < 0.05 for one in events])
    assert 0.02 < refused < 0.08
    assert np.mean([jeffreys_test(float(one), 800, 0.015) < 0.05 for one in events]) > 0.8


def test_shapes_must_be_above_0():
    with pytest.raises(ConfigError, match="shapes above 0"):
        beta_below(0.5, 0, 1)
    with pytest.raises(ConfigError, match="confidence level"):
        beta_quantile(1.0, 1, 1)
