"""Attacks as text and as a page: whole, well-formed, safe, and true to the findings."""

from __future__ import annotations

import pytest

from hansa.report.attacks import attacks_page, attacks_text
from hansa.report.width import columns
from tests.report.reader import read_page

BAD = "<script>alert(1)</script>"


def view(who, verdict, **figures):
    return {"who": who, "verdict": verdict, "said": f"Said of {who}.", "figures": figures}


def finding(attack, verdict, without, *views):
    told = (
        f"What was done in {attack}, at length, so that the line has to be broken somewhere beyond a hundred columns."
    )
    return {"attack": attack, "title": f"The {attack}", "said": told, "verdict": verdict, "without": without,
            "views": list(views)}  # fmt: skip


@pytest.fixture
def summary():
    shares = {"right": 0.05, "alike": -0.01, "by guessing": 0.6}
    return {
        "job": BAD,
        "digest": "ab12",
        "chain": "private_sgd(noise_multiplier=2.0) -> weighted_mean",
        "epsilon": 1.25,
        "delta": 1e-5,
        "findings": [
            finding("rows", "found", shares | {"right": 1.0}, view("coordinator", "found", **shares),
                    view("readers", "held", **shares)),
            finding("membership", "held", {"auc": 0.81}, view("readers", "held", auc=0.51)),
            finding("audit", "held", {"shown": 3.7}, view("readers", "held", shown=0.4, claimed=1.3)),
            finding("audit", "found", {"shown": 3.7}, view("readers", "found", shown=3.4, claimed=None)),
            finding("noise", "held", {"size": 0.0}, view("readers", "held", size=0.4, samples=1e-3)),
            finding("inversion", "nothing", {}),
        ],
    }  # fmt: skip


def test_the_text_fits_a_terminal_and_says_each_verdict(summary):
    text = attacks_text(summary)
    assert max(columns(line) for line in text.splitlines()) <= 100
    assert "Six attacks: two succeed, three find nothing, one had nothing to attack." in text
    for words in ("it succeeds", "it finds nothing", "nothing to attack", "  coordinator: Said of coordinator."):
        assert words in text


def test_the_page_is_whole_and_made_safe(summary):
    page = attacks_page(summary)
    found = read_page(page)
    assert BAD not in page
    for words in (
        "Attacks on",
        "The rows",
        "readers: it finds nothing.",
        "coordinator: it succeeds.",
        "1.2500, at delta",
    ):
        assert words in found.text
    assert page.count("<svg") == 8  # four that are drawn, for a desk and for a phone
    assert "none is claimed" in attacks_page(summary | {"epsilon": None})


def test_a_share_is_in_per_cent_and_a_chance_is_not(summary):
    text = read_page(attacks_page(summary)).text
    assert "5.0 %" in text
    assert "0.4000" in text
    assert "0.5100" in text
