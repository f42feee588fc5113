import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from hansa.core.metrics import (
    ScoreCounts,
    auc,
    auc_of,
    average_precision,
    average_precision_of,
    bin_counts,
    first_edges,
    gini,
    ks,
    ks_of,
    roc,
    score_keys,
)
from tests.core.metrics.shapes import edge_sets, pooled, rows, shape

PAIRS = [(auc, auc_of), (ks, ks_of), (average_precision, average_precision_of)]


@pytest.mark.parametrize(("figure", "exact"), PAIRS)
@given(table=rows(), edges=edge_sets(), min_cell=st.integers(1, 8))
def test_the_interval_holds_the_exact_value(figure, exact, table, edges, min_cell):
    margin, label, parts = table
    counts, _ = pooled(margin, label, edges, min_cell, parts)
    found = figure(counts)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low - 1e-9 <= exact(margin, label) <= found.high + 1e-9


@pytest.mark.parametrize(("figure", "exact"), PAIRS)
@given(table=rows(), edges=edge_sets(), min_cell=st.integers(1, 8), random=st.randoms(use_true_random=False))
def test_the_interval_holds_the_exact_weighted_value(figure, exact, table, edges, min_cell, random):
    margin, label, parts = table
    weight = np.array([random.choice([0.3, 1.0, 2.5]) for _ in margin])
    found = figure(pooled(margin, label, edges, min_cell, parts, weight)[0])
    assert found.low - 1e-9 <= exact(margin, label, weight) <= found.high + 1e-9


@pytest.mark.parametrize(("figure", "exact"), PAIRS)
@given(table=rows())
def test_bins_of_single_scores_leave_nothing_open(figure, exact, table):
    margin, label, parts = table
    keys = score_keys(margin)
    edges = np.unique(np.concatenate([first_edges()[[0, -1]], keys, keys + np.uint64(1)]))
    found = figure(pooled(margin, label, edges, 1, parts)[0])
    assert found.error == pytest.approx(0, abs=1e-9)
    assert found.value == pytest.approx(exact(margin, label))


@given(rows(), edge_sets())
def test_the_auc_error_is_half_the_share_of_pairs_in_one_bin(table, edges):
    margin, label, _ = table
    counts, _ = pooled(margin, label, edges)
    (n, p), (negatives, positives) = counts.low, counts.totals
    pairs = (p * n)[~counts.single].sum() / (positives * negatives)
    assert auc(counts).error == pytest.approx(pairs / 2)


@given(rows(most=8), edge_sets())
def test_the_ends_are_reached_by_some_order(table, edges):
    """All positives of a bin below its negatives give the low end, the other way round the high end."""
    margin, label, _ = table
    counts, _ = pooled(margin, label, edges)
    place = np.searchsorted(edges, score_keys(margin), side="right") - 1
    lift = np.where(counts.single[place], 0.0, 0.25)
    found = auc(counts)
    assert auc_of(place + lift * np.where(label, -1, 1), label) == pytest.approx(found.low)
    assert auc_of(place + lift * np.where(label, 1, -1), label) == pytest.approx(found.high)
    assert average_precision_of(place + lift * np.where(label, 1, -1), label) == pytest.approx(
        average_precision(counts).high
    )


def test_a_merged_group_that_begins_in_a_bin_of_one_score_is_not_taken_for_tied():
    ends = first_edges()[[0, -1]]
    edges = np.array([ends[0], ends[0] + np.uint64(1), ends[1]], dtype=np.uint64)
    margin, label = np.arange(15.0), np.arange(15) < 10
    found = average_precision(pooled(margin, label, edges, min_cell=10)[0])
    assert found.low - 1e-12 <= average_precision_of(margin, label) <= found.high


def test_gini_is_twice_auc_less_one():
    margin, label = shape("gaussian", 2000)
    counts, _ = pooled(margin, label, first_edges(), 10)
    area, found = auc(counts), gini(counts)
    assert (found.value, found.low, found.high) == (2 * area.value - 1, 2 * area.low - 1, 2 * area.high - 1)


@pytest.mark.parametrize(("label", "why"), [([1, 1], "no negative rows"), ([0, 0], "no positive rows")])
def test_one_class_gives_a_reason_and_no_figure(label, why):
    counts, _ = pooled(np.array([0.1, 0.2]), np.array(label), first_edges())
    for figure in (auc, gini, ks):
        found = figure(counts)
        assert np.isnan(found.value)
        assert str(found) == why
    assert roc(counts).fpr.size == 0


def test_no_rows_at_all():
    edges = first_edges()
    counts = ScoreCounts.exact(edges, bin_counts(score_keys([]), [], edges))
    assert auc(counts).why == "no negative and no positive rows"
    assert average_precision(counts).why == "no positive rows"


def test_positives_alone_are_precise():
    counts, _ = pooled(np.array([0.1, 0.2]), np.array([1, 1]), first_edges())
    assert average_precision(counts).value == 1


@given(rows())
def test_the_roc_curve_is_that_of_scikit_learn(table):
    margin, label, _ = table
    margin = np.clip(margin, -1e308, 1e308)
    keys = score_keys(margin)
    edges = np.unique(np.concatenate([first_edges()[[0, -1]], keys, keys + np.uint64(1)]))
    curve = roc(pooled(margin, label, edges)[0])
    fpr, tpr, threshold = roc_curve(label, margin, drop_intermediate=False)
    np.testing.assert_allclose(curve.fpr, fpr)
    np.testing.assert_allclose(curve.tpr, tpr)
    assert (curve.threshold == threshold).all()
    assert np.abs(curve.gap).max() == pytest.approx(ks_of(margin, label))
