from __future__ import annotations

import pytest

from hansa.data.contract import faults
from hansa.data.field import Field, Outcome
from hansa.data.merge import merged
from hansa.data.schema import Schema
from hansa.data.synthetic import loan_book
from hansa.errors import ConfigError


def test_a_merged_schema_is_kept_by_everyone_who_kept_their_own():
    books = [loan_book(1500, seed=seed) for seed in range(3)]
    regions = [book.take(book.column("region").values == place) for place, book in enumerate(books)]
    schema = Schema.merge([Schema.infer(book) for book in regions])
    assert [faults(schema.fields, book) for book in regions] == [(), (), ()]
    assert len(next(field.levels for field in schema.fields if field.name == "region")) == 3


def test_what_is_open_at_one_is_open_for_all():
    narrow, open_ = Field("x", "date", low="2020-01-01", high="2022-12-31"), Field("x", "date", high="2021-01-01")
    both = merged([narrow, open_])
    assert (both.low, both.high) == (None, "2022-12-31")
    known, free = Field("c", "category", levels=("a",)), Field("c", "category")
    assert merged([known, free]).levels == ()
    late = merged([Field("x", "float", "outcome", missing=(-9,)), Field("x", "float", unit="EUR", missing=(-8, -9))])
    assert (late.known_at, late.unit, late.missing) == ("outcome", "EUR", (-9, -8))


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        (Field("x", "float"), Field("x", "category"), "the kind of column 'x'. It is category here and float there"),
        (Field("x", "float", unit="EUR"), Field("x", "float", unit="kEUR"), "the unit of column 'x'"),
        (Field("x", "text", role="id"), Field("x", "text"), "the role"),
        (Field("x", "float"), Field("z", "float"), "'x' is in one of the schemas"),
    ],
)
def test_what_cannot_be_merged_is_named(one, other, what):
    with pytest.raises(ConfigError, match=what):
        Schema.merge([Schema((one,)), Schema((other,))])


def test_one_event():
    fields = (Field("y", "integer", "outcome", "target"),)
    agreed, silent, odd = (Schema(fields, outcome) for outcome in (Outcome("default", 90), None, Outcome("churn")))
    assert Schema.merge([silent, agreed]).outcome == agreed.outcome
    with pytest.raises(ConfigError, match="what an event is"):
        Schema.merge([agreed, odd])
