from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from hansa.core.metrics import ScoreCounts, auc, bin_counts, first_edges, merge_small, score_keys, unkey
from hansa.report.placement import is_merged, placed
from tests.core.metrics.shapes import rows


def merged(margin, label, parties):
    """Merged counts of several parties, summed."""
    edges, total = first_edges(), None
    for party in range(parties):
        mine = np.arange(len(margin)) % parties == party
        told = merge_small(score_keys(margin[mine]), label[mine], edges, 10)
        total = told if total is None else total + told
    return total


def test_exact_counts_in_narrow_bins_stay_as_they_are():
    edges = first_edges()
    found = ScoreCounts.exact(edges, bin_counts(score_keys(np.linspace(-3, 3, 90)), np.arange(90) % 2, edges))
    assert placed(found) is found


def test_a_row_in_a_wide_outer_bin_is_drawn_near_its_neighbours():
    edges = np.array([first_edges()[0], *score_keys(np.arange(-3, 4, 0.5)), first_edges()[-1]], dtype=np.uint64)
    found = placed(ScoreCounts.exact(edges, bin_counts(score_keys(np.linspace(-4, 4, 900)), np.arange(900) % 2, edges)))
    assert not found.low[:, [0, -1]].any()
    drawn = unkey(found.edges[np.flatnonzero(found.low.any(axis=0))])
    assert -11 < drawn[0] < -3


@pytest.mark.parametrize("parties", [1, 4])
def test_an_even_placement_is_near_the_truth(parties):
    rng = np.random.default_rng(3)
    margin = rng.normal(-2, 1, 2_000)
    label = rng.random(2_000) < 1 / (1 + np.exp(-margin))
    truth = merged(margin, label, 1)
    truth = merge_small(score_keys(margin), label, truth.edges, 1)
    drawn = placed(merged(margin, label, parties))
    for i in (0, 1):
        apart = np.abs(np.cumsum(drawn.low[i]) - np.cumsum(truth.low[i])) / truth.totals[i]
        assert apart.max() < 0.05
    assert auc(drawn).value == pytest.approx(auc(truth).value, abs=0.015)
    assert not drawn.low[:, [0, -1]].any()


@given(rows(least=20))
def test_mass_is_kept_and_lies_between_the_two_placements(case):
    margin, label, parts = case
    edges, total = first_edges(), None
    for part in parts:
        told = merge_small(score_keys(margin[part]), label[part], edges, 3)
        total = told if total is None else total + told
    drawn = placed(total)
    assert drawn.totals == pytest.approx(total.totals)
    upto = np.cumsum(drawn.low, axis=1)[:, np.searchsorted(drawn.edges, total.edges[1:]) - 1]
    assert (upto <= np.cumsum(total.low, axis=1) + 1e-6).all()
    assert (upto >= np.cumsum(total.high, axis=1) - 1e-6).all()
    assert not is_merged(drawn)
