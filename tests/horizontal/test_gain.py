"""One party's gain: two models on the same rows, each with its own design of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hansa.core.metrics import paired_delong
from hansa.core.trainer import Design
from hansa.horizontal.gain import NOTES, Own, Scoring, gain_of
from hansa.trainers import Linear

RNG = np.random.default_rng(7)


def scoring(coef, y, loss="logistic", rows=None):
    X = RNG.normal(size=(len(y), 1)) + np.asarray(y, float)[:, None] if rows is None else rows
    return Scoring(Linear(loss=loss), {"coef": np.array([[coef]]), "intercept": np.zeros(1)}, Design(X, y))


def test_two_scores_are_compared_by_delong_on_the_same_rows():
    y = (RNG.random(200) < 0.4).astype(float)
    one, other = scoring(1.0, y), scoring(1.0, y)
    found = gain_of("bank-a", one, other)
    pair = paired_delong(one.margin(), other.margin(), y)
    assert (found.rows, found.positives, found.note) == (200, int(y.sum()), "")
    assert (found.gain, found.low, found.high) == (pair.gain, pair.low, pair.high)
    assert (found.paired.se, found.paired.freedom) == (pair.se, pair.freedom)


def test_a_value_gains_by_what_its_squared_error_falls():
    y = RNG.normal(size=300)
    found = gain_of("bank-a", scoring(0.5, y, "squared", y[:, None]), scoring(1.0, y, "squared", y[:, None]))
    assert found.federated == 0
    assert found.gain == pytest.approx(float(np.mean((0.5 * y) ** 2)))
    assert found.high - found.gain == pytest.approx(stats.t.ppf(0.975, 299) * found.se)


def test_over_a_model_that_has_diverged_there_is_no_interval():
    y = RNG.normal(size=30)
    found = gain_of("bank-a", scoring(1e200, y, "squared", y[:, None]), scoring(1.0, y, "squared", y[:, None]))
    assert (found.local, found.federated, found.gain) == (np.inf, 0.0, np.inf)
    assert np.isnan(found.low)


@pytest.mark.parametrize(("positives", "rough"), [(10, True), (29, True), (30, False), (171, True)])
def test_below_thirty_rows_of_a_class_the_interval_is_rough(positives, rough):
    y = (np.arange(200) < positives).astype(float)
    assert gain_of("bank-a", scoring(1.0, y), scoring(1.0, y)).rough == rough
    assert not gain_of("bank-a", scoring(1.0, y), scoring(1.0, y), least=100).rough


@pytest.mark.parametrize("rows", [0, 1])
def test_one_row_has_no_spread(rows):
    y = np.ones(rows)
    model = scoring(1.0, y, "squared")
    assert gain_of("bank-a", model, model) == Own("bank-a", rows=rows, note=NOTES[1])


def test_an_accuracy_that_few_rows_miss_is_not_told():
    y = np.array([0.0, 1.0, 2.0] * 30)
    zero = {"coef": np.zeros((3, 3)), "intercept": np.zeros(3)}
    for wrong, note in ((9, NOTES[4]), (10, "")):
        X = np.eye(3)[y.astype(int)]
        X[:wrong] = np.roll(X[:wrong], 1, axis=1)
        trainer = Linear(loss="multinomial", classes=3)
        one, other = (Scoring(trainer, {**zero, "coef": scale * np.eye(3)}, Design(X, y)) for scale in (1.0, 2.0))
        assert gain_of("bank-a", one, other, least=10).note == note
        assert gain_of("bank-a", one, other).federated == (90 - wrong) / 90


def test_few_rows_of_one_class_have_no_gain():
    y = np.array([0.0] * 40 + [1.0] * 9)
    assert gain_of("bank-a", scoring(1.0, y), scoring(1.0, y), least=10) == Own("bank-a", rows=49, note=NOTES[2])
    assert np.isfinite(gain_of("bank-a", scoring(1.0, y), scoring(1.0, y), least=9).gain)
