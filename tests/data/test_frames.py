from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hansa.core.table import Table
from hansa.data.frames import from_frame
from hansa.errors import DataError

DATA = {
    "age": [31, None, 58],
    "income": [1200.5, None, 900.0],
    "flag": [True, False, None],
    "housing": ["rent", "own", None],
    "opened": [dt.datetime(2024, 5, 1, 13, 30), None, dt.datetime(2023, 1, 31)],  # noqa: DTZ001
    "y": [0, 1, 0],
}


def frames():
    polars = pl.DataFrame(DATA)
    pandas = pd.DataFrame(DATA).astype({"age": "Int64", "flag": "boolean"})
    return {"polars": polars, "pandas": pandas, "arrow": polars.to_arrow(), "objects": pd.DataFrame(DATA, dtype=object)}


@pytest.mark.parametrize("name", ["polars", "pandas", "arrow", "objects"])
def test_every_library_gives_the_same_table(name):
    table = from_frame(frames()[name], target="y")
    kinds = {column: table.column(column).kind for column in table.names}
    assert kinds == {
        "age": "integer", "income": "float", "flag": "integer", "housing": "category", "opened": "date", "y": "integer",
    }  # fmt: skip
    np.testing.assert_array_equal(table.column("age").floats(), [31, np.nan, 58])
    np.testing.assert_array_equal(table.column("income").floats(), [1200.5, np.nan, 900])
    np.testing.assert_array_equal(table.column("flag").floats(), [1, 0, np.nan])
    assert table.column("housing").strings().tolist() == ["rent", "own", ""]
    assert table.column("opened").values.astype(str).tolist() == ["2024-05-01", "NaT", "2023-01-31"]
    assert table.y().tolist() == [0, 1, 0]


def test_categoricals_keep_their_order():
    labels = ["low", "high", None]
    for frame in (
        pd.DataFrame({"c": pd.Categorical(labels, ["low", "mid", "high"], ordered=True)}),
        pl.DataFrame({"c": pl.Series(labels, dtype=pl.Enum(["low", "mid", "high"]))}),
    ):
        column = from_frame(frame).column("c")
        assert column.levels == ("low", "mid", "high")
        assert column.strings().tolist() == ["low", "high", ""]


def test_large_integers_beside_gaps_are_not_rounded():
    frame = pl.DataFrame({"id": [2**53 + 1, None]})
    assert from_frame(frame).column("id").values[0] == 2**53 + 1


@pytest.mark.parametrize("gap", [[], [None]])
def test_integers_too_large_are_refused_with_gaps_and_without(gap):
    values = [1, 2**63 + 5, *gap]
    for frame in (
        pd.DataFrame({"id": pd.array(values, "UInt64")}),
        pl.DataFrame({"id": pl.Series(values, dtype=pl.UInt64)}),
    ):
        with pytest.raises(DataError, match="too large for 64 bits"):
            from_frame(frame)
    fits = pd.DataFrame({"id": pd.array([2**63 - 1, *gap], "UInt64")})
    assert from_frame(fits).column("id").values[0] == 2**63 - 1


def test_numbers_are_shared_not_copied():
    values = np.arange(5.0)
    table = from_frame(pl.DataFrame({"x": values}))
    assert table.column("x").values.tolist() == values.tolist()
    frame = pl.DataFrame({"x": values})
    assert np.shares_memory(from_frame(frame).column("x").values, frame["x"].to_numpy())


def test_days_are_those_of_the_place():
    zone = dt.timezone(dt.timedelta(hours=8))
    frame = pd.DataFrame({"d": [dt.datetime(2024, 5, 1, 0, 30, tzinfo=zone)]})
    assert from_frame(frame).column("d").values.astype(str).tolist() == ["2024-05-01"]


def test_tables_and_mappings_pass():
    table = Table.of({"x": [1], "who": ["a"], "y": [0]}, target="y")
    assert from_frame(table).target == "y"
    assert from_frame(table, id="who").column("who").kind == "text"
    assert from_frame({"x": [1], "y": [0]}, target="x").target == "x"
    assert from_frame({"x": [1]}, kinds={"x": "category"}).column("x").levels == ("1",)


def test_an_id_of_words_is_text():
    assert from_frame(pd.DataFrame({"who": ["a", "b"]}), id="who").column("who").kind == "text"


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (3, "int is not a table"),
        (pl.DataFrame({"x": [1]}).lazy(), "LazyFrame is not a table"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "not a table"),
        (pl.DataFrame({"x": [[1, 2]]}), "'x' cannot be part"),
        (pl.DataFrame({"x": [dt.timedelta(1)]}), "'x' cannot be part"),
        (pl.DataFrame({"x": pl.Series([1, None], dtype=pl.Int128)}), "'x' cannot be part.*64 bits"),
        ({"x": 5}, "'x' holds no list of values"),
        ({"x": "secret"}, "'x' holds no list of values"),
        ({"x": np.array(5)}, "'x' holds no list of values"),
        (pd.DataFrame({"x": [1, "secret"]}, dtype=object), "more than one sort"),
    ],
)
def test_what_is_no_table_is_refused(frame, what):
    with pytest.raises(DataError, match=what) as caught:
        from_frame(frame)
    assert "secret" not in str(caught.value)


def test_no_frame_library_is_imported():
    code = "import sys, hansa.data.frames; print(sorted({'pandas', 'polars', 'pyarrow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


SHANGHAI = dt.timezone(dt.timedelta(hours=8))
LATE = [dt.datetime(2024, 5, 1, 0, 30, tzinfo=SHANGHAI), None]
MONEY = [Decimal("1.50"), None]
DAYS = [dt.date(2024, 5, 1), None]
ZONE = "Asia/Shanghai"


def arrow_in_pandas(values, kind):
    return pd.DataFrame({"x": pd.array(values, dtype=pd.ArrowDtype(kind))})


@pytest.mark.parametrize(
    ("frame", "kind", "shown"),
    [
        (pd.DataFrame({"x": pd.array([1, None], "Int8")}), "integer", ["1", ""]),
        (pd.DataFrame({"x": pd.array([1.5, None], "Float32")}), "float", ["1.5", ""]),
        (pl.DataFrame({"x": pl.Series([1, None], dtype=pl.UInt8)}), "integer", ["1", ""]),
        (pl.DataFrame({"x": pl.Series([1.5, None], dtype=pl.Float32)}), "float", ["1.5", ""]),
        (pa.table({"x": pa.array([1, None], pa.int16())}), "integer", ["1", ""]),
        (pa.table({"x": pa.chunked_array([[1, 2], [3]])}), "integer", ["1", "2", "3"]),
        (pd.DataFrame({"x": pd.array(["a", None], "string")}), "category", ["a", ""]),
        (pa.table({"x": pa.array(["a", None], pa.large_string())}), "category", ["a", ""]),
        (pa.table({"x": pa.array(["a", None], pa.string_view())}), "category", ["a", ""]),
        (pd.DataFrame({"x": pd.Series(MONEY, dtype=object)}), "float", ["1.5", ""]),
        (arrow_in_pandas(MONEY, pa.decimal128(9, 2)), "float", ["1.5", ""]),
        (pl.DataFrame({"x": MONEY}), "float", ["1.5", ""]),
        (pa.table({"x": pa.array(MONEY)}), "float", ["1.5", ""]),
        (pd.DataFrame({"x": pd.Series(DAYS, dtype=object)}), "date", ["2024-05-01", ""]),
        (arrow_in_pandas(DAYS, pa.date32()), "date", ["2024-05-01", ""]),
        (pl.DataFrame({"x": DAYS}), "date", ["2024-05-01", ""]),
        (pa.table({"x": pa.array(DAYS, pa.date64())}), "date", ["2024-05-01", ""]),
        (pd.DataFrame({"x": pd.Series(LATE, dtype=object)}), "date", ["2024-05-01", ""]),
        (pd.DataFrame({"x": pd.to_datetime(["2024-05-01 00:30", None]).tz_localize(ZONE)}), "date", ["2024-05-01", ""]),
        (arrow_in_pandas(LATE, pa.timestamp("us", ZONE)), "date", ["2024-05-01", ""]),
        (pl.DataFrame({"x": pl.Series(LATE, dtype=pl.Datetime("us", ZONE))}), "date", ["2024-05-01", ""]),
        (pa.table({"x": pa.array(LATE, pa.timestamp("ns", ZONE))}), "date", ["2024-05-01", ""]),
        (pd.DataFrame({"x": [None, None]}), "float", ["", ""]),
        (pd.DataFrame({"x": pd.to_datetime([None, None])}), "date", ["", ""]),
        (pl.DataFrame({"x": [None, None]}), "float", ["", ""]),
        (pa.table({"x": pa.nulls(2)}), "float", ["", ""]),
    ],
)
def test_every_type_of_a_column_has_its_kind(frame, kind, shown):
    column = from_frame(frame).column("x")
    assert (column.kind, column.strings().tolist()) == (kind, shown)


def test_categories_of_numbers_and_ordered_dictionaries():
    codes = pa.DictionaryArray.from_arrays(pa.array([1, None, 0]), ["low", "high"], ordered=True)
    chunks = pa.chunked_array([codes, codes])
    assert from_frame(pa.table({"c": chunks})).column("c").levels == ("low", "high")
    assert from_frame(pa.table({"c": chunks})).column("c").strings().tolist() == ["high", "", "low"] * 2
    loose = pa.DictionaryArray.from_arrays(pa.array([1, None, 0]), ["low", "high"])
    assert from_frame(pa.table({"c": loose})).column("c").levels == ("high", "low")
    assert from_frame(pl.DataFrame({"c": pl.Series(["b", "a"], dtype=pl.Categorical)})).column("c").levels == ("a", "b")
    numbers = pd.DataFrame({"c": pd.Categorical([10, None, 9], [9, 10], ordered=True)})
    assert from_frame(numbers).column("c").levels == ("9", "10")


@pytest.mark.parametrize("values", [np.arange(5.0), np.arange(5)])
@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_numbers_without_gaps_are_shared_by_every_library(library, values):
    frame = library({"x": values})
    assert np.shares_memory(from_frame(frame).column("x").values, frame["x"].to_numpy())
