import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from hansa.core.metrics import auc_of, average_precision_of, ks_of, log_loss_of, probability
from hansa.errors import DataError
from tests.core.metrics.shapes import SIX, ranks, rows, shape


@given(rows(), st.randoms(use_true_random=False))
def test_ranking_figures_are_those_of_scikit_learn(table, random):
    margin, label, _ = table
    weight = np.array([random.choice([0.5, 1.0, 3.0]) for _ in margin])
    score = ranks(margin)
    assert auc_of(margin, label) == pytest.approx(roc_auc_score(label, score))
    assert auc_of(margin, label, weight) == pytest.approx(roc_auc_score(label, score, sample_weight=weight))
    assert average_precision_of(margin, label) == pytest.approx(average_precision_score(label, score))
    weighted = average_precision_score(label, score, sample_weight=weight)
    assert average_precision_of(margin, label, weight) == pytest.approx(weighted)
    gaps = [abs((score[label] <= at).mean() - (score[~label] <= at).mean()) for at in score]
    assert ks_of(margin, label) == pytest.approx(max(gaps))


@pytest.mark.parametrize("name", SIX)
def test_ks_is_that_of_scipy(name):
    margin, label = shape(name)
    assert ks_of(margin, label) == pytest.approx(ks_2samp(margin[label], margin[~label], method="asymp").statistic)


@given(rows())
def test_a_whole_weight_is_as_many_rows(table):
    margin, label, _ = table
    times = np.arange(len(margin)) % 3
    if len(set(label[times > 0])) == 2:
        repeated = (np.repeat(margin, times), np.repeat(label, times))
        for figure in (auc_of, ks_of, average_precision_of):
            assert figure(margin, label, times) == pytest.approx(figure(*repeated))


@given(st.lists(st.tuples(st.floats(-30, 30), st.booleans(), st.floats(0.1, 3)), min_size=1, max_size=30))
def test_log_loss_is_that_of_scikit_learn(table):
    margin, label, weight = (np.array(column) for column in zip(*table, strict=True))
    chance = probability(margin)
    expected = log_loss(label, np.column_stack([1 - chance, chance]), sample_weight=weight, labels=[0, 1])
    assert log_loss_of(margin, label, weight) == pytest.approx(expected, rel=1e-4, abs=1e-12)


def test_log_loss_is_exact_where_the_probability_is_not():
    assert log_loss_of([1000.0, -1000.0], [0, 0]) == 500
    assert log_loss_of([50.0], [1]) == pytest.approx(np.exp(-50.0), rel=1e-12)
    assert log_loss_of([np.inf, -np.inf], [1, 0]) == 0
    assert log_loss_of([-np.inf], [1]) == np.inf


@pytest.mark.parametrize("label", [[], [0, 0], [1, 1]])
def test_one_class_has_no_ranking(label):
    margin = np.zeros(len(label))
    assert np.isnan(auc_of(margin, label))
    assert np.isnan(ks_of(margin, label))
    assert np.isnan(average_precision_of(margin, label)) == (1 not in label)


def test_nan_scores_are_refused():
    with pytest.raises(DataError, match="NaN"):
        auc_of([np.nan, 1.0], [0, 1])
