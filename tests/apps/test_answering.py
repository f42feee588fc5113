"""Answers are the card's own, and an error names a column and never a value."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.apps.answering import Answering
from hansa.data.schema import Field, Schema
from hansa.errors import ConfigError, DataError
from hansa.horizontal.reasons import Reasons, Reference
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


@pytest.mark.parametrize("wrong", [[], [CANARY], [{CANARY: 1}], rows()[:1] * 1001])
def test_a_wrong_request_is_refused_and_not_repeated(wrong):
    with pytest.raises(DataError) as caught:
        Answering(CARD).answer(wrong)
    assert CANARY not in str(caught.value)


def test_a_model_without_a_card_does_not_answer():
    with pytest.raises(ConfigError, match="no scorecard"):
        Answering.of(Model(Linear(), np.zeros(2), 1))
