"""Whether characteristics have moved: between parties, or over time, from counts over the same cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics import population_stability, stability_alarm
from hansa.horizontal.binning_process import BinningProcess

Rule: TypeAlias = Literal["stable", "watch", "shifted"]


@final
@dataclass(frozen=True)
class Drift:
    """How far one characteristic of a party, or of a period, stands from the others' or from the period before.

    `index`: the population stability index. `alarm`: what it stays below with 99 % when nothing has moved, for so many
    rows. `rule`: what the rule of thumb (.1 and .25, whatever the rows) would say.

    Example:
        >>> Drift("age", "bank-a", index=0.17, alarm=0.217, rows=200.0).moved
        False
    """

    characteristic: str
    where: str
    index: float
    alarm: float
    rows: float

    @property
    def moved(self) -> bool:
        """Whether chance alone would seldom go so far."""
        return self.index > self.alarm

    @property
    def rule(self) -> Rule:
        """The rule of thumb."""
        return "stable" if self.index < 0.1 else "watch" if self.index < 0.25 else "shifted"


def drift(characteristic: str, where: str, expected: NDArray[np.float64], actual: NDArray[np.float64]) -> Drift:
    """Compare counts over the same cells `[cells]`; cells that are empty on both sides are none.

    Example:
        >>> drift("age", "2024", np.array([50.0, 30.0, 20.0, 0.0]), np.array([40.0, 30.0, 30.0, 0.0])).rule
        'stable'
    """
    there = (expected + actual) > 0
    before, after = expected[there], actual[there]
    rows = float(after.sum())
    groups = int(there.sum())
    if groups < 2 or not before.sum() or not rows:
        return Drift(characteristic, where, 0.0 if groups == 1 else float("nan"), float("nan"), rows)
    alarm = stability_alarm(float(before.sum()), rows, groups)
    return Drift(characteristic, where, population_stability(before, after), alarm, rows)


def between_parties(process: BinningProcess) -> tuple[Drift, ...]:
    """Each party's characteristics against those of all others, over the joined cells; needs `Binning(by_party=True)`.

    Example:
        >>> from hansa.horizontal.binning_table import BinningTable
        >>> from hansa.horizontal.woe import Cells
        >>> counts = np.array([[60.0, 40.0, 0.0], [6.0, 4.0, 0.0]])
        >>> table = BinningTable(Cells("age", edges=(30.0,)), 2 * counts, (0, 1), {"a": counts, "b": counts})
        >>> [(one.where, one.index, one.moved) for one in between_parties(BinningProcess((table,)))]
        [('a', 0.0, False), ('b', 0.0, False)]
    """
    found = []
    for table in process.tables:
        pool = table.rows(table.counts)
        for party, counts in table.parties.items():
            own = table.rows(counts)
            found.append(drift(table.name, party, np.maximum(pool - own, 0.0), own))
    return tuple(found)


def over_time(characteristic: str, counts: Mapping[str, Sequence[float]]) -> tuple[Drift, ...]:
    """Each later period against the first, from counts over the same cells by period.

    Example:
        >>> years = {"2023": [500.0, 500.0], "2024": [490.0, 510.0], "2025": [200.0, 800.0]}
        >>> [(one.where, one.moved, one.rule) for one in over_time("age", years)]
        [('2024', False, 'stable'), ('2025', True, 'shifted')]
    """
    (_, first), *later = counts.items()
    before = np.asarray(first, np.float64)
    return tuple(drift(characteristic, period, before, np.asarray(own, np.float64)) for period, own in later)
