from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.report.svg import Axis, label, marker, nice_ticks, path, picture, tick_words
from hansa.report.width import clean


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(1, 9))
def test_ticks_are_round_inside_the_axis_and_not_too_many(low, wide, most):
    ticks = nice_ticks(low, low + wide, most)
    slack = 1e-6 * max(abs(low), wide)
    assert all(low - slack <= tick <= low + wide + slack for tick in ticks)
    assert len(ticks) <= most + 1
    assert all(a < b for a, b in pairwise(ticks))


@given(st.floats(-100, 100), st.floats(1e-3, 1e5))
def test_no_two_ticks_read_the_same(low, wide):
    words = tick_words(nice_ticks(low, low + wide))
    assert len(set(words)) == len(words)


@given(st.text())
def test_any_name_gives_well_formed_markup_and_can_be_read_back(name):
    root = ET.fromstring(picture(name, name, (9, 9), [label(0, 0, name, room=50), label(0, 0, name)]))  # noqa: S314
    assert (root[3].text or "") == (root[0].text or "") == clean(name)


def test_a_shortened_label_holds_its_full_form():
    assert "<title>Bank of the Two Rivers</title>" in label(0, 0, "Bank of the Two Rivers", room=60)


def test_a_line_breaks_where_a_value_is_missing():
    assert (
        path([(0, 0), (1, 1), (2, float("nan")), (3, 3), (4, 4)], "fed") == '<path d="M0 0L1 1M3 3L4 4" class="fed"/>'
    )
    assert not path([(0, float("nan"))], "fed")


def test_an_axis_without_width_does_not_divide_by_zero():
    assert Axis(1, 1, 0, 10).at(1) == 0


@pytest.mark.parametrize("shape", ["circle", "square", "diamond", "triangle"])
def test_marks_differ_in_shape(shape):
    others = {marker(other, 0, 0, "fed") for other in ("circle", "square", "diamond", "triangle")}
    assert marker(shape, 0, 0, "fed") in others
    assert len(others) == 4
