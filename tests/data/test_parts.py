from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.table import Table
from hansa.data.parts import TEST, FixedTest, HashSplit, duplicates, row_hashes
from hansa.errors import ConfigError, DataError


@given(st.lists(st.integers(0, 10**12), min_size=1), st.integers(0, 6), st.text(max_size=5))
def test_a_person_is_in_the_same_part_at_every_member(ids, zeros, salt):
    split = HashSplit(salt=salt)
    as_numbers = split.codes(Table.of({"who": ids}, id="who"))
    as_words = split.codes(Table.of({"card": [f" {'0' * zeros}{one} " for one in ids]}, id="card"))
    as_floats = split.codes(Table.of({"who": np.array(ids, float)}, id="who"))
    backwards = split.codes(Table.of({"who": ids[::-1], "x": ids}, id="who"))
    assert as_numbers.tolist() == as_words.tolist() == as_floats.tolist() == backwards.tolist()[::-1]


def test_shares_are_kept_and_the_salt_matters():
    table = Table.of({"who": [f"customer {i}" for i in range(20_000)]}, id="who")
    one, other = HashSplit().codes(table), HashSplit(salt="other").codes(table)
    np.testing.assert_allclose(np.bincount(one) / 20_000, [0.6, 0.2, 0.2], atol=0.02)
    assert np.mean(one == other) < 0.6
    assert one.dtype == np.int8
    assert set(HashSplit(0.75, 0.25, 0.0).codes(table).tolist()) == {0, 1}
    assert set(HashSplit(0.0, 0.0, 1.0).codes(table).tolist()) == {2}


@pytest.mark.parametrize("shares", [(np.nan, 0.5, 0.5), (0.5, np.nan, 0.5), (0.5, 0.5, np.nan), (0.5, 0.5, 0.5)])
def test_shares_that_do_not_divide_the_rows_are_refused(shares):
    with pytest.raises(ConfigError, match="do not divide the rows"):
        HashSplit(*shares)


def test_without_ids_equal_rows_stay_together():
    base = {"x": [1.5, 2.5, None] * 100, "n": list(range(300)), "c": ["a", "b", None] * 100, "y": [0, 1, 1] * 100}
    table = Table.of(base, target="y")
    twice = Table.concat([table, table])
    codes = HashSplit().codes(twice)
    assert codes[:300].tolist() == codes[300:].tolist()
    assert set(codes.tolist()) == {0, 1, 2}
    found = duplicates(twice, codes)
    assert (found.rows, found.repeated, found.across) == (600, 600, 0)


def test_hashes_do_not_depend_on_how_a_value_is_held():
    ways = [
        Table.of({"x": [1, 0, 7], "c": ["a", "b", "c"]}),
        Table.of({"x": [1.0, -0.0, 7.0], "c": ["a", "b", "c"]}),
        Table.concat([Table.of({"x": [1], "c": ["a"]}), Table.of({"x": [0, 7], "c": ["b", "c"]})]),
    ]
    hashes = [row_hashes(table, "k").tolist() for table in ways]
    assert hashes[0] == hashes[1] == hashes[2]
    assert len(set(hashes[0])) == 3
    assert row_hashes(ways[0], "other").tolist() != hashes[0]


def test_hashes_see_every_kind():
    day = np.datetime64("2024-05-01")
    rows = {"d": np.array([day, day, day + 1]), "t": ["a", "a", "a"], "c": ["u", "w", "u"]}
    table = Table.of(rows).with_columns([Table.of({"t": ["a", "a", "b"]}).column("t").to_kind("text")])
    assert len(set(row_hashes(table, "k").tolist())) == 3


def test_duplicates_across_parts_are_counted():
    table = Table.of({"x": [1, 1, 2, 2, 3], "y": [0, 1, 0, 0, 1]}, target="y")
    found = duplicates(table, np.array([0, 2, 1, 1, 0], np.int8))
    assert (found.rows, found.repeated, found.across) == (5, 4, 2)


def test_no_features_and_no_id_are_refused():
    with pytest.raises(DataError, match="no features"):
        HashSplit().codes(Table.of({"y": [0, 1]}, target="y"))
    with pytest.raises(DataError, match="gaps in 1 of 2 rows"):
        HashSplit().codes(Table.of({"who": ["a", None]}, id="who"))


def test_published_test_ids(tmp_path):
    table = Table.of({"who": range(4000)}, id="who")
    file = tmp_path / "ids.csv"
    file.write_text("sid\n" + "".join(f"{i}\n" for i in range(0, 4000, 4)), encoding="utf-8")
    split = FixedTest.from_csv(file)
    codes = split.codes(table)
    assert np.flatnonzero(codes == TEST).tolist() == list(range(0, 4000, 4))
    assert abs(np.mean(codes[codes != TEST]) - 0.25) < 0.03
    assert "4" not in repr(split).replace("0.25", "")
    with pytest.raises(DataError, match="no id"):
        split.codes(Table.of({"x": [1, 2]}))
    assert set(FixedTest((1,), validation=0.0).codes(table).tolist()) == {0, 2}


def test_shared_test_ids(shared_data):
    ids = FixedTest.from_csv(shared_data / "fate/default_credit_homo_test.csv.gz", "id")
    assert len(ids.ids) == 6000
    assert len(FixedTest.from_csv(shared_data / "fate/give_credit_test_ids.csv.gz").ids) == 30_000
