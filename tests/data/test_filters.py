"""Row filters are data, and are checked when they are made."""

from __future__ import annotations

import pytest

from hansa.core.codec import build, plain
from hansa.data.filters import Filter, filters
from hansa.errors import ConfigError


@pytest.mark.parametrize("one", [Filter("age", ">=", 18), Filter("g", "in", ("A", 2.5)), Filter("g", "missing")])
def test_a_filter_travels_as_plain_data(one):
    assert build(Filter, plain(one)) == one


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ([("age", "~", 1)], "no comparison '~'"),
        ([("age", "in", 1)], "needs a list"),
        ([("age", "in", [])], "needs a list"),
        ([("age", "<", (1, 2))], "needs one value"),
        ([("age", "missing", 3)], "needs no value"),
        ([("age",)], r"\(column, comparison, value\)"),
        ([(3, "<", 1)], r"\(column, comparison, value\)"),
    ],
)
def test_a_filter_that_says_nothing_is_refused(where, words):
    with pytest.raises(ConfigError, match=words):
        filters(where)


def test_lists_become_tuples():
    assert filters([("g", "in", ["A", "B"])])[0].value == ("A", "B")
