"""The model card: what a scorecard is for, how good it is and what it is not for, for a reader outside the risk team.

Its parts are those of Mitchell et al. (2019), "Model cards for model reporting".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, isfinite, log
from typing import Any, Final

from hansa.report.fairness import treated
from hansa.report.figures import count, counted, percent
from hansa.report.intervals import Span, interval_chart
from hansa.report.pack import limits
from hansa.report.page import Table, figure_of, page, pairs, paragraph, responsive, section, table
from hansa.report.reading import Reading, items, mapping, measured, number
from hansa.report.svg import safe
from hansa.report.validation import facts, within
from hansa.report.width import clean

_MEANT: Final = (
    "To rank applicants for credit like those of the banks that made it, and to foresee what share will not pay."
)
_NOT_MEANT: Final = (
    "Not for other products, other countries or other times than those of the banks' books; not for anything but a "
    "decision on credit; not without the reasons that somebody who is declined has a right to."
)
_STEPS: Final = 5


def model_card(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The card as `model_card.json` holds it; nothing where the run has validated nothing.

    Example:
        >>> made = model_card({"name": "card", "validation": {"rows": 900, "parties": {"a": {}, "b": {}}}})
        >>> made["banks"], made["test"]["rows"], model_card({})
        (2, 900, {})
    """
    told, reading = mapping(summary.get("validation")), Reading(summary)
    if not told:
        return {}
    card = mapping(summary.get("scorecard"))
    return {
        "name": reading.text("name") or "A scorecard",
        "version": reading.text("job_digest"),
        "parameters_sha256": reading.text("parameters_sha256"),
        "made_with": clean(mapping(summary.get("fingerprint")).get("hansa") or ""),
        "banks": len(mapping(told.get("parties"))),
        "rows": sum(one.rows for one in reading.partition() if isfinite(one.rows)),
        "reads": list(mapping(card.get("points"))),
        "scores": {key: card.get(key) for key in ("lowest", "highest", "scaling", "calibration")},
        "use": _MEANT,
        "not_for": _NOT_MEANT,
        "test": {key: told.get(key) for key in ("rows", "bads", "auc", "out_of_time")},
        "ratio": mapping(told.get("calibration")).get("ratio"),
        "parties": {name: {"auc": mapping(one).get("auc")} for name, one in mapping(told.get("parties")).items()},
        "fairness": dict(mapping(summary.get("fairness"))),
        "privacy": mapping(summary.get("privacy")).get("statement", ""),
        "limits": list(limits(summary)),
    }


def model_card_page(card: Mapping[str, Any]) -> str:
    """Write the page from what `model_card.json` holds; it loads nothing and runs no script.

    Example:
        >>> "what not" in model_card_page(model_card({"validation": {"rows": 90, "parties": {"a": {}}}}))
        True
    """
    test = mapping(card.get("test"))
    auc, (ratio, _, _) = measured(test.get("auc"))[0], measured(card.get("ratio"))
    name, number_of = clean(card.get("name", "A scorecard")), number(card.get("banks"))
    banks = counted(int(number_of), "bank") if isfinite(number_of) else "several banks"
    shown = [
        (percent(auc, 0), "of pairs of a bad and a good customer are ranked right"),
        (f"{100 * ratio:.0f}" if isfinite(ratio) else "–", "customers did not pay for each 100 foreseen"),
        (count(number(test.get("rows"))), "customers' accounts it was tested on"),
    ]
    lede = (
        f"A scorecard gives an applicant points for what an application and a bank's records say. {banks.capitalize()} "
        "made this one together, and no customer's record left its bank."
    )
    head = f"{paragraph('Model card', 'eyebrow')}<h1>{safe(name)}</h1>{paragraph(lede, 'lede')}{facts(shown)}"
    body = [
        section("What it is for, and what not", *(paragraph(clean(card.get(key, ""))) for key in ("use", "not_for"))),
        _reads(card),
        _scores(card),
        _good(card),
        treated(Reading({"fairness": card.get("fairness")})) or _untested(),
        section("Known limits", _listed(items(card.get("limits")))),
        section("Privacy", paragraph(clean(card.get("privacy") or "This run holds no privacy statement."))),
        _version(card),
    ]
    foot = safe("Made by hansa. This page is complete in itself: it loads nothing, and holds no customer's row.")
    return page(f"{name}: model card", head, body, foot)


def _reads(card: Mapping[str, Any]) -> str:
    names = [clean(one) for one in items(card.get("reads"))]
    words = f"It reads {counted(len(names), 'thing')} about an applicant, and nothing else: {', '.join(names)}."
    return section("What it reads", paragraph(words if names else "What it reads was not recorded."))


def _scores(card: Mapping[str, Any]) -> str:
    """What scores mean: a few of them over the range, with the chance of not paying."""
    held = mapping(card.get("scores"))
    scaling, fit = mapping(held.get("scaling")), mapping(held.get("calibration"))
    points, odds, pdo = (number(scaling.get(key)) for key in ("points", "odds", "pdo"))
    intercept, slope = (number(fit.get(key)) for key in ("intercept", "slope"))
    low, high = (number(held.get(key)) for key in ("lowest", "highest"))
    if not all(map(isfinite, (points, odds, pdo, intercept, slope, low, high))):
        return ""
    rows = []
    for step in range(_STEPS + 1):
        score = round(low + (high - low) * step / _STEPS)
        log_odds = intercept + slope * (log(odds) + (score - points) * log(2) / pdo)
        rows.append([count(score), percent(1 / (1 + exp(log_odds)))])
    words = f"Scores go from {count(low)} to {count(high)}; higher is safer. By experience so far, of those who have"
    shown = table(Table("What scores mean", ["score", "share that will not pay"], rows))
    return section("How to read a score", paragraph(f"{words} such a score this share will not pay:"), shown)


def _good(card: Mapping[str, Any]) -> str:
    test = mapping(card.get("test"))
    spans = [Span("all banks", *measured(test.get("auc")), main=True)]
    spans += [
        Span(name, *measured(mapping(one).get("auc")), note="too few to say")
        for name, one in mapping(card.get("parties")).items()
    ]
    when = "newer than those" if test.get("out_of_time") else "of the same time as those"
    words = (
        f"Tested on accounts that it was not made of, {when}: of {count(number(test.get('rows')))}, "
        f"{count(number(test.get('bads')))} were not paid. AUC is the share of pairs of a bad and a good account that "
        "it ranks right: 1 is perfect, 0.5 is a coin. "
        f"Accounts that were not paid, by those it had foreseen: {within(card.get('ratio'))}; 1 is right."
    )
    drawn = responsive(lambda width: interval_chart("AUC", spans, measured(test.get("auc"))[0], width))
    return section("How good it is", paragraph(words), figure_of("AUC by bank, 95 % interval", "", drawn))


def _untested() -> str:
    return section("Fairness", paragraph("Differences between protected groups were not tested in this run."))


def _listed(lines: Sequence[Any]) -> str:
    return f"<ul>{''.join(f'<li>{safe(one)}</li>' for one in lines)}</ul>"


def _version(card: Mapping[str, Any]) -> str:
    entries = [
        ("job digest", f"<code>{safe(card.get('version') or 'not recorded')}</code>"),
        ("parameters, SHA-256", f"<code>{safe(card.get('parameters_sha256') or 'not recorded')}</code>"),
        ("made with", safe(f"hansa {card.get('made_with') or ''}".strip())),
        ("more", safe("The validation pack beside this card holds all figures, for a validator.")),
    ]
    return section("Which version this is", pairs(entries))
