"""Rules that see each update."""

from __future__ import annotations

import numpy as np

from hansa.core.fold import Collect
from hansa.core.load import Load
from hansa.core.message import Answer
from hansa.links import coordinate_median, rule

DELTAS = np.random.default_rng(1).normal(size=(7, 5))


def combined(link):
    load = Load(
        {"delta": DELTAS, "weight": np.arange(1.0, 8.0)[:, None], "rows": np.ones((7, 1)), "loss": np.ones((7, 1))}
    )
    sent, _ = link.apply(load, {}, {}, ())
    fold = link.fold()
    assert isinstance(fold, Collect)
    return link.combine(fold.close(fold.add(fold.zero(range(7)), list(range(7)), Answer(sent))))


def test_the_coordinate_median_is_numpys():
    assert np.array_equal(combined(coordinate_median)["delta"][0], np.median(DELTAS, axis=0))


def test_a_rule_is_a_function_of_updates_and_weights():
    @rule
    def heaviest(updates, weights):
        return updates[np.argmax(weights)]

    assert np.array_equal(combined(heaviest)["delta"][0], DELTAS[6])
    assert heaviest.guarantees.sees_each
    assert heaviest.title == "heaviest"


def test_nobody_is_no_update():
    assert coordinate_median.combine(Collect().close(Collect().zero([]))) is None
