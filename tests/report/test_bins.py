"""Binning tables in pictures: every cell and bank is told, gaps break no line, and names are made safe."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hansa.horizontal.binning_table import BinningTable
from hansa.horizontal.woe import Cells
from hansa.report.bins import binned, binning_chart, binning_page
from hansa.report.reading import Reading
from hansa.report.scorecard import carded


def told(parties=("north", "south")):
    """Two bins, no other numbers, and gaps."""
    counts = np.array([[90.0, 60.0, 8.0], [10.0, 40.0, 2.0]])
    own = {name: counts * share for name, share in zip(parties, (0.25, 0.75), strict=False)}
    return BinningTable(Cells("age", edges=(30.0,)), counts, (0, 1), own).as_dict()


def test_every_cell_is_told_with_its_rows_rate_and_weight():
    chart = binning_chart("age", told())
    woe = np.log((90 / 158) / (10 / 52))
    assert f"(-inf, 30]: 100 rows, 10.0 % bads, WoE +{woe:.4f}" in chart
    assert "(30, inf): 100 rows, 40.0 % bads, WoE −" in chart
    assert "Missing: 10 rows, 20.0 % bads" in chart


def test_bars_are_as_long_as_rows_and_marks_stand_at_rates():
    chart = binning_chart("age", told(()))
    bars = [float(width) for width in re.findall(r'<rect[^>]* width="([0-9.]+)"', chart)]
    assert bars[0] == bars[1] == pytest.approx(10 * bars[2], abs=0.5)
    axis = float(re.search(r'<line x1="([0-9.]+)"[^>]*class="axis"', chart).group(1))
    ends = re.search(r'<path d="M([0-9.]+) [0-9.]+L([0-9.]+) [0-9.]+" class="line fed"', chart).groups()
    low, high = (float(x) - axis for x in ends)
    assert high == pytest.approx(4 * low, abs=0.5)


def test_banks_stand_beside_all_where_they_were_asked():
    chart = binning_chart("age", told())
    assert "north, (30, inf): 40.0 % bads" in chart
    assert "each bank" in chart
    assert "each bank" not in binning_chart("age", told(()))


def test_a_cell_without_rows_has_a_name_and_no_mark():
    gone = {**told(()), "goods": [90.0, 60.0, 0.0], "bads": [10.0, 40.0, 0.0]}
    chart = binning_chart("age", gone)
    assert "Missing: no rows" in chart
    assert chart.count('class="mark fed"') == 2


def test_the_page_of_a_scorecard_shows_each_characteristic_and_names_are_made_safe():
    card = {"base": 540, "points": {"<b>": {"(-inf, 30]": -9}}, "bins": {"<b>": told()}}
    for page in (carded(Reading({"scorecard": card})), binning_page({"<b>": told()})):
        assert "Bins of &lt;b&gt;" in page
        assert "<b>" not in page


@pytest.mark.parametrize("broken", [{}, {"cells": None}, {"cells": ["a"], "goods": None, "bins": 1}, {"bins": 3}])
def test_what_is_missing_is_no_error(broken):
    assert "nothing to draw" in binning_chart("age", broken)
    assert len(list(binned({"age": broken}))) == 2
