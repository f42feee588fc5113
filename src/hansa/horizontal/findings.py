"""What a look at the data found: a sheet for each party, one for all together, and columns that tell the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from hansa.core.metrics import population_stability
from hansa.horizontal.groups import FEW, Counts, Groups, Told


@final
@dataclass(frozen=True)
class Facts:
    """One column at one party, or over all: counts, and a range by quantiles (5, 50 and 95 %; None: not told, or open).

    `gaps`, `infinite`: rows without a usable value; -1 for a few. `distinct`: values, rounded up where few share one.
    `drift`: the population stability of this party against the others, None where too few rows stand behind it.

    Example:
        >>> Facts("age", "integer", gaps=-1).drift is None
        True
    """

    name: str
    kind: str
    gaps: int = 0
    infinite: int = 0
    distinct: int = 0
    constant: bool = False
    low: float | None = None
    middle: float | None = None
    high: float | None = None
    drift: float | None = None


@final
@dataclass(frozen=True)
class Sheet:
    """A party, or all of them: rows, rows that stand there again, ids that do (-1 for a few), events, columns.

    Example:
        >>> Sheet("bank-a", rows=0, note="fewer than 20 rows").columns
        ()
    """

    party: str
    rows: int = 0
    repeated: int = 0
    ids: int = 0
    events: int | None = None
    columns: tuple[Facts, ...] = ()
    missing: tuple[str, ...] = ()
    note: str = ""


@final
@dataclass(frozen=True)
class Suspect:
    """A column that may tell the target: by how its groups rank the events (`auc`), or because it is known late.

    Example:
        >>> Suspect("duration", None, "known at outcome").auc is None
        True
    """

    name: str
    auc: float | None
    why: str


@final
@dataclass(frozen=True)
class Findings:
    """All sheets, what is suspected to leak, every column's AUC by itself, and the floors that were kept.

    Example:
        >>> Findings((), Sheet("pooled"), min_cell=10).summary()["min_cell"]
        10
    """

    sheets: tuple[Sheet, ...]
    pooled: Sheet
    suspects: tuple[Suspect, ...] = ()
    aucs: Mapping[str, float] | None = None
    min_rows: int = 20
    min_cell: int = 10

    def summary(self) -> dict[str, Any]:
        """Everything as plain data, for a page and for JSON."""
        return asdict(self)


def drift_of(mine: Told, pool: Counts) -> float | None:
    """How far a party's counts by group stand from those of the others; None without enough of either.

    Example:
        >>> mine = Told.of(np.array([60, 40]), 10, ordered=True)
        >>> drift_of(mine, np.array([120.0, 80.0])), round(drift_of(mine, np.array([100.0, 100.0])), 2)
        (0.0, 0.16)
    """
    others = np.maximum(pool - mine.spread, 0.0)
    if not mine.rows.sum() or others.sum() < 1:
        return None
    return population_stability(mine.joined(others), mine.own)


def span_of(mine: Told, groups: Groups) -> tuple[float | None, float | None, float | None]:
    """Between which edges a party's middle 90 % and its median lie; None where they lie beyond all edges.

    Example:
        >>> span_of(Told.of(np.array([0, 50, 50, 0, 0]), 10, ordered=True), Groups("x", edges=(1.0, 2.0, 3.0)))
        (1.0, 2.0, 3.0)
    """
    rows = mine.spread[: len(groups.edges) + 1]
    if not rows.sum():
        return None, None, None
    upto = np.cumsum(rows) / rows.sum()
    low, middle, high = (int(np.searchsorted(upto, share - 1e-9)) for share in (0.05, 0.5, 0.95))
    edges = (*groups.edges, None)
    return edges[low - 1] if low else None, edges[middle], edges[high]


def sheet_of(
    party: str,
    said: Mapping[str, Any],
    groups: Mapping[str, Groups],
    tally: Mapping[str, tuple[Told, Told]],
    pool: Mapping[str, Counts],
) -> Sheet:
    """A party's sheet from its inventory, its rows (and events) by group, and everybody's rows by group.

    Example:
        >>> said = {"rows": 99, "repeated": 0, "ids": 0, "events": None}
        >>> said["columns"] = {"age": ("integer", 0, 0, 50, False)}
        >>> ages, rows = Groups("age", edges=(30.0, 60.0)), Told.of(np.array([33, 33, 33, 0]), 10, ordered=True)
        >>> sheet_of("bank-a", said, {"age": ages}, {"age": (rows, rows)}, {"age": 2 * rows.spread}).columns[0].drift
        0.0
    """
    if not said["rows"]:
        return Sheet(party, note=f"fewer than {said['min_rows']} rows")
    columns = []
    for name, (kind, gaps, infinite, distinct, constant) in said["columns"].items():
        low = middle = high = drift = None
        if name in tally and tally[name][0].rows.sum():
            drift = drift_of(tally[name][0], pool[name])
            if groups[name].ordered:
                low, middle, high = span_of(tally[name][0], groups[name])
        columns.append(Facts(name, kind, gaps, infinite, distinct, constant, low, middle, high, drift))
    missing = tuple(name for name in pool if name not in said["columns"])
    return Sheet(party, said["rows"], said["repeated"], said["ids"], said["events"], tuple(columns), missing)


def pooled(
    sheets: tuple[Sheet, ...], ranges: Mapping[str, tuple[float, ...]], groups: Mapping[str, Groups] | None = None
) -> Sheet:
    """All sheets as one: counts add up, those of a few left out; `ranges` are the pooled quantiles by column.

    Example:
        >>> one = Sheet("bank-a", rows=100, columns=(Facts("age", "integer", gaps=20),))
        >>> both = pooled((one, Sheet("bank-b", rows=50, columns=(Facts("age", "integer", gaps=-1),))), {})
        >>> both.rows, both.columns[0].gaps
        (150, 20)
    """
    every: dict[str, list[Facts]] = {}
    for sheet in sheets:
        for facts in sheet.columns:
            every.setdefault(facts.name, []).append(facts)
    columns = []
    for name, found in every.items():
        low, middle, high = ranges.get(name, (None, None, None))
        kinds = " or ".join(dict.fromkeys(facts.kind for facts in found))
        levels = len(groups[name].levels) if groups and name in groups else 0
        drift = max((facts.drift for facts in found if facts.drift is not None), default=None)
        alike = low == high if low is not None else levels <= 1
        columns.append(
            Facts(
                name,
                kinds,
                gaps=_sum([facts.gaps for facts in found]),
                infinite=_sum([facts.infinite for facts in found]),
                distinct=max(levels, *(facts.distinct for facts in found)),
                constant=all(facts.constant for facts in found) and alike,
                low=low,
                middle=middle,
                high=high,
                drift=drift,
            )
        )
    events = [sheet.events for sheet in sheets if sheet.events is not None]
    return Sheet(
        "all together",
        rows=sum(sheet.rows for sheet in sheets),
        repeated=_sum([sheet.repeated for sheet in sheets]),
        ids=_sum([sheet.ids for sheet in sheets]),
        events=_sum(events) if events else None,
        columns=tuple(columns),
    )


def _sum(counts: list[int]) -> int:
    """Add counts; a few here and a few there stay a few."""
    known = [count for count in counts if count != FEW]
    return sum(known) if any(known) or FEW not in counts else FEW
