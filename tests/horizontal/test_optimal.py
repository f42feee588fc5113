"""Optimal binning against every possible division, and chi-merge against its own rules."""

from __future__ import annotations

import json
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hansa.errors import ConfigError
from hansa.horizontal.optimal import Limits, Segments, best_ends, chi_merge

COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), min_size=1, max_size=7)


def iv_of(goods, bads):
    p, q = goods / goods.sum(), bads / bads.sum()
    return float(((p - q) * np.log(p / q)).sum())


def keeps(rate, trend, least):
    steps = np.diff(rate)
    up, down = steps >= max(least, -1e-12), -steps >= max(least, -1e-12)
    if trend == "none":
        return bool((np.abs(steps) >= least).all())
    turn = range(len(steps) + 1)
    return {
        "ascending": up.all(),
        "descending": down.all(),
        "auto": up.all() or down.all(),
        "peak": any(up[:t].all() and down[t:].all() for t in turn),
        "valley": any(down[:t].all() and up[t:].all() for t in turn),
    }[trend]


def brute(goods, bads, limits):
    """The best of all divisions, or None."""
    best = None
    for cuts in (c for k in range(len(goods)) for c in combinations(range(1, len(goods)), k)):
        parts = list(pairwise((0, *cuts, len(goods))))
        g, b = (np.array([side[i:j].sum() for i, j in parts], float) for side in (goods, bads))
        if len(parts) > limits.max_n_bins or not limits.allows(g, b).all():
            continue
        if keeps(b / (g + b), limits.monotonic_trend, limits.min_event_rate_diff):
            value = iv_of(g, b)
            best = value if best is None else max(best, value)
    return best


@given(
    COUNTS,
    st.sampled_from(["auto", "ascending", "descending", "peak", "valley", "none"]),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.sampled_from([0.0, 0.05]),
)
def test_no_division_that_keeps_to_the_limits_has_a_higher_value(counts, trend, most, size, least):
    goods, bads = (np.array(side, float) for side in zip(*counts, strict=True))
    limits = Limits(most, size, 2, 1, least, trend, rows=float(goods.sum() + bads.sum()))
    ends = best_ends(goods, bads, limits)
    wanted = brute(goods, bads, limits)
    assert ends[-1] == len(goods) - 1
    if wanted is None:
        assert ends == (len(goods) - 1,)
        return
    parts = list(pairwise((0, *(end + 1 for end in ends))))
    g, b = (np.array([side[i:j].sum() for i, j in parts]) for side in (goods, bads))
    assert len(ends) <= most
    assert limits.allows(g, b).all()
    assert keeps(b / (g + b), trend, least)
    assert iv_of(g, b) == pytest.approx(wanted, abs=1e-12)


@given(COUNTS, st.integers(1, 5), st.sampled_from(["auto", "ascending", "none"]))
def test_chi_merge_ends_in_few_bins_that_are_large_enough_and_differ(counts, most, trend):
    goods, bads = (np.array(side, float) for side in zip(*counts, strict=True))
    limits = Limits(most, 0.1, 1, 1, 0.0, trend, rows=float(goods.sum() + bads.sum()))
    ends = chi_merge(goods, bads, limits)
    parts = list(pairwise((0, *(end + 1 for end in ends))))
    g, b = (np.array([side[i:j].sum() for i, j in parts]) for side in (goods, bads))
    assert len(ends) <= most
    if len(ends) > 1:
        assert limits.allows(g, b).all()
        assert keeps(b / (g + b), trend, 0.0)
        for i in range(len(ends) - 1):
            table = np.array([[g[i], b[i]], [g[i + 1], b[i + 1]]])
            assert stats.chi2_contingency(table, correction=False).pvalue <= 0.05 + 1e-9


STORED = json.loads((Path(__file__).parent / "golden" / "optbinning.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stored", STORED["figures"], ids=lambda one: f"{one['column']}-{one['monotonic_trend']}")
def test_the_value_is_that_of_optbinning_in_the_same_pre_bins(stored):
    """Seven columns of uci_default and German credit, five trends, two sets of limits; see `optbinning_figures.py`."""
    goods, bads = np.array(stored["nonevent"]), np.array(stored["event"])
    least, trend = stored.get("min_event_rate_diff", 0.0), stored["monotonic_trend"]
    rows = float(goods.sum() + bads.sum())
    ends = best_ends(goods, bads, Limits(stored["max_n_bins"], stored["min_bin_size"], 1, 1, least, trend, rows))
    starts = [0, *(end + 1 for end in ends[:-1])]
    assert iv_of(np.add.reduceat(goods, starts), np.add.reduceat(bads, starts)) >= stored["iv"] - 1e-6
    assert stored["status"] == "OPTIMAL"


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigError, match="peak"):
        chi_merge(np.ones(3), np.ones(3), Limits(monotonic_trend="peak"))
    for wrong in ({"max_n_bins": 0}, {"min_bin_size": 0.5}, {"min_bin_n_event": 0}, {"min_event_rate_diff": 1.0}):
        with pytest.raises(ConfigError, match="must be at least 1"):
            Limits(**wrong)


def test_a_run_without_events_has_no_information_value():
    runs = Segments.of(np.array([5.0, 5.0]), np.array([0.0, 5.0]))
    assert runs.iv[0, 1] == -np.inf
    assert best_ends(np.empty(0), np.empty(0), Limits()) == ()
