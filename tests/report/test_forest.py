from __future__ import annotations

import pytest

from hansa.report.forest import forest
from hansa.report.reading import Own
from tests.report.reader import SVG, overlaps, read_svg, words_of

OWNS = [
    Own("north", 900, 80, 0.78, 0.75, 0.03, 0.01, 0.05),
    Own("上海浦江城市商业银行及其东部各省联合储蓄信贷合作社", 900, 80, 0.78, 0.77, 0.01, -0.01, 0.03),
    Own("south", 900, 80, 0.74, 0.77, -0.03, -0.04, -0.02),
    Own("tiny", 14, note="too few test rows"),
]


@pytest.mark.parametrize("width", [360, 920])
def test_each_party_is_told_in_words_and_no_label_covers_another(width):
    root = read_svg(forest(OWNS, "AUC", width))
    words = words_of(root)
    assert {"clear gain", "no clear gain", "clear loss", "too few test rows", "+0.0300", "0.7500 → 0.7800"} <= set(
        words
    )
    assert overlaps(root) == []


def test_what_is_clear_has_a_shape_of_its_own():
    root = read_svg(forest(OWNS, "AUC"))
    marks = [item.get("class") for item in root.iter() if "mark" in (item.get("class") or "")]
    assert marks == ["mark fed", "mark fed hollow", "mark loss"]


def test_a_very_wide_interval_is_cut_and_says_so():
    owns = [*OWNS, Own("wild", 30, 5, 0.7, 0.7, 0.0, -9.0, 9.0)]
    root = read_svg(forest(owns, "AUC"))
    arrows = [item for item in root.iter(f"{SVG}path") if "whisker" in item.get("class")]
    assert len(arrows) == 2
    lines = [float(item.get(end)) for item in root.iter(f"{SVG}line") for end in ("x1", "x2")]
    assert min(lines) >= 0
    assert max(lines) <= 920


def test_zero_is_in_sight_even_when_all_gain():
    root = read_svg(forest([Own("a", gain=0.2, low=0.19, high=0.21)], "AUC"))
    assert [item for item in root.iter(f"{SVG}line") if item.get("class") == "zero"]


@pytest.mark.parametrize("owns", [[], [Own("a")], [Own("a", gain=0.1)], [Own("a", gain=0.0, low=0.0, high=0.0)]])
def test_little_to_show_is_shown(owns):
    for width in (360, 920):
        read_svg(forest(owns, "AUC", width))


def test_forty_parties_and_large_units():
    owns = [Own(f"bank-{i}", 900, 0, 1e6 - i, 1e6, 1000.0 * i, 1000.0 * i - 500, 1000.0 * i + 500) for i in range(40)]
    for width in (360, 920):
        assert overlaps(read_svg(forest(owns, "mean squared error", width))) == []
