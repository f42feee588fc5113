"""The look at the data as text and pages: whole, well-formed, and each party's sheet for that party alone."""

from __future__ import annotations

import pytest

from hansa.report.quality import quality_page, quality_text, remarks
from hansa.report.width import columns
from tests.report.reader import read_page

BAD = "<script>alert(1)</script>"


def facts(name, **changes):
    told = {"kind": "float", "gaps": 0, "infinite": 0, "distinct": 50, "constant": False, "drift": 0.05}
    return {"name": name, **told, "low": 1.0, "middle": 2.5, "high": 9.0, **changes}


def sheet(party, *found, **changes):
    told = {"rows": 1000, "repeated": 0, "ids": 0, "events": 80, "missing": [], "note": ""}
    return {"party": party, "columns": list(found), **told, **changes}


@pytest.fixture
def summary():
    own = (facts("income", drift=0.7), facts("opened", kind="date", low=18659.0, middle=None), facts(BAD, gaps=-1))
    return {
        "sheets": [
            sheet("north", *own, repeated=-1),
            sheet("south", *own[1:], missing=["income"], events=None),
            sheet("tiny", rows=0, note="fewer than 20 rows"),
        ],
        "pooled": sheet("all together", *own, facts("flat", constant=True, infinite=12), rows=2000),
        "suspects": [{"name": "closed", "auc": None, "why": "known at outcome"}],
        "aucs": {"income": 0.61, "opened": 0.5},
        "min_cell": 10,
    }


def test_the_text_fits_a_terminal_and_says_what_to_look_at(summary):
    text = quality_text(summary)
    assert max(columns(line) for line in text.splitlines()[:8]) <= 100
    assert "2021-02-01" in text
    assert "<10" in text
    for words in (
        "- 'closed' may tell the target: known at outcome.",
        "- 'flat' has one value only.",
        "- 'flat' holds infinite values: make them gaps.",
        "- north: <10 rows repeat another.",
        "- 'income' at north stands apart",
        "- 'income' is missing at south.",
        "- tiny tells nothing: fewer than 20 rows.",
    ):
        assert words in text


def test_a_page_is_whole_and_made_safe(summary):
    for party in ("", "north", "tiny"):
        text = quality_page(summary, party)
        found = read_page(text)
        assert "All banks together" in found.text
        assert "<10" in found.text


def test_each_party_has_its_own_sheet_and_nobody_elses(summary):
    everybody, north, south = (read_page(quality_page(summary, name)).text for name in ("", "north", "south"))
    assert "At north" in north
    assert "At north" not in everybody + south
    assert "north" not in everybody + south
    assert "'income' at north stands apart" in north
    assert "is missing at south" in south
    assert "AUC alone" in everybody
    assert remarks(summary, "") == remarks(summary)[:3]


def test_nothing_to_say_is_said(summary):
    plain = {**summary, "sheets": [], "suspects": [], "pooled": sheet("all together")}
    assert "Nothing stands out." in quality_text(plain)
    assert "Nothing stands out." in read_page(quality_page(plain)).text
