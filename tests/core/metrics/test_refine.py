import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from hansa.core.metrics import (
    ScoreCounts,
    auc,
    average_precision,
    bin_counts,
    first_edges,
    ks,
    ks_of,
    refine,
    score_keys,
)
from tests.core.metrics.shapes import ADVERSARIAL, SIX, converse, ranks, rows, shape


@pytest.mark.parametrize("name", SIX + ADVERSARIAL)
@pytest.mark.parametrize("n", [3000, 20_000])
def test_a_few_asks_pin_the_auc_down(name, n):
    margin, label = shape(name, n)
    parts = np.array_split(np.random.default_rng(1).permutation(n), 5)
    counts, asks, bins = converse(margin, label, parts=parts)
    assert asks <= 6
    assert bins <= 20_000
    area = auc(counts)
    assert area.error <= 1e-4
    assert abs(area.value - roc_auc_score(label, margin)) <= area.error + 1e-12
    found = average_precision(counts)
    assert abs(found.value - average_precision_score(label, margin)) <= found.error + 1e-12
    gap = ks(counts)
    assert abs(gap.value - ks_of(margin, label)) <= gap.error + 1e-12


@pytest.mark.parametrize("name", SIX + ADVERSARIAL)
def test_merging_widens_the_interval_and_ends_the_asking_as_soon(name):
    margin, label = shape(name)
    parts = np.array_split(np.random.default_rng(1).permutation(len(margin)), 5)
    counts, asks, bins = converse(margin, label, min_cell=10, parts=parts)
    assert asks <= 6
    assert bins <= 20_000
    area = auc(counts)
    assert area.low - 1e-12 <= roc_auc_score(label, margin) <= area.high + 1e-12


def test_ties_need_few_asks_only_because_their_sums_are_told():
    margin, label = shape("points of a scorecard", 3000)
    assert converse(margin, label)[1] <= 3
    edges, asks = first_edges(), 0
    while edges is not None and asks < 30:
        edges, asks = refine(ScoreCounts.exact(edges, bin_counts(score_keys(margin), label, edges))), asks + 1
    assert asks > 6


@pytest.mark.parametrize("parties", [1, 3, 10])
def test_few_rows_that_share_a_score_are_found_whatever_their_labels_and_banks(parties):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        label = np.arange(90) % 4 == 0
        margin = np.round(rng.normal(size=90) + label, 1)
        counts, asks, _ = converse(margin, label, parts=np.array_split(rng.permutation(90), parties))
        assert asks <= 3
        assert auc(counts).value == pytest.approx(roc_auc_score(label, margin), abs=1e-4)
        assert auc(counts).error <= 1e-4


def test_what_merging_costs_shrinks_with_the_rows_of_a_party():
    errors = [auc(converse(*shape("gaussian", n), min_cell=10)[0]).error for n in (1000, 10_000, 100_000)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


def test_a_small_budget_is_kept():
    margin, label = shape("gaussian")
    edges = first_edges()
    for _ in range(6):
        counts = ScoreCounts.exact(edges, bin_counts(score_keys(margin), label, edges))
        finer = refine(counts, budget=1500)
        if finer is None:
            break
        edges = finer
        assert len(edges) - 1 <= 1500
    assert 1e-4 < auc(counts).error < 1e-3


def test_one_class_needs_no_finer_bins():
    edges = first_edges()
    counts = ScoreCounts.exact(edges, bin_counts(score_keys([0.1, 0.2]), [1, 1], edges))
    assert refine(counts) is None


@given(rows(), st.sampled_from([1, 3]))
def test_asking_always_ends_and_the_interval_never_lies(table, min_cell):
    margin, label, parts = table
    counts, asks, _ = converse(margin, label, min_cell, parts)
    assert asks <= 12
    area = auc(counts)
    assert area.low - 1e-12 <= roc_auc_score(label, ranks(margin)) <= area.high + 1e-12
    if min_cell == 1:
        assert area.error <= 1e-4
