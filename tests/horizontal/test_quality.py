"""Quality: what is wrong with the tables is found, and nothing of a few customers is told on the way."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from hansa.core.codec import build, pack, plain, unpack
from hansa.core.job import Job
from hansa.core.metrics import auc_of
from hansa.core.party import Party
from hansa.core.step import Step
from hansa.core.table import Column, Table
from hansa.data.parts import HashSplit
from hansa.errors import ConfigError, DataError
from hansa.horizontal.findings import Findings
from hansa.horizontal.groups import FEW
from hansa.horizontal.quality import Quality
from tests.horizontal.banks import book, divided, fitted
from tests.horizontal.test_prepare import Ear


def looked(parties, step=None, **settings):
    return fitted(step or Quality(), parties, **{"min_rows": 20, **settings})[0]


def facts(sheet, name):
    return next(one for one in sheet.columns if one.name == name)


@pytest.fixture(scope="module")
def odd():
    """Three banks of 500 loans: one measures in other units, one has repeated rows, one column tells the target."""
    table = book(1500, seed=4)
    rng = np.random.default_rng(9)
    y = table.y()
    table = table.with_columns(
        [
            Column.of("recovered", np.where(y == 1, rng.uniform(1, 9, 1500), 0.0)),
            Column.of("closed", np.where(y == 1, np.nan, rng.normal(size=1500))),
            Column.of("flat", np.full(1500, 7)),
            Column.of("ratio", np.where(np.arange(1500) < 40, np.inf, rng.normal(size=1500))),
            Column.of("grade", rng.choice(["a", "b", "c"], 1500).tolist(), "category"),
        ]
    )
    a, b, c = divided(table, [500, 1000])
    loud = b.table("").column("income")
    b = Party("bank-1", {"": b.table("").with_columns([Column.of("income", 1000 * loud.values)])})
    twice = np.r_[np.arange(500), np.arange(60)]
    c = Party("bank-2", {"": c.table("").take(twice)})
    return table, (a, b, c)


def test_counts_are_those_of_the_rows(odd):
    table, banks = odd
    found = looked(banks)
    own = banks[0].table("")
    sheet = found.sheets[0]
    assert (sheet.party, sheet.rows, sheet.events) == ("bank-0", 500, int(own.y().sum()))
    assert facts(sheet, "income").gaps == int(own.column("income").gaps.sum())
    assert facts(sheet, "ratio").infinite == 40
    assert facts(sheet, "flat").constant
    assert not facts(sheet, "age").constant
    assert facts(sheet, "home").distinct == 3
    assert facts(sheet, "income").distinct in {500, 1000}
    assert (sheet.repeated, sheet.ids) == (0, 0)
    assert (found.sheets[2].repeated, found.sheets[2].ids) == (60, 60)
    assert found.pooled.rows == 1560
    assert found.pooled.repeated == 60
    assert facts(found.pooled, "flat").constant
    assert [one.name for one in sheet.columns] == list(table.features)


def test_ranges_are_quantiles_of_the_pool_and_enclose_those_of_a_party(odd):
    _, banks = odd
    found = looked(banks)
    whole = np.concatenate([bank.table("").column("arrears").values for bank in banks])
    shown = facts(found.pooled, "arrears")
    for value, share in ((shown.low, 0.05), (shown.high, 0.95)):
        assert (whole < value).mean() <= share + 0.01
        assert (whole <= value).mean() >= share - 0.01
    ages = banks[0].table("").column("age").values
    mine = facts(found.sheets[0], "age")
    assert mine.low is None or mine.low <= np.quantile(ages, 0.05)
    assert mine.middle >= np.median(ages)
    assert mine.high is None or mine.high >= np.quantile(ages, 0.95)


def test_another_unit_is_seen_as_drift(odd):
    _, banks = odd
    found = looked(banks)
    income = [facts(sheet, "income").drift for sheet in found.sheets]
    age = [facts(sheet, "age").drift for sheet in found.sheets]
    assert income[1] > 1
    assert max(age) < 0.1
    assert facts(found.pooled, "income").drift == max(income)


def test_columns_that_tell_the_target_are_suspected(odd):
    table, banks = odd
    found = looked(banks, Quality(known_at={"age": "outcome"}))
    assert {one.name: one.why for one in found.suspects} == {
        "age": "known at outcome",
        "recovered": "it ranks the events by itself",
        "closed": "it ranks the events by itself",
    }
    assert found.aucs["closed"] > 0.98  # by its gaps alone
    exact = looked(banks, Quality(known_at={"age": "outcome"}), min_cell=1)
    assert exact.aucs["recovered"] > 0.98  # a dozen events of a bank in a group, some of which are told jointly else
    assert set(found.aucs) == set(table.features)
    assert all(found.aucs[name] < 0.7 for name in ("age", "home", "grade", "flat"))


def test_the_auc_is_that_of_the_groups():
    rng = np.random.default_rng(1)
    y = (rng.random(4000) < 0.3).astype(int)
    grade = np.where(rng.random(4000) < 0.6, y, rng.integers(0, 4, 4000))
    table = Table.of({"grade": [f"g{i}" for i in grade], "y": y}, target="y")
    found = looked(divided(table, [1300, 2600]))
    rate = np.array([y[grade == i].mean() for i in range(4)])
    assert found.aucs["grade"] == pytest.approx(auc_of(rate[grade], y), abs=0.01)


def test_a_bank_without_enough_rows_is_noted_and_a_column_that_one_lacks():
    whole = book(900, seed=2)
    small = Party("bank-3", {"": whole.take(slice(880, 895))})
    a, b = divided(whole.take(slice(0, 880)), [440])
    lacking = Party("bank-1", {"": b.table("").select([n for n in b.table("").names if n != "income"])})
    found = looked((a, lacking, small))
    assert found.sheets[2].note == "fewer than 20 rows"
    assert found.sheets[2].columns == ()
    assert found.sheets[1].missing == ("income",)
    assert found.pooled.rows == 880
    with pytest.raises(DataError, match="No party has enough"):
        looked((small,))


def test_words_at_one_bank_and_numbers_at_another_are_shown():
    a, b = divided(book(600), [300])
    words = b.table("").with_columns([Column.of("age", ["old", "young"] * 150, "category")])
    found = looked((a, Party("bank-1", {"": words})))
    assert facts(found.pooled, "age").kind in {"integer or category", "category or integer"}
    assert facts(found.sheets[1], "age").drift is None or facts(found.sheets[0], "age").drift is None


def test_the_sealed_test_stays_closed():
    table = book(1000)
    split = HashSplit()
    found = looked(divided(table, []), Quality(split=split))
    assert found.pooled.rows == int((split.codes(table) != 2).sum())


def test_a_target_of_amounts_or_none_has_no_events():
    table = book(600)
    found = looked(divided(table.select([name for name in table.names if name != "default"]), [300]))
    assert (found.pooled.events, found.suspects, found.aucs) == (None, (), {})


def test_nothing_of_a_few_customers_leaves():
    canary, rare = 987_654_321.125, "Villa Canary"
    table = book(400, seed=3)
    income, home = table.column("income").values.copy(), table.column("home").strings().tolist()
    income[7] = canary
    home[:4] = [rare] * 4
    few = np.where(np.arange(400) < 3, np.nan, 1.0 * np.arange(400))
    table = table.with_columns(
        [Column.of("income", income), Column.of("home", home, "category"), Column.of("few", few)]
    )
    ear = Ear()
    parties = [dataclasses.replace(party, guards=(ear,)) for party in divided(table, [150, 300])]
    found = looked(parties)
    assert {kind for kind, _ in ear.heard} == {"Inventory", "Under", "Tally", "Rank"}
    for kind, answer in ear.heard:
        for vector in answer.load.vectors.values():
            assert canary not in vector
            if kind == "Inventory":
                said = vector[0].tobytes().decode()
                assert rare not in said
                assert json.loads(said)["columns"]["few"][1] in {FEW, 0}
            else:
                assert (vector == np.floor(vector)).all()
        if kind == "Tally":
            counts = answer.load["counts"][0]
            assert len(counts)
    assert rare.encode() not in pack(found)
    assert facts(found.sheets[0], "few").gaps == FEW
    assert facts(found.pooled, "few").gaps == FEW


def test_groups_that_leave_hold_a_cell_or_nothing(odd):
    _, banks = odd
    ear = Ear()
    looked([dataclasses.replace(bank, guards=(ear,)) for bank in banks], min_cell=15)
    for kind, answer in ear.heard:
        if kind == "Rank":
            assert answer.load["low"].sum() == answer.load["high"].sum()
    found = looked(banks, min_cell=15)
    assert found.min_cell == 15
    assert facts(found.sheets[0], "income").drift is not None


def test_findings_travel_and_the_step_is_named(odd):
    _, banks = odd
    found = looked(banks)
    assert unpack(Findings, pack(found)) == found
    assert json.loads(json.dumps(found.summary()))["pooled"]["rows"] == 1560
    step = build(Step, {"use": "quality", "leak": 0.9, "split": "hash"}, "steps[0]")
    assert step == Quality(HashSplit(), 0.9)
    assert build(Step, plain(step), "steps[0]") == step
    assert Job.from_toml('name = "q"\nsteps = ["quality"]').steps == (Quality(),)
    with pytest.raises(ConfigError, match="leak"):
        Quality(leak=1.5)
