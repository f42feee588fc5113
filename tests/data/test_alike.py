from __future__ import annotations

import numpy as np
import pytest

from hansa.core.table import Column, Table
from hansa.data.alike import check_alike, coded, readable
from hansa.errors import DataError

ONE = Table.of({"age": [31, 58, None, 44], "home": ["own", "rent", "own", None]})
MANY = Column.of("home", [f"w{i}" for i in range(4)], "text")


@pytest.mark.parametrize(
    "other",
    [
        ONE,
        Table.of({"age": [1.5], "home": ["secret"]}),
        Table.of({"age": [None], "home": [None]}),
        Table.of({"home": MANY, "age": [1, 2, 3, 4]}),
    ],
)
def test_tables_that_can_be_one(other):
    check_alike({"a": ONE, "b": other})
    check_alike({"b": other, "a": ONE})
    Table.concat([ONE, other.select(ONE.names)])


@pytest.mark.parametrize(
    ("columns", "what", "mend"),
    [
        ({"age": [1]}, "'home' of a is missing at b", "simulation.columns"),
        ({"age": [1], "homes": ["x"]}, "'home' of a is missing at b", "Did you mean 'home"),
        ({"age": [1], "home": ["x"], "zip": [1]}, "'zip' of b is missing at a", "simulation.columns"),
        ({"age": ["secret", "7", "8"], "home": ["x"] * 3}, "1 of 3 rows of b hold words that are no numbers", "gaps"),
        ({"age": np.array(["2024-05-01"], "datetime64[D]"), "home": ["x"]}, "integer at a and date at b", "kinds"),
        ({"age": ["secret", "canary"], "home": ["x"] * 2}, "integer at a and category at b", "simulation.kinds"),
    ],
)
def test_tables_that_differ_are_refused_by_party_and_column(columns, what, mend):
    for order in (("a", "b"), ("b", "a")):
        tables = {"a": ONE, "b": Table.of(columns)}
        with pytest.raises(DataError) as caught:
            check_alike({name: tables[name] for name in order})
        assert mend in caught.value.mend
        assert "secret" not in str(caught.value)
        if order == ("a", "b"):
            assert what in str(caught.value)


@pytest.mark.parametrize("kind", ["category", "text"])
def test_words_are_counted_by_what_they_read_as(kind):
    column = Column.of("x", ["1", None, "2.5", "1", "x", "2024-05-01"], kind)
    assert (readable(column), readable(column, "dates")) == (3, 1)
    codes, labels = coded(column)
    assert [None if code < 0 else labels[code] for code in codes] == ["1", None, "2.5", "1", "x", "2024-05-01"]


def test_many_words_are_coded():
    words = [f"C{i % 500:07d}" for i in range(1000)]  # which numpy 2.4 cannot sort
    codes, labels = coded(Column.of("x", words, "text"))
    assert [labels[code] for code in codes] == words
    assert list(labels) == sorted(set(words))
