"""What a result tells beside its model: only what was found."""

from __future__ import annotations

import json

import numpy as np

from hansa.core.step import Done
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.binning_table import BinningTable
from hansa.horizontal.regression import Regression
from hansa.horizontal.selected import Selection
from hansa.horizontal.woe import Cells
from hansa.running.found import found_by


def test_it_tells_what_there_is_as_plain_data():
    counts = np.array([[90.0, 60.0, 0.0], [10.0, 40.0, 0.0]])
    process = BinningProcess((BinningTable(Cells("age", edges=(30.0,)), counts, (0, 1)),))
    regression = Regression(("const",), np.array([-1.0]), np.eye(1), rows=200, converged=True, selected=True)
    told = found_by(Done((process, Selection(("age",), path=("+ age",)), regression)))
    assert told["information_values"] == process.ivs
    assert told["selection"]["path"] == ["+ age"]
    assert told["regression"]["coefficients"]["const"]["coef"] == -1.0
    assert "not valid after selection" in told["regression"]["notes"][0]
    assert json.loads(json.dumps(told)).keys() == {"information_values", "selection", "regression"}
    assert found_by(Done()) == {}
