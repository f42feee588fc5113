"""From sums and counts to one column's coding: what a party adds up, and what the coordinator makes of the total."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column
from hansa.errors import DataError
from hansa.horizontal.codes import Codes, Tokens
from hansa.horizontal.columns import LABELLED, Binned, Encoding, How, OneHot, Ordinal, Scaled, numbers, tamed
from hansa.horizontal.floors import Floors
from hansa.horizontal.quantiles import Ladder, bin_edges, bin_ranks, tail_ranks
from hansa.horizontal.veil import Veil, grouped, in_blocks

Floats = NDArray[np.float64]

_NONE = Floors()
_FLAT = (8 * np.finfo(np.float64).eps) ** 2
"""A variance below this share of the squared mean is rounding: the column is constant."""


@final
@dataclass(frozen=True)
class Want:
    """What one column shall become; `levels` are its categories, `length` and `buckets` those of a text.

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
    length: int = 32
    buckets: int = 4096

    @property
    def looks(self) -> bool:
        """Whether quantiles of the values are looked for."""
        return self.how == "bins" or self.winsorise > 0

    @property
    def size(self) -> int:
        """How many numbers `count` gives."""
        if self.how == "tokens":
            return 2
        return len(self.levels) + 2 if self.how in LABELLED else 3 + len(self.special_codes)

    def count(self, column: Column, floors: Floors = _NONE) -> Floats:
        """A party's counts: each level, other labels and gaps; texts and gaps; or values, gaps, their sum, codes.

        None of them, and no difference of them, tells of fewer than `min_cell` customers: see `veil`. A column whose
        values will be cut or binned tells no sum: less the sum of what was cut, it would tell the value of one row.
        """
        cell = floors.cell
        if self.how == "tokens":
            gaps = int(column.gaps.sum())
            gaps = 0 if gaps < cell else len(column) if len(column) - gaps < cell else gaps
            return np.array([len(column) - gaps, gaps], np.float64)
        if self.how in LABELLED:
            return grouped(column, self.levels, floors).astype(np.float64)
        codes, total, gaps = np.zeros(len(self.special_codes), np.intp), 0.0, 0
        for values, empty, special in Veil.of(column, self.special_codes, cell).blocks(column):
            codes += np.bincount(special[special >= 0], minlength=len(codes))
            gaps += int(empty.sum())
            with np.errstate(over="ignore"):
                total += 0.0 if self.looks else float(values[~np.isnan(values)].sum())
        rows = len(column) - gaps - int(codes.sum())
        if 0 < gaps < cell:  # and nothing but special codes beside them
            if codes.any():
                codes[codes.argmax()] += gaps
            gaps = 0
        rows, total = (rows, _finite(total, self.name)) if rows >= floors.rows else (0, 0.0)
        return np.array([rows, gaps, total, *codes], np.float64)


@final
@dataclass(frozen=True)
class Fit:
    """One column under way: its pooled counts, what is known of its quantiles, its centre and spread.

    `edges`: those of its bins, where they were found without a ladder.

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
    edges: tuple[float, ...] | None = None

    @classmethod
    def of(cls, want: Want, found: Floats, min_cell: int) -> Fit:
        """Begin with the pooled counts `[size]`."""
        if want.how in LABELLED or want.how == "tokens":
            return cls(want, found, min_cell)
        rows, _, total = found[:3]
        looks = want.looks and rows > 0
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
        """Whether enough rows have a gap, and enough have none, for an indicator."""
        gaps = self.found[-1 if self.want.how in LABELLED else 1]
        others = self.found[:-1].sum() if self.want.how in LABELLED else self.found[0] + self.found[3:].sum()
        return bool(min(gaps, others) >= self.min_cell)

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
        return replace(after, low=ends[0], high=ends[-1]) if len(ends) == 2 else after

    def centred_at(self, sums: Floats) -> Fit:
        """Move the centre to the mean of what was summed around the old one; the variance is that around the mean."""
        rows = self.found[0]
        if not rows:
            return self
        shift, square = sums[0] / rows, sums[1] / rows
        return replace(self, centre=float(self.centre + shift), variance=float(max(square - shift**2, 0.0)))

    def encoding(self) -> tuple[Encoding | None, str]:
        """The fitted coding; or None, and why the column is left out."""
        if self.want.how == "tokens":
            thin = self.found[0] < self.min_cell
            made = None if thin else Tokens(self.name, self.want.length, self.want.buckets)
            return made, "too few rows have a text" if thin else ""
        if self.want.how in LABELLED:
            return self._labels()
        codes = self.want.special_codes
        shown = tuple(code for code, rows in zip(codes, self.found[3:], strict=True) if rows >= self.min_cell)
        rows = self.found[0]
        thin = rows < self.min_cell
        if self.want.how == "bins" and not thin and (edges := self._edges()) is not None:
            fill = edges[(len(edges) - 1) // 2] if edges else 0.0
            shaped: Encoding = Binned(self.name, edges, fill, self.missing, codes, shown)
        else:
            flat = thin or self.variance <= _FLAT * max(self.centre**2, 1e-300)
            fill = 0.0 if thin else self.centre
            centre, scale = (fill, sqrt(self.variance)) if self.want.how == "standardise" else (0.0, 1.0)
            cut = (self.low, self.high, self.want.signed_log)
            shaped = Scaled(
                self.name,
                fill,
                centre,
                1.0 if flat else scale,
                *cut,
                self.missing,
                codes,
                shown,
                constant=bool(flat),
            )
        why = "too few rows have a value" if thin else "it is constant"
        why = f"{why}, once its ends are cut" if self.want.winsorise and self.low == self.high else why
        return (shaped, "") if shaped.names else (None, why)

    def _edges(self) -> tuple[float, ...] | None:
        return self.edges if self.ladder is None else bin_edges(self.ladder, self.want.max_n_bins)

    def _labels(self) -> tuple[Encoding | None, str]:
        *levels, other, _ = self.found.tolist()
        kept = tuple(label for label, rows in zip(self.want.levels, levels, strict=True) if rows >= self.min_cell)
        rare = other + sum(rows for rows in levels if rows < self.min_cell)
        if self.want.how == "codes":
            return (Codes(self.name, kept), "") if kept else (None, "no category is shared by enough rows")
        if self.want.how == "onehot":
            made = OneHot(self.name, kept, other=rare >= self.min_cell, missing=self.missing)
            return (made, "") if len(made.names) > 1 else (None, "it has one category that enough rows share")
        rows_of = np.array([rows for rows in levels if rows >= self.min_cell])
        if len(rows_of) < 2:
            return None, "it has one category that enough rows share"
        places = np.arange(len(rows_of))
        mean = float(rows_of @ places / rows_of.sum())
        return Ordinal(
            self.name, kept, mean, sqrt(float(rows_of @ (places - mean) ** 2 / rows_of.sum())), self.missing
        ), ""

    def _ranks(self, ladder: Ladder) -> list[int]:
        if self.want.how == "bins":
            return bin_ranks(ladder, self.want.max_n_bins)
        return tail_ranks(ladder.rows, self.want.winsorise, self.min_cell)


def check_alike(kinds: Mapping[str, Mapping[str, str]], words: Collection[str]) -> None:
    """Check that all parties have the same columns of the same kinds: `kinds` by party and column.

    A column without any value is of every kind, and one of `words` is read as labels whatever it holds.

    Raises:
        DataError: names the parties and the columns that differ.

    Example:
        >>> check_alike({"a": {"home": "label"}, "b": {"home": "empty"}}, ())
    """
    first, columns = next(iter(kinds.items()))
    for party, other in kinds.items():
        odd = sorted(set(columns) ^ set(other))
        if odd:
            raise DataError(
                f"{party} and {first} differ in their columns: {', '.join(odd[:5])}.",
                "All parties need the same ones.",
                "Add them where they are missing, or keep those that all have.",
            )
    for name in columns:
        holders = {said[name]: party for party, said in kinds.items()}
        if name not in words and {"label", "number"} <= set(holders):
            raise DataError(
                f"Column '{name}' holds labels at {holders['label']} and numbers at {holders['number']}.",
                mend="Read it alike everywhere.",
            )


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


def centred(fit: Fit, column: Column, floors: Floors = _NONE) -> tuple[float, float]:
    """A party's sum of a column's values less the fit's centre, and of their squares.

    Example:
        >>> fit = Fit(Want("age", "standardise"), np.zeros(3), 10, centre=40.0)
        >>> centred(fit, Column.of("age", [39.0, 43.0, None]))
        (2.0, 10.0)
    """
    total, squares, rows = 0.0, 0.0, 0
    with np.errstate(over="ignore"):
        for block, _, _ in Veil.of(column, fit.want.special_codes, floors.cell).blocks(column):
            values = block[~np.isnan(block)]
            shown = tamed(values, fit.low, fit.high, signed_log=fit.want.signed_log) - fit.centre
            total, squares, rows = total + float(shown.sum()), squares + float(shown @ shown), rows + len(values)
    if rows < floors.rows:
        return 0.0, 0.0
    return _finite(total, fit.name), _finite(squares, fit.name)


def refuse_infinite(column: Column) -> None:
    """Look at every row of a column of numbers, those of the test too: scoring is not the moment to find out.

    Raises:
        DataError: the column holds infinite values.

    Example:
        >>> refuse_infinite(Column.of("age", [42.0, None]))
    """
    for block in in_blocks(column):
        numbers(block, ())


def _finite(total: float, column: str) -> float:
    if not np.isfinite(total):
        raise DataError(
            f"The values of column '{column}' are too large to be added.",
            "Their sum or the sum of their squares passes the largest float.",
            "Make the extremes gaps, or give the column other units.",
        )
    return total
