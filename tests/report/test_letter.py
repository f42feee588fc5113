"""A letter gives the reasons in the lender's words, and nothing of the applicant that was not filled in."""

from __future__ import annotations

import pytest

from hansa.errors import ConfigError
from hansa.report.letter import Letter
from tests.report.reader import read_page

REASONS = ("Income insufficient for amount of credit requested", "Length of employment")
WHOLE = Letter(
    "First Bank",
    REASONS,
    agency="Consumer Financial Protection Bureau, 1700 G Street NW, Washington, DC 20552.",
    lender_address=("1 Main Street", "Springfield"),
    applicant="A. Applicant",
    address=("2 Side Street", "Springfield"),
    date="21 November 2026",
    application="A-1",
    contact="loans@first.example",
)


def test_page_and_text_say_the_same():
    page = read_page(WHOLE.html()).text
    for words in (*REASONS, *WHOLE.body, *WHOLE.notice, "A. Applicant", "2 Side Street", "21 November 2026"):
        assert words in page
        assert " ".join(words.split()) in " ".join(WHOLE.text().split())
    assert WHOLE.text().index(REASONS[0]) < WHOLE.text().index(REASONS[1])
    assert all(len(line) <= 78 for line in WHOLE.text().splitlines())


def test_the_page_loads_nothing():
    found = read_page(WHOLE.html())
    policy = next(attributes["content"] for _, attributes in found.tags if attributes.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img", "link", "iframe"})


def test_what_the_lender_fills_in_is_made_safe():
    bad = "<script>alert(1)</script>"
    letter = Letter(bad, (bad,), "us", bad, (bad,), bad, (bad,), bad, bad, bad)
    assert "<script" not in letter.html()


def test_blanks_show_where_nothing_was_filled_in():
    text = Letter("First Bank", ("Late payments",), law="none").text()
    assert all(blank in text for blank in ("[name of the applicant]", "[date]", "[number]"))
    assert "principal reason for our decision is" in text
    assert "principal reasons for our decision are" in WHOLE.text()


@pytest.mark.parametrize(
    ("law", "said"), [("us", "Equal Credit Opportunity Act"), ("eu", "a person to assess"), ("none", "")]
)
def test_each_law_has_its_notice(law, said):
    letter = Letter("First Bank", REASONS, law, agency="the authority")
    assert said in " ".join(letter.notice)
    assert bool(letter.notice) == bool(said)
    assert ("the authority" in " ".join(letter.text().split())) == bool(said)


@pytest.mark.parametrize("reasons", [(), ("",), (" ",), ("a", "a"), ("a", "b", "c", "d", "e")])
def test_a_letter_has_one_to_four_reasons_each_once(reasons):
    with pytest.raises(ConfigError, match="1 to 4 reasons"):
        Letter("First Bank", reasons, law="none")


def test_a_letter_has_a_lender_and_its_notice_an_authority():
    with pytest.raises(ConfigError, match="lender's name"):
        Letter(" ", REASONS, law="none")
    with pytest.raises(ConfigError, match="Set agency"):
        Letter("First Bank", REASONS)
