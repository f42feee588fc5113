from __future__ import annotations

import pytest

from hansa.core.table import Column
from hansa.data.field import Field, Outcome, formed
from hansa.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Field("x", "text", low=0), "has a range"),
        (lambda: Field("x", "float", low=2, high=1), "without values"),
        (lambda: Field("x", "float", low="2020-01-01"), "does not suit"),
        (lambda: Field("x", "date", high=3), "does not suit"),
        (lambda: Field("x", "date", high="31.12.2020"), "does not suit"),
        (lambda: Field("x", "float", levels=("a",)), "dictionary"),
        (lambda: Field("x", "category", levels=("a", "a")), "dictionary"),
        (lambda: Outcome("", days=90), "event"),
        (lambda: Outcome("default", months=-1), "event"),
    ],
)
def test_a_field_that_contradicts_itself_is_refused(make, what):
    with pytest.raises(ConfigError, match=what):
        make()


def test_a_code_is_found_as_it_is_written_in_words():
    field = Field("pay", "category", missing=(-9.0, "unknown"))  # as TOML reads -9 for a number
    assert formed(Column.of("pay", ["-9", "unknown", "often"]), field).gaps.tolist() == [True, True, False]


def test_a_bank_without_an_event_is_no_slip_where_the_dictionary_knows_the_label():
    words = Column.of("late", ["no", "no"])
    with pytest.raises(DataError, match="positive label"):
        formed(words, Field("late", "category", "outcome", "target", positive="yes"))
    known = Field("late", "category", "outcome", "target", positive="yes", levels=("no", "yes"))
    assert formed(words, known).values.tolist() == [0, 0]


def test_an_outcome_says_itself():
    assert (
        str(Outcome("default", 90, 12, "and not cured")) == "default: 90 days past due within 12 months: and not cured"
    )
    assert str(Outcome("churn", months=3)) == "churn: within 3 months"
