"""The model card: short, in plain words, with limits; nothing missing is an error."""

from __future__ import annotations

import pytest

from hansa.report.model_card import model_card, model_card_page
from tests.report.reader import read_page
from tests.report.validations import summary


def test_it_says_what_the_card_is_for_and_how_good_it_is():
    card = model_card(summary())
    page = read_page(model_card_page(card))
    for words in ("What it is for, and what not", "Three banks", "It reads two things", "income, debt", "Known limits"):
        assert words in page.text
    assert f"{100 * card['test']['auc']['value']:.0f} %" in page.text
    assert card["version"] in page.text
    assert "f beside m" in page.text
    assert len(page.text) < 6000


def test_scores_are_told_with_the_chance_that_they_stand_for():
    card = model_card(summary())
    page = read_page(model_card_page(card)).text
    assert str(card["scores"]["lowest"]) in page
    assert "share that will not pay" in page


@pytest.mark.parametrize(
    "broken", [{}, {"banks": None, "scores": {"scaling": {}}}, {"parties": {"a": None}, "limits": 3}]
)
def test_what_is_missing_is_no_error(broken):
    read_page(model_card_page(broken))
