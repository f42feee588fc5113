from __future__ import annotations

import numpy as np
import pytest

from hansa.core.table import Column, Table
from hansa.data.oddities import oddities

N = 200
RNG = np.random.default_rng(0)
Y = (RNG.random(N) < 0.3).astype(int)
NOISE = RNG.normal(size=N)


def book(**columns):
    return Table.of({"noise": NOISE, **columns, "y": Y}, target="y")


def test_an_ordinary_table_has_none():
    homes = RNG.choice(["own", "rent"], N)
    months = np.datetime64("2024-01-01") + RNG.integers(0, 400, N)
    assert oddities(book(home=list(homes), opened=months, score=NOISE + Y, zip=["007", "010"] * (N // 2))) == ()
    assert oddities(Table.of({"x": [1]})) == ()


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([None] * N, "no value in any of 200 rows"),
        ([4711] * N, "the same value in all 200 rows"),
        (["canary"] * (N - 5) + [None] * 5, "the same value in all of the 195 rows that have one"),
        ([*map(str, range(N - 3)), "canary", "n.a.", "-"], "read as words, and 197 of 200 rows are numbers"),
        ([f"canary-{i}" for i in range(N)], "200 different labels in 200 rows"),
        (NOISE, "'noise' and 'x' hold the same values"),
        (100.5 * Y, "alone tells the target apart"),
        (-(Y + RNG.random(N) / 10), "alone tells the target apart"),
        (["gone" if y else "here" for y in Y], "alone tells the target apart"),
        ([None if y else 7 + i for i, y in enumerate(Y)], "alone tells the target apart"),
        (np.datetime64("2024-01-01") + 30 * Y, "alone tells the target apart"),
    ],
)
def test_what_looks_wrong_is_one_sentence_without_a_value(values, what):
    found = oddities(book(x=values))
    assert len(found) == 1
    assert what in found[0]
    assert not any(value in found[0] for value in ("canary", "4711", "gone", "100.5"))


def test_text_is_looked_at_as_categories_are():
    words = Column.of("x", ["gone" if y else "here" for y in Y], "text")
    assert "alone tells" in oddities(book(x=words))[0]
    twins = oddities(Table.of({"a": words.renamed("a"), "b": words.renamed("b")}))
    assert twins == ("Columns 'a' and 'b' hold the same values.",)


def test_ids_that_many_rows_share():
    table = Table.of({"who": [1, 1, 1, 2], "x": [1, 2, 3, 4]}, id="who")
    assert oddities(table) == ("Id 'who' has 2 different values in 4 rows: does it name the customer?",)


def test_a_target_that_is_no_label_gives_nothing_away():
    assert oddities(Table.of({"x": NOISE, "y": 2 * NOISE}, target="y")) == ()
    assert oddities(Table.of({"x": NOISE, "y": ["a", "b"] * (N // 2)}, target="y")) == ()
