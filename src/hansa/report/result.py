"""The report of a federated run as one self-contained HTML page for a risk committee; what is missing is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from hansa.report.bars import partition_chart
from hansa.report.figures import count, counted, duration, figure, percent
from hansa.report.gains import gains, learning, pooled
from hansa.report.page import Table, figure_of, page, pairs, paragraph, responsive, section, table
from hansa.report.ranking import ranking
from hansa.report.reading import MEASURES, Reading, items, mapping, number
from hansa.report.regression import regressed
from hansa.report.scorecard import carded
from hansa.report.svg import safe
from hansa.report.width import clean

if TYPE_CHECKING:
    from hansa.core.metrics import ScoreCounts


def result_page(
    summary: Mapping[str, Any], history: Sequence[Mapping[str, Any]] = (), counts: ScoreCounts | None = None
) -> str:
    """Write the page from what `result.json` holds, the rounds' history and the summed score counts.

    Any key may be missing, null or NaN. The page loads nothing and runs no script.

    Example:
        >>> text = result_page({"name": "credit", "measure": "auc"})
        >>> text.startswith("<!doctype html>"), "was not measured" in text
        (True, True)
    """
    reading = Reading(summary)
    name = reading.text("name") or "A federated run"
    body = [
        _warnings(reading),
        gains(reading),
        pooled(reading),
        carded(reading),
        regressed(reading) or learning(reading, history),
        ranking(reading, counts),
        what_left(reading),
        _partition(reading),
        reproduced(reading),
    ]
    version = mapping(summary.get("fingerprint")).get("hansa")
    made = f"Made by hansa {clean(version)}." if version else "Made by hansa."
    foot = safe(
        f"{made} This page is complete in itself: it loads nothing, runs no script, and holds no customer's row."
    )
    return page(f"{name}: report of a federated run", _header(reading, name), [part for part in body if part], foot)


def _header(reading: Reading, name: str) -> str:
    facts = "".join(
        f'<div class="fact"><dt>{safe(term)}</dt><dd><b>{safe(value)}</b></dd></div>' for value, term in _facts(reading)
    )
    shown = f'<dl class="facts">{facts}</dl>' if facts else ""
    lede = paragraph(_lede(reading), "lede")
    return f"{paragraph('Report of a federated run', 'eyebrow')}<h1>{safe(name)}</h1>{lede}{shown}"


def _lede(reading: Reading) -> str:
    owns = reading.owns()
    if not owns:
        return (
            "One model, trained by several institutions together. What each of them gains was not measured in this run."
        )
    banks = counted(len(owns), "bank")
    told = [own.verdict for own in owns]
    kinds = (
        ("clear gain", "clearly better at {}"),
        ("no clear gain", "neither clearly better nor clearly worse at {}"),
        ("clear loss", "clearly worse at {}"),
        ("no figure", "not compared at {}"),
    )
    parts = [words.format(counted(told.count(kind))) for kind, words in kinds if kind in told]
    told_all = " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)
    return (
        f"{banks[0].upper()}{banks[1:]} trained one model together. On each bank's own test rows, "
        f"beside the bank's own model, it is {told_all}."
    )


def _facts(reading: Reading) -> list[tuple[str, str]]:
    """The few figures that stand first, where they are known."""
    facts = []
    name = MEASURES[reading.measure]
    for model, words in (("federated", "federated"), ("local_mean", "mean of own models"), ("central", "central")):
        value = reading.pooled(model, reading.measure)[0]
        if isfinite(value):
            facts.append((figure(value), f"{name}, {words}"))
    rows = sum(own.rows for own in reading.owns() if isfinite(own.rows))
    rounds, best = number(reading.summary.get("rounds")), number(reading.summary.get("best_round"))
    if rows:
        facts.append((count(rows), "test rows"))
    if isfinite(rounds) and rounds > 0:
        facts.append((count(rounds), f"rounds, best {count(best)}" if isfinite(best) and best > 0 else "rounds"))
    if isfinite(number(reading.summary.get("seconds"))):
        facts.append((duration(number(reading.summary.get("seconds"))), "run time"))
    return facts


def _warnings(reading: Reading) -> str:
    lines = [safe(line) for line in items(reading.summary.get("warnings"))]
    if not lines:
        return ""
    listed = "".join(f"<li>{line}</li>" for line in lines)
    return f'<aside class="note" aria-label="Please note"><b>Please note</b><ul>{listed}</ul></aside>'


def what_left(reading: Reading) -> str:
    """What left each bank, who could see it, and what is promised.

    Example:
        >>> "was not recorded" in what_left(Reading({}))
        True
    """
    kept = mapping(reading.summary.get("privacy"))
    keys = ("what", "to", "how_many", "protection")
    rows = [[_said(mapping(held).get(key)) for key in keys] for held in items(reading.summary.get("left"))]
    if rows:
        caption = "What left a bank in this run, by kind"
        shown = table(Table(caption, ["what", "to whom", "how many", "protection"], rows, words=4))
    else:
        shown = paragraph("What left the banks was not recorded with this run.")
    statement = kept.get("statement")
    said = clean(statement) if isinstance(statement, str) and statement else "This run holds no privacy statement."
    entries = [("differential privacy", safe(_epsilon(kept)))]
    for key, words in (("unit", "unit of privacy"), ("accountant", "accountant")):
        if kept.get(key):
            entries.append((words, safe(kept[key])))
    sums = "".join(f"<li>{safe(line)}</li>" for line in items(reading.summary.get("secure_sums")))
    return section(
        "What left each bank, and who could see it",
        shown,
        f"<h3>Secure sums</h3><ul>{sums}</ul>" if sums else "",
        "<h3>Privacy statement</h3>",
        paragraph(said),
        pairs(entries),
    )


def _epsilon(kept: Mapping[str, Any]) -> str:
    said = kept.get("epsilon")
    value = number(said)
    if isfinite(value):
        delta = number(kept.get("delta"))
        return f"epsilon = {value:g}" + (f", delta = {delta:g}" if isfinite(delta) else "")
    if said == "infinity" or value == float("inf"):
        return "epsilon = infinity: no guarantee"
    return "none is claimed"


def _partition(reading: Reading) -> str:
    parts = reading.partition()
    title = "How the rows were parted"
    if not parts:
        return section(title, paragraph("How the rows were parted was not recorded with this run."))
    rows = [
        [safe(one.name), count(one.rows), percent(one.share), percent(one.rate), safe(one.remarks)] for one in parts
    ]
    rates = any(isfinite(one.rate) for one in parts)
    remarks = any(one.remarks for one in parts)
    heads = ["bank", "rows", "share of all", "default rate", "remarks"]
    keep = [True, True, True, rates, remarks]
    shown = Table(
        "Rows of each bank, all parts together",
        [head for head, kept in zip(heads, keep, strict=True) if kept],
        [[cell for cell, kept in zip(row, keep, strict=True) if kept] for row in rows],
    )
    words = "Rows of each bank" + (", and the share of them that defaulted." if rates else ".")
    drawn = responsive(lambda width: partition_chart(parts, width), narrow=380.0)
    return section(title, figure_of("Who holds what", words, drawn), table(shown))


def reproduced(reading: Reading) -> str:
    """The digests, the steps and the versions by which a run is made again.

    Example:
        >>> "ab12" in reproduced(Reading({"job_digest": "ab12"}))
        True
    """
    summary = reading.summary
    entries = []
    for key, words in (("job_digest", "job digest"), ("parameters_sha256", "parameters, SHA-256")):
        held = f"<code>{safe(summary[key])}</code>" if summary.get(key) else "not recorded"
        entries.append((words, held))
    steps = [clean(step) for step in items(summary.get("steps"))]
    how = ("sums of the regression", "sums") if reading.text("sums") else ("chain of an update", "chain")
    entries += [
        ("steps", safe(", then ".join(steps)) or "not recorded"),
        (how[0], safe(reading.text(how[1]).replace("->", "→")) or "not recorded"),
        ("run time", duration(number(summary.get("seconds")))),
    ]
    entries += [
        (clean(name).replace("_", " "), _said(value)) for name, value in mapping(summary.get("fingerprint")).items()
    ]
    words = (
        "The same job, on the same data and with the same versions, gives the same parameters, bit for bit, where the "
        "trainer is one of numpy. Noise that protects privacy is the exception: it is drawn afresh. Compare the two "
        "digests below."
    )
    return section("How to reproduce this run", paragraph(words), pairs(entries))


def _said(value: object) -> str:
    known = number(value)
    if isfinite(known):
        return count(known)
    return safe(value) if value is not None and value == value else "not recorded"  # noqa: PLR0124 - NaN is not itself
