"""The binning table of one column: counts, event rates, weight of evidence and information value, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Table
from hansa.errors import ConfigError, DataError, nearest
from hansa.horizontal.optimal import Floats, Limits, best_ends, chi_merge
from hansa.horizontal.woe import Cells, Woe

HALF = 0.5


@final
@dataclass(frozen=True)
class Update:
    """A change of bins by hand: the edges before and after, who made it, and why.

    Example:
        >>> Update((30.0,), (40.0,), "validator", "too few rows").after
        (40.0,)
    """

    before: tuple[float, ...]
    after: tuple[float, ...]
    by: str
    why: str


@final
@dataclass(frozen=True, eq=False)
class BinningTable:
    """One column's cells before (`fine`) and after joining (bins end at `ends`), with pooled counts `[2, fine.size]`.

    `counts[0]` are rows without the event, `counts[1]` with it. `parties`: each party's own, where they were asked for.
    `apart`: rows that parties could not tell apart for `min_cell`, and have spread over neighbouring cells. `updates`:
    what was changed by hand.

    WoE is ln(share of goods / share of bads), so higher is safer (Siddiqi 2006). Bins hold both outcomes; a special
    code, other labels or gaps of one outcome alone are smoothed by half a row of each, and named in `smoothed`.

    Example:
        >>> counts = np.array([[90.0, 60.0, 0.0], [10.0, 40.0, 0.0]])
        >>> table = BinningTable(Cells("age", edges=(30.0,)), counts, (0, 1))
        >>> table.woe.round(4).tolist(), round(table.iv, 4)
        ([1.0986, -0.6931, 0.0], 0.7167)
        >>> table.build().names
        ('Bin', 'Count', 'Count (%)', 'Non-event', 'Event', 'Event rate', 'WoE', 'IV', 'JS')
    """

    fine: Cells
    counts: NDArray[np.float64]
    ends: tuple[int, ...]
    parties: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    apart: float = 0.0
    updates: tuple[Update, ...] = ()

    @classmethod
    def of(cls, cells: Cells, counts: Floats, limits: Limits, solver: Literal["optimal", "chimerge"]) -> BinningTable:
        """Join neighbouring bins for the highest information value, or by chi-squared."""
        goods, bads = counts[:, : cells.bins]
        limits = replace(limits, rows=float(counts.sum()))
        if solver == "chimerge":
            return cls(cells, counts, chi_merge(goods, bads, limits))
        good, bad = counts.sum(axis=1).tolist()
        return cls(cells, counts, best_ends(goods, bads, limits, (max(good, HALF), max(bad, HALF))))

    @property
    def name(self) -> str:
        """The column."""
        return self.fine.column

    @property
    def cells(self) -> Cells:
        """The cells after joining."""
        return self.fine.joined(self.ends)

    @property
    def splits(self) -> tuple[float, ...]:
        """The edges of the bins; none of a column of labels."""
        return self.cells.edges

    @property
    def woe(self) -> Floats:
        """The weight of evidence of each cell `[cells.size]`; 0 of an empty one."""
        return self._figures(self.counts)[0]

    @property
    def iv(self) -> float:
        """The information value: the sum over cells of (share of goods - share of bads) WoE."""
        return float(self._figures(self.counts)[1].sum())

    @property
    def smoothed(self) -> tuple[str, ...]:
        """The cells in which one outcome does not occur, so that half a row of each was added."""
        own = self._joined(self.counts)
        alone = (own.sum(axis=0) > 0) & (own == 0).any(axis=0)
        return tuple(name for name, one in zip(self.cells.names, alone, strict=True) if one)

    @property
    def coding(self) -> Woe:
        """What turns the column into weights of evidence."""
        return Woe(self.cells, tuple(self.woe.tolist()))

    def build(self, party: str = "") -> Table:
        """The table as optbinning lays it out, pooled or of one party; the last row holds the totals.

        Raises:
            DataError: this party's counts were not asked for.
        """
        if party and party not in self.parties:
            raise DataError(f"There are no counts of '{party}'.", mend=nearest(party, self.parties) or "Set by_party.")
        counts = self.parties[party] if party else self.counts
        own, (woe, iv, js) = self._joined(counts), self._figures(counts)
        rows = own.sum(axis=0)
        whole = max(float(rows.sum()), 1e-300)
        shown: dict[str, list[Any]] = {
            "Bin": [*self.cells.names, "Totals"],
            "Count": [*rows.tolist(), float(rows.sum())],
            "Count (%)": [*(rows / whole).tolist(), 1.0],
            "Non-event": [*own[0].tolist(), float(own[0].sum())],
            "Event": [*own[1].tolist(), float(own[1].sum())],
            "Event rate": [*(own[1] / np.maximum(rows, 1e-300)).tolist(), float(own[1].sum() / whole)],
            "WoE": [*woe.tolist(), None],
            "IV": [*iv.tolist(), float(iv.sum())],
            "JS": [*js.tolist(), float(js.sum())],
        }
        return Table.of(shown)

    def as_dict(self) -> dict[str, Any]:
        """What a plot of the table needs: cells (`bins` of them bins), goods, bads, WoE, pooled and of each party.

        Example:
            >>> table = BinningTable(Cells("age", edges=(30.0,)), np.array([[9.0, 6.0, 0.0], [1.0, 4.0, 0.0]]), (0, 1))
            >>> table.as_dict()["bads"], table.as_dict()["bins"]
            ([1.0, 4.0, 0.0], 2)
        """
        goods, bads = self._joined(self.counts).tolist()
        own = {name: self._joined(counts).tolist() for name, counts in self.parties.items()}
        return {
            "cells": list(self.cells.names),
            "bins": self.cells.bins,
            "goods": goods,
            "bads": bads,
            "woe": self.woe.tolist(),
            "iv": self.iv,
            "parties": {name: {"goods": good, "bads": bad} for name, (good, bad) in own.items()},
        }

    def rows(self, counts: NDArray[np.float64]) -> Floats:
        """Counts `[2, fine.size]`, pooled or a party's, as rows of the joined cells `[cells.size]`."""
        return np.asarray(self._joined(counts).sum(axis=0))

    def update_splits(self, splits: tuple[float, ...], *, by: str, why: str) -> BinningTable:
        """The table with other edges, which must be among those of the pre-bins; who changed it and why is recorded.

        Raises:
            ConfigError: no reason, an edge that was never counted at, or a column of labels.
        """
        if not by or not why:
            raise ConfigError("A change by hand needs who makes it, and why.", mend="Give `by` and `why`.")
        if self.fine.words:
            raise ConfigError(f"'{self.name}' has no splits: it holds labels.")
        odd = sorted(set(splits) - set(self.fine.edges))
        if odd or list(splits) != sorted(set(splits)):
            known = ", ".join(f"{edge:.10g}" for edge in self.fine.edges)
            raise ConfigError(
                f"The splits of '{self.name}' must rise and be among the edges of its pre-bins.",
                "Counts at other edges would be told anew, and the difference could be of a few rows.",
                f"Choose among {known}; or give other `splits` to a new job.",
            )
        ends = (*(self.fine.edges.index(edge) for edge in splits), self.fine.bins - 1)
        return replace(self, ends=ends, updates=(*self.updates, Update(self.splits, tuple(splits), by, why)))

    def _joined(self, counts: Floats) -> Floats:
        """Counts `[2, cells.size]` of the joined cells."""
        starts = [0, *(end + 1 for end in self.ends[:-1])]
        bins = np.add.reduceat(counts[:, : self.fine.bins], starts, axis=1) if self.fine.bins else counts[:, :0]
        return np.concatenate([bins, counts[:, self.fine.bins :]], axis=1)

    def _figures(self, counts: Floats) -> tuple[Floats, Floats, Floats]:
        """WoE, IV and Jensen-Shannon divergence of each cell (Lin 1991)."""
        own = self._joined(counts)
        totals = np.maximum(own.sum(axis=1), HALF)
        alone = (own.sum(axis=0) > 0) & (own == 0).any(axis=0)
        shares = (own + HALF * alone) / totals[:, None]
        there = own.sum(axis=0) > 0
        p, q = np.where(there, shares, 1.0)
        woe = np.log(p / q)
        js = (p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))) / 2
        return woe, np.where(there, (p - q) * woe, 0.0), np.where(there, js, 0.0)
