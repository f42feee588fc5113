"""The line of calibration: that of the rows, from counts over bins, and none where there is none."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from hansa.core.metrics import ScoreCounts, bin_counts, calibration_line, first_edges, score_keys
from hansa.core.metrics.keys import LOWEST, TOP
from hansa.core.metrics.lines import logistic_line

EDGES = np.array([LOWEST, *score_keys(np.arange(-4.0, 4.25, 0.25)), TOP], np.uint64)


@pytest.mark.parametrize(("intercept", "slope"), [(0.0, 1.0), (-0.7, 0.5), (0.3, 1.6)])
def test_counts_name_the_line_that_rows_were_drawn_by(intercept, slope):
    rng = np.random.default_rng(2)
    margin = rng.normal(-1, 1, 200_000)
    event = rng.random(len(margin)) < 1 / (1 + np.exp(-(intercept + slope * margin)))
    for edges in (first_edges(), EDGES):
        found = calibration_line(ScoreCounts.exact(edges, bin_counts(score_keys(margin), event, edges)))
        assert found == (pytest.approx(intercept, abs=0.04), pytest.approx(slope, abs=0.04))


def test_a_line_is_the_regression_on_single_rows():
    sm = pytest.importorskip("statsmodels.api", reason="needs statsmodels (extra 'dev')")
    rng = np.random.default_rng(3)
    x = rng.choice([-2.0, -0.5, 1.0, 4.0], 3000)
    y = rng.random(3000) < 1 / (1 + np.exp(1 - x))
    values = np.unique(x)
    rows, events = (np.array([mask[x == one].sum() for one in values], float) for mask in (np.ones(3000), y))
    assert logistic_line(values, events, rows) == pytest.approx(sm.Logit(y, sm.add_constant(x)).fit(disp=0).params)


@pytest.mark.parametrize("counts", [[[5, 5], [0, 0]], [[0, 0], [5, 5]], [[9, 0], [0, 9]], [[9, 0], [4, 0]]])
def test_without_a_finite_line_there_is_none(counts):
    edges = np.array([LOWEST, *score_keys(np.array([0.0])), TOP], np.uint64)
    assert isnan(calibration_line(ScoreCounts.exact(edges, np.array(counts)))[1])
