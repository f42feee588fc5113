"""Person and period: rows that a hazard in discrete time is regressed on, the same at any party."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.job import Data, Job
from hansa.core.party import Party
from hansa.core.table import Table
from hansa.data.hazard import PERIOD, PersonPeriods, cumulative
from hansa.data.parts import HashSplit
from hansa.data.schema import Field, Schema
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.horizontal.glm import Glm
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.regression import Regression

ALL = HashSplit(1.0, 0.0, 0.0)
SPELLS = PersonPeriods("months", "default", edges=(3, 6, 12), horizon=24, id="who")


def loans(rows=900, seed=0):
    """Loans that default by a hazard that falls with time on book, seen for up to thirty months."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    months, default = np.full(rows, 30), np.zeros(rows, int)
    for month in range(30, 0, -1):
        hazard = 1 / (1 + np.exp(3.5 + 0.04 * month - 0.8 * x))
        came = rng.random(rows) < hazard
        months, default = np.where(came, month, months), np.where(came, 1, default)
    seen = rng.integers(1, 31, rows)
    default = np.where(seen < months, 0, default)
    return Table.of({"who": np.arange(rows), "x": x, "months": np.minimum(months, seen), "default": default})


def by_hand(table, spells):
    """The same rows by a plain loop: who, x, period, and whether the event came in it."""
    rows = []
    columns = (table.column(name).floats().tolist() for name in ("who", "x", "months", "default"))
    for who, x, months, default in zip(*columns, strict=True):
        periods = range(1, int(min(months, spells.horizon)) + 1)
        rows.extend((who, x, period, default * (period == months)) for period in periods)
    return np.array(rows)


def regressed(table, cuts, **settings):
    ends = [0, *sorted(cuts), len(table)]
    parties = [Party(f"bank-{i}", {"": table.take(slice(*ends[i : i + 2]))}) for i in range(len(ends) - 1)]
    steps = (Prepare(ALL, numeric="none"), Glm(**settings))
    job = Job("hazard", steps, data=Data(schema=SPELLS), min_parties=1, min_rows=1, min_cell=1)
    with Simulation(parties, workers=1).session(job) as session:
        return session.run().last(Regression)


def test_each_customer_is_a_row_for_each_period_at_risk():
    table = loans(200)
    made, hand = SPELLS.admit(table, "bank-a", 1), by_hand(table, SPELLS)
    assert made.names == ("who", "x", "default", PERIOD)
    assert (made.target, made.id) == ("default", "who")
    found = np.column_stack([made.column("who").floats(), made.column("x").floats(), made.y()])
    np.testing.assert_array_equal(found, hand[:, [0, 1, 3]])
    words = np.array(["from 1", "from 4", "from 7", "from 13"])[np.digitize(hand[:, 2], [3.5, 6.5, 12.5])]
    assert made.column(PERIOD).strings().tolist() == words.tolist()
    bare = PersonPeriods("months", "default", id="who").admit(table, "bank-a", 1)
    assert bare.column(PERIOD).floats().max() == table.column("months").floats().max()


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_the_hazard_is_statsmodels_on_pooled_person_periods(link):
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels: the oracle of regressions, extra dev")
    table = loans()
    hand = by_hand(table, SPELLS)
    bins = np.digitize(hand[:, 2], [3.5, 6.5, 12.5])
    design = {"const": np.ones(len(hand)), "x": hand[:, 1]}
    design |= {f"period=from {word}": (bins == k + 1) * 1.0 for k, word in enumerate((4, 7, 13))}
    links = {"logit": sm.families.links.Logit(), "cloglog": sm.families.links.CLogLog()}
    model = sm.GLM(hand[:, 3], np.column_stack(list(design.values())), family=sm.families.Binomial(links[link]))
    oracle = model.fit(tol=1e-14, maxiter=100)
    found = regressed(table, [200, 650], link_function=link)
    at = [list(design).index(name) for name in found.names]
    assert sorted(at) == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(found.params, oracle.params[at], rtol=1e-8)
    np.testing.assert_allclose(found.bse, oracle.bse[at], rtol=1e-8)
    assert found.rows == len(hand)


@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), min_size=1, max_size=6))
def test_any_partition_of_the_customers_gives_the_same(cuts):
    table = loans(400)
    whole, found = regressed(table, []), regressed(table, cuts)
    np.testing.assert_allclose(found.params, whole.params, rtol=1e-9)


def test_floors_count_customers_and_no_customer_is_in_two_parts():
    table = loans(300)
    job = Job("hazard", (Prepare(), Glm()), data=Data(schema=SPELLS), min_parties=1, min_rows=400)
    with (
        Simulation([Party("bank-a", {"": table})], workers=1).session(job) as session,
        pytest.raises(DataError, match="min_rows"),
    ):
        session.run()
    made = SPELLS.admit(table, "bank-a", 1)
    parts, who = HashSplit().codes(made), made.column("who").values
    assert all(len(np.unique(parts[who == one])) == 1 for one in range(300))


def test_rows_to_be_scored_name_a_period_and_chances_add_up():
    asked = SPELLS.read(Table.of({"x": [0.0, 0.0], "period": [2, 5]}))
    assert asked.column(PERIOD).strings().tolist() == ["from 1", "from 4"]
    assert SPELLS.read(Table.of({"x": [0.0]})).names == ("x",)
    assert PersonPeriods("m", "d").read(asked) is asked
    np.testing.assert_allclose(cumulative(np.array([[0.1, 0.2], [0.0, 1.0]])), [[0.1, 0.28], [0.0, 1.0]])


def test_a_schema_may_come_first_and_a_file_holds_it():
    schema = Schema((Field("x", "float"), Field("months", "integer"), Field("default", "integer")))
    spells = PersonPeriods("months", "default", schema=schema)
    job = Job("hazard", (Prepare(),), data=Data(schema=spells))
    assert Job.from_toml(job.to_toml()) == job
    table = Table.of({"x": [0.5], "months": [2], "default": [1]})
    assert spells.admit(table, "bank-a", 1).names == ("x", "default", "period", "customer")
    assert spells.read(Table.of({"x": [1]})).column("x").kind == "float"


def test_what_cannot_be_spread_is_told_without_a_value():
    table = loans(30)
    for column, values, what in (
        ("months", np.full(30, 0.5), "whole numbers of periods"),
        ("months", np.zeros(30), "from 1 on"),
        ("default", np.full(30, 2), "must be 0 or 1"),
    ):
        wrong = Table.of({**{name: table.column(name) for name in table.names}, column: values})
        with pytest.raises(DataError, match=f"bank-a: .*{what}"):
            SPELLS.admit(wrong, "bank-a", 1)
    taken = Table.of({**{name: table.column(name) for name in table.names}, "period": np.ones(30)})
    with pytest.raises(DataError, match="a column 'period' already"):
        SPELLS.admit(taken, "bank-a", 1)
    for settings_ in ({"edges": (3, 3)}, {"edges": (0,)}, {"horizon": -1}, {"id": "months"}):
        with pytest.raises(ConfigError):
            PersonPeriods("months", "default", **settings_)


def test_it_says_of_the_columns_what_its_schema_does_and_of_periods_their_words():
    fields = (Field("months", "integer", low=1, high=60), Field("rate", "float", low=0, high=1))
    agreed = Schema((*fields, Field("default", "integer")))
    domains = PersonPeriods("months", "default", edges=(3,), schema=agreed).domains
    assert domains.keys() == {"rate", PERIOD}
    assert domains[PERIOD].levels == ("from 1", "from 4")
    assert PersonPeriods("months", "default").domains == {}
