"""Ratios and differences are those of the textbooks."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.errors import ConfigError
from hansa.horizontal.parity import Counted, Group, Measure, Parity, difference_of, ratio_of, smd_of
from hansa.horizontal.woe import Cells


def test_newcombes_table_is_met():
    """Newcombe (1998), table II, method 10: 9 of 10 less 3 of 10."""
    found = difference_of(9, 10, 3, 10)
    assert (found.value, found.low, found.high) == pytest.approx((0.6, 0.1705, 0.8090), abs=1e-4)


def test_the_mean_difference_is_that_of_the_rows():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.5, 1, 900), rng.normal(0, 1, 700)
    found = smd_of(*(np.array([len(x), x.sum(), (x**2).sum()]) for x in (a, b)))
    within = np.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(a) + len(b) - 2))
    assert found.value == pytest.approx((a.mean() - b.mean()) / within)
    assert found.low < 0.5 < found.high


def test_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(1)
    a, b = rng.binomial(300, 0.6, 2000), rng.binomial(500, 0.75, 2000)
    ratios = [ratio_of(x, 300, y, 500) for x, y in zip(a, b, strict=True)]
    gaps = [difference_of(x, 300, y, 500) for x, y in zip(a, b, strict=True)]
    assert 0.93 < np.mean([one.low <= 0.8 <= one.high for one in ratios]) < 0.97
    assert 0.93 < np.mean([one.low <= -0.15 <= one.high for one in gaps]) < 0.97


def test_what_is_not_to_be_had_is_nan():
    none = np.zeros(3)
    assert np.isnan([ratio_of(0, 0, 1, 2).value, difference_of(0, 0, 1, 2).value, smd_of(none, none).value]).all()
    assert ratio_of(0, 10, 5, 10).value == 0.0
    assert not Group("sex", "f", "m", 1.0, 1.0, Measure()).adverse


def test_the_reference_is_the_largest_group_or_the_one_that_is_named():
    sums = np.zeros((4, 7))
    sums[:2, :2] = [[60.0, 40.0], [160.0, 40.0]]
    column = Counted(Cells("sex", labels=(("f",), ("m",))), sums)
    assert [(one.group, one.reference, one.adverse) for one in column.groups()] == [("f", "m", True)]
    assert [one.group for one in Parity(0, (column,), {"sex": "f"}).groups] == ["m"]
    with pytest.raises(ConfigError, match="no such group"):
        column.groups("x")
