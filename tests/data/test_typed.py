from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.column import LEVELS_KEPT
from hansa.core.on_disk import on_disk
from hansa.data.spelling import Spelling
from hansa.data.typed import Guess, Slot, reads_as

PLAIN = Spelling()


@pytest.mark.parametrize(
    ("words", "kind", "numbers"),
    [
        (["1", "-2"], "integer", 2),
        (["1", "2.5"], "float", 1),
        (["1e5"], "float", 1),
        (["2024-05-01"], "date", 0),
        (["2024-05-01 13:45"], "date", 0),
        (["2024-13-01"], "category", 0),
        (["20240501"], "integer", 2),
        (["007"], "category", 0),
        (["1", "-01"], "category", 0),
        (["0", "-0"], "integer", 2),
        (["0.5"], "float", 1),
        (["1_000"], "category", 0),
        (["9" * 25], "category", 0),
        (["x"], "category", 0),
        ([], "integer", 2),
    ],
)
@pytest.mark.parametrize("size", [1, 2])
def test_what_words_may_be(words, kind, numbers, size):
    guess = Guess.of(PLAIN)
    for start in range(0, len(words), size):
        guess = guess.seeing(words[start : start + size], PLAIN)
    assert (guess.kind(), len(guess.numbers)) == (kind, numbers)


def test_codes_read_as_numbers_where_that_is_said():
    assert reads_as(["007"], "integer", PLAIN)


def test_days_that_look_like_numbers_are_dates_only_where_that_is_said():
    spelling = Spelling(dates=("%Y%m%d",))
    assert Guess.of(spelling).seeing(["20240501"], spelling).kind() == "integer"
    assert Guess.of(spelling, "date").seeing(["20240501"], spelling).dates == ("%Y%m%d",)


@pytest.mark.parametrize("kind", ["integer", "float", "date", "category"])
def test_columns_on_disk_are_those_in_memory(kind):
    words = {"date": ["2024-05-01", "NA", "1999-12-31"], "category": ["b", "NA", "a"]}.get(kind, ["3", "NA", "-5"])
    both = []
    for disk in (False, True):
        slot = Slot.empty("x", kind, 9, gaps=["NA"], forced=False, disk=disk)
        for start in range(0, 9, 3):
            slot = slot.fill(start, words)
            slot.forget()
        both.append(slot.column())
        assert on_disk(both[-1].values) is disk
    assert both[0].strings().tolist() == both[1].strings().tolist()
    assert both[0].gaps.tolist() == both[1].gaps.tolist() == [False, True, False] * 3


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
