"""Answers are the card's own, and an error names a column and never a value."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.apps.answering import Answering
from hansa.data.schema import Field, Schema
from hansa.errors import ConfigError, DataError
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.reasons import Reasons, Reference
from hansa.horizontal.woe import Cells
from hansa.running.model import Model
from hansa.trainers import Linear
from tests.horizontal.cards import CARD, DEBT, HOME, rows, scores

CANARY = "Ingrid-Tischbein-4711"
SCHEMA = Schema(
    (
        Field(DEBT, "float", missing=(-99.0,)),
        Field(HOME, "category", missing=("n/a",)),
        Field("y", "integer", role="target"),
    )
)


def test_scores_are_those_of_the_card_with_the_codes_of_its_schema():
    found = Answering(CARD, Reasons(CARD, Reference.best(CARD)), SCHEMA).answer(rows())
    assert [one["score"] for one in found] == scores().tolist()
    assert all(CARD.base + sum(one["points"].values()) == one["score"] for one in found)
    np.testing.assert_allclose([one["probability"] for one in found], CARD.probability(scores()))
    for one in found:
        assert len(one["reasons"]) <= 4
        below = [reason["below"] for reason in one["reasons"]]
        assert below == sorted(below, reverse=True)


@pytest.mark.parametrize(
    "change", [{DEBT: CANARY}, {DEBT: True and [CANARY]}, {HOME: {"a": CANARY}}, {DEBT: float("inf")}, {DEBT: 10**400}]
)
def test_a_wrong_value_is_refused_by_its_column_alone(change):
    with pytest.raises(DataError) as caught:
        Answering(CARD).answer([{**rows()[0], **change}])
    assert next(iter(change)) in str(caught.value)
    assert CANARY not in str(caught.value)


DATED = Schema(
    (
        Field("opened", "date", low="2020-01-01", high="2026-12-31", missing=("never",)),
        Field("late", "integer", low=0, high=30),
        Field("home", "category", levels=("own", "rent")),
    )
)
DATED_CARD = Card(
    (
        Characteristic(Cells("opened", edges=(19_000.0,)), (5, -5, 0), (0.1, -0.1, 0.0)),
        Characteristic(Cells("late", edges=(3.0,), special_codes=(96.0,)), (9, -9, 1, 0), (0.2, -0.2, 0.0, 0.0)),
        Characteristic(Cells("home", labels=(("own",), ("rent",))), (2, -2, 0, 0), (0.1, -0.1, 0.0, 0.0)),
    ),
    base=600,
)


@pytest.mark.parametrize(
    ("opened", "late", "home", "score", "outside"),
    [
        ("2021-05-01", 1, "own", 616, []),
        ("2024-05-01", 96, "rent", 594, []),
        ("never", None, None, 600, []),
        (None, 31, "own", 593, ["late"]),
        ("2019-12-31", -1, "boat", 614, ["opened", "late", "home"]),
    ],
)
def test_rows_are_held_against_ranges_dictionaries_and_dates(opened, late, home, score, outside):
    row = {"opened": opened, "late": late, "home": home}
    (found,) = Answering(DATED_CARD, contract=DATED).answer([row])
    assert (found["score"], found["outside"]) == (score, outside)
    strict = Answering(DATED_CARD, contract=DATED, strict=True)
    if not outside:
        assert strict.answer([row]) == [found]
        return
    with pytest.raises(DataError, match=f"Outside of the contract: {', '.join(outside)}") as caught:
        strict.answer([row])
    assert "boat" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"opened": "2024-13-01"}, {"opened": 19_500}, {"late": "3"}, {"late": CANARY}])
def test_what_the_contract_cannot_read_is_refused_by_its_column_alone(wrong):
    row = {"opened": "2021-05-01", "late": 1, "home": "own", **wrong}
    with pytest.raises(DataError, match=next(iter(wrong))) as caught:
        Answering(DATED_CARD, contract=DATED).answer([row])
    assert CANARY not in str(caught.value)
    with pytest.raises(DataError, match="finite numbers"):
        Answering(DATED_CARD).answer([{"opened": "2021-05-01", "late": 1, "home": "own"}])  # nothing says it is a date


@pytest.mark.parametrize("wrong", [[], [CANARY], [{CANARY: 1}], rows()[:1] * 1001])
def test_a_wrong_request_is_refused_and_not_repeated(wrong):
    with pytest.raises(DataError) as caught:
        Answering(CARD).answer(wrong)
    assert CANARY not in str(caught.value)


def test_a_model_without_a_card_does_not_answer():
    with pytest.raises(ConfigError, match="no scorecard"):
        Answering.of(Model(Linear(), np.zeros(2), 1))
