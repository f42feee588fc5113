from __future__ import annotations

from hansa.report.page import Table, figure_of, folded, page, pairs, paragraph, responsive, section, table
from tests.report.reader import read_page


def test_all_parts_together_are_a_whole_page():
    shown = table(Table("Rows", ["bank", "rows"], [["a", "1"], ["b", ""]], stress=0))
    body = [
        section("One", figure_of("F", "words", responsive(lambda w: f"<i>{w}</i>")), folded("more", shown)),
        pairs([("a", "b")]),
    ]
    found = read_page(page("Title", paragraph("Head"), body, "foot"))
    assert "foot" in found.text
    assert [attributes["scope"] for tag, attributes in found.tags if tag == "th"] == ["col", "col", "row", "row"]


def test_headings_captions_and_terms_are_made_safe():
    bad = "<script>alert(1)</script>"
    text = page(bad, "", [section(bad), paragraph(bad), figure_of(bad, bad), folded(bad, ""), pairs([(bad, "")])], "")
    text += table(Table(bad, ["a"], []))
    assert "<script" not in text


def test_the_page_tells_the_browser_to_load_nothing():
    found = read_page(page("a", "", [], ""))
    policy = next(attributes["content"] for _, attributes in found.tags if attributes.get("http-equiv"))
    assert policy.startswith("default-src 'none'")


def test_a_wide_table_can_be_scrolled_by_keyboard():
    assert 'tabindex="0" role="region" aria-label="Rows"' in table(Table("Rows", ["a"], []))
