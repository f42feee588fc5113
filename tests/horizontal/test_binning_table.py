"""A binning table: optbinning's layout, smoothing that says so, and changes by hand that are recorded."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.errors import ConfigError, DataError
from hansa.horizontal.binning_table import BinningTable, Update
from hansa.horizontal.optimal import Limits
from hansa.horizontal.woe import Cells


def small():
    cells = Cells("age", edges=(20.0, 30.0, 40.0), special_codes=(98.0,))
    counts = np.array([[50.0, 60.0, 70.0, 80.0, 5.0, 0.0], [30.0, 20.0, 19.0, 10.0, 0.0, 0.0]])
    return BinningTable(cells, counts, (0, 2, 3), parties={"bank-a": counts / 2})


def test_the_table_adds_up_and_says_what_was_smoothed():
    made = small()
    shown = made.build()
    assert shown.column("Bin").strings().tolist() == [
        "(-inf, 20]",
        "(20, 40]",
        "(40, inf)",
        "Special 98",
        "Missing",
        "Totals",
    ]
    assert shown.column("Count").values.tolist() == [80.0, 169.0, 90.0, 5.0, 0.0, 344.0]
    assert shown.column("IV").values[-1] == pytest.approx(made.iv)
    assert made.woe[0] == pytest.approx(np.log((50 / 265) / (30 / 79)))
    assert made.smoothed == ("Special 98",)
    assert made.woe[3] == pytest.approx(np.log((5.5 / 265) / (0.5 / 79)))
    assert made.woe[4] == 0
    js = shown.column("JS").values
    p, q = 50 / 265, 30 / 79
    assert js[0] == pytest.approx((p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))) / 2)
    assert made.build("bank-a").column("Count").values[-1] == 172.0
    with pytest.raises(DataError, match="no counts of 'bank-b'"):
        made.build("bank-b")


def test_changes_by_hand_are_recorded_and_stay_on_counted_edges():
    made = small().update_splits((30.0,), by="validator", why="stable over time")
    assert (made.splits, made.updates) == ((30.0,), (Update((20.0, 40.0), (30.0,), "validator", "stable over time"),))
    assert made.build().column("Count").values[:2].tolist() == [160.0, 179.0]
    with pytest.raises(ConfigError, match="among the edges"):
        made.update_splits((35.0,), by="validator", why="round")
    with pytest.raises(ConfigError, match="who makes it"):
        made.update_splits((30.0,), by="", why="")
    words = BinningTable(Cells("home", labels=(("own",),)), np.ones((2, 3)), (0,))
    with pytest.raises(ConfigError, match="holds labels"):
        words.update_splits((), by="a", why="b")


def test_labels_of_nobody_leave_others_and_gaps():
    made = BinningTable.of(Cells("home", categorical=True), np.array([[5.0, 0.0], [3.0, 2.0]]), Limits(), "optimal")
    assert made.cells.names == ("Others", "Missing")
    assert made.build().column("Count").values.tolist() == [8.0, 2.0, 10.0]
