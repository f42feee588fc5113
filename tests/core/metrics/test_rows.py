import numpy as np
import pytest
from scipy.special import expit

from hansa.core.metrics.rows import checked_label, checked_margin, checked_weight, effective, probability
from hansa.errors import DataError


def test_nan_is_no_score_and_the_message_counts_but_does_not_quote():
    with pytest.raises(DataError, match="2 of 3 scores are NaN"):
        checked_margin([np.nan, 1.0, np.nan])
    with pytest.raises(DataError, match="one column"):
        checked_margin([[1.0]])


@pytest.mark.parametrize("label", [[0, 2], [0, 0.5], [0, np.nan]])
def test_a_label_is_zero_or_one(label):
    with pytest.raises(DataError, match="other than 0 and 1"):
        checked_label(label, 2)


def test_labels_and_weights_stand_beside_each_row():
    with pytest.raises(DataError, match="labels of the shape"):
        checked_label([0], 2)
    with pytest.raises(DataError, match="weights of the shape"):
        checked_weight([1.0], 2)


@pytest.mark.parametrize("weight", [[-1.0], [np.inf], [np.nan]])
def test_a_weight_is_a_finite_mass(weight):
    with pytest.raises(DataError, match="negative or not finite"):
        checked_weight(weight, 1)


def test_probability_is_the_logistic_function():
    margin = np.array([-np.inf, -800, -40, -1, 0, 1, 40, 800, np.inf])
    np.testing.assert_allclose(probability(margin), expit(margin), rtol=1e-14)


def test_effective_rows_are_those_of_equal_weight():
    weight = np.random.default_rng(0).gamma(1, 1, 50)
    assert effective(weight) == pytest.approx(weight.sum() ** 2 / (weight**2).sum(), abs=1e-6)
    assert effective(np.full(20, 0.1, "float32")) == 20
    assert effective([1e300, 1e300]) == 2
    assert effective([0.0, 0.0]) == 0
