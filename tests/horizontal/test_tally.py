"""Calibration, grades and cut-offs from counts of whole scores are those of the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from hansa.horizontal.card import Calibration, Card, Scaling
from hansa.horizontal.tally import Tally

SCALE = Scaling()


def book(rows=4000, slope=0.8, shift=0.3, seed=0):
    """Whole scores [rows], and outcomes whose odds follow the scale less steeply, and from elsewhere."""
    rng = np.random.default_rng(seed)
    score = np.rint(rng.normal(560, 30, rows)).astype(int)
    odds = shift + slope * SCALE.log_odds(score)
    return score, (rng.random(rows) < 1 / (1 + np.exp(odds))).astype(int)


def tallied(score, bad):
    lowest, size = int(score.min()), int(np.ptp(score)) + 1
    return Tally(
        lowest, np.stack([np.bincount(score[bad == k] - lowest, minlength=size) for k in (0, 1)]).astype(float)
    )


def test_a_calibration_is_the_regression_of_outcomes_on_log_odds():
    score, bad = book()
    found = tallied(score, bad).calibration(SCALE)
    oracle = sm.Logit(1 - bad, sm.add_constant(SCALE.log_odds(score))).fit(disp=0)
    np.testing.assert_allclose([found.intercept, found.slope], oracle.params, rtol=1e-6)


@pytest.mark.parametrize("rate", [0.01, 0.2])
def test_it_is_shifted_to_a_default_rate(rate):
    score, bad = book()
    tally = tallied(score, bad)
    card = Card((), 0, SCALE, tally.calibration(SCALE, rate))
    assert card.probability(score).mean() == pytest.approx(rate, abs=1e-12)
    assert card.calibration.slope == tally.calibration(SCALE).slope


def test_outcomes_that_name_no_line_leave_the_slope_alone():
    assert Tally(0, np.array([[5.0, 5.0], [0.0, 0.0]])).calibration(SCALE) == Calibration()
    apart = Tally(580, np.array([[0.0, 0.0, 9.0], [9.0, 0.0, 0.0]])).calibration(SCALE)  # separated
    falling = Tally(580, np.array([[9.0, 5.0], [5.0, 9.0]])).calibration(SCALE)  # worse with more points
    assert (apart.slope, falling.slope) == pytest.approx((1.0, 1.0), rel=1e-6)


def test_grades_hold_all_rows_once_and_say_what_was_predicted():
    score, bad = book()
    tally = tallied(score, bad)
    card = Card((), 0, SCALE, tally.calibration(SCALE), grades=(0.01, 0.02, 0.04, 0.08, 0.16))
    grades, chance = tally.grades(card), card.probability(score)
    assert sum(grade.rows for grade in grades) == len(score)
    assert sum(grade.bads for grade in grades) == bad.sum()
    for grade in grades:
        mine = (grade.lowest <= score) & (score <= grade.highest)
        assert grade.rows == mine.sum()
        assert grade.predicted == pytest.approx(chance[mine].mean())
        assert grade.observed == pytest.approx(bad[mine].mean())
    assert [grade.number for grade in grades] == sorted(grade.number for grade in grades)
    assert (np.diff([grade.predicted for grade in grades]) > 0).all()  # the first is the safest


def test_cut_offs_are_those_of_the_rows():
    score, bad = book()
    tally = tallied(score, bad)
    cuts = tally.cut_offs(gain=1.0, loss=6.0)
    assert len(cuts) == 20
    assert cuts[0].approval_rate == 1.0
    for i, cut in enumerate(cuts):
        yes = score >= cut.score
        assert cut.approval_rate == pytest.approx(yes.mean())
        assert cut.approval_rate <= 1 - i / 20 + 1e-9
        assert (score >= cut.score - 1).mean() > 1 - i / 20 or i == 0  # the lowest that approves no more
        assert cut.bad_rate == pytest.approx(bad[yes].mean())
        assert cut.profit == pytest.approx(((1 - bad[yes]).sum() - 6.0 * bad[yes].sum()) / len(score))
    best = tally.best(1.0, 6.0)
    every = [(np.where(bad[score >= s], -6.0, 1.0).sum() / len(score), -s) for s in tally.scores]
    assert (best.profit, -best.score) == pytest.approx(max(every))


def test_no_rows_have_no_cut_offs():
    empty = Tally(600, np.zeros((2, 3)))
    assert empty.cut_offs() == ()
    assert np.isnan(empty.event_rate)
    assert empty.calibration(SCALE) == Calibration()
