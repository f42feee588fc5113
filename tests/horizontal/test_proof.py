"""What a party tells of rows keeps its floors, and what is told jointly accuses nobody."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.table import Column, Table
from hansa.horizontal.card import Card
from hansa.horizontal.floors import Floors
from hansa.horizontal.proof import Proof, tell_grades, tell_ranks, tell_rows, tell_scores

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


def test_no_difference_tells_of_a_vintage_of_few():
    years = np.repeat([2021, 2022, 2023], [400, 300, 5])
    rows = Table.of({"late": (np.arange(705) % 5 == 0).astype(int)}, target="late")
    names = ("2021", "2022", "2023")

    def told(cell, *, years=years, rows=rows, **given):
        return [one.told for one in Proof(rows, Floors(20, cell), Column.of("y", years)).divided(names, **given)]

    assert told(10) == [True, True, False, False]  # 2023 would be all less the other two
    assert told(10, outcomes=False) == [True, True, False, False]
    assert told(10, years=np.where(years == 2023, 2022, years)) == [True, True, True, False]
    assert told(10, years=np.where(years == 2023, 1999, years)) == [
        True,
        True,
        False,
        False,
    ]  # not named
    bare = rows.with_columns([Column.of("late", [0] * 300 + [1] * 100 + [0] * 299 + [1] + [0] * 5)])
    assert told(10, rows=bare) == [True, False, False, False]  # one bad in the later two


def test_grades_are_exact_where_nothing_is_small_and_whole_in_any_case():
    place, bad = RNG.integers(0, 4, 4000), RNG.random(4000) < 0.1
    exact, apart = tell_grades(place, bad, np.ones(4), np.ones(4), 10)
    np.testing.assert_array_equal(exact[1], np.bincount(place[bad], minlength=4))
    assert apart == 0.0
    few = RNG.random(4000) < 0.004
    told, apart = tell_grades(place, few, np.ones(4), np.array([0.001, 0.002, 0.004, 0.008]), 10)
    assert told.sum() == pytest.approx(4000)
    assert told[1].sum() == pytest.approx(few.sum())
    assert apart > 0
    assert not set(np.bincount(place[few])) <= set(told[1])  # no count of a few is told


def test_goods_that_are_told_jointly_are_spread_as_all_banks_have_them():
    place = np.repeat([0, 1, 2], [3, 397, 500])
    told, _ = tell_grades(place, np.zeros(900, bool), np.array([100.0, 900.0, 50.0]), np.ones(3), 10)
    assert told[0].tolist() == [40.0, 360.0, 500.0]


def test_placements_of_few_bads_are_not_told():
    goods = np.array([0, 60, 0])
    assert tell_ranks(Card((), 600), goods, goods, Proof(late(*[0] * 60, *[1] * 19), Floors(20, 10)))[0] == 0
    assert tell_ranks(Card((), 600), goods, goods, Proof(late(*[0] * 60, *[1] * 20), Floors(20, 10)))[0] == 20


def test_rows_of_a_few_are_told_with_others():
    told = tell_rows(np.repeat([0, 1, 2], [40, 3, 5]), 4, 10, ordered=False)
    assert told.sum() == 48
    assert set(told[told > 0]) == {16.0}
