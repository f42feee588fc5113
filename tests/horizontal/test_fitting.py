"""One column under way: sums that are sound, and what is left out and why."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.column import Column
from hansa.errors import DataError
from hansa.horizontal.columns import Scaled
from hansa.horizontal.fitting import Fit, Want, centred


def spread(values, want=None):
    """A column standardised from one party's sums."""
    want, column = want or Want("x", "standardise"), Column.of("x", values)
    fit = Fit.of(want, want.count(column), 10)
    for _ in range(2):
        fit = fit.centred_at(np.array(centred(fit.bare, column)))
    return fit


@pytest.mark.parametrize(("offset", "width"), [(0, 1), (1.7e9, 1000), (1e12, 1e-2), (1e-8, 1e-12)])
def test_far_from_zero_the_spread_is_still_exact(offset, width):
    values = offset + width * np.random.default_rng(0).normal(size=2000)
    fit = spread(values)
    assert fit.centre == pytest.approx(values.mean(), rel=1e-15)
    assert fit.variance == pytest.approx(np.var(values.astype(np.longdouble)), rel=1e-9)
    assert isinstance(fit.encoding()[0], Scaled)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 + 0.1, -7.0, 1e-300])
def test_a_constant_is_left_out_whatever_its_rounding(value):
    assert spread([value] * 1001).encoding() == (None, "it is constant")


def test_a_constant_with_gaps_keeps_its_indicator():
    encoding, _ = spread([3.0] * 50 + [None] * 50).encoding()
    assert encoding.names == ("x (missing)",)


def test_nothing_but_gaps_is_left_out():
    assert spread([]).encoding() == (None, "too few rows have a value")


@pytest.mark.parametrize("values", [[1.7e308] * 30, [1e200] * 30 + [0.0] * 30])
def test_sums_past_the_largest_float_are_refused(values):
    with pytest.raises(DataError, match="too large to be added"):
        spread(values)


def test_a_party_is_told_no_pooled_counts():
    fit = spread(np.arange(100.0)).bare
    assert (len(fit.found), fit.ladder, fit.variance) == (0, None, 0.0)


def test_rare_labels_go_to_other_or_nowhere():
    want = Want("c", "onehot", levels=("a", "b", "rare"))
    few, _ = Fit.of(want, np.array([50.0, 40.0, 9.0, 0.0, 3.0]), 10).encoding()
    many, _ = Fit.of(want, np.array([50.0, 40.0, 9.0, 1.0, 12.0]), 10).encoding()
    assert few.names == ("c=a", "c=b")
    assert many.names == ("c=a", "c=b", "c (other)", "c (missing)")
