"""Quantiles from counts: near the true ones, alike under any division, and never a value of a few rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hansa.horizontal.quantiles import Ladder, bin_edges, bin_ranks, roundest, tail_ranks


def climbed(values, ranks, min_cell=10, most=40):
    """A ladder over sorted values, and the number of asks that it took."""
    values, asks = np.sort(values), 0
    ladder = Ladder.of(len(values), min_cell)
    while len(edges := ladder.probes(ranks(ladder))):
        assert (np.diff(edges) > 0).all()
        ladder = ladder.learned(edges, np.searchsorted(values, edges, side="right"))
        asks += 1
        assert asks <= most
    return ladder, asks


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        finite | st.integers(-5, 5).map(float) | st.sampled_from([0.0, -0.0, 5e-324, 1.5]), min_size=30, max_size=200
    )
)
@example([0.0] * 40)
@example([-5e-324] * 20 + [0.0] * 20 + [5e-324] * 20)
def test_an_edge_is_within_a_cell_of_its_rank(values):
    rank = len(values) // 3
    ladder, asks = climbed(np.array(values), lambda _: [rank], min_cell=5)
    edge = ladder.edge(rank)
    below, upto = np.sum(np.array(values) < edge), np.sum(np.array(values) <= edge)
    assert below - 5 < rank < upto + 5
    assert asks <= 16


@pytest.mark.parametrize("values", [np.arange(20.0, 70.0).repeat(40), np.tile([12.99, 0.1, 1e9 + 0.5], 500)])
def test_a_value_that_many_share_is_found_exactly_and_soon(values):
    rank = len(values) // 2
    ladder, asks = climbed(values, lambda _: [rank])
    assert ladder.edge(rank) == np.sort(values)[rank - 1]
    assert asks <= 8


def test_a_lone_value_is_never_pinned_down():
    lone = 31415.9265358979
    values = np.concatenate([np.arange(1000.0), [lone]])
    ladder, _ = climbed(values, lambda _: [1000, 1001])
    assert ladder.edge(1001) != lone
    keys = np.diff(ladder.keys)[np.diff(ladder.counts) > 0]
    held = np.diff(ladder.counts)[np.diff(ladder.counts) > 0]
    assert held[keys == 1].min(initial=10) >= 10


def test_bins_of_even_values_are_even():
    values = np.random.default_rng(0).normal(size=5000)
    ladder, _ = climbed(values, lambda known: bin_ranks(known, 10))
    held = np.bincount(np.searchsorted(bin_edges(ladder, 10), values))
    assert len(held) == 10
    assert abs(held - 500).max() < 20


@pytest.mark.parametrize(("share", "fewest"), [(0.5, 7), (0.8, 7), (0.95, 4), (0.99, 2)])
def test_zeros_do_not_swallow_the_tails(share, fewest):
    rng = np.random.default_rng(1)
    values = np.where(rng.random(10_000) < share, 0.0, rng.normal(50, 100, 10_000))
    ladder, _ = climbed(values, lambda known: bin_ranks(known, 10))
    edges = bin_edges(ladder, 10)
    assert {np.nextafter(0.0, -1.0), 0.0} <= set(edges)
    assert fewest <= len(edges) <= 11
    assert np.bincount(np.searchsorted(edges, values)).min() > 20


def test_too_few_rows_have_no_quantiles():
    ladder, asks = climbed(np.arange(30.0), lambda known: bin_ranks(known, 10))
    assert (bin_edges(ladder, 10), asks) == ((), 0)
    assert tail_ranks(15, 0.1, 10) == []


@given(finite, finite)
def test_the_roundest_number_lies_in_its_stretch(a, b):
    low, high = sorted((a, b))
    if low < high:
        assert low < roundest(low, high) <= high


@pytest.mark.parametrize(
    ("low", "high", "number"), [(44.2, 45.9, 45.0), (48_200, 51_000, 50_000.0), (-0.31, -0.22, -0.3), (-1, 2, 0.0)]
)
def test_people_like_round_numbers(low, high, number):
    assert roundest(low, high) == number
