import pytest
from scipy import stats

from hansa.core.metrics.student import student_beyond, student_quantile
from hansa.errors import ConfigError

FREEDOM = [*range(1, 41), 99, 998, 999, 1000, 1001, 50_000, 10**9]


@pytest.mark.parametrize("freedom", FREEDOM)
def test_the_chance_is_that_of_scipy(freedom):
    for t in (0.0, 0.1, 1.0, 1.96, 3.0, 8.0):
        assert student_beyond(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), abs=2e-7)


@pytest.mark.parametrize("freedom", FREEDOM)
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_the_quantile_is_that_of_scipy(freedom, level):
    assert student_quantile(level, freedom) == pytest.approx(stats.t.ppf((1 + level) / 2, freedom), rel=1e-8)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
def test_a_level_is_a_share(level):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        student_quantile(level, 9)
