"""Scores to test with: the shapes that credit and fraud models give, and how parties and coordinator would ask."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from hansa.core.metrics import first_edges, merge_small, refine, score_keys, tie_sums


def shape(name, n=20_000, seed=0):
    """Margins and labels of one shape."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < (0.002 if name == "fraud" else 0.2)
    noise = rng.normal(size=n)
    wide = 1 / (1 + np.exp(-(30 * noise + 20 * y)))
    scores = {
        "gaussian": noise + 1.5 * y,
        "fraud": 2 * noise - 8 + 14 * (y & (rng.random(n) < 0.9)),
        "tied": np.clip(np.round(noise + y), -4, 5) * 0.385,
        "saturated": np.log(np.clip(wide, 1e-15, 1 - 1e-15) / np.clip(1 - wide, 1e-15, 1)),
        "bimodal": np.where(rng.random(n) < 0.5, -3.0, 3.0) * np.where(y, 1, 0.9) + 0.3 * noise,
        "constant": np.full(n, 0.37),
        "within 1e-12": 0.5 + 1e-12 * (rng.random(n) + 0.3 * y),
        "within 1e-12 of 700": 700 + 1e-12 * (rng.random(n) + 0.3 * y),
        "points of a scorecard": np.round(80 * noise + 60 * y) * np.log(2) / 20,
        "a spike in a cloud": np.where(rng.random(n) < 0.5, 0.123, noise + y),
        "heavy tails": rng.standard_cauchy(n) + y,
        "many magnitudes": np.exp(20 * noise + y),
    }
    return scores[name], y


SIX = ("gaussian", "fraud", "tied", "saturated", "bimodal", "constant")
ADVERSARIAL = (
    "within 1e-12",
    "within 1e-12 of 700",
    "points of a scorecard",
    "a spike in a cloud",
    "heavy tails",
    "many magnitudes",
)


def pooled(margin, label, edges, min_cell=1, parts=None, weight=None):
    """What the coordinator holds after one ask to the parties that `parts` (row numbers) make."""
    keys = score_keys(margin)
    total, ties = None, 0
    for rows in parts if parts is not None else [np.arange(len(keys))]:
        told = merge_small(keys[rows], label[rows], edges, min_cell, None if weight is None else weight[rows])
        total = told if total is None else total + told
        ties = ties + tie_sums(keys[rows], label[rows], edges, min_cell)
    return total, ties


def converse(margin, label, min_cell=1, parts=None, most=30):
    """Ask until `refine` is content; the last counts, the number of asks, and the most bins asked for."""
    edges, asks, bins = first_edges(), 0, 0
    counts = None
    while edges is not None and asks < most:
        counts, ties = pooled(margin, label, edges, min_cell, parts)
        asks, bins = asks + 1, max(bins, counts.bins)
        edges = refine(counts, ties)
    return counts, asks, bins


def ranks(margin):
    """The same order in numbers that an oracle takes, which refuses infinities."""
    return np.unique(margin, return_inverse=True)[1]


@st.composite
def rows(draw, least=2, most=60, both=True):
    """Small tables of margins (often tied, some huge, tiny or infinite) and labels, and a split over parties."""
    score = st.one_of(st.integers(-3, 3).map(float), st.floats(-5, 5), st.floats(allow_nan=False))
    margin = np.array(draw(st.lists(score, min_size=least, max_size=most)))
    label = np.array(draw(st.lists(st.booleans(), min_size=len(margin), max_size=len(margin))))
    if both:
        label[0], label[1] = False, True
    owner = np.array(draw(st.lists(st.integers(0, 2), min_size=len(margin), max_size=len(margin))))
    return margin, label, [np.flatnonzero(owner == party) for party in range(3)]


@st.composite
def edge_sets(draw):
    """Bins of any coarseness: open ends, and edges at and beside plain and odd scores."""
    cuts = draw(st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-6, 6)), max_size=12))
    keys = score_keys(np.array(cuts)) if cuts else np.empty(0, dtype=np.uint64)
    after = keys[: draw(st.integers(0, len(keys)))] + np.uint64(1)
    ends = first_edges()[[0, -1]]
    return np.unique(np.concatenate([ends, keys, after]))
