"""A table's digest: the same rows have the same one, and whatever differs shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.column import Column
from hansa.core.digest import digest, digest_of_ask
from hansa.core.on_disk import room
from hansa.core.table import Table
from hansa.horizontal.rounds import Check

COLUMNS = {
    "age": [31, None, 58],
    "rate": [0.5, float("nan"), 1.5],
    "home": ["own", "rent", None],
    "opened": np.array(["2020-01-01", "NaT", "2021-05-05"], "datetime64[D]"),
    "who": ["a", "b", "c"],
    "late": [0, 1, 0],
}
BOOK = Table.of(COLUMNS, target="late", id="who")


def test_the_same_rows_have_the_same_digest():
    assert digest(Table.of(COLUMNS, target="late", id="who")) == digest(BOOK)
    assert digest(BOOK.take(np.arange(3))) == digest(BOOK)


@pytest.mark.parametrize("name", COLUMNS)
def test_one_other_value_shows(name):
    column = BOOK.column(name)
    for rows in ([0, 0, 2], [1, 1, 2], [0, 1, 1]):
        assert digest(BOOK.with_columns([column.take(rows)])) != digest(BOOK)


def test_names_kinds_roles_gaps_and_order_show():
    age = BOOK.column("age")
    others = [
        replace(BOOK, target=None),
        replace(BOOK, id=None, target="who"),
        BOOK.select(["rate", "age", "home", "opened", "who", "late"]),
        BOOK.with_columns([age.to_kind("float")]),
        BOOK.with_columns([Column("age", "integer", age.values)]),
        BOOK.with_columns([replace(BOOK.column("home"), levels=("own", "free"))]),
        BOOK.take([2, 1, 0]),
        BOOK.take(slice(0, 2)),
        Table.of({**COLUMNS, "who": ["a", "b','c", ""]}, target="late", id="who"),
    ]
    assert len({digest(table) for table in (BOOK, *others)}) == 1 + len(others)


def test_where_the_numbers_lie_does_not_matter():
    matrix = np.random.default_rng(0).normal(size=(300_000, 2))
    disk = room((300_000,), "float64")
    disk[:] = matrix[:, 0]
    lies = Table.of([Column("a", "float", disk), Column.of("b", matrix[:, 1])])
    assert digest(lies) == digest(Table.from_matrix(matrix, names=("a", "b")))


def test_the_digest_of_an_ask_covers_every_bit_of_its_arrays_their_kind_and_shape():
    asks = [Check(np.arange(6, dtype="f8")), Check(np.arange(6, dtype="f4")), Check(np.arange(6.0).reshape(2, 3))]
    asks += [Check(np.arange(6.0), centre=0.5), Check(np.nextafter(np.arange(6.0), 9)), Check(np.arange(5.0))]
    asks += [Check(np.zeros(0)), Check(np.arange(12, dtype="f8")[::-1])]
    assert len({digest_of_ask(ask) for ask in asks}) == len(asks)
    assert digest_of_ask(Check(np.arange(12.0)[::2])) == digest_of_ask(Check(np.arange(0.0, 12, 2)))
    assert digest_of_ask(Check(np.arange(6, dtype=">f8"))) == digest_of_ask(asks[0])
