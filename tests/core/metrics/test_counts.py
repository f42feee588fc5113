from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.metrics import ScoreCounts, bin_counts, first_edges, merge_small, score_keys, tie_sums, too_few
from hansa.core.metrics.counts import _grouped
from hansa.core.metrics.keys import LOWEST, TOP, bin_of
from hansa.errors import DataError
from tests.core.metrics.shapes import edge_sets, pooled, rows, shape


@given(rows(both=False), edge_sets())
def test_counts_are_those_of_a_plain_loop(table, edges):
    margin, label, _ = table
    counts = bin_counts(score_keys(margin), label, edges)
    for value in (0, 1):
        for b, (low, high) in enumerate(pairwise(edges)):
            keys = score_keys(margin)[label == value]
            assert counts[value, b] == ((keys >= low) & (keys < high)).sum()


@given(rows(both=False), edge_sets())
def test_exact_counts_do_not_know_how_rows_are_parted(table, edges):
    margin, label, parts = table
    whole, ties = pooled(margin, label, edges)
    parted, _ = pooled(margin, label, edges, parts=parts)
    assert (whole.low == parted.low).all()
    assert (whole.high == parted.high).all()
    assert ties.shape == (2, whole.bins)


def test_weights_are_summed_in_place_of_rows():
    keys, label, edges = score_keys([-1.0, 1.0, 2.0]), [0, 1, 1], first_edges()
    counts = bin_counts(keys, label, edges, [0.5, 2.0, 0.25])
    assert counts.dtype == np.float64
    assert counts.sum(axis=1).tolist() == [0.5, 2.25]
    assert not ScoreCounts.exact(edges, counts).whole
    assert ScoreCounts.exact(edges, bin_counts(keys, label, edges)).whole


@given(rows(both=False), edge_sets(), st.integers(0, 12))
def test_merged_placements_enclose_every_row(table, edges, min_cell):
    margin, label, _ = table
    keys = score_keys(margin)
    told = merge_small(keys, label, edges, min_cell)
    exact = np.cumsum(bin_counts(keys, label, edges), axis=1)
    assert (np.cumsum(told.low, axis=1) >= exact).all()
    assert (np.cumsum(told.high, axis=1) <= exact).all()
    assert (told.low.sum(axis=1) == exact[:, -1]).all()


@given(rows(both=False), st.lists(edge_sets(), min_size=2, max_size=5), st.integers(2, 8))
def test_no_difference_between_answers_tells_of_less_than_min_cell_rows(table, asked, min_cell):
    """Whatever edges are asked for, the mass that is told below any of them steps by whole groups."""
    margin, label, _ = table
    keys = score_keys(margin)
    for value in (0, 1):
        below = [0]
        for edges in asked:
            told = merge_small(keys, label, edges, min_cell)
            below += np.cumsum(told.low[value]).tolist() + np.cumsum(told.high[value]).tolist()
        steps = np.diff(np.unique(below))
        assert (steps >= min(min_cell, (label == value).sum())).all()


@given(rows(both=False), st.integers(2, 8))
def test_groups_tile_the_scores_and_no_end_is_a_lone_score(table, min_cell):
    keys = score_keys(table[0])
    groups = _grouped(keys, min_cell)
    assert groups.rows.sum() == len(keys)
    assert (groups.rows >= min(min_cell, len(keys))).all()
    assert (groups.low[groups.of_row] <= keys).all()
    assert (groups.high[groups.of_row] >= keys).all()
    assert (groups.low[1:] > groups.high[:-1]).all()
    exact = groups.low == groups.high
    for key in groups.low[exact]:
        assert (keys == key).sum() >= min_cell
    assert exact[0] or groups.low[0] == LOWEST
    assert exact[-1] or groups.high[-1] == TOP - 1


def test_an_end_says_no_more_than_a_round_number_between_two_scores():
    margin = np.array([0.7, 0.71, 0.93, 0.97])
    groups = _grouped(score_keys(margin), 2)
    assert groups.low.tolist() == [LOWEST, *score_keys([0.75]).tolist()]


def test_a_crowded_score_is_told_exactly_beside_lone_ones():
    margin = np.concatenate([np.linspace(-2, -1, 13), np.full(50, 0.3), np.linspace(1, 2, 13)])
    groups = _grouped(score_keys(margin), 10)
    assert groups.rows.tolist() == [13, 50, 13]
    assert (groups.low[1], groups.high[1]) == (*score_keys([0.3]), *score_keys([0.3]))


def test_fewer_rows_than_min_cell_are_one_group_over_the_whole_range():
    edges = first_edges()
    told = merge_small(score_keys([1.0, 1.0, 2.0]), [1, 1, 1], edges, min_cell=10)
    assert told.low[1, 0] == told.high[1, -1] == 3


def test_groups_are_made_by_rows_also_under_weights():
    margin, label = shape("gaussian", 500)
    keys, edges = score_keys(margin), first_edges()
    plain, doubled = (merge_small(keys, label, edges, 10, weight) for weight in (None, np.full(500, 2.0)))
    np.testing.assert_allclose(doubled.low, 2 * plain.low)
    np.testing.assert_allclose(doubled.high, 2 * plain.high)


@given(rows(both=False), edge_sets(), st.integers(1, 6))
def test_tie_sums_name_the_scores_that_many_share(table, edges, min_cell):
    margin, label, _ = table
    keys = score_keys(margin)
    held, distance = tie_sums(keys, label, edges, min_cell)
    for b in np.flatnonzero(held):
        inside = keys[bin_of(keys, edges) == b]
        assert max((inside == key).sum() for key in inside) >= min_cell
        mean = float(edges[b]) + distance[b] / held[b]
        assert float(inside.min()) * (1 - 1e-12) <= mean <= float(inside.max()) * (1 + 1e-12)


def test_a_lone_tie_is_found_to_the_last_bit():
    edges = first_edges()
    keys = score_keys(np.full(100_001, 0.37))
    held, distance = tie_sums(keys, np.zeros(100_001), edges)
    b = int(bin_of(keys[:1], edges)[0])
    assert edges[b] + np.uint64(np.rint(distance[b] / held[b])) == keys[0]


def test_a_party_can_see_that_it_has_too_few():
    assert too_few([0] * 20 + [1] * 9, 10)
    assert too_few([1] * 20 + [0] * 9, 10)
    assert not too_few([0] * 20 + [1] * 10, 10)
    assert not too_few([], 10)


def test_what_does_not_fit_is_refused():
    edges = first_edges()
    zeros = np.zeros((2, len(edges) - 1), dtype=np.int64)
    one = zeros.copy()
    one[0, 5] = 1
    other = zeros.copy()
    other[0, 4] = 1
    with pytest.raises(DataError, match="Counts over"):
        ScoreCounts.exact(edges, zeros[:, 1:])
    with pytest.raises(DataError, match="enclose"):
        ScoreCounts(edges, one, zeros)
    with pytest.raises(DataError, match="enclose"):
        ScoreCounts(edges, one, other)
    with pytest.raises(DataError, match="negative"):
        ScoreCounts.exact(edges, -one)
    with pytest.raises(DataError, match="different score bins"):
        ScoreCounts.exact(edges, zeros) + ScoreCounts.exact(edges[[0, -1]], zeros[:, :1])
