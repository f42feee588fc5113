from __future__ import annotations

from math import inf, nan

import pytest

from hansa.report.figures import NONE, between, count, counted, duration, figure, percent, signed


@pytest.mark.parametrize("write", [count, figure, signed, percent, duration])
@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_no_number_is_a_dash(write, value):
    assert write(value) == NONE


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0.0000"),
        (0.99999, "1.0000"),
        (-0.5, "-0.5000"),
        (123.456, "123.46"),
        (98765.4, "98,765"),
        (1e12, "1.0000e+12"),
    ],
)
def test_figures_keep_what_matters(value, words):
    assert figure(value) == words


def test_a_difference_shows_its_sign_even_when_it_is_tiny():
    assert signed(-0.00001) == "−0.000010"
    assert between(-0.1, 0.1) == "−0.1000 to +0.1000"


def test_spans_of_time():
    assert [duration(s) for s in (0, 59.9, 60, 3599.6, 86400)] == [
        "0.0 s",
        "59.9 s",
        "1 min 0 s",
        "1 h 0 min",
        "24 h 0 min",
    ]


def test_small_numbers_are_words():
    assert [counted(n, "bank") for n in (0, 1, 12, 13)] == ["no banks", "one bank", "twelve banks", "13 banks"]
