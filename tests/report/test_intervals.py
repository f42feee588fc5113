"""Pictures of figures with intervals: nothing beyond the frame, and words for those who do not see them."""

from __future__ import annotations

import re
from math import nan

import pytest

from hansa.report.intervals import Span, grade_chart, interval_chart
from tests.report.reader import read_svg

SPANS = [Span("all", 0.77, 0.76, 0.78, main=True), Span("a <b>", 0.7, 0.5, 0.9), Span("c", nan, note="too few")]


@pytest.mark.parametrize("width", [360.0, 920.0])
def test_every_figure_is_drawn_within_the_frame(width):
    drawn = interval_chart("AUC", SPANS, 0.77, width)
    read_svg(drawn)
    assert "c: too few" in drawn
    assert all(0 <= float(x) <= width for x in re.findall(r' x[12]?="([-0-9.]+)"', drawn))


@pytest.mark.parametrize("width", [360.0, 920.0])
def test_a_grade_without_bads_stands_on_the_axis(width):
    grades = [("1", 0.004, Span("1", 0.0, 0.0, 0.008)), ("2", 0.05, Span("2", 0.06, 0.04, 0.08))]
    drawn = grade_chart(grades, width)
    read_svg(drawn)
    assert "grade 1: 0.4 % promised, 0.0 % came" in drawn
    assert all(0 <= float(y) <= 340 for y in re.findall(r' y[12]?="([-0-9.]+)"', drawn))


def test_nothing_to_draw_is_said():
    assert "nothing to draw" in interval_chart("AUC", [Span("a")])
    assert "nothing to draw" in grade_chart([])
