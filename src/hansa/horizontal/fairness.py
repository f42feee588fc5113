"""Fairness: how a scorecard treats protected groups, from summed counts; both halves of the conversation on this page.

Protected columns are read here alone and never enter the model. What leaves a party: labels of these columns that
`min_cell` of its customers share; of each group, on validation rows, how many are approved and declined, how many of
its goods are, and the sum and the sum of squares of its scores. A count above 0 and below `min_cell` keeps the group's
counts at home, and fewer than `min_rows` rows its scores. The difference from all would tell of what stays at home: it
counts as the largest group where that is twenty times as large, and else, where it is a few in all, the smallest others
stay too. Groups are not mixed otherwise, for that would make them look alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.fold import Collect
from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Handler, Memory, Site
from hansa.core.plan import Asks, Keep, Plan
from hansa.core.step import Done, Event, Roster
from hansa.core.table import Table
from hansa.data.parts import PARTS
from hansa.errors import ConfigError, DataError, nearest
from hansa.horizontal.card import Card
from hansa.horizontal.design import floors_at, parts_at, prepared_of
from hansa.horizontal.floors import Floors
from hansa.horizontal.labels import in_order, shared
from hansa.horizontal.parity import SUMS, Counted, Parity
from hansa.horizontal.scorecard import CardFound
from hansa.horizontal.woe import Cells

_MOST: Final = 20
"""How many times as large a group must be as those of a few that count as it."""


@final
@dataclass(frozen=True)
class Members(Ask):
    """Which labels of these columns do at least `min_cell` of your customers share?

    Example:
        >>> Members(("sex",)).names
        ('sex',)
    """

    names: tuple[str, ...]


@final
@dataclass(frozen=True)
class Decide(Ask):
    """How does this card decide over your groups, from this score on? Scores are summed less the cut-off.

    Example:
        >>> Decide(Card((), 600), 590, ()).cut_off
        590
    """

    card: Card
    cut_off: int
    cells: tuple[Cells, ...]


@final
@dataclass(frozen=True)
class Fairness:
    """Test a scorecard for disparities between the groups of `protected` columns; comes after the scorecard.

    `splits`: the edges of a numeric column, such as `{"age": (61.0,)}`. `reference`: whom a column's groups are
    compared with; without, the largest group. Approved are those who score at least `cut_off`; without it, as many as
    `approval_rate` says, by the card's own counts.

    Raises:
        ConfigError: no column, or an approval rate outside (0, 1).

    Example:
        >>> Fairness(("sex",), approval_rate=0.8).title
        'fairness'
    """

    protected: tuple[str, ...]
    cut_off: int | None = None
    approval_rate: float = 0.7
    splits: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    reference: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check ranges and names."""
        if not self.protected or not 0 < self.approval_rate < 1:
            raise ConfigError("Fairness needs a protected column, and an approval_rate between 0 and 1.")
        for name in (*self.splits, *self.reference):
            if name not in self.protected:
                raise ConfigError(f"'{name}' is not protected.", mend=nearest(name, self.protected))

    @property
    def title(self) -> str:
        """The step's name."""
        return "fairness"

    @property
    def state(self) -> type[Parity]:
        """What the plan keeps and returns."""
        return Parity

    def events(self) -> tuple[Event, ...]:
        """Nothing that an accountant could bound."""
        return ()

    def handlers(self) -> Mapping[type[Ask], Handler]:
        """The party's half."""
        return {Members: Judge(), Decide: Judge()}

    def often(self) -> Mapping[type[Ask], int]:
        """Once: from decisions by another cut-off, those between the two could be told."""
        return {Members: 1, Decide: 1}

    def collects(self) -> frozenset[type[Ask]]:
        """Labels of protected columns."""
        return frozenset({Members})

    def plan(self, parties: Roster, kept: Parity | None, done: Done) -> Plan[Parity]:
        """Labels, then counts."""
        found = kept
        if found is None:
            card, cut_off = done.last(CardFound).card, self._cut_off(done.last(CardFound))
            words = tuple(name for name in self.protected if name not in self.splits)
            until = parties.until(len(parties))
            reply = yield Asks(dict.fromkeys(parties, Members(words)), Collect(), until)
            said = [answer.text() for _, answer in reply.value.rows]
            cells = tuple(self._cells(name, said) for name in self.protected)
            reply = yield Asks(dict.fromkeys(reply.counted, Decide(card, cut_off, cells)))
            ends = np.cumsum([one.size for one in cells])[:-1]
            sums = np.split(reply.value["sums"][0].reshape(-1, len(SUMS)), ends)
            columns = tuple(map(Counted, cells, sums))
            found = Parity(cut_off, columns, self.reference, float(reply.value["untold"][0, 0]))
        yield Keep(found, {"untold": found.untold})
        return found

    def _cells(self, name: str, said: list[Mapping[str, list[str]]]) -> Cells:
        if name in self.splits:
            return Cells(name, self.splits[name])
        labels = in_order({label for one in said for label in one[name]})
        return Cells(name, (), tuple((label,) for label in labels), categorical=True)

    def _cut_off(self, found: CardFound) -> int:
        if self.cut_off is not None:
            return self.cut_off
        rows = found.counted.counts.sum(axis=0)
        if not rows.sum():
            return found.card.lowest
        share = np.cumsum(rows[::-1])[::-1] / rows.sum()
        return int(found.counted.scores[np.argmin(np.abs(share - self.approval_rate))])


@final
@dataclass(frozen=True)
class Judge:
    """The party's half: labels, and counts of validation rows by group.

    Example:
        >>> isinstance(Fairness(("sex",)).handlers()[Decide], Judge)
        True
    """

    def answer(self, ask: Ask, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Answer either of the step's asks; nothing is remembered."""
        prepared = prepared_of(site, memory)
        parts = parts_at(site, None if prepared is None else prepared.split)
        table = site.table.take(np.flatnonzero(parts == PARTS.index("validation")))
        floors = floors_at(site, memory, "validation")
        if isinstance(ask, Members):
            told = {name: shared(_column(table, name).column(name), floors) for name in ask.names}
            return Answer.of_text(told), memory
        if isinstance(ask, Decide):
            sums, untold = tell_groups(ask, table, floors)
            return Answer(Load({"sums": sums.reshape(1, -1), "untold": np.array([[untold]])})), memory
        raise DataError(f"A test of fairness has no answer to {type(ask).__name__}.")


def tell_groups(ask: Decide, table: Table, floors: Floors) -> tuple[NDArray[np.float64], float]:
    """The sums of every group as they leave a party `[groups, 7]`, and how many groups' approvals stay at home.

    Example:
        >>> table = Table.of({"sex": ["f", "m", "m"], "late": [0, 0, 1]}, target="late")
        >>> ask = Decide(Card((), 600), 590, (Cells("sex", labels=(("f",), ("m",))),))
        >>> sums, untold = tell_groups(ask, table, Floors(1, 1))
        >>> sums[:2].tolist(), untold
        ([[1.0, 0.0, 1.0, 0.0, 1.0, 10.0, 100.0], [2.0, 0.0, 1.0, 0.0, 2.0, 20.0, 200.0]], 0.0)
    """
    score, good = ask.card.score(table) - ask.cut_off, table.y() != 1
    kind, told, untold = 2 * (score < 0) + ~good, list[NDArray[np.float64]](), 0
    for cells in ask.cells:
        own = cells.place(_column(table, cells.column).column(cells.column))
        place = _absorbed(own, kind, cells.size, floors.cell)
        four = np.bincount(4 * place + kind, minlength=4 * cells.size).reshape(-1, 4)  # approved goods, bads; declined
        decided, everyone = four.reshape(-1, 2, 2).sum(axis=2), np.ones(cells.size, bool)
        rows = decided.sum(axis=1)
        shown, scored = _shown(decided, everyone, floors.cell), _shown(rows[:, None], everyone, floors.rows)
        full = _shown(four, shown, floors.cell)
        untold += int(((np.bincount(own, minlength=cells.size) > 0) & ~(shown & (rows > 0))).sum())
        sums = [np.bincount(place, one, minlength=cells.size) for one in (np.ones_like(score), score, score**2)]
        parts = (decided * shown[:, None], four[:, ::2] * full[:, None], np.stack(sums, axis=1) * scored[:, None])
        told.append(np.concatenate(parts, axis=1))
    return np.concatenate(told), float(untold)


def _absorbed(place: NDArray[np.intp], kind: NDArray[np.intp], size: int, cell: int) -> NDArray[np.intp]:
    """Each row's group, those of groups of a few as the largest one's where that is twenty times all of them."""
    decided = np.bincount(2 * place + kind // 2, minlength=2 * size).reshape(-1, 2)
    few, rows = np.any((decided > 0) & (decided < cell), axis=1), decided.sum(axis=1)
    largest = int(np.argmax(np.where(few, 0, rows)))
    return np.where(few[place], largest, place) if _MOST * rows[few].sum() <= rows[largest] else place


def _shown(counts: NDArray[np.intp], shown: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Which groups `[groups]` of these counts `[groups, kinds]` are told, of those that may be.

    None of a few, and not so many that what is left, which is known together by the difference, is a few.
    """
    few = (counts > 0) & (counts < least)
    shown = shown & ~few.any(axis=1)
    size = counts.sum(axis=1)
    for smallest in (place for place in np.argsort(size, kind="stable") if size[place]):
        rest = counts[~shown].sum(axis=0)
        if not ((rest > 0) & (rest < least)).any():
            break
        shown[smallest] = False
    return shown


def _column(table: Table, name: str) -> Table:
    if name not in table.columns:
        raise DataError(f"There is no column '{name}'.", mend=nearest(name, table.names))
    return table
