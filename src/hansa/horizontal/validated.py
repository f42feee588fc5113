"""What a validation found: sums over all banks, and the figures that are read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite, nan
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics import ScoreCounts, auc_by_placements, jeffreys_interval, jeffreys_test, ks_interval
from hansa.core.metrics import ks as distance
from hansa.core.metrics.tails import chi2_beyond
from hansa.horizontal.card import Card
from hansa.horizontal.parity import Measure, Z
from hansa.horizontal.portrait import Portrait, calibrated, gini_of
from hansa.horizontal.stability import Drift, drift, over_time


@final
@dataclass(frozen=True)
class Line:
    """Outcomes regressed on the card's own log odds: a calibrated card has intercept 0 and slope 1; standard errors.

    Example:
        >>> round(Line(0.1, 0.9, 0.05, 0.04).ends[1].low, 4)
        0.8216
    """

    intercept: float = nan
    slope: float = nan
    intercept_se: float = nan
    slope_se: float = nan

    @property
    def ends(self) -> tuple[Measure, Measure]:
        """Intercept and slope, each with its 95 % interval."""
        pairs = ((self.intercept, self.intercept_se), (self.slope, self.slope_se))
        first, second = (Measure(value, value - Z * se, value + Z * se) for value, se in pairs)
        return first, second


@final
@dataclass(frozen=True)
class Proven:
    """A grade on the test: its rows and bads, the chance that it promises, Jeffreys' interval and test of the rate.

    `p_value`: the posterior chance that the true rate is no higher than promised; small where it was set too low.

    Example:
        >>> Proven.of(3, 200.0, 12.0, 0.03).observed
        0.06
    """

    number: int
    rows: float
    bads: float
    predicted: float
    low: float
    high: float
    p_value: float

    @classmethod
    def of(cls, number: int, rows: float, bads: float, predicted: float) -> Proven:
        """Test a grade's promise."""
        return cls(number, rows, bads, predicted, *jeffreys_interval(bads, rows), jeffreys_test(bads, rows, predicted))

    @property
    def observed(self) -> float:
        """The share of its rows that were bad."""
        return self.bads / self.rows


@final
@dataclass(frozen=True)
class Vintage:
    """The test rows of one vintage: bads by those that were foreseen, AUC and KS, each with its interval.

    Example:
        >>> Vintage("2024", 900.0, 60.0, 50.0, Measure(1.2, 0.9, 1.5), Measure(), Measure()).rows
        900.0
    """

    name: str
    rows: float
    bads: float
    expected: float
    ratio: Measure
    auc: Measure
    ks: Measure


@final
@dataclass(frozen=True, eq=False)
class Validated:
    """What all banks told together; the first of each array is the whole test, the others are its `vintages`.

    `low`, `high` [1 + vintages, 2, bins]: counts by outcome and risk over `edges`, see `ScoreCounts`. `ranks`
    [1 + vintages, 4]: see `placement_sums`. `moments` [1 + vintages, 4]: rows, bads, their foreseen number and its
    variance. `graded` [2, grades]: test rows by outcome; `chances` [grades]: what each grade promises. `trained`
    [bands] and `bands` [1 + vintages, bands]: training rows, test rows and all rows of each vintage by score. `pool`,
    `tested`: training and test rows by cell of each characteristic. `apart`: test rows whose grade was told jointly
    with others; `immature`: rows whose outcome was not known in time; `untold` [1 + vintages]: banks with too few
    test rows to be told. `on`: the rows that grades promise by. `window`: what makes a row mature, in words.

    Example:
        >>> from hansa.horizontal.tally import score_edges
        >>> card, none, one = Card((), 600), np.zeros((1, 2, 3), np.int64), np.zeros((1, 1))
        >>> sums, counts = np.zeros((1, 4)), (one[[0, 0]], one[0], one[0], one)
        >>> found = Validated(card, (), (), {}, score_edges(card), none, none, sums, sums, *counts, pool=(), tested=())
        >>> found.rows, found.grades
        (0.0, ())
    """

    card: Card
    vintages: tuple[str, ...]
    parties: tuple[Portrait, ...]
    tables: Mapping[str, str]
    edges: NDArray[np.uint64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    ranks: NDArray[np.float64]
    moments: NDArray[np.float64]
    graded: NDArray[np.float64]
    chances: NDArray[np.float64]
    trained: NDArray[np.float64]
    bands: NDArray[np.float64]
    pool: tuple[NDArray[np.float64], ...]
    tested: tuple[NDArray[np.float64], ...]
    line: Line = field(default_factory=Line)
    apart: float = 0.0
    immature: float = 0.0
    untold: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    on: str = "validation"
    out_of_time: bool = False
    window: str = ""

    @property
    def rows(self) -> float:
        """How many test rows were told."""
        return float(self.moments[0, 0])

    @property
    def bads(self) -> float:
        """How many of them were bad."""
        return float(self.moments[0, 1])

    def counts(self, place: int = 0) -> ScoreCounts:
        """Counts by risk, of the whole test or of one vintage."""
        return ScoreCounts(self.edges, self.low[place], self.high[place])

    def discrimination(self, place: int = 0) -> tuple[Measure, Measure]:
        """AUC, by placements, and KS, by counts, of the whole test or of one vintage; with intervals."""
        counts = self.counts(place)
        auc, ks = auc_by_placements(self.ranks[place], counts.totals[0]), ks_interval(counts)
        return Measure(auc.auc, auc.low, auc.high), Measure(ks.value, ks.low, ks.high)

    @property
    def ratio(self) -> Measure:
        """Calibration in the large: bads by those that were foreseen."""
        _, bads, expected, variance = self.moments[0].tolist()
        return calibrated(bads, expected, variance)

    @property
    def grades(self) -> tuple[Proven, ...]:
        """Each grade that has rows and promises a chance."""
        rows = self.graded.sum(axis=0)
        told = zip(rows.tolist(), self.graded[1].tolist(), self.chances.tolist(), strict=True)
        return tuple(Proven.of(i, n, d, p) for i, (n, d, p) in enumerate(told, 1) if n > 0 and isfinite(p))

    @property
    def hosmer_lemeshow(self) -> tuple[float, int, float]:
        """The statistic over grades, its degrees of freedom (the grades, for the test has fitted nothing), p-value.

        Source: Hosmer and Lemeshow (1980), Communications in Statistics A9.
        """
        known = [one for one in self.grades if 0 < one.predicted < 1]
        if not known:
            return nan, 0, nan
        off = sum(
            (one.bads - one.rows * one.predicted) ** 2 / (one.rows * one.predicted * (1 - one.predicted))
            for one in known
        )
        return off, len(known), chi2_beyond(off, len(known))

    @property
    def by_vintage(self) -> tuple[Vintage, ...]:
        """Each vintage of which test rows were told."""
        found = []
        for place, name in enumerate(self.vintages, 1):
            rows, bads, expected, variance = self.moments[place].tolist()
            if rows:
                auc, ks = self.discrimination(place)
                found.append(Vintage(name, rows, bads, expected, calibrated(bads, expected, variance), auc, ks))
        return tuple(found)

    @property
    def drifts(self) -> tuple[Drift, ...]:
        """The scores of the test against those of the training, then its characteristics."""
        scores = drift("score", "test", self.trained, self.bands[0])
        names = zip(self.card.columns, self.pool, self.tested, strict=True)
        return (scores, *(drift(name, "test", before, after) for name, before, after in names))

    @property
    def over_time(self) -> tuple[Drift, ...]:
        """The scores of each later vintage against the first, over all rows."""
        told = {name: self.bands[place] for place, name in enumerate(self.vintages, 1) if self.bands[place].sum()}
        return over_time("score", {name: counts.tolist() for name, counts in told.items()}) if told else ()

    def summary(self) -> dict[str, Any]:
        """All of it as plain data, for a page and for JSON."""
        auc, ks = self.discrimination()
        intercept, slope = self.line.ends
        statistic, freedom, p_value = self.hosmer_lemeshow
        return {
            "rows": self.rows,
            "bads": self.bads,
            "ranked": float(self.ranks[0, 0]),
            "untold": float(self.untold[0]),
            "immature": self.immature,
            "auc": asdict(auc),
            "gini": asdict(gini_of(auc)),
            "ks": {**asdict(ks), "error": distance(self.counts()).error},
            "out_of_time": self.out_of_time,
            "window": self.window,
            "calibration": {
                "expected": float(self.moments[0, 2]),
                "ratio": asdict(self.ratio),
                "intercept": asdict(intercept),
                "slope": asdict(slope),
                "on": self.on,
                "apart": self.apart,
                "grades": [{**asdict(one), "observed": one.observed} for one in self.grades],
                "hosmer_lemeshow": {"statistic": statistic, "freedom": freedom, "p_value": p_value},
            },
            "vintages": [asdict(one) for one in self.by_vintage],
            "untold_vintages": [
                name for i, name in enumerate(self.vintages, 1) if self.untold[i] and not self.moments[i, 0]
            ],
            "stability": {"test": _drifts(self.drifts), "over_time": _drifts(self.over_time)},
            "parties": {
                one.party: {**asdict(one), "gini": asdict(one.gini), "drifts": _drifts(one.drifts)}
                for one in self.parties
            },
            "tables": dict(self.tables),
        }


def _drifts(found: Sequence[Drift]) -> list[dict[str, Any]]:
    return [{**asdict(one), "moved": one.moved, "rule": one.rule} for one in found]
