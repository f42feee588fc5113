import numpy as np
import pytest
from sklearn import metrics as oracle

from hansa.core.metrics import (
    binary_losses,
    binary_sums,
    class_losses,
    class_sums,
    probability,
    regression_losses,
    regression_sums,
)
from hansa.errors import DataError

RNG = np.random.default_rng(0)
N = 200
PARTS = np.array_split(RNG.permutation(N), 3)
WEIGHT = RNG.integers(0, 4, N).astype(float)


def summed(sums, *columns):
    return sum(sums(*(column[rows] for column in columns)) for rows in PARTS)


def test_binary_losses_over_parties_are_those_of_all_rows():
    margin, label = 3 * RNG.normal(size=N), RNG.random(N) < 0.3
    chance = probability(margin)
    for weight in (np.ones(N), WEIGHT):
        found = binary_losses(summed(binary_sums, margin, label, weight))
        assert found.rows == weight.sum()
        assert found.log_loss == pytest.approx(oracle.log_loss(label, chance, sample_weight=weight))
        assert found.brier == pytest.approx(oracle.brier_score_loss(label, chance, sample_weight=weight))
        assert found.accuracy == pytest.approx(oracle.accuracy_score(label, margin >= 0, sample_weight=weight))
        assert found.predicted == pytest.approx(np.average(chance, weights=weight))
        assert found.observed == pytest.approx(np.average(label, weights=weight))


@pytest.mark.parametrize("level", [0.0, 1e7])
def test_regression_losses_over_parties_are_those_of_all_rows(level):
    target = level + RNG.normal(size=N)
    guess = target + 0.5 * RNG.normal(size=N)
    for weight in (np.ones(N), WEIGHT):
        total = sum(regression_sums(guess[rows], target[rows], weight[rows], centre=level + 0.3) for rows in PARTS)
        found = regression_losses(total, centre=level + 0.3)
        assert found.mse == pytest.approx(oracle.mean_squared_error(target, guess, sample_weight=weight))
        assert found.rmse == pytest.approx(oracle.root_mean_squared_error(target, guess, sample_weight=weight))
        assert found.mae == pytest.approx(oracle.mean_absolute_error(target, guess, sample_weight=weight))
        assert found.r2 == pytest.approx(oracle.r2_score(target, guess, sample_weight=weight))
        assert found.target == pytest.approx(np.average(target, weights=weight))
        assert found.predicted == pytest.approx(np.average(guess, weights=weight))


def test_class_losses_over_parties_are_those_of_all_rows():
    margin, label = 4 * RNG.normal(size=(N, 3)), RNG.integers(0, 3, N)
    chance = np.exp(margin) / np.exp(margin).sum(axis=1, keepdims=True)
    for weight in (np.ones(N), WEIGHT):
        found = class_losses(summed(class_sums, margin, label, weight))
        assert found.log_loss == pytest.approx(oracle.log_loss(label, chance, sample_weight=weight))
        assert found.accuracy == pytest.approx(oracle.accuracy_score(label, margin.argmax(1), sample_weight=weight))


def test_margins_of_any_size_are_taken():
    assert class_losses(class_sums([[5000.0, 0.0], [0.0, 5000.0]], [1, 1])).log_loss == 2500
    assert binary_losses(binary_sums([np.inf, 5000.0], [1, 0])).log_loss == 2500


def test_a_prediction_without_a_square_is_infinitely_wrong():
    found = regression_losses(regression_sums([1e200, -1e200], [0.0, 1.0]))
    assert (found.mse, found.r2) == (np.inf, -np.inf)
    assert found.mae == pytest.approx(1e200)


def test_a_row_of_no_weight_says_nothing():
    assert binary_losses(binary_sums([-np.inf, 0.0], [1, 0], [0.0, 1.0])).log_loss == pytest.approx(np.log(2))


def test_no_rows_make_nan_and_add_nothing():
    empty = binary_sums([], [])
    assert np.isnan(binary_losses(empty).log_loss)
    assert (empty + binary_sums([1.0], [1]) == binary_sums([1.0], [1])).all()
    assert np.isnan(regression_losses(regression_sums([], [])).mse)
    assert np.isnan(class_losses(class_sums(np.empty((0, 3)), [])).accuracy)


def test_r_squared_needs_a_target_that_varies():
    assert np.isnan(regression_losses(regression_sums([1.0, 2.0], [1.0, 1.0])).r2)


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="none of 0 to 1"):
        class_sums([[0.0, 1.0]], [2])
    with pytest.raises(DataError, match="labels of the shape"):
        class_sums([[0.0, 1.0]], [0, 1])
    with pytest.raises(DataError, match="matrix"):
        class_sums([[np.nan, 1.0]], [0])
    with pytest.raises(DataError, match="1 predictions and 2 targets"):
        regression_sums([1.0], [1.0, 2.0])
    with pytest.raises(DataError, match="Expected 7 sums"):
        binary_losses(np.zeros(3))


@pytest.mark.parametrize("wrong", [0, 7, 30])
@pytest.mark.parametrize("positives", [0, 4, 25, 96, 100])
def test_counts_of_few_customers_are_not_told(positives, wrong):
    label, right = np.arange(100) < positives, RNG.permutation(100) >= wrong
    margin = np.where(label == right, 2.0, -2.0)
    whole, told = binary_sums(margin, label), binary_sums(margin, label, min_cell=10)
    few = any(0 < count < 10 for count in (positives, 100 - positives, wrong))
    assert told[:3].tolist() == whole[:3].tolist()
    assert told[3:].tolist() == ([0.0] * 4 if few else whole[3:].tolist())
    told = class_sums(np.column_stack([np.zeros(100), margin]), label, min_cell=10)
    assert told[2:].tolist() == ([0.0, 0.0] if wrong == 7 else [100.0, 100.0 - wrong])


def test_rates_are_means_over_those_that_told_them():
    label = np.arange(400) % 2 == 0
    many, few = (
        binary_sums(label - 0.3, label, min_cell=10),
        binary_sums(np.full(50, -1.0), np.arange(50) < 3, None, 10),
    )
    found = binary_losses(many + few)
    assert (found.rows, found.told, found.accuracy, found.observed) == (450, 400, 1.0, 0.5)
    assert found.log_loss == pytest.approx((many[1] + few[1]) / 450)


def test_one_heavy_row_is_no_count_of_many():
    label, weight = np.arange(60) % 2 == 0, np.where(np.arange(60) < 2, 1.0, 1e-6)
    assert not binary_sums(np.zeros(60), label, weight, 10)[3:].any()
    assert binary_sums(np.zeros(60), label, np.full(60, 0.1), 10)[3:].all()
