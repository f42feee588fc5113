"""What is read from sums: grades by Jeffreys, the statistic of Hosmer and Lemeshow, and what is missing stays so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from hansa.horizontal.card import Card
from hansa.horizontal.tally import score_edges
from hansa.horizontal.validated import Line, Proven, Validated

CARD = Card((), 600, grades=(0.02, 0.05))
NONE = np.zeros((1, 2, 3), np.int64)
EMPTY = Validated(
    CARD, (), (), {}, score_edges(CARD), NONE, NONE, np.zeros((1, 4)), np.zeros((1, 4)), np.zeros((2, 3)),
    np.array([0.01, 0.03, np.nan]), np.zeros(1), np.zeros((1, 1)), (), (),
)  # fmt: skip


def test_grades_are_held_against_what_they_promise():
    found = replace(EMPTY, graded=np.array([[495.0, 380.0, 50.0], [5.0, 20.0, 9.0]]))
    first, second = found.grades  # the last promises nothing
    assert (first.rows, first.observed, second.number) == (500.0, 0.01, 2)
    assert first.p_value == pytest.approx(stats.beta.cdf(0.01, 5.5, 495.5))
    assert second.p_value < 0.05 < first.p_value
    off = sum((d - n * p) ** 2 / (n * p * (1 - p)) for n, d, p in ((500, 5, 0.01), (400, 20, 0.03)))
    statistic, freedom, p_value = found.hosmer_lemeshow
    assert (statistic, freedom) == (pytest.approx(off), 2)
    assert p_value == pytest.approx(stats.chi2.sf(off, 2))


def test_without_rows_there_are_no_figures_and_no_error():
    told = EMPTY.summary()
    assert np.isnan(told["auc"]["value"])
    assert np.isnan(told["calibration"]["hosmer_lemeshow"]["p_value"])
    assert (told["vintages"], told["stability"]["over_time"]) == ([], [])


def test_a_line_has_its_intervals():
    intercept, slope = Line(0.1, 0.9, 0.05, 0.04).ends
    assert intercept.low < 0.1 < intercept.high
    assert slope.high == pytest.approx(0.9 + 1.96 * 0.04, abs=1e-5)


def test_a_grade_of_few_says_little():
    assert Proven.of(1, 12.0, 1.0, 0.02).p_value > 0.05
