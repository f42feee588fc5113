from __future__ import annotations

import numpy as np
import pytest

from hansa.core.table import Table
from hansa.data.csv_file import read_csv
from hansa.data.schema import Field, Schema
from hansa.errors import ConfigError, DataError

LATE = Schema(
    (
        Field("age", "integer"),
        Field("balance", "float", known_at="observation"),
        Field("charged_off", "float", known_at="outcome"),
        Field("note", "text", known_at="outcome", role="ignore"),
        Field("y", "integer", known_at="outcome", role="target"),
    )
)


@pytest.mark.parametrize(
    ("decision", "late"),
    [("application", ("balance", "charged_off")), ("observation", ("charged_off",)), ("outcome", ())],
)
def test_leaks(decision, late):
    assert LATE.leaks(decision) == late
    if late:
        with pytest.raises(ConfigError, match=r"'charged_off' at outcome.*Drop them") as caught:
            LATE.refuse_leaks(decision)
        assert "'y'" not in str(caught.value)
    else:
        LATE.refuse_leaks(decision)


def test_a_decision_is_at_a_known_moment():
    with pytest.raises(ConfigError, match=r"'aplication'.*Did you mean 'application'"):
        LATE.leaks("aplication")


def test_infer_describes_and_apply_gives_back():
    table = Table.of({"who": ["a", "b"], "x": [1.5, None], "c": ["u", None], "y": [0, 1]}, target="y", id="who")
    schema = Schema.infer(table)
    schema.check(table)
    again = schema.apply(table)
    assert (again.target, again.id, again.features) == ("y", "who", ("x", "c"))
    assert schema.leaks() == ()


def test_codes_for_gaps():
    schema = Schema(
        (
            Field("pay", "float", missing=(-99, -98)),
            Field("job", "category", missing=("unknown", 9)),
            Field("n", "integer", missing=(999,)),
        )
    )
    table = Table.of({"pay": [1.0, -99.0, -98.0], "job": ["unknown", "9", "clerk"], "n": [999, 2, 3]})
    gaps = [schema.apply(table).column(name).gaps.tolist() for name in ("pay", "job", "n")]
    assert gaps == [[False, True, True], [True, True, False], [True, False, False]]


def test_a_positive_label_becomes_one():
    schema = Schema((Field("y", "category", "outcome", "target", positive="yes"),))
    assert schema.apply(Table.of({"y": ["yes", "no"]})).y().tolist() == [1.0, 0.0]
    with pytest.raises(DataError, match="2 different labels") as caught:
        schema.apply(Table.of({"y": ["Yes", "secret"]}))
    assert "secret" not in str(caught.value)
    with pytest.raises(DataError, match="gaps"):
        schema.apply(Table.of({"y": ["yes", None]})).y()


def test_a_table_that_does_not_follow_is_refused():
    schema = Schema((Field("income", "float"),))
    with pytest.raises(DataError, match=r"no column 'income'.*'incomes'"):
        schema.check(Table.of({"incomes": [1.0]}))
    with pytest.raises(DataError, match="integer, and the schema says float"):
        schema.check(Table.of({"income": [1]}))
    assert schema.apply(Table.of({"income": [1]})).column("income").kind == "float"
    with pytest.raises(DataError, match="cannot be read as float") as caught:
        schema.apply(Table.of({"income": ["secret"]}))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Field("x", "flaot"), "'float'"),
        (lambda: Field("x", "float", known_at="outcom"), "'outcome'"),
        (lambda: Field("x", "float", role="targt"), "'target'"),
        (lambda: Field("x", "float", role="target", positive="yes"), "positive"),
        (lambda: Schema((Field("x", "float"), Field("x", "float"))), "twice"),
        (lambda: Schema((Field("x", "float", role="id"), Field("z", "float", role="id"))), "2 columns as id"),
    ],
)
def test_a_wrong_schema_is_refused(make, what):
    with pytest.raises(ConfigError, match=what):
        make()


def test_bank_marketing_flags_the_length_of_the_call(shared_data):
    table = read_csv(shared_data / "marketing/bank_marketing_additional_full.csv.gz", target="y")
    fields = [
        Field(f.name, f.kind, "outcome" if f.name == "duration" else f.known_at, f.role, positive=None)
        for f in Schema.infer(table).fields
        if f.name != "y"
    ]
    schema = Schema((*fields, Field("y", "category", "outcome", "target", positive="yes")))
    assert schema.leaks() == ("duration",)
    assert np.isclose(schema.apply(table).y().mean(), 0.1127, atol=5e-5)
