"""The interval of a distance covers the truth as often as it says, and speaks where it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hansa.core.metrics import bin_counts, ks_interval, ks_of, score_keys
from hansa.core.metrics.counts import ScoreCounts
from hansa.core.metrics.keys import LOWEST, TOP
from hansa.errors import ConfigError


def exact(score, label):
    keys = score_keys(score)
    ends = np.array([LOWEST, TOP], np.uint64)
    edges = np.unique(np.concatenate([ends, keys, keys + np.uint64(1)]))
    return ScoreCounts.exact(edges, bin_counts(keys, label, edges))


def test_it_covers_the_truth():
    rng = np.random.default_rng(0)
    truth = 2 * stats.norm.cdf(0.5) - 1  # of two normals that stand one apart
    hits = []
    for _ in range(300):
        label = np.arange(2400) < 400
        score = rng.normal(size=2400) + label
        found = ks_interval(exact(score, label))
        hits.append(found.low <= truth <= found.high)
        assert found.value == pytest.approx(ks_of(score, label))
    assert 0.85 < np.mean(hits) <= 1.0


def test_without_a_class_there_is_none():
    assert ks_interval(exact(np.ones(3), np.ones(3))).why == "no negative rows"
    with pytest.raises(ConfigError, match="confidence level"):
        ks_interval(exact(np.ones(3), np.ones(3)), 1.0)
