"""Counts of scores by bin and label: what a party lets out of its scores, and what the coordinator adds up.

Two forms leave a party. `bin_counts` are exact; fine ones are nearly the scores of a small bank, so they are for a
secure sum, where nobody sees one party's share. `merge_small` is for plain sums: a label's rows go in groups of at
least `min_cell` neighbours by score, and of a group only its mass and the two bins between which it lies are told.

The groups depend on a party's scores and `min_cell` alone, never on the bins that were asked for. So however often
the coordinator refines its bins, the differences between a party's answers about one model never tell of fewer than
`min_cell` rows; the party's own policy, not the ask, must say what `min_cell` is. Two groups meet at the roundest
number between their scores, and the outermost groups reach to the ends, so that no row's own score is told; only a
score that at least `min_cell` rows of a label share may be told exactly. The number of rows of each label is told in
any case: `too_few` says when a party should rather refuse.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from hansa.core.metrics.keys import LOWEST, TOP, Keys, bin_of, checked_edges
from hansa.core.metrics.rows import Flags, Floats, checked_label, checked_weight, effective
from hansa.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Mass: TypeAlias = "NDArray[np.int64] | NDArray[np.float64]"


@final
@dataclass(frozen=True)
class ScoreCounts:
    """How many rows of each label have a score in each bin, told as two placements that enclose the truth.

    Row 0 of the `[2, bins]` arrays holds the negatives, row 1 the positives. Each row of data counts in `low` at a
    bin not above its own and in `high` at a bin not below it. Exact counts have one array for both. Counts over the
    same edges add up, over parties or parts. int64 counts rows; float64 holds weights or other sums.

    Raises:
        DataError: edges that are none, or arrays that do not fit them or each other.

    Example:
        >>> from hansa.core.metrics import score_keys
        >>> edges = np.array([LOWEST, *score_keys([0.0]), TOP], dtype=np.uint64)
        >>> counts = ScoreCounts.exact(edges, np.array([[3, 1], [1, 5]]))
        >>> (counts + counts).totals
        (8.0, 12.0)
    """

    edges: Keys
    low: Mass
    high: Mass

    def __post_init__(self) -> None:
        """Check the shapes, and that both placements hold the same rows."""
        shape = (2, len(checked_edges(self.edges)) - 1)
        if self.low.shape != shape or self.high.shape != shape:
            raise DataError(f"Counts over {shape[1]} bins must be {shape}; got {self.low.shape} and {self.high.shape}.")
        if (self.low < 0).any() or (self.high < 0).any():
            raise DataError("A count of scores is negative.")
        lead = np.cumsum(self.low, axis=1) - np.cumsum(self.high, axis=1)
        slack = 1e-9 * self.low.sum()
        if (lead < -slack).any() or (np.abs(lead[:, -1]) > slack).any():
            raise DataError("The low and the high counts do not enclose the same rows.")

    @classmethod
    def exact(cls, edges: Keys, counts: Mass) -> ScoreCounts:
        """Counts that say for each row which bin it is in."""
        return cls(edges, counts, counts)

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        """Add counts over the same bins."""
        if not np.array_equal(self.edges, other.edges):
            raise DataError(
                "Counts over different score bins cannot be added.", mend="Ask every party for the same edges."
            )
        return ScoreCounts(self.edges, self.low + other.low, self.high + other.high)

    @property
    def bins(self) -> int:
        """The number of bins."""
        return len(self.edges) - 1

    @property
    def whole(self) -> bool:
        """Whether these are counts of rows, and not sums of weights."""
        return bool(np.issubdtype(self.low.dtype, np.integer))

    @property
    def single(self) -> Flags:
        """Which bins `[bins]` hold one possible score only, so that two rows in them are tied."""
        return np.asarray(np.diff(self.edges) == 1, dtype=np.bool_)

    @property
    def middle(self) -> Floats:
        """The mean of both placements `[2, bins]`."""
        return (self.low + self.high) / 2.0

    @property
    def totals(self) -> tuple[float, float]:
        """The mass of the negatives and of the positives."""
        negatives, positives = self.low.sum(axis=1).tolist()
        return float(negatives), float(positives)


def bin_counts(keys: Keys, label: ArrayLike, edges: Keys, weight: ArrayLike | None = None) -> Mass:
    """Party side: count keys `[n]` by bin and label, `[2, bins]`; int64, or float64 sums of `weight`.

    These are exact: let them leave in a secure sum only, or through `merge_small`.

    Raises:
        DataError: labels other than 0 and 1, or lengths that differ.

    Example:
        >>> from hansa.core.metrics import score_keys
        >>> edges = np.array([LOWEST, *score_keys([0.0, 1.0]), TOP], dtype=np.uint64)
        >>> bin_counts(score_keys([-1.0, 0.5, 0.7, 2.0]), [0, 0, 1, 1], edges).tolist()
        [[1, 1, 0], [0, 1, 1]]
    """
    bins = len(checked_edges(edges)) - 1
    cell = bin_of(keys, edges) + bins * checked_label(label, len(keys))
    if weight is None:
        return np.bincount(cell, minlength=2 * bins).reshape(2, bins)
    return np.bincount(cell, checked_weight(weight, len(keys)), minlength=2 * bins).reshape(2, bins)


def merge_small(
    keys: Keys, label: ArrayLike, edges: Keys, min_cell: int, weight: ArrayLike | None = None
) -> ScoreCounts:
    """Party side: count keys `[n]` by bin and label, in groups of at least `min_cell` rows of one label.

    From the lowest score up, a label's rows join a group until it holds `min_cell` of them; equal scores stay
    together, and a group that stays short, at the end or before a crowded score, joins the one before. Groups are
    made by rows also where `weight` says what is summed, so no weight may single a row out. With `min_cell` 1 or less
    the counts are exact.

    Raises:
        DataError: labels other than 0 and 1, or lengths that differ.

    Example:
        >>> from hansa.core.metrics import score_keys
        >>> edges = np.array([LOWEST, *score_keys([0.0, 1.0, 2.0]), TOP], dtype=np.uint64)
        >>> told = merge_small(score_keys([-1.0, 0.5, 1.5, 1.6, 2.5]), [0, 0, 0, 0, 0], edges, min_cell=2)
        >>> told.low[0].tolist(), told.high[0].tolist()
        ([2, 0, 3, 0], [0, 2, 0, 3])
    """
    if min_cell <= 1:
        return ScoreCounts.exact(edges, bin_counts(keys, label, edges, weight))
    positive = checked_label(label, len(keys))
    mass = None if weight is None else checked_weight(weight, len(keys))
    shape = (2, len(checked_edges(edges)) - 1)
    low: NDArray[Any] = np.zeros(shape, dtype=np.int64 if mass is None else np.float64)
    high = np.zeros_like(low)
    for value in (0, 1):
        mine = positive == bool(value)
        groups = _grouped(keys[mine], min_cell)
        held = groups.rows if mass is None else np.bincount(groups.of_row, mass[mine], minlength=len(groups.low))
        np.add.at(low[value], bin_of(groups.low, edges), held)
        np.add.at(high[value], bin_of(groups.high, edges), held)
    return ScoreCounts(edges, low, high)


def tie_sums(keys: Keys, label: ArrayLike, edges: Keys, min_cell: int = 1) -> Floats:
    """Party side: the rows of each bin at scores that many share, and the sum of their distances from the edge.

    The answer is float64 `[2, bins]`. Counted are groups of `merge_small` that hold one score only: what refining would
    tell in any case; with `min_cell` 1 that is every row. Scorecards and small trees give few distinct scores, and with
    these sums `refine` finds a score that stands alone in its bin at once, rather than by halving 2^47 possible ones.
    Two rows may share it at different parties, or have different labels, so single ones count too.

    Raises:
        DataError: labels other than 0 and 1, or lengths that differ.

    Example:
        >>> from hansa.core.metrics import score_keys
        >>> edges = np.array([LOWEST, *score_keys([0.0]), TOP], dtype=np.uint64)
        >>> tie_sums(score_keys([1e-323, 1e-323, -7.0]), [1, 1, 0], edges, min_cell=2).tolist()
        [[0.0, 2.0], [0.0, 4.0]]
    """
    positive = checked_label(label, len(keys))
    sums = np.zeros((2, len(checked_edges(edges)) - 1))
    for value in (False, True):
        groups = _grouped(keys[positive == value], min_cell)
        tied = groups.low == groups.high
        key, rows = groups.low[tied], groups.rows[tied].astype(np.float64)
        place = bin_of(key, edges)
        np.add.at(sums[0], place, rows)
        np.add.at(sums[1], place, rows * (key - edges[place]).astype(np.float64))
    return sums


def mass_below(mass: Mass) -> Floats:
    """Mass below each edge, `[2, bins + 1]`, of mass by bin.

    Example:
        >>> mass_below(np.array([[1, 2], [0, 3]])).tolist()
        [[0.0, 1.0, 3.0], [0.0, 0.0, 3.0]]
    """
    return np.pad(np.cumsum(mass, axis=1), ((0, 0), (1, 0))).astype(np.float64)


def too_few(label: ArrayLike, min_cell: int, weight: ArrayLike | None = None) -> bool:
    """Party side: say whether some, but fewer than `min_cell`, rows have one of the labels.

    Their number is told with any counts, so such a party refuses, or answers in a secure sum only. Where `weight` is
    summed, rows count as `effective` says.

    Example:
        >>> too_few([0] * 50 + [1] * 3, min_cell=10), too_few([0] * 50, min_cell=10)
        (True, False)
    """
    values = np.asarray(label)
    positive, mass = checked_label(values, len(values)), checked_weight(weight, len(values))
    return any(0 < effective(mass[mine]) < min_cell for mine in (positive, ~positive))


@final
@dataclass(frozen=True)
class _Groups:
    """Neighbours by score, `[groups]`: the keys between which each lies, its rows; and the group of each row `[n]`."""

    low: Keys
    high: Keys
    rows: NDArray[np.int64]
    of_row: NDArray[np.intp]


def _grouped(keys: Keys, min_cell: int) -> _Groups:
    distinct, place, size = np.unique(keys, return_inverse=True, return_counts=True)
    if min_cell <= 1 or not len(distinct):
        return _Groups(distinct, distinct, size, place)
    first = np.array(_first_of_groups(size, min_cell))
    last = np.append(first[1:], len(distinct)) - 1
    rows = np.add.reduceat(size, first)
    tied = (first == last) & (rows >= min_cell)
    begin, end = distinct[first], distinct[last]
    border = _roundest(end[:-1], begin[1:])
    low = np.where(tied, begin, np.append(np.uint64(LOWEST), border))
    high = np.where(tied, end, np.append(border - np.uint64(1), np.uint64(TOP - 1)))
    group = np.searchsorted(first, np.arange(len(distinct)), side="right") - 1
    return _Groups(low, high, rows, group[place])


def _roundest(below: Keys, above: Keys) -> Keys:
    """The key with the most trailing zeros of `below < key <= above`: it parts the two and tells no more of them."""
    differ = below ^ above
    for shift in (1, 2, 4, 8, 16, 32):
        differ |= differ >> np.uint64(shift)
    return above & ~(differ >> np.uint64(1))


def _first_of_groups(size: NDArray[np.int64], min_cell: int) -> list[int]:
    """Where among the distinct scores each group begins.

    A short group that runs into a score with rows enough of its own joins the group before, where that is a mixed
    one: so the crowded score can be told exactly.
    """
    rows, upto = size.tolist(), np.cumsum(size).tolist()
    first: list[int] = []
    start, before, mixed = 0, 0, False
    while start < len(upto) and upto[-1] - before >= min_cell:
        last = bisect_left(upto, before + min_cell)
        if mixed and rows[last] >= min_cell:
            start = last
        first.append(start)
        mixed = start < last
        start, before = last + 1, upto[last]
    return first or [0]
