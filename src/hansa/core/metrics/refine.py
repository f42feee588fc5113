"""Coordinator side: cut the bins finer where it narrows the AUC, until the counts pin it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hansa.core.metrics.curves import one_class

if TYPE_CHECKING:
    from hansa.core.metrics.counts import ScoreCounts
    from hansa.core.metrics.keys import Keys
    from hansa.core.metrics.rows import Floats

_SPARE = 1.5  # cut this much finer than even scores would need: they are not even


def refine(counts: ScoreCounts, ties: Floats | None = None, target: float = 1e-4, budget: int = 20_000) -> Keys | None:
    """Say at which edges to ask again, or None when finer bins would not help.

    Half the sum over bins of p_b n_b / (P N) is what finer bins can still resolve. A bin cut in k even parts keeps 1
    / k of its share s_b = p_b n_b / (P N), so the fewest cuts that reach the target give k_b = sqrt(s_b) *
    sum(sqrt(s)) / (2 target); by Cauchy and Schwarz that makes at most 1 / (2 target) bins. Empty neighbours are
    joined. None is the answer when the target is reached, when only single scores are left, or when the budget is
    used up. What merging small cells costs no edge can mend: it stays in the interval of `auc`.

    `ties` are the summed `tie_sums` over the same edges: where given, the mean of the scores that many rows share in
    a bin is cut out as a bin of its own.

    Example:
        >>> from hansa.core.metrics import auc, bin_counts, first_edges, score_keys
        >>> from hansa.core.metrics.counts import ScoreCounts
        >>> keys, label, edges = score_keys(np.linspace(-1, 1, 1000)), np.arange(1000) % 2, first_edges()
        >>> counts = ScoreCounts.exact(edges, bin_counts(keys, label, edges))
        >>> edges = refine(counts)
        >>> finer = ScoreCounts.exact(edges, bin_counts(keys, label, edges))
        >>> auc(counts).error > 1e-4 >= auc(finer).error, refine(finer) is None
        (True, True)
    """
    if one_class(counts):
        return None
    share = _open_share(counts)
    if 0.5 * share.sum() <= target:
        return None
    kept = _kept_edges(counts)
    room = max(0, budget - len(kept) + 1)
    tied = _tied_scores(counts, ties, share)[: room // 4] if ties is not None else kept[:0]
    heavy = np.sqrt(share)
    parts = heavy * heavy.sum() * _SPARE / (2 * target)
    # Round steps can double the parts, and the edges must fit the budget still.
    parts *= min(1.0, (room - len(tied)) / (2 * parts.sum()))
    edges = np.unique(np.concatenate([kept, tied, _cuts(counts, parts)]))
    return edges if len(np.setdiff1d(edges, counts.edges)) else None


def _open_share(counts: ScoreCounts) -> Floats:
    """The share of all pairs `[bins]` that a bin leaves open and finer edges may settle."""
    (low_n, low_p), (high_n, high_p) = counts.low.astype(np.float64), counts.high.astype(np.float64)
    negatives, positives = counts.totals
    pairs = (high_p * low_n + low_p * high_n) / 2
    return np.where(counts.single, 0.0, pairs / (positives * negatives))


def _kept_edges(counts: ScoreCounts) -> Keys:
    """The edges less those between two empty bins."""
    held = np.flatnonzero((counts.low + counts.high).any(axis=0))
    kept = np.unique(np.concatenate([[0], held, held + 1, [counts.bins]]))
    return np.asarray(counts.edges[kept], dtype=np.uint64)


def _cuts(counts: ScoreCounts, parts: Floats) -> Keys:
    """Edges that cut each bin in at least so many even parts, at multiples of a power of two.

    Merged groups meet at such round keys, so an edge soon lies where two groups meet and no bin holds parts of both.
    """
    low, high = counts.edges[:-1], counts.edges[1:]
    power = np.floor(np.log2(np.maximum((high - low) / np.maximum(parts, 1.0), 1.0)))
    step = np.uint64(1) << power.astype(np.uint64)
    before = low // step
    times = np.where(parts > 1, ((high - np.uint64(1)) // step - before).astype(np.int64), 0)
    first = np.repeat(np.cumsum(times) - times, times)
    nth = (np.arange(times.sum()) - first + 1).astype(np.uint64)
    return np.asarray((np.repeat(before, times) + nth) * np.repeat(step, times), dtype=np.uint64)


def _tied_scores(counts: ScoreCounts, ties: Floats, share: Floats) -> Keys:
    """Edges around the mean tied score of each bin that is still open, those first that leave most open."""
    rows, distance = ties
    at = np.flatnonzero((share > 0) & (rows > 0))
    at = at[np.argsort(-share[at], kind="stable")]
    width = np.diff(counts.edges)[at]
    offset = np.minimum(np.rint(distance[at] / rows[at]).astype(np.uint64), width - np.uint64(1))
    score = counts.edges[:-1][at] + offset
    return np.column_stack([score, score + np.uint64(1)]).ravel()
