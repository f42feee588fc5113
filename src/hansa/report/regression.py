"""The section on an exact regression: its coefficients, which columns were kept, and why the others were not."""

from __future__ import annotations

from math import isfinite

from hansa.report.figures import count, counted
from hansa.report.page import Table, folded, paragraph, section, table
from hansa.report.reading import Reading, items, mapping, number
from hansa.report.svg import safe

_HEADS = ("coef", "std err", "z", "P>|z|", "[0.025", "0.975]")


def regressed(reading: Reading) -> str:
    """Coefficients as statisticians know them, notes, and the selection; nothing where nothing was regressed.

    Example:
        >>> line = dict(zip(_HEADS, (-1.0, 0.1, -10.0, 0.0, -1.2, -0.8)))
        >>> told = {"regression": {"coefficients": {"age": line}, "rows": 500}, "selection": {"dropped": {"new": "x"}}}
        >>> page = regressed(Reading(told))
        >>> "-1.0000" in page, "Columns that were not kept" in page, regressed(Reading({}))
        (True, True, '')
    """
    found = mapping(reading.summary.get("regression"))
    lines = mapping(found.get("coefficients"))
    if not lines:
        return ""
    rows = [
        [safe(name), *(_cell(head, number(mapping(one).get(head))) for head in _HEADS)] for name, one in lines.items()
    ]
    over = f" over {count(number(found.get('rows')))} training rows" if isfinite(number(found.get("rows"))) else ""
    intro = f"An exact regression{over}: the coefficients that pooled rows would give, from sums alone."
    parts = [paragraph(intro), table(Table("Coefficients", ["", *map(safe, _HEADS)], rows))]
    parts += [paragraph(safe(note), "quiet") for note in items(found.get("notes"))]
    return section("The regression", *parts, *_selected(reading))


def _selected(reading: Reading) -> list[str]:
    """Why columns were not kept, and what was kept against the rules."""
    told = mapping(reading.summary.get("selection"))
    dropped, against = mapping(told.get("dropped")), mapping(told.get("against"))
    parts = [paragraph(safe(f"Kept by force: {name}, though {why}.")) for name, why in against.items()]
    if dropped:
        rows = [[safe(name), safe(why)] for name, why in dropped.items()]
        shown = table(Table("Columns that were not kept", ["column", "why"], rows, words=2))
        parts.append(folded(f"{counted(len(dropped), 'column')} not kept, and why", shown))
    return parts


def _cell(head: str, value: float) -> str:
    if not isfinite(value):
        return "-"
    return f"{value:.3f}" if head in {"z", "P>|z|"} else f"{value:.4f}"
