"""Rules that see each update."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.fold import Collect
from hansa.core.load import Load
from hansa.core.message import Answer
from hansa.errors import JobError
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
    assert heaviest.title == heaviest.sentence() == "heaviest"


def test_nobody_is_no_update():
    assert coordinate_median.combine(Collect().close(Collect().zero([]))) is None
    assert coordinate_median.combine(None) is None


def collected(load):
    fold = Collect()
    return fold.close(fold.add(fold.zero([]), list(range(load.n)), Answer(load)))


def test_only_who_weighs_something_votes_and_the_rest_of_the_load_is_summed():
    control = DELTAS[:, :2].astype(np.float32)
    weight = np.array([0.0, 2.0, 1.0, 0.0, 5.0, 3.0, 0.0])[:, None]
    seen = np.arange(7)[:, None]
    load = Load({"delta": DELTAS, "control": control, "weight": weight, "rows": np.ones((7, 1)), "seen": seen})
    made, voters = coordinate_median.combine(collected(load)), weight[:, 0] > 0
    assert np.array_equal(made["delta"][0], np.median(DELTAS[voters], axis=0))
    assert np.array_equal(made["control"][0], np.median(control[voters], axis=0))
    assert made["control"].dtype == np.float32
    assert [made[name].tolist() for name in ("weight", "rows", "seen")] == [[[11.0]], [[7.0]], [[21]]]
    assert coordinate_median.combine(collected(load.replace(weight=np.zeros((7, 1))))) is None


def test_a_rule_gives_back_one_update():
    @rule
    def everything(updates, weights):
        return updates

    with pytest.raises(JobError, match=r"The rule 'everything' made \[7, 5\].*one number for each of the 5 columns"):
        combined(everything)


def test_a_rule_travels_to_a_worker_without_its_function():
    make, args = rule(lambda updates, weights: updates[0]).__reduce__()
    copy = make(*args)
    assert (copy.title, copy.guarantees.sees_each) == ("<lambda>", True)
    with pytest.raises(JobError, match="combines at the coordinator"):
        copy.function(DELTAS, np.ones(7))
