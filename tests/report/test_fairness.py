"""The section on protected groups shows each with its intervals, and says what was not told."""

from __future__ import annotations

from hansa.report.fairness import treated
from hansa.report.reading import Reading
from tests.report.validations import summary


def test_each_group_stands_beside_its_reference():
    page = treated(Reading(summary()))
    assert "f beside m" in page
    assert page.count(" to ") >= 3
    few = {**summary(), "fairness": {**summary()["fairness"], "untold": 2.0}}
    assert "2 groups of banks were too small" in treated(Reading(few))


def test_what_is_missing_is_no_error():
    assert treated(Reading({})) == ""
    assert "Fairness" in treated(Reading({"fairness": {"groups": [{}, None]}}))
