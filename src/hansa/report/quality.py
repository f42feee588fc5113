"""How good the data are: a page for everybody with the pooled figures, one for each party with its own; and as text.

What they show is `Findings.summary()` of a look at the data. A party's page holds its own sheet beside the pooled one,
and nothing of another party but what the pool tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import isfinite
from typing import Any, Final

from hansa.report.figures import NONE, count, counted, figure
from hansa.report.page import Table, figure_of, page, paragraph, responsive, section, table
from hansa.report.svg import Axis, label, line, marker, picture, safe
from hansa.report.width import set_out

STABLE: Final = 0.1
SHIFTED: Final = 0.25
"""Above the one a column's distribution has moved, above the other it is another one (Siddiqi 2006)."""

_HEADS: Final = ("column", "kind", "gaps", "distinct", "5 %", "median", "95 %", "AUC alone", "drift")
_MEANING: Final = (
    "Counts of fewer than {cell} rows are shown as <{cell}, and the pool leaves them out. Distinct values are rounded "
    "up where few rows share one. Quantiles come from counts alone; an open end lies beyond what was told. AUC alone "
    "is how well the column's groups rank the events by themselves. Drift is the population stability of a bank "
    "against all others, in the pool that of the bank furthest away: below 0.1 stable, above 0.25 another population."
)


def quality_text(summary: Mapping[str, Any]) -> str:
    """The pooled table, each party's rows, and what to look at, as plain text of at most 100 columns.

    Example:
        >>> column = {"name": "age", "kind": "integer", "gaps": 12, "distinct": 50, "low": 20.0, "middle": 41.0,
        ...           "high": 66.0, "drift": 0.31, "infinite": 0, "constant": False}
        >>> sheet = {"party": "bank-a", "rows": 900, "repeated": -1, "ids": 0, "events": 80, "missing": [], "note": ""}
        >>> print(quality_text({"pooled": {**sheet, "columns": [column]}, "sheets": [{**sheet, "columns": [column]}],
        ...                     "suspects": [], "aucs": {"age": 0.6}, "min_cell": 10}))
        column  kind     gaps  distinct  5 %  median  95 %  AUC alone   drift
        age     integer    12        50   20      41    66     0.6000  0.3100
        <BLANKLINE>
        bank    rows  events  repeated rows  repeated ids
        bank-a   900      80            <10             0
        <BLANKLINE>
        To look at:
        - bank-a: <10 rows repeat another.
        - 'age' at bank-a stands apart from the other banks: population stability 0.3100.
    """
    cell = int(summary["min_cell"])
    banks = [
        [one["party"], *_rows(one, cell)] if not one["note"] else [one["party"], one["note"], "", "", ""]
        for one in summary["sheets"]
    ]
    found = remarks(summary)
    blocks = [
        set_out(_HEADS, _cells(summary["pooled"], summary.get("aucs") or {}, cell), words=2),
        set_out(("bank", "rows", "events", "repeated rows", "repeated ids"), banks, words=1),
        "\n".join(["To look at:", *(f"- {one}" for one in found)]) if found else "Nothing stands out.",
    ]
    return "\n\n".join(blocks).replace(NONE, "-")


def remarks(summary: Mapping[str, Any], party: str | None = None) -> list[str]:
    """What to look at, in sentences: of all parties, of one by name, or with an empty name of the pool alone.

    Example:
        >>> suspect = {"name": "closed", "auc": 0.99, "why": "it ranks the events by itself"}
        >>> remarks({"suspects": [suspect], "pooled": {"columns": []}, "sheets": [], "min_cell": 10}, "")
        ["'closed' may tell the target: it ranks the events by itself (AUC 0.9900)."]
    """
    cell = int(summary["min_cell"])
    lines = []
    for one in summary["suspects"]:
        area = f" (AUC {figure(one['auc'])})" if one["auc"] is not None else ""
        lines.append(f"'{one['name']}' may tell the target: {one['why']}{area}.")
    for one in summary["pooled"]["columns"]:
        if one["constant"]:
            lines.append(f"'{one['name']}' has one value only.")
        if one["infinite"]:
            lines.append(f"'{one['name']}' holds infinite values: make them gaps.")
    for sheet in summary["sheets"]:
        if party is None or sheet["party"] == party:
            lines += _of(sheet, cell)
    return lines


def quality_page(summary: Mapping[str, Any], party: str = "") -> str:
    """The page of a party by its name, or the one for everybody; it loads nothing and runs no script.

    Example:
        >>> sheet = {"party": "bank-a", "rows": 900, "repeated": 0, "ids": 0, "events": 80, "columns": [],
        ...          "missing": [], "note": ""}
        >>> whole = {"pooled": sheet, "sheets": [sheet], "suspects": [], "aucs": {}, "min_cell": 10}
        >>> "Nothing stands out" in quality_page(whole), "bank-a" in quality_page(whole, "bank-a")
        (True, True)
    """
    cell = int(summary["min_cell"])
    banks, pooled = summary["sheets"], summary["pooled"]
    title = f"Data quality at {party}" if party else f"Data quality of {counted(len(banks), 'bank')}"
    found = remarks(summary, party)
    listed = "".join(f"<li>{safe(one)}</li>" for one in found)
    note = (
        f'<aside class="note"><b>To look at</b><ul>{listed}</ul></aside>' if found else paragraph("Nothing stands out.")
    )
    own = [_section(f"At {one['party']}", one, {}, cell) for one in banks if party and one["party"] == party]
    everybody = _section("All banks together", pooled, summary.get("aucs") or {}, cell)
    lede = f"{count(pooled['rows'])} rows at {counted(len(banks), 'bank')} were looked at, by counts alone."
    head = f"{paragraph('Data quality', 'eyebrow')}<h1>{safe(title)}</h1>{paragraph(lede, 'lede')}"
    foot = safe("Made by hansa. This page is complete in itself: it loads nothing, and holds no customer's row.")
    return page(title, head, [note, *own, everybody, paragraph(_MEANING.format(cell=cell), "quiet")], foot)


def _of(sheet: Mapping[str, Any], cell: int) -> list[str]:
    """What to look at at one party."""
    name = sheet["party"]
    if sheet["note"]:
        return [f"{name} tells nothing: {sheet['note']}."]
    lines = [f"'{column}' is missing at {name}." for column in sheet["missing"]]
    if sheet["repeated"]:
        lines.append(f"{name}: {_few(sheet['repeated'], cell)} rows repeat another.")
    for one in sheet["columns"]:
        if sheet["rows"] and one["gaps"] * 2 > sheet["rows"]:
            lines.append(f"More than half of '{one['name']}' is missing at {name}.")
        if one["drift"] is not None and one["drift"] > SHIFTED:
            far = f"population stability {figure(one['drift'])}"
            lines.append(f"'{one['name']}' at {name} stands apart from the other banks: {far}.")
    return lines


def _section(title: str, sheet: Mapping[str, Any], aucs: Mapping[str, float], cell: int) -> str:
    if sheet["note"]:
        return section(title, paragraph(f"Nothing is told: {sheet['note']}."))
    facts = dict(zip(("rows", "rows with the event", "repeated rows", "repeated ids"), _rows(sheet, cell), strict=True))
    told = paragraph("; ".join(f"{name}: {value}" for name, value in facts.items()) + ".")
    shown = [i for i, head in enumerate(_HEADS) if aucs or head != "AUC alone"]
    rows = [[safe(row[i]) for i in shown] for row in _cells(sheet, aucs, cell)]
    drifts = [(one["name"], one["drift"]) for one in sheet["columns"] if one["drift"] is not None]
    drawn = figure_of(
        "Drift between banks", "Population stability by column.", responsive(lambda width: _drift(drifts, width))
    )
    return section(
        title, told, drawn if drifts else "", table(Table("Columns", [safe(_HEADS[i]) for i in shown], rows, words=2))
    )


def _drift(drifts: Sequence[tuple[str, float]], width: float) -> str:
    """Each column's drift as a mark, on an axis that ends at 1, with the two borders."""
    names, top = min(190.0, width * 0.4), 1.0
    size = (width, 30.0 + 22 * len(drifts))
    x = Axis(0, top, names + 12, width - 60)
    parts = [line(x.at(border), 14, x.at(border), size[1] - 6, "grid") for border in (0, STABLE, SHIFTED, top)]
    parts += [label(x.at(border), 10, f"{border:g}", "tick", "middle") for border in (STABLE, SHIFTED, top)]
    for i, (name, drift) in enumerate(sorted(drifts, key=lambda one: -one[1])):
        y = 30.0 + 22 * i
        kind, shape = (
            ("loss", "triangle") if drift > SHIFTED else ("own", "diamond") if drift > STABLE else ("fed", "circle")
        )
        parts += [
            label(names, y + 4, name, "name", "end", room=names - 4),
            marker(shape, x.at(min(drift, top)), y, kind, 4.5),
            label(x.at(min(drift, top)) + 10, y + 4, f"{drift:.2f}", "tick"),
        ]
    told = "; ".join(f"{name} {drift:.2f}" for name, drift in drifts)
    return picture("Drift by column", f"{told}.", size, parts)


def _rows(sheet: Mapping[str, Any], cell: int) -> list[str]:
    events = NONE if sheet["events"] is None else _few(sheet["events"], cell)
    return [count(sheet["rows"]), events, _few(sheet["repeated"], cell), _few(sheet["ids"], cell)]


def _cells(sheet: Mapping[str, Any], aucs: Mapping[str, float], cell: int) -> list[list[str]]:
    rows = []
    for one in sheet["columns"]:
        ends = [_value(one[name], one["kind"]) for name in ("low", "middle", "high")]
        drift = NONE if one["drift"] is None else figure(one["drift"])
        area = figure(aucs.get(one["name"], float("nan")))
        rows.append([one["name"], one["kind"], _few(one["gaps"], cell), count(one["distinct"]), *ends, area, drift])
    return rows


def _few(told: int, cell: int) -> str:
    return f"<{cell}" if told < 0 else count(told)


def _value(value: float | None, kind: str) -> str:
    """A quantile; days since 1970 as the day."""
    if value is None or not isfinite(value):
        return NONE
    if kind == "date":
        return (date(1970, 1, 1) + timedelta(days=value)).isoformat()
    return count(value) if value.is_integer() else figure(value)
