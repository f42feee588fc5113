"""Placements pin an AUC that counts in groups leave open, and exact ones give it to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.metrics import (
    ScoreCounts,
    auc,
    auc_by_placements,
    auc_interval,
    auc_of,
    bin_counts,
    merge_small,
    placement_sums,
    score_keys,
)
from hansa.core.metrics.keys import LOWEST, TOP

RNG = np.random.default_rng(3)


def drawn(rows=900, bads=45):
    label = np.arange(rows) < bads
    return np.rint(20 * (RNG.normal(size=rows) + label)), label


def edges_of(*scores):
    keys = score_keys(np.unique(np.concatenate(scores)))
    return np.unique(np.concatenate([np.array([LOWEST, TOP], np.uint64), keys, keys + np.uint64(1)]))


def test_of_exact_counts_it_is_the_auc_and_nearly_delongs_interval():
    score, label = drawn()
    edges = edges_of(score)
    counts = ScoreCounts.exact(edges, bin_counts(score_keys(score), label, edges))
    found = auc_by_placements(placement_sums(score_keys(score), label, counts), counts.totals[0])
    whole = auc_interval(counts)
    assert found.auc == pytest.approx(auc_of(score, label), abs=1e-12)
    assert found.error == pytest.approx(0.0, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((whole.low, whole.high), abs=0.005)


def test_of_merged_counts_it_is_far_surer_than_they_are():
    books = [drawn() for _ in range(4)]
    edges = edges_of(*(score for score, _ in books))
    first, *others = (merge_small(score_keys(score), label, edges, 10) for score, label in books)
    counts = sum(others, first)
    sums = sum(placement_sums(score_keys(score), label, counts) for score, label in books)
    found = auc_by_placements(sums, counts.totals[0])
    truth = auc_of(*(np.concatenate(some) for some in zip(*books, strict=True)))
    assert abs(found.auc - truth) <= found.error + 1e-12
    assert found.error < 0.2 * auc(counts).error


def test_few_have_none():
    assert np.isnan(auc_by_placements(np.array([1.0, 0.5, 0.5, 0.25]), 90.0).auc)
