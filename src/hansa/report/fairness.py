"""The section on how a scorecard treats protected groups; nothing where none was named."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from hansa.report.figures import NONE, count, figure, percent, signed
from hansa.report.page import Table, paragraph, section, table
from hansa.report.reading import Reading, items, mapping, measured, number
from hansa.report.svg import safe


def treated(reading: Reading) -> str:
    """Each group beside its reference: ratio of approvals, difference of scores, equal opportunity, with intervals.

    Example:
        >>> group = {"column": "sex", "group": "f", "reference": "m", "ratio": {"value": 0.75}, "adverse": True}
        >>> page = treated(Reading({"fairness": {"cut_off": 540, "groups": [group]}}))
        >>> "below four fifths" in page, treated(Reading({}))
        (True, '')
    """
    told = mapping(reading.summary.get("fairness"))
    if not told:
        return ""
    rows = [
        [
            f'{safe(one.get("column"))}<span class="under">{safe(_beside(one))}</span>',
            count(number(one.get("rows"))),
            percent(number(one.get("approval_rate"))),
            _ends(one.get("ratio"), "below four fifths" if one.get("adverse") else "", sign=False),
            _ends(one.get("smd")),
            _ends(one.get("equal_opportunity")),
        ]
        for one in map(mapping, items(told.get("groups")))
    ]
    words = (
        f"Validation rows that score at least {count(number(told.get('cut_off')))} are approved here. Protected "
        "columns never enter the card; they are read for this test alone. The difference of scores is in standard "
        "deviations; equal opportunity is the difference in approval of good applicants. Below zero, the group stands "
        "worse."
    )
    untold = number(told.get("untold"))
    few = f"{count(untold)} groups of banks were too small to be told." if untold > 0 else ""
    heads = ["group", "rows", "approved", "ratio of approvals", "difference of scores", "equal opportunity"]
    shown = table(Table("Protected groups, 95 % intervals", heads, rows)) if rows else ""
    return section("Fairness", paragraph(words), shown, paragraph(few, "quiet") if few else "")


def _beside(one: Mapping[str, Any]) -> str:
    return f"{one.get('group')} beside {one.get('reference')}"


def _ends(value: object, note: str = "", *, sign: bool = True) -> str:
    """A figure, and beneath it its interval and what is to be said of it."""
    found, low, high = measured(value)
    told = signed if sign else figure
    if not isfinite(found):
        return NONE
    beneath = [f"{told(low)} to {told(high)}"] * (isfinite(low) and isfinite(high)) + [note] * bool(note)
    return told(found) + "".join(f'<span class="under">{safe(words)}</span>' for words in beneath)
