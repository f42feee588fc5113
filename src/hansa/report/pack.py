"""What a validation pack holds beside its page: of a run's summary what a validator needs, and its known limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final

from hansa.report.figures import count, counted, figure
from hansa.report.reading import items, mapping, number
from hansa.report.width import clean

_KEPT: Final = (
    "name",
    "measure",
    "job_digest",
    "schema_sha256",
    "parameters_sha256",
    "fingerprint",
    "steps",
    "where",
    "metrics",
    "validation",
    "scorecard",
    "information_values",
    "left_out",
    "selection",
    "regression",
    "sums",
    "fairness",
    "partition",
    "left",
    "secure_sums",
    "privacy",
    "warnings",
)
THIN: Final = 20
"""With fewer bads than these, a test of a grade or of a vintage finds large errors only."""

_OPEN: Final = 0.05


def validation_pack(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The pack as `validation.json` holds it; nothing where the run has validated nothing.

    Example:
        >>> made = validation_pack({"name": "card", "seconds": 3.0, "validation": {"rows": 900}})
        >>> sorted(made), validation_pack({"name": "card"})
        (['limits', 'name', 'validation'], {})
    """
    if not mapping(summary.get("validation")):
        return {}
    return {**{name: summary[name] for name in _KEPT if name in summary}, "limits": list(limits(summary))}


def limits(summary: Mapping[str, Any]) -> Iterator[str]:
    """What the figures cannot say, each in a sentence; found from the figures themselves.

    Example:
        >>> next(limits({"validation": {"untold": 1.0}})).startswith("The test is out of sample")
        True
    """
    told = mapping(summary.get("validation"))
    yield from _of_time(told)
    yield from _of_rows(told)
    yield from _of_grades(told)
    yield from _of_drift(told)
    yield from _of_banks(told)
    for note in items(mapping(summary.get("regression")).get("notes")):
        if not str(note).startswith("Reference levels"):
            yield clean(note)
    if not mapping(summary.get("fairness")):
        yield "No protected column was named: disparities between groups were not tested."
    elif (untold := number(mapping(summary.get("fairness")).get("untold"))) > 0:
        yield f"{count(untold)} groups of banks were too small for the test of fairness."
    yield "Rows without an outcome, such as applicants who were declined, are in no figure."


def _of_time(told: Mapping[str, Any]) -> Iterator[str]:
    if not told.get("out_of_time"):
        yield "The test is out of sample and not out of time: the rows were not split by time."
    if not items(told.get("vintages")):
        yield "No vintage was named: figures by time were not found."
    thin = [clean(one.get("name")) for one in map(mapping, items(told.get("vintages"))) if _thin(one)]
    if thin:
        yield f"Vintages with fewer than {THIN} bads, whose figures are rough: {', '.join(thin)}."
    if untold := ", ".join(map(clean, items(told.get("untold_vintages")))):
        yield f"Vintages without figures, for no bank had enough test rows of both outcomes: {untold}."
    immature = number(told.get("immature"))
    if immature > 0:
        yield f"{count(immature)} rows are left out, for their outcome was not known in time."
    elif not told.get("window"):
        yield "No performance window was named: every outcome was taken as final."


def _of_rows(told: Mapping[str, Any]) -> Iterator[str]:
    untold = number(told.get("untold"))
    if untold > 0:
        banks = counted(int(untold), "bank")
        yield f"{banks[0].upper()}{banks[1:]} had too few test rows to be in the pooled figures."
    bads, ranked = (number(told.get(key)) for key in ("bads", "ranked"))
    if 0 < ranked < bads:
        yield f"The pooled AUC is of {count(ranked)} of {count(bads)} bads: banks with few do not tell how theirs rank."
    held = mapping(told.get("ks"))
    if number(held.get("error")) > _OPEN:
        yield f"Counts in groups leave the pooled KS open by ± {figure(number(held.get('error')))}."


def _of_grades(told: Mapping[str, Any]) -> Iterator[str]:
    found = mapping(told.get("calibration"))
    apart, rows = number(found.get("apart")), number(told.get("rows"))
    if apart > 0:
        share = f" of {count(rows)}" if isfinite(rows) else ""
        yield (
            f"{count(apart)}{share} test rows were told jointly with those of neighbouring grades; such bads are "
            "placed as the card expects them, so that the grades' tests are gentler than on rows."
        )
    thin = [count(number(one.get("number"))) for one in map(mapping, items(found.get("grades"))) if _thin(one)]
    if thin:
        yield f"Grades with fewer than {THIN} bads, where only large errors are found: {', '.join(thin)}."
    if found.get("on") == "train":
        yield "Grades promise by training rows, for there were too few validation rows: expect them to be too sure."


def _of_drift(told: Mapping[str, Any]) -> Iterator[str]:
    held = mapping(told.get("stability"))
    for key, name, words in (
        ("test", "characteristic", "Between training and test, more than chance has moved"),
        ("over_time", "where", "The scores of all rows differ by more than chance from those of the first vintage"),
    ):
        found = [clean(one.get(name)) for one in map(mapping, items(held.get(key))) if one.get("moved")]
        if found:
            yield f"{words}: {', '.join(found)}."


def _of_banks(told: Mapping[str, Any]) -> Iterator[str]:
    for name, held in mapping(told.get("parties")).items():
        one = mapping(held)
        if one.get("note"):
            yield f"{clean(name)} has no figures of its own: {clean(one['note'])}."
        sway = mapping(one.get("sway"))
        if number(sway.get("flips")) > 0:
            yield f"Without {clean(name)}, {counted(int(sway['flips']), 'coefficient')} would change sign."


def _thin(one: Mapping[str, Any]) -> bool:
    return number(one.get("bads")) < THIN
