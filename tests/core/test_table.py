from __future__ import annotations

import datetime as dt
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.table import Column, Table
from hansa.errors import DataError


def loans() -> Table:
    return Table.of(
        {
            "who": ["u1", "u2", "u3"],
            "age": [31, None, 58],
            "income": [1200.5, float("nan"), 900.0],
            "housing": ["rent", "own", None],
            "opened": [dt.date(2024, 5, 1), None, dt.date(2023, 1, 31)],
            "w": [1.0, 2.0, 0.0],
            "default": [0, 1, 0],
        },
        target="default",
        id="who",
        weight="w",
    )


def test_roles_are_not_features():
    table = loans()
    assert table.features == ("age", "income", "housing", "opened")
    assert table.y().tolist() == [0.0, 1.0, 0.0]
    assert table.ids().tolist() == ["u1", "u2", "u3"]
    assert table.weights().tolist() == [1.0, 2.0, 0.0]
    assert table.column("who").kind == "text"


def test_everything_is_read_only():
    table = loans()
    arrays = [table.column(name).values for name in table.names]
    for array in (*arrays, table.y(), table.weights(), table.matrix(["age", "income"]), table.ids()):
        assert not array.flags.writeable


def test_an_unknown_column_names_the_nearest():
    with pytest.raises(DataError, match="'income'"):
        loans().column("incom")
    with pytest.raises(DataError, match="no column 'label'"):
        Table.of({"x": [1]}, target="label")
    with pytest.raises(DataError, match="two roles"):
        Table.of({"x": [1]}, target="x", id="x")
    with pytest.raises(DataError, match="no column 'z'"):
        loans().select(["age", "z"])


@pytest.mark.parametrize(
    ("target", "values", "what"),
    [
        ("y", ["yes", "no"], "not numeric"),
        ("y", [1, None], "gaps in 1 of 2 rows"),
        ("y", [1.0, -np.inf], "infinite"),
        (None, [0, 1], "no target"),
    ],
)
def test_a_target_is_numeric_and_whole(target, values, what):
    with pytest.raises(DataError, match=what):
        Table.of({"y": values}, target=target).y()


def test_a_weight_is_not_negative():
    with pytest.raises(DataError, match="negative"):
        Table.of({"w": [1.0, -1.0]}, weight="w").weights()


@given(st.data())
def test_rows_taken_are_the_rows_asked_for(data):
    table = loans()
    rows = data.draw(
        st.one_of(
            st.lists(st.integers(0, 2)),
            st.lists(st.booleans(), min_size=3, max_size=3).map(np.array),
            st.slices(3),
        )
    )
    taken = table.take(rows)
    wanted = np.arange(3)[rows if isinstance(rows, slice) else np.array(rows, getattr(rows, "dtype", np.intp))]
    assert len(taken) == len(wanted)
    for name in table.names:
        whole, part = table.column(name), taken.column(name)
        assert part.gaps.tolist() == whole.gaps[wanted].tolist()
        assert part.strings().tolist() == whole.strings()[wanted].tolist()


def test_a_mask_has_a_flag_a_row():
    with pytest.raises(DataError, match="2 flags for 3 rows"):
        loans().take(np.array([True, False]))


def test_no_rows_are_a_table_too():
    empty = loans().take([])
    assert len(empty) == 0
    assert empty.matrix(["age", "income"]).shape == (0, 2)
    assert len(Table.concat([empty, loans()])) == 3


def test_concat_unites_levels_and_refuses_other_kinds():
    a, b = Table.of({"c": ["x", None]}), Table.of({"c": ["w", "x"]})
    assert Table.concat([a, b]).column("c").strings().tolist() == ["x", "", "w", "x"]
    with pytest.raises(DataError, match=r"'c' cannot be joined.*category here and integer there"):
        Table.concat([a, Table.of({"c": [1]})])
    with pytest.raises(DataError, match="'d' is not in every one"):
        Table.concat([a, Table.of({"c": ["x"], "d": [1]})])
    with pytest.raises(DataError, match="nothing to join"):
        Table.concat([])


def test_columns_are_added_and_replaced():
    table = loans().with_columns([Column.of("age", [1, 2, 3]), Column.of("new", [7, 8, 9])])
    assert table.names[-1] == "new"
    assert table.column("age").values.tolist() == [1, 2, 3]
    assert table.target == "default"
    with pytest.raises(DataError, match="'short' has 1 rows"):
        table.with_columns([Column.of("short", [1])])


def test_a_role_falls_away_with_its_column():
    table = loans().select(["income", "default"])
    assert (table.target, table.id, table.weight) == ("default", None, None)


def test_matrix_table_is_a_view_until_rows_are_chosen():
    matrix, y = np.arange(12.0).reshape(4, 3), np.array([0, 1, 0, 1])
    table = Table.from_matrix(matrix, y, ["a", "b", "c"])
    assert table.features == ("a", "b", "c")
    assert np.shares_memory(table.matrix(), matrix)
    assert np.shares_memory(table.take(slice(1, 3)).matrix(), matrix)
    assert np.shares_memory(table.column("b").values, matrix)
    assert table.matrix(["c", "a"]).tolist() == matrix[:, [2, 0]].tolist()
    assert table.select(["c", "y"]).names == ("c", "y")
    assert table.select(["c"]).matrix().tolist() == matrix[:, [2]].tolist()
    with pytest.raises(DataError):
        table.select(["c"]).matrix(["a"])
    assert table.take([3, 0]).y().tolist() == [1.0, 0.0]
    replaced = table.with_columns([Column.of("b", [9.0] * 4)])
    assert replaced.matrix(["a", "b"]).tolist() == np.column_stack([matrix[:, 0], [9.0] * 4]).tolist()
    assert Table.concat([table, table]).matrix().tolist() == np.vstack([matrix, matrix]).tolist()


def test_matrix_table_is_checked():
    with pytest.raises(DataError, match="target 2"):
        Table.from_matrix(np.ones((3, 1)), np.zeros(2))
    with pytest.raises(DataError, match="does not fit its names"):
        Table.from_matrix(np.ones((3, 2)), names=["a"])
    with pytest.raises(DataError, match="twice"):
        Table.from_matrix(np.ones((3, 2)), names=["a", "a"])


def test_matrix_refuses_labels():
    with pytest.raises(DataError, match="'housing' is not numeric"):
        loans().matrix(["age", "housing"])


@pytest.mark.parametrize("table", [loans(), Table.from_matrix(np.ones((3, 2)), np.zeros(3))])
def test_a_pickle_reads_the_same_and_read_only(table):
    again = pickle.loads(pickle.dumps(table))  # noqa: S301 - our own bytes
    assert (again.names, again.target, again.id, again.weight) == (table.names, table.target, table.id, table.weight)
    for name in table.names:
        assert again.column(name).strings().tolist() == table.column(name).strings().tolist()
        assert not again.column(name).values.flags.writeable
    assert not again.y().flags.writeable


def test_a_part_travels_without_the_whole():
    table = Table.from_matrix(np.ones((10_000, 10)))
    assert len(pickle.dumps(table.take(slice(0, 10)))) < 3000


def test_many_small_tables_are_light():
    matrix, y = np.zeros((20_000, 30)), np.zeros(20_000)
    whole = Table.from_matrix(matrix, y)
    tracemalloc.start()
    tables = [whole.take(slice(20 * i, 20 * i + 20)) for i in range(1000)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(tables) == 1000
    assert size / 1000 < 1500  # bytes a table, beside its numbers


def test_a_mapping_may_hold_columns():
    table = Table.of({"renamed": Column.of("x", [1.0]), "id": ["7"]}, id="id")
    assert table.column("renamed").name == "renamed"
    assert table.column("id").kind == "text"
