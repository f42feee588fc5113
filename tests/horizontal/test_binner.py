"""What a party tells of its rows to be binned: counts of no few, and only what it was asked first."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.horizontal.binner import tell_outcomes
from hansa.horizontal.woe import Cells


def test_counts_of_a_few_rows_do_not_leave_and_totals_stay():
    rng = np.random.default_rng(0)
    cells = Cells("age", edges=tuple(range(10)))
    for _ in range(50):
        place, event = rng.integers(0, 12, 300), rng.random(300) < 0.1
        told, apart = tell_outcomes(place, event, cells, 10)
        for side, mine in zip(told, (place[~event], place[event]), strict=True):
            counts = np.bincount(mine, minlength=12)
            assert side.sum() == pytest.approx(len(mine))
            assert all(side[i] == pytest.approx(counts[i]) or counts[i] < 10 or apart for i in range(12))
            assert apart >= 10 or not ((counts > 0) & (counts < 10)).any()
    few = np.array([True, False] + [False] * 98)
    told, _ = tell_outcomes(np.zeros(100, np.intp), few, cells, 10)
    assert told[1].sum() == 0
