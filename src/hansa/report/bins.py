"""Binning tables as pictures: the rows of each cell as bars, and its event rate beside them, pooled and by bank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any, Final, final

from hansa.report.figures import count, figure, percent, signed
from hansa.report.page import figure_of, page, paragraph, responsive, section
from hansa.report.reading import items, mapping, number
from hansa.report.svg import Axis, key, label, line, marker, nothing, path, picture, safe, tag
from hansa.report.width import clean

_STEP: Final = 24.0
_WORDS: Final = (
    "Bars are rows, diamonds the share of bads among them. Bins are joined by a line; labels beyond the bins, special "
    "codes and gaps stand apart."
)


@final
@dataclass(frozen=True)
class _Cell:
    """One cell: its rows, its share of bads (NaN of no rows), its WoE, and each bank's share of bads."""

    name: str
    rows: float
    rate: float
    woe: float
    banks: Mapping[str, float]

    @property
    def words(self) -> str:
        if not isfinite(self.rate):
            return f"{self.name}: no rows"
        return f"{self.name}: {count(self.rows)} rows, {percent(self.rate)} bads, WoE {signed(self.woe)}"


def binning_page(bins: Mapping[str, Any]) -> str:
    """A page with a picture for each column of `bins`: tables as `BinningTable.as_dict` tells them, by name.

    Example:
        >>> told = {"cells": ["(-inf, 30]", "(30, inf)"], "bins": 2, "goods": [60, 90], "bads": [40, 10], "iv": 0.7}
        >>> "(-inf, 30]: 100 rows, 40.0 % bads" in binning_page({"age": told})
        True
    """
    return page("Bins", "<h1>Bins</h1>", [section("Each column", *binned(bins))] if bins else [], "")


def binned(bins: Mapping[str, Any]) -> Iterator[str]:
    """How to read the pictures, and the pictures, two in a row where there is room; nothing of no columns.

    Example:
        >>> list(binned({}))
        []
    """
    if not bins:
        return
    banks = any(mapping(mapping(told).get("parties")) for told in bins.values())
    yield paragraph(_WORDS + " Circles are single banks." * banks)
    figures = "".join(_figure(name, mapping(told)) for name, told in bins.items())
    yield f'<div class="pair">{figures}</div>'


def binning_chart(name: str, told: Mapping[str, Any], width: float = 460.0) -> str:
    """A row for each cell: its name, its rows as a bar, its share of bads as a mark and a figure.

    Example:
        >>> told = {"cells": ["own", "rent"], "bins": 2, "goods": [90, 60], "bads": [10, 40], "woe": [1.1, -0.7]}
        >>> "rent: 100 rows, 40.0 % bads, WoE −0.7000" in binning_chart("home", told)
        True
    """
    cells = list(_cells(told))
    head = 48.0 if any(one.banks for one in cells) else 28.0
    size = (width, head + _STEP * max(len(cells), 1) + 6)
    if not any(isfinite(one.rate) for one in cells):
        return picture(f"Bins of {name}", "No cell has rows.", size, [nothing(size)])
    rates = [rate for one in cells for rate in (one.rate, *one.banks.values()) if isfinite(rate)]
    rows = Axis(0, max(one.rows for one in cells), width * 0.30, width * 0.46)
    rate = Axis(0, max(*rates, 0.01) * 1.05, width * 0.65, width - 62)
    places = [head + _STEP * (i + 0.5) for i in range(len(cells))]
    marks = [("diamond", "fed", "all banks"), ("circle", "own hollow", "each bank")]
    parts = key(marks, width - 4, 14) if any(one.banks for one in cells) else []
    parts += [label(rows.start, head - 10, "rows", "soft"), label(width, head - 10, "bads", "soft", "end")]
    parts.append(line(rate.start, head, rate.start, size[1] - 6, "axis"))
    bins = int(number(told.get("bins", 0)))
    joined = [(rate.at(one.rate), y) for one, y in zip(cells[:bins], places[:bins], strict=True) if isfinite(one.rate)]
    parts.append(path(joined, "line fed"))
    parts += [_row(one, y, rows, rate) for one, y in zip(cells, places, strict=True)]
    return picture(f"Bins of {name}", f"{'; '.join(one.words for one in cells)}.", size, parts)


def _figure(name: str, told: Mapping[str, Any]) -> str:
    def draw(width: float) -> str:
        return binning_chart(name, told, width)

    title = f"{name}, information value {figure(number(told.get('iv')))}"
    return figure_of(title, "", responsive(draw, 460.0))


def _row(one: _Cell, y: float, rows: Axis, rate: Axis) -> str:
    parts = [
        tag("title", safe(one.words)),
        label(0, y + 4, one.name, "name", room=rows.start - 8),
        tag("rect", x=rows.start, y=y - 8, width=max(0.0, rows.at(one.rows) - rows.start), height=16.0, class_="bar"),
        label(rows.at(one.rows) + 6, y + 4, count(one.rows), "tick"),
    ]
    for bank, share in one.banks.items():
        if isfinite(share):
            told = tag("title", safe(f"{bank}, {one.name}: {percent(share)} bads"))
            parts.append(tag("g", told + marker("circle", rate.at(share), y, "own hollow", 3)))
    if isfinite(one.rate):
        parts.append(marker("diamond", rate.at(one.rate), y, "fed", 4))
        parts.append(label(rate.stop + 62, y + 4, percent(one.rate), "tick", "end"))
    return tag("g", "".join(parts))


def _cells(told: Mapping[str, Any]) -> Iterator[_Cell]:
    """The cells of a table, as far as it tells them."""
    banks = {name: mapping(one) for name, one in mapping(told.get("parties")).items()}
    for i, name in enumerate(items(told.get("cells"))):
        rows = _at(told, "goods", i) + _at(told, "bads", i)
        shares = {bank: _share(one, i) for bank, one in banks.items()}
        yield _Cell(clean(name), rows if isfinite(rows) else 0.0, _share(told, i), _at(told, "woe", i), shares)


def _share(told: Mapping[str, Any], place: int) -> float:
    goods, bads = (_at(told, name, place) for name in ("goods", "bads"))
    return bads / (goods + bads) if goods + bads > 0 else nan


def _at(told: Mapping[str, Any], name: str, place: int) -> float:
    values = items(told.get(name))
    return number(values[place]) if place < len(values) else nan
