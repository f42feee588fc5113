"""Counts below edges that somebody else chooses: whatever is asked, nobody tells few values apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.party import site_of
from hansa.core.table import Table
from hansa.horizontal.binner import Beneath, Binner
from hansa.horizontal.binning import Binning
from hansa.horizontal.columns import Binned
from hansa.horizontal.fitter import Below, Count, Fitter
from hansa.horizontal.fitting import Want
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.quality import Looker, Quality, Under
from hansa.horizontal.quantiles import Ladder, bin_ranks
from hansa.horizontal.rungs import Rungs
from tests.horizontal.banks import divided, fitted, job_of

numbers = st.floats(-1e6, 1e6) | st.integers(-3, 3).map(float) | st.sampled_from([7.25, 1e300, -5e-324])
books = st.lists(numbers, min_size=1, max_size=120).map(np.sort)
edges = st.floats(allow_nan=False)
ALL = np.array([-np.inf, np.inf])


def near(values):
    """Edges at every value, beside it, between, and outside."""
    return np.sort(np.concatenate([values, np.nextafter(values, -np.inf), np.nextafter(values, np.inf), ALL]))


@settings(max_examples=300)
@given(books, st.lists(st.lists(edges, max_size=30), max_size=5), st.sampled_from([2, 5, 10]))
def test_no_schedule_of_edges_tells_two_counts_fewer_than_a_cell_apart(values, schedule, cell):
    rungs = Rungs.of(values, cell)
    told = [rungs.below(np.array(asked)) for asked in schedule] + [rungs.below(near(values))]
    apart = np.diff(np.unique(np.concatenate([*told, [0, len(values)]])))
    assert (apart >= min(cell, len(values))).all()


@settings(max_examples=200)
@given(books, st.sampled_from([1, 5, 10]))
def test_counts_rise_from_none_to_all_and_are_off_by_less_than_two_cells(values, cell):
    probes = near(values)
    told = Rungs.of(values, cell).below(probes)
    assert (np.diff(told) >= 0).all()
    assert told[[0, -1]].tolist() == [0, len(values)]
    true = np.searchsorted(values, probes, side="right")
    assert (abs(told - true) < 4 * cell).all()
    if cell == 1:
        assert np.array_equal(told, true)


@settings(max_examples=200)
@given(books, st.sampled_from([5, 10]))
def test_how_far_the_outermost_values_lie_outside_is_not_told(values, cell):
    if len(values) >= 2 * cell:
        further = np.sort(
            np.concatenate([values[: cell - 1] - 1e7, values[cell - 1 : 1 - cell], values[1 - cell :] + 1e7])
        )
        one, other = Rungs.of(values, cell), Rungs.of(further, cell)
        assert np.array_equal(one.places, other.places)
        assert np.array_equal(one.counts, other.counts)


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(10, 30)), min_size=1, max_size=9, unique_by=lambda one: one[0])
)
def test_values_that_enough_share_count_exactly(shares):
    values = np.sort(np.repeat(*np.array(shares, float).T.astype(int))).astype(float)
    probes = near(values)
    assert np.array_equal(Rungs.of(values, 10).below(probes), np.searchsorted(values, probes, side="right"))


@pytest.mark.parametrize("seed", range(20))
def test_no_count_steps_at_a_customers_value(seed):
    rng = np.random.default_rng(seed)
    values = np.sort(rng.lognormal(8, 1.2, int(rng.integers(25, 400))))
    rungs = Rungs.of(values, 10)
    assert np.array_equal(rungs.below(values), rungs.below(np.nextafter(values, -np.inf)))
    inner = np.searchsorted(values, rungs.places[[0, -1]])
    assert 10 <= inner[0] <= inner[1] <= len(values) - 10


@pytest.mark.parametrize("seed", range(6))
def test_an_even_book_is_told_within_a_cell(seed):
    values = np.sort(np.random.default_rng(seed).normal(size=4000))
    probes = np.quantile(values, np.linspace(0.02, 0.98, 50))
    off = Rungs.of(values, 10).below(probes) - np.searchsorted(values, probes, side="right")
    assert abs(off).max() < 10
    assert abs(off.mean()) < 1.5


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "step", [Prepare(numeric="bins", max_n_bins=20), Prepare(winsorise=0.02), Prepare(numeric="bins", max_n_bins=5)]
)
def test_no_edge_of_a_small_banks_preparation_is_a_customers_value(step, seed):
    rng = np.random.default_rng(seed)
    books = [rng.lognormal(8 + i, 1.0, 200) for i in range(3)]
    table = Table.of({"x": np.concatenate(books), "__part__": np.zeros(600, int)})
    prepared, _ = fitted(step, divided(table, [200, 400]))
    (encoding,) = prepared.encodings
    told = set(encoding.edges) if isinstance(encoding, Binned) else {encoding.low, encoding.high}
    assert told & set(np.concatenate(books)) == set()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", ["normal", "lognormal", "zeros", "whole"])
def test_quantiles_of_many_banks_are_found_soon_and_lie_within_a_cell_a_bank(shape, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=9000) if shape == "normal" else rng.lognormal(8, 1.2, 9000).round(2)
    values = np.where(rng.random(9000) < 0.4, 0.0, values) if shape == "zeros" else values
    values = rng.poisson(40, 9000).astype(float) if shape == "whole" else values
    banks = [Rungs.of(one, 10) for one in np.split(values, [1000, 2500, 4500])]
    ladder, asks = Ladder.of(9000, 10), 0
    while len(probes := ladder.probes(bin_ranks(ladder, 20))):
        ladder, asks = ladder.learned(probes, sum(one.below(probes) for one in banks)), asks + 1
    assert asks <= 12
    values.sort()
    for rank in bin_ranks(ladder, 20):
        edge = ladder.edge(rank)
        below, upto = np.searchsorted(values, edge), np.searchsorted(values, edge, side="right")
        assert below - 40 < rank < upto + 40


@pytest.mark.parametrize("gaps", [0, 3])
@pytest.mark.parametrize(
    ("step", "half", "ask"),
    [
        (Prepare(numeric="bins"), Fitter, lambda edges: Below({"x": edges}, {"x": ()})),
        (Binning(), Binner, lambda edges: Beneath({"x": edges})),
        (Quality(), Looker, lambda edges: Under({"x": edges})),
    ],
)
def test_a_party_tells_steps_to_every_asker_alone(step, half, ask, gaps):
    rng = np.random.default_rng(0)
    values = rng.lognormal(8, 1.0, 500)
    x = np.where(np.arange(500) < gaps, np.nan, values)
    table = Table.of({"x": x, "late": np.arange(500) % 2, "__part__": np.zeros(500, int)}, target="late")
    here, memory = site_of(divided(table, [])[0], job_of(step)), {}
    if half is Fitter:
        memory = Fitter(step).answer(Count((Want("x", "bins"),)), here, {})[1]
    schedule = (near(np.sort(values)), np.array([np.median(values)]))
    told = [half(step).answer(ask(edges), here, memory)[0].load["below"][0] for edges in schedule]
    apart = np.diff(np.unique(np.concatenate(told)))
    assert (apart >= 10).all()
    assert len(apart) > 30
