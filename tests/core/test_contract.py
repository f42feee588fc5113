"""A job holds what its parties' tables are agreed to be, and a party's seat brings its table into that form."""

from __future__ import annotations

import pytest

from hansa.core.contract import Domain
from hansa.core.job import Data, Job
from hansa.core.party import Party, site_of
from hansa.core.table import Table
from hansa.data.schema import Field, Outcome, Schema
from hansa.errors import ConfigError, DataError
from hansa.horizontal.rounds import Rounds

AGREED = Schema(
    (
        Field("who", "text", role="id"),
        Field("income", "float", unit="kEUR", missing=(-1,), low=0, high=500),
        Field("home", "category", levels=("own", "rent")),
        Field("late", "category", "outcome", "target", positive="yes", levels=("no", "yes")),
    ),
    Outcome("default", days=90, months=12),
)
JOB = Job("scores", (Rounds(),), data=Data(schema=AGREED))


def bank(**changes):
    columns = {
        "who": [f"c{i}" for i in range(40)],
        "income": [-1, *range(20, 59)],
        "home": ["own", "rent"] * 20,
        "late": ["no", "no", "no", "yes"] * 10,
        "branch": list(range(40)),
    }
    columns.update(changes)
    return Party("bank-a", {"": Table.of({name: values for name, values in columns.items() if values is not None})})


def test_a_contract_is_part_of_the_job_and_of_its_digest():
    assert Job.from_toml(JOB.to_toml()) == JOB
    other = Job("scores", (Rounds(),), data=Data(schema=Schema(AGREED.fields[:-1])))
    assert other.digest != JOB.digest


def test_a_seat_brings_the_table_into_the_agreed_form():
    table = site_of(bank(), JOB).table
    assert (table.target, table.id, table.features) == ("late", "who", ("income", "home"))
    assert (table.y().mean(), table.column("income").gaps.sum()) == (0.25, 1)


def test_given_parts_stay():
    parts = [0, 2] * 20
    assert site_of(bank(__part__=parts), JOB).table.column("__part__").values.tolist() == parts


def test_a_breach_is_one_message_with_party_columns_and_mends():
    odd = ["castle"] * 20 + ["own"] * 20
    party = bank(income=[1000 * i for i in range(20, 60)], home=odd)
    with pytest.raises(DataError) as caught:
        site_of(party, JOB)
    said = str(caught.value)
    assert said.startswith("bank-a: column 'income' has about 100 % of its values outside of its range (0 to 500 kEUR)")
    assert "another unit than kEUR: factor = {'income' = 0.001}" in said
    assert "column 'home' has 1 label outside of its dictionary, in about 50 % of its rows" in said
    assert "castle" not in said


def test_a_missing_column_is_told_with_the_nearest():
    with pytest.raises(DataError, match=r"column 'home' is missing.*rename = \{'hone' = 'home'\}"):
        site_of(bank(home=None, hone=["own"] * 40), JOB)


def test_one_place_says_what_the_event_is():
    with pytest.raises(ConfigError, match="positive"):
        Data(positive="yes", schema=AGREED)


def test_a_contract_says_what_each_feature_may_hold():
    domains = {**AGREED.domains, **Schema((Field("opened", "date", low="1970-01-11"),)).domains}
    assert domains.keys() == {"income", "home", "opened"}
    assert domains["income"] == Domain(0, 500)
    assert domains["home"] == Domain(words=True, levels=("own", "rent"))
    assert (domains["opened"], domains["opened"].closed) == (Domain(10.0, whole=True), False)
    assert [domains[name].closed for name in ("income", "home")] == [True, True]
    assert not Domain(3.0, 3.0).closed
