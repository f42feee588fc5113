"""A scorecard for people: its points, its grades and its cut-offs, as plain text and as a section of the page."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from textwrap import wrap
from typing import Any, Final

from hansa.report.bins import binned
from hansa.report.figures import NONE, count, figure, percent
from hansa.report.page import Table, folded, paragraph, section, table
from hansa.report.reading import Reading, items, mapping, number
from hansa.report.svg import safe
from hansa.report.width import WIDTH, clean, set_out

_INDENT: Final = "  "
_GRADES: Final = ("grade", "scores", "rows", "bads", "predicted", "observed")
_CUTS: Final = ("approve from", "approved", "bad rate", "profit per applicant")


def card_text(summary: Mapping[str, Any]) -> str:
    """Points by cell, grades and cut-offs as lines of at most 100 columns; nothing where there is no scorecard.

    Example:
        >>> points = {"age": {"(-inf, 30]": -9, "(30, inf)": 11}}
        >>> told = {"scorecard": {"base": 540, "points": points, "lowest": 531, "highest": 551}}
        >>> print(card_text(told))
        Scorecard: 531 to 551 points, higher is safer; 540 for everybody, and for each characteristic:
        characteristic  points
        age
          (-inf, 30]        -9
          (30, inf)         11
    """
    told = mapping(summary.get("scorecard"))
    if not told:
        return ""
    blocks = [_points_text(told)]
    if grades := _grades(told):
        blocks.append(f"{_counted(told)}\n{set_out(_GRADES, grades, words=2)}")
    if cuts := _cuts(told):
        blocks.append("\n".join([set_out(_CUTS[: len(cuts[0])], cuts, words=0), *_best(told)]))
    lines = [wrap(line, WIDTH) if len(line) > WIDTH else [line] for line in "\n\n".join(blocks).split("\n")]
    return "\n".join(piece for pieces in lines for piece in pieces)


def carded(reading: Reading) -> str:
    """The section of the page; nothing where there is no scorecard.

    Example:
        >>> told = {"scorecard": {"base": 540, "points": {"age": {"(-inf, 30]": -9}}, "lowest": 531, "highest": 540}}
        >>> page = carded(Reading(told))
        >>> "-9" in page, carded(Reading({}))
        (True, '')
    """
    told = mapping(reading.summary.get("scorecard"))
    if not told:
        return ""
    rows = [
        [safe(clean(name)), safe(clean(cell)), safe(count(number(value)))]
        for name, cells in mapping(told.get("points")).items()
        for cell, value in mapping(cells).items()
    ]
    parts = [paragraph(_head(told)), table(Table("Points", ["characteristic", "cell", "points"], rows, words=2))]
    parts += [paragraph(line) for line in _facts(told)]
    parts += binned(mapping(told.get("bins")))
    if grades := _grades(told):
        shown = [[safe(cell) for cell in row] for row in grades]
        parts += [paragraph(line) for line in _counted(told).splitlines()]
        parts.append(table(Table("Grades of the master scale", _GRADES, shown, words=2)))
    if cuts := _cuts(told):
        shown = [[safe(cell) for cell in row] for row in cuts]
        parts.append(folded("Cut-offs", table(Table("Cut-offs", _CUTS[: len(cuts[0])], shown, words=0))))
        parts += [paragraph(line) for line in _best(told)]
    return section("The scorecard", *parts)


def _head(told: Mapping[str, Any]) -> str:
    lowest, highest, base = (count(number(told.get(name))) for name in ("lowest", "highest", "base"))
    return f"{lowest} to {highest} points, higher is safer; {base} for everybody, and for each characteristic:"


def _points_text(told: Mapping[str, Any]) -> str:
    rows: list[list[str]] = []
    for name, cells in mapping(told.get("points")).items():
        rows.append([clean(name), ""])
        rows += [[_INDENT + clean(cell), f"{number(value):.0f}"] for cell, value in mapping(cells).items()]
    return "\n".join([f"Scorecard: {_head(told)}", set_out(["characteristic", "points"], rows), *_facts(told)])


def _facts(told: Mapping[str, Any]) -> list[str]:
    """How points were scaled, what rounding cost, and what was left out."""
    scale, rounding = mapping(told.get("scaling")), mapping(told.get("rounding"))
    lines = []
    if scale:
        points, odds, pdo = (number(scale.get(name)) for name in ("points", "odds", "pdo"))
        lines.append(f"{points:g} points are odds of {odds:g} goods to one bad; {pdo:g} more points double the odds.")
    loss = number(rounding.get("whole_log_loss")) - number(rounding.get("log_loss"))
    if isfinite(loss):
        off = f"moves a score by {number(rounding.get('points')):.2f} points (root mean square)"
        lines.append(f"Rounding to whole points {off}, and the log loss by {loss:+.1e}.")
    if turned := items(told.get("turned")):
        lines.append(f"Left out for the wrong sign of their coefficients: {', '.join(clean(one) for one in turned)}.")
    return lines


def _counted(told: Mapping[str, Any]) -> str:
    """Which rows grades and cut-offs speak of."""
    found = mapping(told.get("calibration"))
    rows, rate, apart = (number(found.get(name)) for name in ("rows", "event_rate", "apart"))
    intercept, slope = (number(found.get(name)) for name in ("intercept", "slope"))
    fit = f"calibrated there, slope {figure(slope)}, intercept {figure(intercept)}" if rows else "it is not calibrated"
    lines = [f"Counted on {count(rows)} {found.get('on', '')} rows, {percent(rate)} of them bad; {fit}."]
    if apart:
        lines.append(f"Banks told {count(apart)} rows jointly with neighbouring scores, for few have these.")
    if (noise := number(found.get("noise"))) > 0:
        lines.append(f"Goods and bads in each band of scores were told with noise of about ±{noise:.3g} rows.")
    return "\n".join(lines)


def _grades(told: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            count(number(grade.get("number"))),
            f"{count(number(grade.get('lowest')))} to {count(number(grade.get('highest')))}",
            *(count(number(grade.get(name))) for name in ("rows", "bads")),
            *(_rate(number(grade.get(name))) for name in ("predicted", "observed")),
        ]
        for grade in map(mapping, items(told.get("grades")))
    ]


def _cuts(told: Mapping[str, Any]) -> list[list[str]]:
    costs = mapping(told.get("costs"))
    costly = bool(costs.get("gain") and costs.get("loss"))
    return [
        [
            count(number(cut.get("score"))),
            *(_rate(number(cut.get(name))) for name in ("approval_rate", "bad_rate")),
            *([figure(number(cut.get("profit")))] if costly else []),
        ]
        for cut in map(mapping, items(told.get("cut_offs")))
    ]


def _best(told: Mapping[str, Any]) -> list[str]:
    """Where the expected profit is highest."""
    best, costs = mapping(told.get("best")), mapping(told.get("costs"))
    if not best:
        return []
    gain, loss = (f"{number(costs.get(name)):g}" for name in ("gain", "loss"))
    profit, share = figure(number(best.get("profit"))), _rate(number(best.get("approval_rate")))
    where = f"approving from {count(number(best.get('score')))} points ({share} of applicants) earns most"
    return [f"With a gain of {gain} by a good and a loss of {loss} by a bad, {where}: {profit} per applicant."]


def _rate(value: float) -> str:
    return percent(value, 2) if isfinite(value) else NONE
