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
from hansa.horizontal.glm import Glm, Totals
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.validation import Validate
from hansa.horizontal.validator import Origin, Recalibrate, Validator
from hansa.horizontal.woe import Cells

RNG = np.random.default_rng(0)


def late(*outcomes):
    return Table.of({"late": list(outcomes)}, target="late")


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
