"""Loads in the ring, and out of it again."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.load import Load
from hansa.core.message import Answer
from hansa.errors import DataError, PolicyRefusal, WireError
from hansa.privacy.fixed_point import FixedPoint
from hansa.privacy.ring import RingSum, encoded, flat, opened

NUMBERS = FixedPoint(clip=2.0)


def load(i):
    rng = np.random.default_rng(i)
    return Load(
        {
            "delta": rng.normal(size=(1, 40)).astype(np.float32),
            "control": rng.normal(size=(1, 3)),
            "weight": np.array([[10.0 + i]]),
            "loss": np.array([[1234.5678 * i]]),
            "counted": np.array([[1]]),
            "flags": np.array([[True, i == 1]]),
        }
    )


def summed(order):
    total = None
    for i in order:
        total = RingSum().add(total, [i], Answer(encoded(load(i), NUMBERS)))
    return RingSum().close(total)


def test_a_sum_is_the_plain_one_within_half_a_step_and_says_how_much_was_cut():
    total = summed(range(4))
    found = opened(flat(total), total, NUMBERS)
    for name in ("delta", "control"):
        exact = sum(np.clip(load(i)[name].astype(float), -2, 2) * load(i)["weight"] for i in range(4))
        assert np.abs(found[name] - exact).max() <= 4 * 2.0**-25
    assert found["weight"].tolist() == [[46.0]]
    assert found["loss"][0, 0] == pytest.approx(1234.5678 * 6, abs=4 * 2.0**-33)
    assert (found["counted"].tolist(), found["flags"].tolist()) == ([[4]], [[4, 1]])
    cut = sum((np.abs(load(i)[name]) > 2).sum() for i in range(4) for name in ("delta", "control"))
    assert found["cut"].tolist() == [[cut, 4 * 43]]
    assert cut > 0


def test_no_order_and_no_grouping_changes_a_bit():
    one, other = flat(summed(range(4))), flat(summed([2, 0, 3, 1]))
    halves = RingSum().merge(summed([3, 1]), summed([0, 2]))
    assert (one == other).all()
    assert (one == flat(halves)).all()
    assert flat(RingSum().merge(None, summed([0]))).tolist() == flat(RingSum().merge(summed([0]), None)).tolist()


def test_statistics_are_wide_and_exact():
    one = Load({"sums": np.array([[1e12, 0.25]])})
    assert sorted(encoded(one, NUMBERS).vectors) == ["wide sums"]
    assert opened(flat(encoded(one, NUMBERS)), encoded(one, NUMBERS), NUMBERS)["sums"].tolist() == [[1e12, 0.25]]


def test_what_is_no_masked_load_is_refused():
    first = RingSum().add(None, [0], Answer(encoded(load(0), NUMBERS)))
    for bad in (load(1), encoded(load(1).without("loss"), NUMBERS), Load({})):
        with pytest.raises(DataError):
            RingSum().add(first, [1], Answer(bad))
    longer = load(1).replace(delta=np.ones((1, 41)))
    with pytest.raises(DataError, match="different vectors"):
        RingSum().add(first, [1], Answer(encoded(longer, NUMBERS)))
    with pytest.raises(WireError):
        opened(np.zeros(1, np.uint64), Load({"delta": np.zeros((1, 1))}), NUMBERS)


def test_a_diverged_update_is_refused_by_the_party_that_has_it():
    with pytest.raises(PolicyRefusal, match="bank-a has NaN"):
        encoded(load(0).replace(delta=np.full((1, 40), np.nan)), NUMBERS, "bank-a")
