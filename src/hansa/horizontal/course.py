"""The course of a selection: which columns are in, which have left and why; decided at the coordinator.

What is here is pure: it knows binning tables and sums, and no rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import TYPE_CHECKING, Literal, TypeAlias, final

import numpy as np

from hansa.core.metrics.tails import chi2_beyond
from hansa.errors import DataError, nearest
from hansa.horizontal.binning_table import BinningTable
from hansa.horizontal.families import Floats
from hansa.horizontal.newton import Frame
from hansa.horizontal.selected import SEPARATES, Selection
from hansa.horizontal.stepwise import Standing, correlations, greatest, inflation

if TYPE_CHECKING:
    from hansa.horizontal.selection import Select

Stepwise: TypeAlias = Literal["both", "forward", "backward", "none"]

_WRONG = "its coefficient has the wrong sign"
_SOME = 3


def begun(rules: Select, tables: Sequence[BinningTable]) -> Course:
    """The course after all that binning tables tell: information values, event rates, and what is forbidden.

    Raises:
        DataError: a column that is forced or forbidden was not binned, or no column is left.

    Example:
        >>> from hansa.horizontal.selection import Select
        >>> from hansa.horizontal.woe import Cells
        >>> counts = np.array([[90.0, 60.0, 0.0], [10.0, 40.0, 0.0]])
        >>> age, flat = (BinningTable(Cells(name, edges=(30.0,)), counts, (0, 1)) for name in ("age", "new"))
        >>> course = begun(Select(forbidden=("new",)), (age, flat))
        >>> course.names, course.dropped
        (('age',), {'new': 'it is forbidden'})
    """
    names = [table.name for table in tables]
    for name in (*rules.forced, *rules.forbidden):
        if name not in names:
            raise DataError(f"'{name}' was not binned.", mend=nearest(name, names))
    dropped: dict[str, str] = {}
    against: dict[str, str] = {}
    for table in tables:
        why = _told_by_table(rules, table)
        if why and table.name in rules.forced:
            against[table.name] = why
        elif why:
            dropped[table.name] = why
    left = tuple(table for table in tables if table.name not in dropped)
    flat = {table.name: "it is constant" for table in left if not _spread(table)[1] > 0}
    left = tuple(table for table in left if table.name not in flat)
    against = {name: why for name, why in against.items() if name not in flat}
    return _checked(Course(rules, left, dropped={**dropped, **flat}, against=against))


@final
@dataclass(frozen=True, eq=False)
class Course:
    """Candidates by their binning tables, the places of those inside, and why others have left.

    Example:
        >>> from hansa.horizontal.selection import Select
        >>> from hansa.horizontal.woe import Cells
        >>> counts = np.array([[90.0, 60.0, 0.0], [10.0, 40.0, 0.0]])
        >>> course = Course(Select(), (BinningTable(Cells("age", edges=(30.0,)), counts, (0, 1)),))
        >>> there = Standing(np.zeros(2), 9.0, np.array([0.0, -8.0]), np.diag([50.0, 8.0]))
        >>> course.moved(there).path  # the score test has a chi-squared of 8
        ('+ age',)
    """

    rules: Select
    tables: tuple[BinningTable, ...]
    inside: tuple[int, ...] = ()
    dropped: Mapping[str, str] = field(default_factory=dict)
    against: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The candidates."""
        return tuple(table.name for table in self.tables)

    @property
    def frame(self) -> Frame:
        """The candidates' centres and scales, by pooled counts."""
        centre, scale = np.array([_spread(table) for table in self.tables]).reshape(-1, 2).T
        return Frame(self.names, centre, scale)

    def thinned(self, products: Floats) -> tuple[Course, list[int]]:
        """Without columns that correlate too much, or are inflated; and the places of those that are left.

        `products` [1 + k, 1 + k]: sums of products of the constant and the candidates, times anything.
        """
        R, rules, names = correlations(products), self.rules, self.names
        rank = sorted(range(len(names)), key=lambda i: (names[i] not in rules.forced, -_rounded(self.tables[i].iv), i))
        places: list[int] = []
        dropped, against = dict(self.dropped), dict(self.against)
        for i in rank:
            close = [j for j in places if abs(R[i, j]) > rules.max_correlation]
            if not close:
                places.append(i)
                continue
            why = f"it correlates {R[i, close[0]]:.3f} with {names[close[0]]}"
            if names[i] in rules.forced:
                places.append(i)
                against[names[i]] = why
            else:
                dropped[names[i]] = why
        places.sort()
        while rules.max_vif and len(places) > 1:
            inflated = inflation(R[np.ix_(places, places)])
            free = [k for k, i in enumerate(places) if names[i] not in rules.forced and inflated[k] > rules.max_vif]
            if not free:
                break
            worst = free[greatest([float(inflated[k]) for k in free])]
            dropped[names[places[worst]]] = f"its variance inflation is {inflated[worst]:.4g}"
            del places[worst]
        left = tuple(self.tables[i] for i in places)
        all_in = rules.stepwise in {"backward", "none"}
        inside = tuple(k for k, table in enumerate(left) if all_in or table.name in rules.forced)
        return _checked(replace(self, tables=left, inside=inside, dropped=dropped, against=against)), places

    def moved(self, point: Standing) -> Course | None:
        """The course with one column more or less, at the maximum of those inside; None where it is at its end."""
        rules = self.rules
        z = point.wald(self.inside).tolist()
        free = [k for k, i in enumerate(self.inside) if self.names[i] not in rules.forced]
        wrong = [k for k in free if z[k] >= 0]
        if rules.signs and wrong:
            return self._left(wrong[greatest([z[k] for k in wrong])], _WRONG)
        if rules.stepwise in {"both", "backward"} and free:
            least = free[greatest([-(z[k] ** 2) for k in free])]
            chance = chi2_beyond(z[least] ** 2, 1)
            if chance > rules.leave:
                return self._left(least, f"its Wald test has p = {chance:.3g}")
        if rules.stepwise in {"both", "forward"}:
            return self._entered(point)
        return None

    def cleared(self, beta: Floats) -> Floats:
        """Coefficients `[1 + k]` with zeros for all that are outside."""
        inside = np.isin(np.arange(len(beta)), [0, *(i + 1 for i in self.inside)])
        return np.where(inside, beta, 0.0)

    def selection(self, point: Standing) -> Selection:
        """What was kept and what was not, at the end of the course."""
        rules, names = self.rules, self.names
        dropped, against = dict(self.dropped), dict(self.against)
        for i in self._outside():
            chi2, way = point.score(i, self.inside)
            dropped[names[i]] = f"its score test has p = {chi2_beyond(chi2, 1):.3g}"
            if not way:
                dropped[names[i]] = "the columns that are kept determine it"
            elif rules.signs and way > 0:
                dropped[names[i]] = "its coefficient would have the wrong sign"
        for i, z in zip(self.inside, point.wald(self.inside).tolist(), strict=True):
            if rules.signs and z >= 0:
                against[names[i]] = _WRONG
        kept = tuple(names[i] for i in self.inside)
        if not kept:
            raise DataError("The selection keeps no column.", "None passes its tests.", "Raise enter, or force some.")
        return Selection(kept, dropped, against, self.path, point.asks)

    def _entered(self, point: Standing) -> Course | None:
        scores = {i: point.score(i, self.inside) for i in self._outside()}
        right = [i for i, (_, way) in scores.items() if way < 0 or (way and not self.rules.signs)]
        if not right:
            return None
        best = right[greatest([scores[i][0] for i in right])]
        if chi2_beyond(scores[best][0], 1) > self.rules.enter:
            return None
        return replace(self, inside=tuple(sorted((*self.inside, best))), path=(*self.path, f"+ {self.names[best]}"))

    def _left(self, k: int, why: str) -> Course:
        """Without the k-th of those inside, for good."""
        place = self.inside[k]
        name = self.names[place]
        inside = tuple(i for i in self.inside if i != place)
        return replace(self, inside=inside, dropped={**self.dropped, name: why}, path=(*self.path, f"- {name}"))

    def _outside(self) -> list[int]:
        """The places of candidates that are not in, and have not left."""
        return [i for i, name in enumerate(self.names) if i not in self.inside and name not in self.dropped]


def _told_by_table(rules: Select, table: BinningTable) -> str:
    """What a binning table has against its column; nothing where all is well."""
    if table.name in rules.forbidden:
        return "it is forbidden"
    if table.iv < rules.min_iv and not table.counts.any(axis=1).all():
        return "no bank has told rows of both outcomes"
    if table.iv < rules.min_iv and _separates(table):
        return SEPARATES
    if table.iv < rules.min_iv:
        return f"its information value {table.iv:.3g} is below {rules.min_iv:g}"
    if rules.max_iv and table.iv > rules.max_iv:
        return f"its information value {table.iv:.3g} is above {rules.max_iv:g}"
    if rules.monotonic and not _monotone(table):
        return "its event rates rise and fall"
    return ""


def _separates(table: BinningTable) -> bool:
    """Whether more than half of either outcome lie in bins, before they were joined, without the other."""
    bins = table.counts[:, : table.fine.bins]
    return bool((2 * bins[:, (bins == 0).any(axis=0)].sum(axis=1) > np.maximum(bins.sum(axis=1), 1)).all())


def _monotone(table: BinningTable) -> bool:
    """Whether the weights of evidence of its bins, less special codes and gaps, only rise or only fall."""
    steps = np.diff(table.woe[: table.cells.bins])
    return bool((steps >= -1e-9).all() or (steps <= 1e-9).all())


def _spread(table: BinningTable) -> tuple[float, float]:
    """Mean and deviation of a column's weights of evidence, by its pooled counts."""
    share = table.rows(table.counts) / max(float(table.counts.sum()), 1e-300)
    mean = float(share @ table.woe)
    return mean, sqrt(float(share @ (table.woe - mean) ** 2))


def _rounded(value: float) -> float:
    """A value to six digits, so that rounding decides nothing."""
    return float(f"{value:.6g}")


def _checked(course: Course) -> Course:
    if not course.tables:
        why = "; ".join(f"'{name}': {reason}" for name, reason in list(course.dropped.items())[:_SOME])
        more = f"; and {len(course.dropped) - _SOME} more" * (len(course.dropped) > _SOME)
        raise DataError("The selection keeps no column.", f"{why}{more}.", "Lower min_iv, bring more, or force some.")
    return course
