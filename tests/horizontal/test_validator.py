"""The party's half: floors are kept, and what is told jointly is spread without accusing anybody."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.job import Job
from hansa.core.party import Site
from hansa.core.table import Table
from hansa.errors import DataError, Refused
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.design import remembered
from hansa.horizontal.floors import Floors
from hansa.horizontal.glm import Glm, Totals
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.validation import Validate
from hansa.horizontal.validator import Origin, Proof, Rank, Recalibrate, Validator, tell_grades, tell_ranks, tell_scores
from hansa.horizontal.woe import Cells

RNG = np.random.default_rng(0)


def late(*outcomes):
    return Table.of({"late": list(outcomes)}, target="late")


@pytest.mark.parametrize(
    ("rows", "told"), [(late(*[0] * 40), True), (late(*[0] * 38, 1, 1), False), (late(*[0] * 9), False)]
)
def test_a_few_of_an_outcome_or_of_rows_are_not_told(rows, told):
    proof = Proof(rows, Floors(20, 3))
    assert proof.told is told
    assert bool(tell_scores(Card((), 600), proof)[0].any()) is told


def test_grades_are_exact_where_nothing_is_small_and_whole_in_any_case():
    place, bad = RNG.integers(0, 4, 4000), RNG.random(4000) < 0.1
    exact, apart = tell_grades(place, bad, np.ones(4), 10)
    np.testing.assert_array_equal(exact[1], np.bincount(place[bad], minlength=4))
    assert apart == 0.0
    few = RNG.random(4000) < 0.004
    told, apart = tell_grades(place, few, np.array([0.001, 0.002, 0.004, 0.008]), 10)
    assert told.sum() == pytest.approx(4000)
    assert told[1].sum() == pytest.approx(few.sum())
    assert apart > 0
    assert not set(np.bincount(place[few])) <= set(told[1])  # no count of a few is told


def test_the_origin_is_a_digest_and_labels_that_enough_share():
    table = Table.of({"year": [2021] * 30 + [2022] * 3, "late": [0] * 33}, target="late")
    site = Site("bank-a", Job("doc", (Glm(), Validate())), table)
    answer, _ = Validator(Validate("year")).answer(Origin(), site, {})
    text = answer.load["text"][0].tobytes().decode()
    assert '"vintages": ["2021"]' in text
    assert "2022" not in text


def test_another_ask_is_refused():
    site = Site("bank-a", Job("doc", (Glm(), Validate())), late(0, 1))
    with pytest.raises(DataError, match="no answer to Totals"):
        Validator(Validate()).answer(Totals(()), site, {})


def test_placements_of_few_bads_are_not_told():
    goods = np.array([[0, 60, 0]])
    ask = Rank(Card((), 600), goods, goods)
    assert tell_ranks(ask, 0, Proof(late(*[0] * 60, *[1] * 19), Floors(20, 10)))[0] == 0
    assert tell_ranks(ask, 0, Proof(late(*[0] * 60, *[1] * 20), Floors(20, 10)))[0] == 20


def test_another_card_than_the_one_that_was_taken_is_refused():
    table = Table.of({"age": [20, 40], "late": [0, 1]}, target="late")
    site = Site("bank-a", Job("doc", (Glm(), Validate())), table)
    age = Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 0), (-0.6, 0.7, 0.0))
    taken = remembered(Prepared(Card((age,), 600).codings))
    other = replace(age, points=(-9, 12, 0))
    ask = Recalibrate(Card((age,), 600), np.array([0.0, 1.0]))
    assert Validator(Validate()).answer(ask, site, taken)[0].load["gradient"].shape == (1, 2)
    with pytest.raises(Refused, match="prepared otherwise"):
        Validator(Validate()).answer(replace(ask, card=Card((other,), 600)), site, taken)
