"""Drift: chance alone does not alarm at the 99 % level, a real move does, and the rule of thumb stands beside it."""

from __future__ import annotations

import numpy as np

from hansa.core.table import Column
from hansa.data.parts import HashSplit
from hansa.horizontal.binning import Binning
from hansa.horizontal.stability import between_parties, drift, over_time
from tests.horizontal.banks import book, divided, fitted


def test_alike_parties_are_quiet_and_one_that_moved_is_found():
    table = book(6000, seed=8)
    age = table.column("age").floats()
    moved = table.with_columns([Column.of("age", np.where(np.arange(6000) < 2000, age + 6, age))])
    step = Binning(HashSplit(1.0, 0.0, 0.0), keep=("age", "income"), by_party=True, monotonic_trend="none")
    found, _ = fitted(step, divided(moved, [2000, 4000]), min_cell=1)
    told = {(one.characteristic, one.where): one for one in between_parties(found)}
    assert told["age", "bank-0"].moved
    assert told["age", "bank-0"].index > 5 * told["income", "bank-0"].index
    assert not told["income", "bank-1"].moved


def test_chance_at_two_hundred_rows_is_called_a_shift_by_the_thumb_and_not_by_the_alarm():
    rng = np.random.default_rng(0)
    share = np.full(10, 0.1)
    told = [drift("x", "p", rng.multinomial(200, share) * 1.0, rng.multinomial(200, share) * 1.0) for _ in range(600)]
    assert sum(one.moved for one in told) / 600 < 0.03
    assert sum(one.rule != "stable" for one in told) / 600 > 0.2
    assert max(one.index for one in told) > 0.17


def test_periods_are_held_against_the_first_and_empty_ones_have_no_figure():
    told = over_time("x", {"1": [500.0, 500.0, 0.0], "2": [100.0, 900.0, 0.0], "3": [0.0, 0.0, 0.0]})
    assert [one.moved for one in told] == [True, False]
    assert np.isnan(told[1].index)
