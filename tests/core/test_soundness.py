"""An answer that is not what its ask calls for is told by one sentence, and none that is sound is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.load import Load
from hansa.core.soundness import Form, amiss, form_of, not_taken, odd

FORM = Form({"delta": ("f", 3), "counted": ("i", 1), "text": ("u", None)}, finite=True)
SOUND = {"delta": np.ones((1, 3)), "counted": np.ones((1, 1), np.int64), "text": np.zeros((1, 9), np.uint8)}
SECRET = "a name that tells of a customer"

WRONG = {
    "NaN": ({"delta": np.array([[1.0, np.nan, 0.0]])}, "'delta' is not finite"),
    "+Inf": ({"delta": np.array([[1.0, np.inf, 0.0]])}, "'delta' is not finite"),
    "-Inf": ({"delta": np.array([[-np.inf, 0.0, 0.0]])}, "'delta' is not finite"),
    "wider": ({"delta": np.ones((1, 4))}, "4 numbers for 3"),
    "empty": ({"delta": np.ones((1, 0))}, "0 numbers for 3"),
    "whole numbers": ({"delta": np.ones((1, 3), np.int64)}, "another type"),
    "floats for counts": ({"counted": np.ones((1, 1))}, "another type"),
    "another byte order": ({"delta": np.ones((1, 3), ">c8")}, "another type"),
    "objects": ({"delta": np.array([[None, None, None]])}, "another type"),
    "two parties": ({name: np.concatenate([v, v]) for name, v in SOUND.items()}, "not of one party"),
    "one more": ({SECRET: np.ones((1, 1))}, "1 more than"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_without_a_number_or_a_foreign_name(case):
    change, said = WRONG[case]
    found = amiss(Load({**SOUND, **change}), FORM)
    assert said in found
    assert SECRET not in found
    assert found in not_taken(found).what


def test_what_is_missing_is_named():
    assert amiss(Load({"counted": SOUND["counted"], "text": SOUND["text"]}), FORM) == "it lacks delta."


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3))
def test_finite_numbers_of_any_size_are_sound(numbers):
    assert amiss(Load({**SOUND, "delta": np.array([numbers])}), FORM) == ""
    assert amiss(Load({**SOUND, "delta": np.array([numbers], ">f8")}), FORM) == ""


def test_without_a_form_a_figure_may_be_missing_but_none_is_infinite():
    assert amiss(Load({"x": np.array([[np.nan]])})) == ""
    assert amiss(Load({SECRET: np.array([[np.inf]])})) == "a vector is not finite."
    assert amiss(Load({"x": np.array([[1, 2]], np.uint16)})) == "a vector is of another type of numbers."
    assert amiss(Load({})) == ""


def test_one_bad_number_is_found_anywhere_in_a_large_update():
    for place in (0, (1 << 17) - 1, 1 << 17, 400_000, 499_999):
        delta = np.zeros((1, 500_000), np.float32)
        delta[0, place] = np.nan
        assert amiss(Load({"delta": delta}), Form({"delta": ("f", 500_000)}, finite=True))


def test_a_handler_that_says_nothing_of_its_answers_has_no_form():
    assert form_of(None, None) is None


@pytest.mark.parametrize("size", [40, 300_000])
def test_what_stands_out_beside_the_others_is_named(size):
    rng = np.random.default_rng(1)
    params = rng.normal(size=size).astype(np.float32)
    updates = {f"bank-{i}": rng.normal(size=(1, size)).astype(np.float32) for i in range(5)}
    assert odd(updates, params) == {}
    assert odd({**updates, "bank-9": updates["bank-0"] * 5}, params) == {}
    assert "others'" in odd({**updates, "bank-2": updates["bank-2"] * 1e6}, params)["bank-2"]
    assert "zeros" in odd({**updates, "bank-2": np.zeros((1, size))}, params)["bank-2"]
    assert "copy" in odd({**updates, "bank-2": params[None, :].astype(np.float64)}, params)["bank-2"]
    assert odd({"bank-0": updates["bank-0"] * 1e9}, params) == {}, "nobody to compare it with"
