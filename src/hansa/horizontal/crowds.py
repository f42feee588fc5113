"""Quantiles from noised counts: where a column's values are many, its stretches are cut again; both halves here.

What leaves a party: how many of its training values lie in each stretch between edges, with noise. The first edges
divide the range that the contract states, and values beyond it count at its ends, so that no row says where to look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.plan import Asks, Gather
from hansa.horizontal.columns import numbers
from hansa.horizontal.quantiles import roundest

if TYPE_CHECKING:
    from hansa.core.contract import Domain
    from hansa.core.step import Roster
    from hansa.core.table import Table
    from hansa.horizontal.noise import Noise

Floats = NDArray[np.float64]

LEVELS: Final = 4
"""So often a party is asked: for the first stretches, and for three cuts of the crowded ones."""
_FIRST, _AGAIN = 16, 8


@final
@dataclass(frozen=True)
class Crowds(Ask):
    """How many values of each column lie in each stretch between these edges? Those beyond its ends count there.

    Example:
        >>> Crowds({"age": np.array([17.0, 40.0, 99.0])}, {"age": ()}).edges["age"].tolist()
        [17.0, 40.0, 99.0]
    """

    edges: Mapping[str, Floats]
    special_codes: Mapping[str, tuple[float, ...]]

    @property
    def figures(self) -> int:
        """How many counts a row changes: one of each column."""
        return len(self.edges)


@final
@dataclass(frozen=True)
class Crowd:
    """What is known of a column: rising `edges` `[k + 1]`, and noised `counts` `[k]` of the stretches between them.

    Example:
        >>> crowd = Crowd(np.array([0.0, 10.0, 20.0, 40.0]), np.array([50.0, 40.0, 10.0]))
        >>> crowd.ends(2, least=5.0), crowd.quantile(0.95)
        ((10.0,), 40.0)
        >>> crowd.cut(45.0, whole=True).tolist()
        [0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 7.0, 8.0, 10.0, 20.0, 40.0]
    """

    edges: Floats
    counts: Floats

    @classmethod
    def of(cls, domain: Domain) -> Crowd:
        """Nothing known but the range, in even stretches."""
        low = domain.low - 1 if domain.whole else domain.low
        inner = _between(low, domain.high, _FIRST, whole=domain.whole)
        edges = np.array([low, *inner, domain.high])
        return cls(edges, np.zeros(len(edges) - 1))

    @property
    def rows(self) -> float:
        """About how many values there are."""
        return float(max(self.counts.sum(), 0.0))

    def cut(self, many: float, *, whole: bool) -> Floats:
        """The edges, and more of them inside each stretch that holds more than so many values."""
        ends = zip(self.edges[:-1].tolist(), self.edges[1:].tolist(), self.counts.tolist(), strict=True)
        more = [_between(low, high, _AGAIN, whole=whole) for low, high, count in ends if count > many]
        return np.unique(np.concatenate([self.edges, *more]))

    def ends(self, bins: int, least: float) -> tuple[float, ...]:
        """Edges of about so many bins of about as many values, none of fewer than `least`; crowded values apart."""
        fair, held = max(self.rows / bins, least), 0.0
        found: list[float] = []
        for start, end, count in zip(self.edges[:-1].tolist(), self.edges[1:].tolist(), self.counts, strict=True):
            if held >= fair / 2 and held + count > 1.5 * fair:
                found.append(start)
                held = 0.0
            held += float(count)
            if held >= 0.75 * fair:
                found.append(end)
                held = 0.0
        if found and (found[-1] == self.edges[-1] or held < fair / 2):
            found.pop()
        return tuple(found)

    def quantile(self, share: float) -> float:
        """The first edge with about this share of the values at or below it."""
        upto = np.maximum.accumulate(np.cumsum(self.counts))
        return float(self.edges[1:][min(int(np.searchsorted(upto, share * self.rows)), len(self.counts) - 1)])


def crowded(ask: Crowds, table: Table, noise: Noise) -> Answer:
    """The party's half: its counts, with noise; a row is in one stretch of each column.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.noise import Noise
        >>> ask = Crowds({"age": np.array([17.0, 40.0, 99.0])}, {"age": ()})
        >>> crowded(ask, Table.of({"age": [31, 42, None]}), Noise(0.0)).load["crowds"].tolist()
        [[1.0, 1.0]]
    """
    found = []
    for name, edges in ask.edges.items():
        values, _, _ = numbers(table.column(name), ask.special_codes[name])
        place = np.searchsorted(edges[1:-1], values[~np.isnan(values)])
        found.append(np.bincount(place, minlength=max(len(edges) - 1, 1)))  # as many, whatever the rows are
    return Answer(Load({"crowds": noise.counts(np.concatenate(found), ask.figures)[None, :]}))


def searched(
    parties: Roster,
    here: Sequence[str],
    domains: Mapping[str, Domain],
    special_codes: Mapping[str, tuple[float, ...]],
    bins: Mapping[str, int],
    noise: Noise,
) -> Gather[dict[str, Crowd]]:
    """The coordinator's half: count, cut where it is crowded for so many `bins`, and count again, `LEVELS` times.

    Whoever gives no answer is missing from that count alone, for each of them says how many values there are.

    Example:
        >>> from hansa.core.contract import Domain
        >>> from hansa.core.step import Roster
        >>> from hansa.horizontal.noise import Noise
        >>> roster, ages = Roster(("bank-a",)), {"age": Domain(18, 20, whole=True)}
        >>> plan = searched(roster, roster.names, ages, {"age": ()}, {"age": 10}, Noise(1.0))
        >>> next(plan).to["bank-a"].edges["age"].tolist()
        [17.0, 18.0, 19.0, 20.0]
    """
    crowds = {name: Crowd.of(domain) for name, domain in domains.items()}
    for level in range(LEVELS if crowds else 0):
        if level:
            least = noise.seen(len(crowds), len(here))
            crowds = {
                name: replace(one, edges=one.cut(max(one.rows / (2 * bins[name]), least), whole=domains[name].whole))
                for name, one in crowds.items()
            }
        edges = {name: one.edges for name, one in crowds.items()}
        ask = Crowds(edges, {name: special_codes[name] for name in edges})
        reply = yield Asks(dict.fromkeys(here, ask), until=parties.until(len(here)))
        ends = np.cumsum([len(one) - 1 for one in edges.values()])[:-1]
        parts = np.split(reply.value["crowds"][0], ends)
        crowds = {name: Crowd(edges[name], part) for name, part in zip(edges, parts, strict=True)}
    return crowds


def _between(low: float, high: float, parts: int, *, whole: bool) -> list[float]:
    """Inner edges of about even parts: whole numbers, or round ones."""
    width = (high - low) / parts
    even = [low + width * j for j in range(1, parts)]
    if whole:
        return [edge for edge in dict.fromkeys(float(np.floor(one)) for one in even) if low < edge < high]
    return [roundest(one - width / 4, one + width / 4) for one in even]
