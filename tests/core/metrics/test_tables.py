from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.metrics import calibration, first_edges, lift_table, probability
from hansa.errors import ConfigError, DataError
from tests.core.metrics.shapes import SIX, converse, edge_sets, pooled, rows, shape


@pytest.mark.parametrize("name", SIX)
def test_the_lift_table_is_that_of_the_rows(name):
    margin, label = shape(name)
    table = lift_table(converse(margin, label)[0])
    lower = np.append(np.inf, table.threshold)
    for g, (top, bottom) in enumerate(pairwise(lower)):
        inside = (margin >= bottom) & (margin < top)
        assert table.rows[g] == inside.sum()
        assert table.positives[g] == label[inside].sum()
        assert table.lift[g] == pytest.approx(label[inside].mean() / label.mean())
        assert table.capture[g] == pytest.approx(label[margin >= bottom].sum() / label.sum())
    assert (table.capture_low == table.capture_high).all()
    assert table.share[-1] == table.capture[-1] == table.cumulative_lift[-1] == 1


def test_tenths_are_tenths_where_scores_differ_and_tied_scores_stay_together():
    even = lift_table(converse(*shape("gaussian"))[0])
    assert len(even.rows) == 10
    assert np.abs(even.rows - 2000).max() < 20
    assert len(lift_table(converse(*shape("constant"))[0]).rows) == 1
    assert len(lift_table(converse(*shape("gaussian"))[0], groups=20).rows) == 20


@given(rows(), edge_sets(), st.integers(1, 8), st.integers(1, 5))
def test_the_ends_hold_what_is_caught(table, edges, min_cell, groups):
    margin, label, parts = table
    found = lift_table(pooled(margin, label, edges, min_cell, parts)[0], groups)
    caught = np.array([label[margin >= threshold].sum() for threshold in found.threshold]) / label.sum()
    assert (found.rows > 0).all()
    assert (found.capture_low - 1e-12 <= caught).all()
    assert (caught <= found.capture_high + 1e-12).all()


def counts_and_sums(margin, label, edges, min_cell=1, parts=None):
    return (pooled(margin, label, edges, min_cell, parts, weight)[0] for weight in (None, probability(margin)))


def test_a_calibrated_model_is_seen_to_be():
    rng = np.random.default_rng(0)
    margin = 1.5 * rng.normal(size=40_000) - 2
    label = rng.random(40_000) < probability(margin)
    edges = converse(margin, label)[0].edges
    found = calibration(*counts_and_sums(margin, label, edges))
    assert len(found.rows) == 10
    assert (np.diff(found.predicted) > 0).all()
    assert found.error < 0.01
    assert calibration(*counts_and_sums(margin + 1, label, edges)).error > 0.08
    order = np.sort(margin)
    assert found.predicted[0] == pytest.approx(probability(order[: int(found.rows[0])]).mean())


@given(rows(), edge_sets(), st.integers(1, 8), st.integers(1, 5))
def test_groups_add_up_and_their_ends_hold(table, edges, min_cell, groups):
    margin, label, parts = table
    found = calibration(*counts_and_sums(margin, label, edges, min_cell, parts), groups)
    assert found.rows.sum() == len(margin)
    assert found.rows @ found.predicted == pytest.approx(probability(margin).sum())
    assert found.rows @ found.observed == pytest.approx(label.sum())
    assert (found.observed_low <= found.observed_high + 1e-12).all()
    if min_cell == 1:
        np.testing.assert_allclose(found.observed_low, found.observed)
        np.testing.assert_allclose(found.observed_high, found.observed)


def test_what_does_not_fit_is_refused():
    counts, _ = pooled(np.array([0.0, 1.0]), np.array([0, 1]), first_edges())
    other, _ = pooled(np.array([0.0, 1.0]), np.array([0, 1]), first_edges(thresholds=[0.1]))
    with pytest.raises(DataError, match="different score bins"):
        calibration(counts, other)
    with pytest.raises(ConfigError, match="0 groups"):
        lift_table(counts, groups=0)
    with pytest.raises(DataError, match="positive rows"):
        lift_table(pooled(np.array([0.0]), np.array([0]), first_edges())[0])
