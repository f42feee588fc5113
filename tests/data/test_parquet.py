"""Tables from Parquet: files, folders and globs."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

from hansa.core.on_disk import on_disk
from hansa.data import parquet as room
from hansa.data.parquet import read_parquet
from hansa.data.source import Reading
from hansa.errors import ConfigError, DataError

arrow = pytest.importorskip("pyarrow", reason="needs pyarrow (extra 'parquet')")
files = pytest.importorskip("pyarrow.parquet")

CANARY = "Ingrid-Tischbein-4711"


def book(rows=60, start=0):
    every = range(start, start + rows)
    return arrow.table(
        {
            "id": arrow.array(every, arrow.int32()),
            "age": arrow.array([None if i % 10 == 3 else 20 + i for i in every], arrow.uint8()),
            "income": arrow.array(
                [None if i % 10 == 4 else Decimal(f"{1000 + i}.25") for i in every], arrow.decimal128(12, 2)
            ),
            "rate": arrow.array([i / 8 for i in every], arrow.float32()),
            "opened": arrow.array([None if i % 10 == 5 else dt.date(2024, 1, 1 + i % 28) for i in every]),
            "seen": arrow.array(
                [dt.datetime(2024, 2, 1 + i % 28, 23, 30, tzinfo=dt.UTC) for i in every], arrow.timestamp("us", "UTC")
            ),
            "home": arrow.array(
                [None if i % 10 == 6 else ("own", "rent", "甲")[i % 3] for i in every]
            ).dictionary_encode(),
            "note": [f"{CANARY} {i}" for i in every],
            "late": [i % 4 == 0 for i in every],
            "void": arrow.nulls(rows),
        }
    )


@pytest.fixture
def file(tmp_path):
    """One file of several row groups."""
    files.write_table(book(), tmp_path / "loans.parquet", row_group_size=7)
    return tmp_path / "loans.parquet"


def test_every_type_comes_as_its_kind(file):
    table = read_parquet(file, target="late", id="id")
    kinds = {name: table.column(name).kind for name in table.names}
    assert kinds == {
        "id": "integer",
        "age": "integer",
        "income": "float",
        "rate": "float",
        "opened": "date",
        "seen": "date",
        "home": "category",
        "note": "category",
        "late": "integer",
        "void": "float",
    }
    assert table.column("age").gaps.nonzero()[0].tolist() == [3, 13, 23, 33, 43, 53]
    assert table.column("income").floats()[:2].tolist() == [1000.25, 1001.25]
    assert table.column("opened").values[:2].astype(str).tolist() == ["2024-01-01", "2024-01-02"]
    assert table.column("seen").values[0] == np.datetime64("2024-02-01")
    assert table.column("home").levels == ("own", "rent", "甲")
    assert table.column("late").values[:5].tolist() == [1, 0, 0, 0, 1]
    assert table.column("void").gaps.all()
    assert (table.target, table.id) == ("late", "id")


def test_a_folder_a_glob_and_a_list_of_parts_are_one_table(tmp_path):
    for part in range(3):
        (tmp_path / f"year={part}").mkdir()
        files.write_table(book(20, 20 * part), tmp_path / f"year={part}" / "part.parquet")
    whole = read_parquet(tmp_path)
    assert whole.column("id").values.tolist() == list(range(60))
    assert len(read_parquet(tmp_path / "year=[01]" / "*.parquet")) == 40
    assert len(read_parquet(str(tmp_path / "year=2"))) == 20


@pytest.mark.parametrize("disk", [False, True])
def test_small_blocks_change_nothing(file, monkeypatch, disk):
    whole = read_parquet(file)
    monkeypatch.setattr(room, "ROWS_A_BLOCK", 4)
    again = read_parquet(file, Reading(on_disk=disk))
    for name in whole.names:
        one, two = whole.column(name), again.column(name)
        assert (one.kind, one.levels) == (two.kind, two.levels)
        assert np.array_equal(one.values, two.values, equal_nan=one.kind in {"float", "date"})
        assert np.array_equal(one.gaps, two.gaps)
        assert on_disk(two.values) == disk


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ([("age", ">=", 70)], [50, 51, 52, 54, 55, 56, 57, 58, 59]),
        ([("age", "missing")], [3, 13, 23, 33, 43, 53]),
        ([("age", ">", 78.5)], [59]),
        ([("home", "in", ("甲",)), ("id", "<", 9)], [2, 5, 8]),
        ([("home", "not in", ("own", "rent")), ("id", "<", 9)], [2, 5, 8]),
        ([("opened", "==", "2024-01-02"), ("home", "present")], [1, 29, 57]),
        ([("seen", ">=", "2024-02-28"), ("id", "<", 30)], [27]),
        ([("late", "==", True), ("id", "<", 9)], [0, 4, 8]),
        ([("rate", "<", 0.25)], [0, 1]),
    ],
)
def test_filters_choose_the_rows(file, where, wanted):
    assert read_parquet(file, Reading(["id"], where)).column("id").values.tolist() == wanted


def test_row_groups_that_cannot_match_are_not_read(file):
    with file.open("r+b") as raw:  # spoil the first row group's bytes: only a reader of that group can notice
        raw.seek(4)
        raw.write(b"\xff" * 40)
    assert read_parquet(file, Reading(["id"], [("id", ">=", 56)])).column("id").values.tolist() == [56, 57, 58, 59]
    with pytest.raises(DataError, match="cannot be read"):
        read_parquet(file)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"columns": ["aeg"]}, "no column 'aeg'. Did you mean 'age'"),
        ({"where": [("aeg", ">", 1)]}, "no column 'aeg' to filter by"),
        ({"where": [("age", ">", "old")]}, "filter on 'age' does not fit"),
        ({"where": [("opened", ">", "soon")]}, "filter on 'opened' does not fit"),
        ({"where": [("home", "==", 3)]}, "filter on 'home' does not fit"),
        ({"where": [("id", ">", 1000)]}, "has no rows"),
        ({"kinds": {"note": "float"}}, "note"),
    ],
)
def test_what_does_not_fit_is_one_clear_error_without_a_value(file, settings, words):
    with pytest.raises((ConfigError, DataError)) as found:
        read_parquet(file, Reading(**settings))
    assert words in str(found.value)
    assert CANARY not in str(found.value)


def test_what_is_no_parquet_is_said(tmp_path, file):
    (tmp_path / "words.parquet").write_text(CANARY)
    with pytest.raises(DataError, match=r"words\.parquet cannot be read") as found:
        read_parquet(tmp_path / "words.parquet")
    assert CANARY not in str(found.value)
    cut = file.read_bytes()[:-100]
    (tmp_path / "cut.parquet").write_bytes(cut)
    with pytest.raises(DataError, match="cannot be read"):
        read_parquet(tmp_path / "cut.parquet")
    for path in (tmp_path / "none.parquet", tmp_path / "no*.parquet", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(DataError, match="no Parquet file"):
            read_parquet(path)


def test_files_that_do_not_agree_and_odd_types_are_refused(tmp_path):
    files.write_table(arrow.table({"x": [1, 2]}), tmp_path / "a.parquet")
    files.write_table(arrow.table({"x": [CANARY]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match="cannot be read as Parquet") as found:
        read_parquet(tmp_path)
    assert CANARY not in str(found.value)
    files.write_table(arrow.table({"x": [[1], [2]]}), tmp_path / "c.parquet")
    with pytest.raises(DataError, match="'x' cannot be part of a table"):
        read_parquet(tmp_path / "c.parquet")
    files.write_table(arrow.table({"x": arrow.array([2**63 + 5], arrow.uint64())}), tmp_path / "d.parquet")
    with pytest.raises(DataError, match="cannot be read"):
        read_parquet(tmp_path / "d.parquet")


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "+08:00"])
def test_the_day_of_a_time_is_the_place_s(tmp_path, unit, zone):
    half_past_midnight = dt.datetime(2024, 5, 1, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    times = arrow.array([half_past_midnight, None], arrow.timestamp(unit, zone))
    files.write_table(arrow.table({"seen": times}), tmp_path / "a.parquet")
    column = read_parquet(tmp_path / "a.parquet").column("seen")
    assert (column.kind, column.strings().tolist()) == ("date", ["2024-05-01", ""])


def test_fractions_of_a_microsecond_fall_away_and_strings_of_any_layout_are_read(tmp_path):
    columns = {
        "t": arrow.array([1_714_559_400_123_456_789, None], arrow.timestamp("ns")),
        "s": arrow.array(["b", None], arrow.string_view()),
    }
    files.write_table(arrow.table(columns), tmp_path / "a.parquet")
    table = read_parquet(tmp_path / "a.parquet")
    assert table.column("t").strings().tolist() == ["2024-05-01", ""]
    assert table.column("s").strings().tolist() == ["b", ""]


def test_whole_numbers_beyond_64_bits_with_a_sign_are_refused_by_their_column(tmp_path):
    files.write_table(arrow.table({"id": arrow.array([2**63 + 5, None], arrow.uint64())}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"'id' .*too large for 64 bits"):
        read_parquet(tmp_path / "a.parquet")


def test_folders_that_say_a_value_are_a_column_and_a_writers_own_files_are_none(tmp_path):
    for year in (2020, 2021):
        for folder in (f"year={year}", f"year={year}/_temporary", ".hidden"):
            (tmp_path / folder).mkdir(exist_ok=True)
            files.write_table(book(10, year - 2020), tmp_path / folder / "p.parquet")
    table = read_parquet(tmp_path)
    assert len(table) == 20
    assert table.column("year").values.tolist() == [2020] * 10 + [2021] * 10
    assert len(read_parquet(tmp_path, Reading(where=[("year", "==", 2021)]))) == 10


def test_files_with_other_columns_are_refused_by_name(tmp_path):
    files.write_table(arrow.table({"x": [1], "y": [2]}), tmp_path / "a.parquet")
    files.write_table(arrow.table({"X": [1], "y": [2]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"'X' is not in both a\.parquet and b\.parquet"):
        read_parquet(tmp_path)
