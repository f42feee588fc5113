"""From sums and counts to one column's coding: what a party adds up, and what the coordinator makes of the total."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column
from hansa.errors import DataError
from hansa.horizontal.columns import LABELLED, Binned, Encoding, How, OneHot, Ordinal, Scaled, numbers, placed, tamed
from hansa.horizontal.quantiles import Ladder, bin_edges, bin_ranks, tail_ranks

Floats = NDArray[np.float64]

_FLAT = (8 * np.finfo(np.float64).eps) ** 2
"""A variance below this share of the squared mean is rounding: the column is constant."""


@final
@dataclass(frozen=True)
class Want:
    """What one column shall become; `levels` are its categories.

    Example:
        >>> Want("home", "onehot", levels=("own", "rent")).count(Column.of("home", ["own", "boat", None])).tolist()
        [1.0, 0.0, 1.0, 1.0]
    """

    name: str
    how: How
    max_n_bins: int = 10
    winsorise: float = 0.0
    signed_log: bool = False
    special_codes: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many numbers `count` gives."""
        return len(self.levels) + 2 if self.how in LABELLED else 3 + len(self.special_codes)

    def count(self, column: Column) -> Floats:
        """A party's counts: of each level, other labels and gaps; or of values, gaps and special codes, and the sum."""
        if self.how in LABELLED:
            return np.bincount(placed(column, self.levels), minlength=self.size).astype(np.float64)
        values, gaps, special = numbers(column, self.special_codes)
        held = values[~np.isnan(values)]
        codes = np.bincount(special[special >= 0], minlength=len(self.special_codes))
        with np.errstate(over="ignore"):
            total = held.sum()
        return np.array([len(held), gaps.sum(), _finite(float(total), self.name), *codes], np.float64)


@final
@dataclass(frozen=True)
class Fit:
    """One column under way: its pooled counts, what is known of its quantiles, its centre and spread.

    Example:
        >>> Fit.of(Want("age", "standardise"), np.array([100.0, 0.0, 4200.0]), min_cell=10).centre
        42.0
    """

    want: Want
    found: Floats
    min_cell: int
    ladder: Ladder | None = field(default=None, compare=False)
    low: float = -np.inf
    high: float = np.inf
    centre: float = 0.0
    variance: float = 0.0

    @classmethod
    def of(cls, want: Want, found: Floats, min_cell: int) -> Fit:
        """Begin with the pooled counts `[size]`."""
        if want.how in LABELLED:
            return cls(want, found, min_cell)
        rows, _, total = found[:3]
        looks = (want.how == "bins" or want.winsorise > 0) and rows > 0
        mean = float(total / rows) if rows else 0.0
        start = float(np.copysign(np.log1p(abs(mean)), mean)) if want.signed_log else mean
        return cls(want, found, min_cell, Ladder.of(rows, min_cell) if looks else None, centre=start)

    @property
    def name(self) -> str:
        """The column."""
        return self.want.name

    @property
    def is_scaled(self) -> bool:
        """Whether the column stays a number."""
        return self.want.how in {"standardise", "none"}

    @property
    def missing(self) -> bool:
        """Whether enough rows have a gap for an indicator."""
        return bool(self.found[-1 if self.want.how in LABELLED else 1] >= self.min_cell)

    @property
    def bare(self) -> Fit:
        """What a party needs to know of it: no counts."""
        return replace(self, found=np.zeros(0), ladder=None, variance=0.0)

    def probes(self) -> Floats:
        """The edges to ask about next; none where the quantiles are known or not wanted."""
        return np.empty(0) if self.ladder is None else self.ladder.probes(self._ranks(self.ladder))

    def learned(self, edges: Mapping[str, Floats], below: Floats) -> Fit:
        """Take this column's part of the pooled counts below all edges that were asked."""
        if self.name not in edges or self.ladder is None:
            return self
        names = list(edges)
        start = sum(len(edges[name]) for name in names[: names.index(self.name)])
        ladder = self.ladder.learned(edges[self.name], below[start : start + len(edges[self.name])])
        after = replace(self, ladder=ladder)
        if len(after.probes()) or self.want.how == "bins":
            return after
        ends = [ladder.edge(rank) for rank in self._ranks(ladder)]
        return replace(after, low=ends[0], high=ends[-1]) if len(ends) == 2 and ends[0] < ends[1] else after

    def centred_at(self, sums: Floats) -> Fit:
        """Move the centre to the mean of what was summed around the old one; the variance is that around the mean."""
        rows = self.found[0]
        if not rows:
            return self
        shift, square = sums[0] / rows, sums[1] / rows
        return replace(self, centre=float(self.centre + shift), variance=float(max(square - shift**2, 0.0)))

    def encoding(self) -> tuple[Encoding | None, str]:
        """The fitted coding; or None, and why the column is left out."""
        if self.want.how in LABELLED:
            return self._labels()
        codes = self.want.special_codes
        shown = tuple(code for code, rows in zip(codes, self.found[3:], strict=True) if rows >= self.min_cell)
        rows = self.found[0]
        if self.want.how == "bins" and self.ladder is not None:
            edges = bin_edges(self.ladder, self.want.max_n_bins)
            made: Encoding = Binned(self.name, edges, float(self.found[2] / rows), self.missing, codes, shown)
        else:
            flat = self.variance <= _FLAT * max(self.centre**2, 1e-300) or rows == 0
            centre, scale = (self.centre, sqrt(self.variance)) if self.want.how == "standardise" else (0.0, 1.0)
            cut = (self.low, self.high, self.want.signed_log)
            made = Scaled(
                self.name,
                self.centre,
                centre,
                1.0 if flat else scale,
                *cut,
                self.missing,
                codes,
                shown,
                constant=bool(flat),
            )
        why = "it has no values" if rows == 0 else "it is constant"
        return (made, "") if made.names else (None, why)

    def _labels(self) -> tuple[Encoding | None, str]:
        *levels, other, _ = self.found.tolist()
        kept = tuple(label for label, rows in zip(self.want.levels, levels, strict=True) if rows >= self.min_cell)
        rare = other + sum(rows for rows in levels if rows < self.min_cell)
        if self.want.how == "onehot":
            made = OneHot(self.name, kept, other=rare >= self.min_cell, missing=self.missing)
            return (made, "") if len(made.names) > 1 else (None, "it has one category that enough rows share")
        held = np.array([rows for rows in levels if rows >= self.min_cell])
        if len(held) < 2:
            return None, "it has one category that enough rows share"
        places = np.arange(len(held))
        mean = float(held @ places / held.sum())
        return Ordinal(self.name, kept, mean, sqrt(float(held @ (places - mean) ** 2 / held.sum())), self.missing), ""

    def _ranks(self, ladder: Ladder) -> list[int]:
        if self.want.how == "bins":
            return bin_ranks(ladder, self.want.max_n_bins)
        return tail_ranks(ladder.rows, self.want.winsorise, self.min_cell)


def counted(wants: tuple[Want, ...], counts: Floats) -> Iterator[tuple[Want, Floats]]:
    """Cut the pooled counts of all columns `[k]` into each one's own.

    Example:
        >>> [found.tolist() for _, found in counted((Want("age", "none"),), np.array([2.0, 0.0, 73.0]))]
        [[2.0, 0.0, 73.0]]
    """
    start = 0
    for want in wants:
        yield want, counts[start : start + want.size]
        start += want.size


def centred(fit: Fit, column: Column) -> tuple[float, float]:
    """A party's sum of a column's values less the fit's centre, and of their squares.

    Example:
        >>> fit = Fit(Want("age", "standardise"), np.zeros(3), 10, centre=40.0)
        >>> centred(fit, Column.of("age", [39.0, 43.0, None]))
        (2.0, 10.0)
    """
    values, _, _ = numbers(column, fit.want.special_codes)
    with np.errstate(over="ignore"):
        shown = tamed(values[~np.isnan(values)], fit.low, fit.high, signed_log=fit.want.signed_log) - fit.centre
        return _finite(float(shown.sum()), fit.name), _finite(float(shown @ shown), fit.name)


def sorted_values(column: Column, special_codes: tuple[float, ...]) -> Floats:
    """A column's values in rising order, less gaps and special codes, `[values]`.

    Example:
        >>> sorted_values(Column.of("age", [42, None, 31]), ()).tolist()
        [31.0, 42.0]
    """
    values, _, _ = numbers(column, special_codes)
    return np.sort(values[~np.isnan(values)])


def _finite(total: float, column: str) -> float:
    if not np.isfinite(total):
        raise DataError(
            f"The values of column '{column}' are too large to be added.",
            "Their sum or the sum of their squares passes the largest float.",
            "Make the extremes gaps, or give the column other units.",
        )
    return total
