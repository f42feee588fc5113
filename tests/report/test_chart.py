from __future__ import annotations

from math import nan

import numpy as np
import pytest

from hansa.core.metrics import ks, roc
from hansa.report.chart import Line, ks_chart, learning_curve, roc_chart, thin
from tests.report.reader import SVG, overlaps, read_svg, words_of
from tests.report.summaries import counts


@pytest.mark.parametrize("width", [380, 920])
def test_lines_are_named_and_no_label_covers_another(width):
    rounds = list(range(1, 41))
    lines = [
        Line(name, rounds, [0.3 + i / 1e4 + 1 / r for r in rounds]) for i, name in enumerate(("training", "validation"))
    ]
    root = read_svg(learning_curve(lines, 28, "log loss", width))
    assert {"training", "validation", "best round 28"} <= set(words_of(root))
    assert overlaps(root) == []


@pytest.mark.parametrize("best", [1, 20, 40])
def test_the_best_round_is_marked_where_it_is(best):
    line = Line("validation", list(range(1, 41)), list(np.linspace(1, 0.5, 40)))
    root = read_svg(learning_curve([line], best, "log loss"))
    assert [item.get("x1") for item in root.iter(f"{SVG}line") if item.get("class") == "marked"]
    assert overlaps(root) == []


@pytest.mark.parametrize("values", [[0.5], [nan, nan], [0.5, nan, 0.4], [0.4, 0.4], [1e9, 0.1]])
def test_gaps_single_rounds_and_flat_lines_are_drawn(values):
    read_svg(learning_curve([Line("validation", range(1, len(values) + 1), values)], 0, "log loss"))


def test_a_round_that_was_not_best_is_not_marked():
    assert "best round" not in learning_curve([Line("a", [1, 2], [1, 2])], 0, "log loss")


def test_roc_and_ks_say_their_figures_and_stay_apart():
    found = counts(4_000)
    curve = roc(found)
    gap = ks(found).value
    for drawn in (roc_chart(curve, "AUC 0.77"), ks_chart(curve, found.totals, f"KS {gap:.3f}")):
        root = read_svg(drawn)
        assert overlaps(root) == []
        assert len(drawn) < 20_000
    assert f"KS {gap:.3f}" in words_of(root)


def test_the_ks_bracket_spans_the_widest_gap():
    found = counts(4_000)
    root = read_svg(ks_chart(roc(found), found.totals, "KS"))
    bracket = next(item for item in root.iter(f"{SVG}line") if item.get("class") == "bracket")
    high = (float(bracket.get("y1")) - float(bracket.get("y2"))) / (340 - 44 - 34)
    assert high == pytest.approx(roc(found).gap.max(), abs=0.002)


def test_thinning_keeps_the_ends_and_the_shape():
    x = np.linspace(0, 1, 10_000)
    kept = thin(x, x**0.5, 100)
    assert len(kept) <= 101
    assert (kept[0], kept[-1]) == (0, 9_999)
    assert np.abs(np.interp(x, x[kept], x[kept] ** 0.5) - x**0.5).max() < 0.02
