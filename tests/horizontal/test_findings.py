from __future__ import annotations

import numpy as np
import pytest

from hansa.core.metrics import population_stability
from hansa.horizontal.findings import Facts, Sheet, drift_of, pooled, sheet_of, span_of
from hansa.horizontal.groups import FEW, Groups, Told


def test_drift_is_told_against_the_others_over_groups_that_hold_enough():
    mine, others = np.array([50, 4, 46]), np.array([80.0, 60.0, 60.0])
    made = Told.of(mine, 10, ordered=True)
    assert made.own.tolist() == [50, 50]
    assert drift_of(made, others + made.spread) == pytest.approx(population_stability([80, 120], [50, 50]))
    assert drift_of(made, made.spread) is None
    assert drift_of(Told.of(np.zeros(3, int), 10, ordered=True), others) is None


def test_a_span_is_open_where_it_leaves_the_edges():
    groups = Groups("x", edges=(1.0, 2.0))
    assert span_of(Told.of(np.array([90, 0, 30, 5]), 1, ordered=True), groups) == (None, 1.0, None)
    assert span_of(Told.of(np.array([0, 0, 0, 50]), 1, ordered=True), groups) == (None, None, None)


def test_a_few_and_a_few_stay_a_few():
    sheets = tuple(Sheet(name, 50, FEW, 0, columns=(Facts("x", "float", gaps=FEW),)) for name in "ab")
    both = pooled(sheets, {"x": (1.0, 2.0, 3.0)})
    assert (both.rows, both.repeated, both.ids, both.events) == (100, FEW, 0, None)
    assert (both.columns[0].gaps, both.columns[0].high) == (FEW, 3.0)
    more = pooled((*sheets, Sheet("c", 50, 20, 0)), {})
    assert more.repeated == 20


def test_a_constant_at_each_bank_is_one_of_the_pool_only_where_it_is_the_same():
    one = Facts("x", "float", constant=True)
    assert pooled((Sheet("a", columns=(one,)), Sheet("b", columns=(one,))), {"x": (7.0, 7.0, 7.0)}).columns[0].constant
    assert (
        not pooled((Sheet("a", columns=(one,)), Sheet("b", columns=(one,))), {"x": (7.0, 8.0, 9.0)}).columns[0].constant
    )


def test_labels_are_as_many_as_the_banks_name_together():
    one = Sheet("a", columns=(Facts("region", "category", distinct=1, constant=True),))
    whole = pooled((one, one), {}, {"region": Groups("region", levels=("north", "south"))})
    assert (whole.columns[0].distinct, whole.columns[0].constant) == (2, False)
    assert pooled((one, one), {}, {"region": Groups("region", levels=("north",))}).columns[0].constant


def test_a_party_with_few_rows_has_a_note_alone():
    assert sheet_of("a", {"rows": 0, "min_rows": 20}, {}, {}, {}) == Sheet("a", note="fewer than 20 rows")
