"""The fitted preparation travels, and scores what the fit has never seen."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.codec import pack, unpack
from hansa.core.on_disk import on_disk, room
from hansa.core.table import Column, Table
from hansa.data.times import TimeSplit
from hansa.errors import DataError
from hansa.horizontal import prepared as prepared_room
from hansa.horizontal.columns import Binned, Coding, OneHot, Ordinal, Scaled
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.prepared import Prepared
from tests.horizontal.banks import book, divided, fitted

EVERY = Prepared(
    (
        Scaled(
            "收入", 1.5, 1.5, 0.1, low=-3.0, signed_log=True, missing=True, special_codes=(-9.0,), indicators=(-9.0,)
        ),
        Binned("limit", (np.nextafter(0.0, -1), 0.0, 1e300), 2.0),
        OneHot("home", ("自有", "rent"), other=True),
        Ordinal("grade", ("a", "b"), 0.5, 0.5),
    ),
    TimeSplit("year", 2020.0, "2021"),
    "digest",
    {"dull": "it is constant"},
    (3, 2, 1),
    2,
    2,
    0.25,
)


def test_it_comes_back_from_bytes_as_it_went():
    assert unpack(Prepared, pack(EVERY)) == EVERY
    assert unpack(Prepared, pack(EVERY)).digest == EVERY.digest


def test_a_fitted_one_comes_back_and_codes_the_same_bits():
    table = book(900)
    step = Prepare(columns={"age": Coding("bins"), "arrears": Coding("bins"), "home": Coding("ordinal")})
    prepared, _ = fitted(step, divided(table, [300, 500]))
    again = unpack(Prepared, pack(prepared))
    assert again == prepared
    assert again.transform(table).tobytes() == prepared.transform(table).tobytes()


def test_names_are_one_for_each_column_of_the_result():
    table = Table.of({"收入": [1.0], "limit": [0], "home": ["x"], "grade": ["b"], "more": [1]})
    assert EVERY.transform(table, "float32").shape == (1, EVERY.width)
    assert EVERY.transform(table, "float32").dtype == np.float32
    assert EVERY.names[:3] == ("收入", "收入 (missing)", "收入=-9")


def test_gaps_and_labels_never_seen_are_coded():
    table = book(600)
    prepared, _ = fitted(Prepare(), divided(table, [200]))
    odd = Table.of({"income": [None], "arrears": [None], "age": [None], "home": ["houseboat"]})
    row = dict(zip(prepared.names, prepared.transform(odd)[0].tolist(), strict=True))
    assert row["income (missing)"] == 1
    assert [row[name] for name in ("income", "arrears", "age")] == [0, 0, 0]
    assert sum(value for name, value in row.items() if name.startswith("home")) == 0


def test_a_missing_column_is_named_and_no_value_is_shown():
    with pytest.raises(DataError, match="lacks column 'limit'"):
        EVERY.transform(Table.of({"收入": [1.0], "limits": [123456]}))


def test_a_table_on_disk_is_prepared_block_by_block_and_the_same(monkeypatch):
    monkeypatch.setattr(prepared_room, "_ROWS", 7)
    rows = 50
    age = room((rows,), "float64")
    age[:] = np.random.default_rng(0).normal(40, 9, rows)
    home = Column.of("home", ["own", "rent", None, "boat", "own"] * 10)
    prepared = Prepared((Scaled("age", 40.0), OneHot("home", ("own", "rent"))))
    there, here = Table.of([Column("age", "float", age), home]), Table.of([Column("age", "float", np.array(age)), home])
    found = prepared.transform(there, "float32")
    assert there.on_disk
    assert on_disk(found)
    assert np.array_equal(found, prepared.transform(here, "float32"))
    assert not on_disk(prepared.transform(here))
