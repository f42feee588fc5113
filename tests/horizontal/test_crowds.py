"""Quantiles from noised counts: near the true ones, inside the agreed range, and from a bounded number of asks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.contract import Domain
from hansa.core.plan import Reply
from hansa.core.step import Roster
from hansa.core.table import Table
from hansa.horizontal.crowds import LEVELS, Crowd, Crowds, crowded, searched
from hansa.horizontal.noise import Noise


def crowd_of(values, domain, bins, noise):
    """Search one column of one party, by hand; the crowd, and how often it was asked."""
    table, asked = Table.of({"x": values}), 0
    plan = searched(Roster(("a",)), ("a",), {"x": domain}, {"x": ()}, {"x": bins}, noise)
    reply = None
    while True:
        try:
            asks = plan.send(reply)
        except StopIteration as end:
            return end.value["x"], asked
        asked += 1
        reply = Reply(crowded(asks.to["a"], table, noise).load, ("a",))


@pytest.mark.parametrize(("multiplier", "off"), [(0.0, 0.02), (20.0, 0.03)])
def test_bins_hold_about_as_many_values_each_of_a_heavy_tail(multiplier, off):
    values = np.random.default_rng(1).lognormal(9, 1.2, 30_000)
    crowd, asked = crowd_of(values, Domain(0.0, 1e6), 20, Noise(multiplier))
    ends = crowd.ends(20, least=3 * multiplier)
    held = np.histogram(values, [-np.inf, *ends, np.inf])[0] / len(values)
    assert asked == LEVELS
    assert 10 <= len(held) <= 30
    assert held.min() > 0.05 / 4 - off
    assert held.max() < 0.12
    low, high = np.quantile(values, [0.01, 0.99])
    assert np.mean(values <= crowd.quantile(0.99)) == pytest.approx(0.99, abs=off)
    assert crowd.quantile(0.01) < 2 * low < high


def test_whole_numbers_are_told_apart_one_by_one():
    values = np.repeat([-2, -1, 0, 2, 8], [100, 300, 900, 200, 5])
    crowd, _ = crowd_of(values, Domain(-2, 8, whole=True), 20, Noise(0.0))
    assert crowd.ends(8, least=50.0) == (-2.0, -1.0, 0.0)
    assert (crowd.edges == np.rint(crowd.edges)).all()
    assert crowd.rows == len(values)


def test_values_beyond_the_range_count_at_its_ends_and_gaps_and_codes_nowhere():
    ask = Crowds({"x": np.array([0.0, 5.0, 10.0])}, {"x": (-9.0,)})
    told = crowded(ask, Table.of({"x": [-50.0, 0.0, 5.0, 5.1, 1e9, -9.0, None]}), Noise(0.0))
    assert told.load["crowds"].tolist() == [[3.0, 2.0]]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 400), st.floats(0.5, 1e4), st.booleans(), st.integers(0, 10**6))
def test_edges_rise_inside_the_range_whatever_the_noise(rows, multiplier, whole, seed):
    values = np.random.default_rng(seed).integers(0, 50, rows).astype(float)
    crowd, _ = crowd_of(values, Domain(0, 49, whole=whole), 10, Noise(multiplier))
    ends = crowd.ends(10, least=3 * multiplier)
    assert list(ends) == sorted(set(ends))
    assert all(-1 < end < 49 for end in ends)
    assert 0 - whole <= crowd.quantile(0.5) <= 49


def test_a_row_changes_one_count_of_a_column_by_one():
    ask = Crowds(
        {"x": Crowd.of(Domain(0.0, 9.0)).edges, "z": Crowd.of(Domain(0, 9, whole=True)).edges}, {"x": (), "z": ()}
    )
    table = Table.of({"x": [1.0, 4.0, 8.5], "z": [1, 4, 9]})
    every = crowded(ask, table, Noise(0.0)).load["crowds"]
    for row in range(3):
        less = crowded(ask, table.take([i for i in range(3) if i != row]), Noise(0.0)).load["crowds"]
        assert np.square(every - less).sum() == 2
        assert np.abs(every - less).max() == 1


def test_an_answer_is_as_long_whatever_the_rows_are():
    for edges in ([], [1.0], [1.0, 2.0]):
        ask = Crowds({"x": np.array(edges)}, {"x": ()})
        tables = (Table.of({"x": np.array(values)}) for values in ([], [np.nan], [3.0]))
        assert {crowded(ask, table, Noise(1.0)).load["crowds"].shape for table in tables} == {(1, 1)}
