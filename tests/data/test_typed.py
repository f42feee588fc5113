from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.column import LEVELS_KEPT
from hansa.data.typed import MEASURED, Slot, possible, reads_as


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (["1", "-2"], {"integer", "float"}),
        (["1", "2.5"], {"float"}),
        (["1e5"], {"float"}),
        (["2024-05-01"], {"date"}),
        (["2024-13-01"], set()),
        (["20240501"], {"integer", "float"}),
        (["007"], set()),
        (["1", "-01"], set()),
        (["0", "-0"], {"integer", "float"}),
        (["0.5"], {"float"}),
        (["1_000"], set()),
        (["9" * 25], set()),
        (["x"], set()),
        ([], set(MEASURED)),
    ],
)
def test_what_words_may_be(words, kinds):
    assert possible(words, MEASURED) == kinds


def test_codes_read_as_numbers_where_that_is_said():
    assert reads_as(["007"], "integer")


@given(st.lists(st.one_of(st.just("NA"), st.integers(-(2**63), 2**63 - 1).map(str))), st.integers(1, 7))
def test_integers_come_back_whatever_the_blocks(words, size):
    slot = Slot.empty("n", "integer", len(words), gaps=["NA"], forced=False)
    for start in range(0, len(words), size):
        slot = slot.fill(start, words[start : start + size])
    column = slot.column()
    assert column.gaps.tolist() == [word == "NA" for word in words]
    assert [str(v) for v, gap in zip(column.values, column.gaps, strict=True) if not gap] == [
        word for word in words if word != "NA"
    ]


@pytest.mark.parametrize("forced", [True, False])
def test_a_category_of_many_labels_is_text_unless_forced(forced):
    words = ["NA", *(f"w{i % (LEVELS_KEPT + 5)}" for i in range(2 * LEVELS_KEPT + 20))]
    slot = Slot.empty("c", "category", len(words), gaps=["NA"], forced=forced)
    for start in range(0, len(words), 50):
        slot = slot.fill(start, words[start : start + 50])
    column = slot.column()
    assert column.kind == ("category" if forced else "text")
    assert column.strings().tolist() == ["", *words[1:]]
    assert np.flatnonzero(column.gaps).tolist() == [0]


def test_dates_with_gaps():
    column = Slot.empty("d", "date", 3, gaps=[""], forced=False).fill(0, ["", "2024-05-01"]).fill(2, [""]).column()
    assert column.gaps.tolist() == [True, False, True]
