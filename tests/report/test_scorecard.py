"""A scorecard in print: every point of every cell, lines that fit, and nothing that would break a page."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.step import Done
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.scorecard import CardFound, Rounding
from hansa.horizontal.tally import Tally
from hansa.horizontal.woe import Cells
from hansa.report import headline
from hansa.report.reading import Reading
from hansa.report.result import result_page
from hansa.report.scorecard import card_text, carded
from hansa.report.width import WIDTH, columns
from hansa.running.found import found_by


def told(**settings):
    home = Cells("<home>", labels=(("own", "long " * 30), ("rent",)))
    card = Card(
        (
            Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 2), (0.0,) * 3),
            Characteristic(home, (3, -4, 0, 0), (0.0,) * 4),
        ),
        556,
        grades=(0.02, 0.05, 0.1, 0.2),
    )
    rng = np.random.default_rng(0)
    counts = np.stack(
        [rng.integers(20, 90, card.highest - card.lowest + 1), rng.integers(1, 9, card.highest - card.lowest + 1)]
    )
    tally = Tally(card.lowest, counts.astype(float), apart=1234.0)
    return found_by(Done((CardFound(card, tally, tally, rounding=Rounding(1e3, 0.7, 0.3, 0.30004), **settings),)))


def test_every_cell_every_grade_and_every_cut_off_is_printed():
    text = card_text(told(gain=1.0, loss=12.0))
    for words in ("543 to 570 points", "556 for everybody", "(30, inf)", "-9", "rent", "root mean square", "+4.0e-05"):
        assert words in text
    for words in ("grade", "approve from", "profit per applicant", "1,234 rows jointly", "gain of 1 by a good"):
        assert words in text
    assert all(columns(line) <= WIDTH for line in text.splitlines())
    assert headline(told()).startswith("Scorecard: 543")


def test_no_profit_is_shown_where_nobody_has_named_costs():
    text = card_text(told())
    assert "approve from" in text
    assert "profit" not in text
    assert "profit" not in carded(Reading(told()))


def test_the_page_holds_the_same_and_labels_are_made_safe():
    page = result_page({"name": "card", "measure": "auc", **told(gain=1.0, loss=12.0)})
    for words in (
        "&lt;home&gt;",
        "(30, inf)",
        "validation rows",
        "Grades of the master scale",
        "Cut-offs",
        "earns most",
    ):
        assert words in page
    assert "<home>" not in page


@pytest.mark.parametrize(
    "broken", [{}, {"scorecard": None}, {"scorecard": {"points": None, "grades": [None], "cut_offs": [{}]}}]
)
def test_what_is_missing_is_no_error(broken):
    assert isinstance(card_text(broken), str)
    assert isinstance(carded(Reading(broken)), str)


def test_what_was_left_out_and_what_holds_noise_is_said_and_what_is_missing_is_not():
    text = " ".join(card_text(told(turned=("<b>", "income"), noise=14.2)).split())
    assert "Left out for the wrong sign of their coefficients: <b>, income." in text
    assert "were told with noise of about ±14.2 rows" in text
    page = carded(Reading(told(turned=("<b>",))))
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    plain = " ".join(card_text(told()).split())
    assert "wrong sign" not in plain
    assert "noise" not in plain
    bare = told()
    bare["scorecard"]["calibration"] |= {"rows": 0.0, "event_rate": None}
    bare["scorecard"]["rounding"] = {}
    text = " ".join(card_text(bare).split())
    assert "it is not calibrated" in text
    assert "Rounding" not in text
