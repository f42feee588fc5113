"""The validation pack of a scorecard as one page: what a model validator asks, with an interval to every figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

from hansa.report.fairness import treated
from hansa.report.figures import NONE, count, counted, figure, percent, signed
from hansa.report.gains import gains
from hansa.report.intervals import Span, grade_chart, interval_chart
from hansa.report.page import Table, figure_of, folded, page, pairs, paragraph, responsive, section, table
from hansa.report.reading import Reading, items, mapping, measured, number
from hansa.report.regression import regressed
from hansa.report.result import reproduced, what_left
from hansa.report.scorecard import carded
from hansa.report.svg import safe
from hansa.report.width import clean

_DOUBT: Final = 0.05


def validation_page(pack: Mapping[str, Any]) -> str:
    """Write the page from what `validation.json` holds; it loads nothing and runs no script.

    Example:
        >>> "Known limits" in validation_page({"name": "card", "validation": {"rows": 90}, "limits": ["Few rows."]})
        True
    """
    reading, told = Reading(pack), mapping(pack.get("validation"))
    body = [
        _limits(pack),
        _discrimination(told),
        gains(reading),
        _calibration(told),
        _time(told),
        _stability(told),
        _sensitivity(told),
        _representation(told),
        treated(reading),
        carded(reading),
        regressed(reading),
        _lineage(reading, told),
        what_left(reading),
        reproduced(reading),
    ]
    name = reading.text("name") or "A scorecard"
    version = mapping(pack.get("fingerprint")).get("hansa")
    made = f"Made by hansa {clean(version)}." if version else "Made by hansa."
    foot = safe(f"{made} This page is complete in itself: it loads nothing, and holds no customer's row.")
    return page(f"{name}: validation", _header(name, told), [part for part in body if part], foot)


def within(value: object) -> str:
    """A figure with its interval.

    Example:
        >>> within({"value": 0.75, "low": 0.7, "high": 0.8}), within(None)
        ('0.7500 (0.7000 to 0.8000)', '–')
    """
    found, low, high = measured(value)
    if not isfinite(found):
        return NONE
    told, ends = _minus(found), f" ({_minus(low)} to {_minus(high)})"
    return told + ends if isfinite(low) and isfinite(high) else told


def facts(shown: Sequence[tuple[str, str]]) -> str:
    """The few figures that stand first: what is shown, and what it is.

    Example:
        >>> facts([("0.75", "AUC")])
        '<dl class="facts"><div class="fact"><dt>AUC</dt><dd><b>0.75</b></dd></div></dl>'
    """
    cells = (f'<div class="fact"><dt>{safe(what)}</dt><dd><b>{safe(value)}</b></dd></div>' for value, what in shown)
    return f'<dl class="facts">{"".join(cells)}</dl>'


def _minus(value: float) -> str:
    return figure(value).replace("-", "−")


def _header(name: str, told: Mapping[str, Any]) -> str:
    ratio = measured(mapping(told.get("calibration")).get("ratio"))[0]
    shown = [(figure(measured(told.get(key))[0]), words) for key, words in (("auc", "AUC"), ("gini", "Gini"))]
    shown += [
        (figure(measured(told.get("ks"))[0]), "KS"),
        (f"{ratio:.2f}" if isfinite(ratio) else "–", "bads that came, by those foreseen"),
        (count(number(told.get("rows"))), "test rows"),
        (count(number(told.get("bads"))), "bads among them"),
    ]
    lede = paragraph(_lede(told), "lede")
    return f"{paragraph('Validation of a scorecard', 'eyebrow')}<h1>{safe(name)}</h1>{lede}{facts(shown)}"


def _lede(told: Mapping[str, Any]) -> str:
    """What the figures say, in two sentences."""
    found = mapping(told.get("calibration"))
    grades = [mapping(one) for one in items(found.get("grades"))]
    low = [one for one in grades if number(one.get("p_value")) < _DOUBT]
    value, least, most = measured(found.get("ratio"))
    off = f"{percent(abs(value - 1))} {'more' if value > 1 else 'fewer'} bads came than it had foreseen"
    ratio = "The number of bads is as foreseen" if least <= 1 <= most else f"{off}, which is beyond chance"
    if not isfinite(least):
        ratio = "Too few rows were told to say whether bads came as foreseen"
    banks = len(mapping(told.get("parties")))
    when = "the newest rows, set aside" if told.get("out_of_time") else "rows that were set aside"
    held = f"{counted(len(low), 'grade')} of {counted(len(grades))}" if low else "no grade"
    return (
        f"The card of {counted(banks, 'bank')} on their sealed test: {when} until the card was finished. "
        f"{ratio}, and for {held} the rate is set too low at the 5 % level."
    )


def _limits(pack: Mapping[str, Any]) -> str:
    lines = dict.fromkeys([*items(pack.get("limits")), *items(pack.get("warnings"))])
    listed = "".join(f"<li>{safe(one)}</li>" for one in lines)
    if not listed:
        return ""
    return f'<aside class="note" aria-label="Known limits"><b>Known limits</b><ul>{listed}</ul></aside>'


def _discrimination(told: Mapping[str, Any]) -> str:
    parties = {name: mapping(one) for name, one in mapping(told.get("parties")).items()}
    spans = [Span("all banks", *measured(told.get("auc")), main=True)]
    spans += [Span(name, *measured(one.get("auc")), note=clean(one.get("note", ""))) for name, one in parties.items()]
    lines = [("all banks", told), *parties.items()]
    rows = [
        [safe(name), *(NONE if one.get("note") else count(number(one.get(key))) for key in ("rows", "bads"))]
        + [safe(within(one.get(key))) for key in ("auc", "gini", "ks")]
        for name, one in lines
    ]
    words = (
        "How well scores rank bads below goods, on all banks' test rows and on each bank's own. The pooled AUC is "
        "found from where each bank's bads stand among the goods of all; intervals are 95 % ones, DeLong's for each "
        "bank's AUC."
    )
    drawn = responsive(lambda width: interval_chart("AUC", spans, measured(told.get("auc"))[0], width))
    shown = table(Table("Discrimination on the test", ["", "rows", "bads", "AUC", "Gini", "KS"], rows, stress=0))
    return section("Discrimination", paragraph(words), figure_of("AUC, 95 % interval", "", drawn), shown)


def _calibration(told: Mapping[str, Any]) -> str:
    found = mapping(told.get("calibration"))
    entries = [
        ("bads foreseen", count(number(found.get("expected")))),
        ("bads that came", count(number(told.get("bads")))),
        ("in the large", f"{safe(within(found.get('ratio')))}: came by foreseen; 1 is right"),
        ("intercept", f"{safe(within(found.get('intercept')))}; 0 is right"),
        ("slope", f"{safe(within(found.get('slope')))}; 1 is right, below 1 the card is too sure of itself"),
    ]
    grades = [mapping(one) for one in items(found.get("grades"))]
    drawn = [(count(number(one.get("number"))), number(one.get("predicted")), _span(one)) for one in grades]
    rows = [
        [
            count(number(one.get("number"))),
            count(number(one.get("rows"))),
            f"{number(one.get('bads')):,.1f}".removesuffix(".0"),
            percent(number(one.get("predicted")), 2),
            percent(number(one.get("observed")), 2),
            f"{percent(number(one.get('low')), 2)} to {percent(number(one.get('high')), 2)}",
            safe(_chance(number(one.get("p_value")))),
            "set too low" if number(one.get("p_value")) < _DOUBT else "",
        ]
        for one in grades
    ]
    heads = ["grade", "rows", "bads", "promised", "came", "95 % interval", "p", ""]
    words = (
        f"A grade promises the mean chance that its {found.get('on', 'validation')} rows have by the calibrated card. "
        "Jeffreys' test holds that against the test rows: p is the chance that the true rate is no higher than "
        "promised. Of many grades, about one in twenty falls below 0.05 by chance alone."
    )
    held = mapping(found.get("hosmer_lemeshow"))
    statistic, freedom, p_value = (number(held.get(name)) for name in ("statistic", "freedom", "p_value"))
    hosmer = (
        f"For information: Hosmer and Lemeshow's statistic over the grades is {statistic:.2f} with {freedom:.0f} "
        f"degrees of freedom (p {_chance(p_value, '= ')}). Of many rows it refuses any card, of few none."
    )
    picture = figure_of("What grades promised, and what came", "", responsive(lambda width: grade_chart(drawn, width)))
    return section(
        "Calibration",
        pairs(entries),
        paragraph(words),
        picture,
        table(Table("Jeffreys' test by grade", heads, rows)),
        paragraph(hosmer, "quiet") if isfinite(statistic) else "",
    )


def _chance(value: float, sign: str = "") -> str:
    """A p-value; what rounds to nothing is said to be below."""
    return "< 0.001" if value < 0.0005 else f"{sign}{value:.3f}"


def _span(one: Mapping[str, Any]) -> Span:
    observed, low, high = (number(one.get(key)) for key in ("observed", "low", "high"))
    return Span("", observed, low, high)


def _time(told: Mapping[str, Any]) -> str:
    vintages = [mapping(one) for one in items(told.get("vintages"))]
    split = (
        "The rows were split by time: the test is newer than all that the card was made of."
        if told.get("out_of_time")
        else "The test rows were drawn from the same time as those that the card was made of."
    )
    immature = number(told.get("immature"))
    window = clean(told.get("window") or "")
    mature = f"Performance window: {window}." if window else "No performance window was named."
    left = f" {count(immature)} rows whose outcome was not known in time are left out." if immature > 0 else ""
    parts = [paragraph(f"{split} {mature}{left}")]
    if vintages:
        spans = [Span(clean(one.get("name")), *measured(one.get("auc"))) for one in vintages]
        mark = measured(told.get("auc"))[0]
        drawn = responsive(lambda width: interval_chart("AUC by vintage", spans, mark, width))
        rows = [
            [
                safe(one.get("name")),
                *(count(number(one.get(key))) for key in ("rows", "bads", "expected")),
                *(safe(within(one.get(key))) for key in ("ratio", "auc")),
            ]
            for one in vintages
        ]
        heads = ["vintage", "rows", "bads", "foreseen", "came by foreseen", "AUC"]
        parts += [
            figure_of("AUC by vintage, 95 % interval", "", drawn),
            table(Table("Test rows by vintage", heads, rows)),
        ]
    return section("Time", *parts)


def _stability(told: Mapping[str, Any]) -> str:
    held = mapping(told.get("stability"))
    rows = [_drift(mapping(one), "characteristic") for one in items(held.get("test"))]
    later = [_drift(mapping(one), "where") for one in items(held.get("over_time"))]
    words = (
        "The population stability index between training and test. The alarm is what it stays below with 99 % when "
        "nothing has moved, for so many rows; the rule of thumb (0.1 and 0.25) knows no rows."
    )
    parts = [paragraph(words), table(Table("Training against test", ["", *_DRIFTS], rows))]
    if later:
        parts.append(table(Table("Scores of all rows, against the first vintage", ["vintage", *_DRIFTS], later)))
    return section("Stability", *parts)


_DRIFTS: Final = ("rows", "index", "alarm", "moved", "rule of thumb")


def _drift(one: Mapping[str, Any], name: str) -> list[str]:
    found = [number(one.get(key)) for key in ("index", "alarm")]
    told = [f"{value:.4f}" if isfinite(value) else NONE for value in found]
    moved = "beyond chance" if one.get("moved") else "no"
    rule = clean(one.get("rule", "")) if isfinite(number(one.get("index"))) else NONE
    return [safe(one.get(name)), count(number(one.get("rows"))), *told, moved, rule]


def _sensitivity(told: Mapping[str, Any]) -> str:
    rows = []
    for name, held in mapping(told.get("parties")).items():
        one = mapping(mapping(held).get("sway"))
        moved = clean(one.get("characteristic") or "")
        coefficient, without, move = (number(one.get(key)) for key in ("coefficient", "without", "move"))
        change = f"{signed(coefficient)} to {signed(without)}" if moved else NONE
        by = f"{'+' if move > 0 else '−'}{abs(move):.1f} s.e." if isfinite(move) else NONE
        flips, auc = count(number(one.get("flips"))), figure(number(one.get("auc")))
        rows.append([safe(name), safe(moved or NONE), change, by, flips, auc, safe(_gain(one.get("gain")))])
    words = (
        "What the card would be had one bank not taken part, with the same bins and columns, by one Newton step from "
        "the sums: the coefficient that would move the most, how many would change sign, and the AUC of that card on "
        "the bank's own test rows; what taking part brings there stands last, with its 95 % interval."
    )
    heads = ["without", "moves most", "coefficient", "by", "signs", "AUC there", "brought"]
    return section(
        "Sensitivity to each bank", paragraph(words), table(Table("Leaving one bank out", heads, rows, words=2))
    )


def _gain(value: object) -> str:
    found, low, high = measured(value)
    if not isfinite(found):
        return NONE
    return f"{signed(found)} ({signed(low)} to {signed(high)})" if isfinite(low) else signed(found)


def _representation(told: Mapping[str, Any]) -> str:
    parties = {name: mapping(one) for name, one in mapping(told.get("parties")).items()}
    lines = {
        name: {one.get("characteristic"): one for one in map(mapping, items(held.get("drifts")))}
        for name, held in parties.items()
    }
    names = list(dict.fromkeys(one for held in lines.values() for one in held))
    if not names:
        return ""
    rows = [[safe(one), *(_index(held.get(one)) for held in lines.values())] for one in names]
    words = (
        "Each bank's training rows against those of all other banks: the population stability index by characteristic. "
        "Beyond chance (a star): further apart than the alarm at 99 % for so many rows. Where the pool differs from a "
        "bank's book, look at that bank's own figures before relying on the pooled ones."
    )
    shown = table(Table("How unlike the others each bank's book is", ["characteristic", *map(safe, lines)], rows))
    held_by = [_largest(name, list(held.values())) for name, held in lines.items()]
    summed = Table("By bank", ["bank", "largest at", "index", "beyond chance"], held_by, words=2)
    return section(
        "How the pool stands for each bank", paragraph(words), table(summed), folded("By characteristic", shown)
    )


def _largest(name: str, found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The characteristic in which a bank is least like the others, and in how many it is beyond chance."""
    most = max(found, key=lambda one: number(one.get("index")) if isfinite(number(one.get("index"))) else -1.0)
    moved = sum(bool(one.get("moved")) for one in found)
    index = number(most.get("index"))
    return [safe(name), safe(most.get("characteristic")), figure(index), f"{moved} of {len(found)}"]


def _index(one: Mapping[str, Any] | None) -> str:
    held = mapping(one)
    return figure(number(held.get("index"))) + ("*" if held.get("moved") else "")


def _lineage(reading: Reading, told: Mapping[str, Any]) -> str:
    rows = [[safe(name), f"<code>{safe(digest)}</code>"] for name, digest in mapping(told.get("tables")).items()]
    network = reading.summary.get("where") == "network"
    digest = reading.text("job_digest")
    approved = (
        "Each bank's node let this job in by its own policy, under the digest below; the bank's own log names the day."
        if network
        else "None: a simulation asks nobody."
    )
    ledger = (
        f"Each bank has the wire ledger of what left it, hash-chained: hansa ledger wire node.toml --job {digest[:12]}"
        if network
        else "None: in a simulation nothing leaves a machine. Below is what the job lets leave."
    )
    schema = reading.text("schema_sha256")
    entries = [
        ("schema, SHA-256", f"<code>{safe(schema)}</code>" if schema else "none was agreed"),
        ("job digest", f"<code>{safe(digest or 'not recorded')}</code>"),
        ("approvals", safe(approved)),
        ("ledger", safe(ledger)),
    ]
    shown = table(Table("SHA-256 of each bank's table", ["bank", "table"], rows, words=2)) if rows else ""
    return section("Lineage", shown, pairs(entries))
