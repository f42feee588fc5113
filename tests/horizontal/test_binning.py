"""Binning: counts, event rates, WoE and IV of pooled rows for any partition, and nothing of a few rows on the way."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.carry import near
from hansa.core.codec import pack, unpack
from hansa.core.job import Data, Job
from hansa.core.load import Load
from hansa.core.metrics import auc_of
from hansa.core.party import Party, site_of
from hansa.core.post import in_process, seats_of
from hansa.core.table import Column, Table
from hansa.core.trainer import Local
from hansa.data.csv_file import read_csv
from hansa.data.parts import HashSplit
from hansa.data.schema import Field, Schema
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.horizontal.binner import Beneath, Binner, Inquire, Outcomes
from hansa.horizontal.binning import Binning
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.crowds import LEVELS, Crowds
from hansa.horizontal.evaluate import Evaluate, own_job
from hansa.horizontal.glm import Glm
from hansa.horizontal.optimal import Rule
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.rounds import Rounds
from hansa.horizontal.woe import Cells
from hansa.links import private_sgd, secure_sum, weighted_mean
from hansa.privacy.accounting import epsilon
from hansa.running.privacy import privacy
from tests.horizontal.banks import AGREED, book, divided, fitted

ALL = HashSplit(1.0, 0.0, 0.0)


def risky(rows=1500, seed=3):
    """Loans whose default depends on age, income, arrears and home; arrears of -9 are a code."""
    table = book(rows, seed)
    rng = np.random.default_rng(seed)
    age, arrears = table.column("age").floats(), table.column("arrears").floats()
    rent = table.column("home").strings() == "rent"
    p = 1 / (1 + np.exp(1.5 + (age - 45) / 20 - rent - (arrears > 0)))
    arrears = np.where(rng.random(rows) < 0.05, -9.0, arrears)
    return table.with_columns([Column.of("default", (rng.random(rows) < p).astype(int)), Column.of("arrears", arrears)])


def by_hand(table, column, edges, codes=()):
    """Goods and bads by bin, special code and gap, from pooled rows and numpy alone."""
    values, y = table.column(column).floats(), table.y()
    special = [values == code for code in codes]
    plain = ~np.isnan(values) & ~np.any([*special, np.zeros(len(y), bool)], axis=0)
    ends = [-np.inf, *edges, np.inf]
    masks = [plain & (values > low) & (values <= high) for low, high in pairwise(ends)]
    masks += [*special, np.isnan(values)]
    return np.array([[(m & (y == k)).sum() for m in masks] for k in (0, 1)], float)


def woe_by_hand(counts):
    alone = (counts.sum(0) > 0) & (counts == 0).any(0)
    p, q = (counts + alone / 2) / counts.sum(1, keepdims=True)
    with np.errstate(all="ignore"):
        woe = np.where(counts.sum(0) > 0, np.log(p / q), 0.0)
    return woe, np.nansum((p - q) * woe)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 600), min_size=1, max_size=19), seed=st.integers(0, 5))
def test_given_splits_count_as_pooled_rows_do_under_any_partition(cuts, seed):
    table = risky(600, seed)
    rules = {
        "age": Rule(splits=(25.0, 40.0, 60.0), fixed=True),
        "income": Rule(splits=(10000.0, 40000.0), fixed=True),
        "arrears": Rule(splits=(0.0,), fixed=True, special_codes=(-9.0,)),
    }
    step = Binning(ALL, keep=tuple(rules), columns=rules, by_party=True)
    found, _ = fitted(step, divided(table, cuts), min_cell=1)
    for name, rule in rules.items():
        counts = by_hand(table, name, rule.splits, rule.special_codes)
        woe, iv = woe_by_hand(counts)
        made = found.table(name)
        shown = made.build()
        np.testing.assert_array_equal(shown.column("Non-event").values[:-1], counts[0])
        np.testing.assert_array_equal(shown.column("Event").values[:-1], counts[1])
        np.testing.assert_allclose(made.woe, woe, rtol=1e-10)
        assert made.iv == pytest.approx(iv, rel=1e-10)
        parts = [made.build(f"bank-{i}") for i in range(len(cuts) + 1)]
        np.testing.assert_array_equal(sum(one.column("Event").values for one in parts)[:-1], counts[1])
        assert made.apart == 0


@settings(max_examples=6, deadline=None)
@given(cuts=st.lists(st.integers(0, 1500), min_size=1, max_size=19))
def test_bins_do_not_depend_on_the_partition(cuts):
    table = risky()
    step = Binning(ALL, drop=("who",))
    whole, _ = fitted(step, divided(table, []), min_cell=1)
    found, _ = fitted(step, divided(table, cuts), min_cell=1)
    assert [one.coding for one in found.tables] == [one.coding for one in whole.tables]


@pytest.mark.parametrize("method", ["quantile", "uniform"])
@pytest.mark.parametrize("solver", ["optimal", "chimerge"])
def test_bins_keep_to_their_limits(method, solver):
    table = risky(4000)
    step = Binning(
        ALL,
        prebinning_method=method,
        solver=solver,
        max_n_bins=4,
        min_bin_size=0.1,
        min_bin_n_event=20,
        max_n_prebins=12,
    )
    found, _ = fitted(step, divided(table, [900, 2000]), min_cell=1)
    for made in found.tables:
        shown, bins = made.build(), made.cells.bins
        assert bins <= 4
        if bins > 1:
            assert (shown.column("Count (%)").values[:bins] >= 0.1).all()
            assert (shown.column("Event").values[:bins] >= 20).all()
            steps = np.diff(shown.column("Event rate").values[:bins])
            assert (steps >= 0).all() or (steps <= 0).all()
    assert found.table("age").iv > 0.1
    assert found.table("home").cells.labels[-1] == ("rent",)
    assert list(found.ivs.values()) == sorted(found.ivs.values(), reverse=True)


def test_small_cells_cost_little_information():
    table = risky(6000)
    exact, _ = fitted(Binning(ALL, drop=("who",)), divided(table, [1000, 2500, 4000]), min_cell=1)
    veiled, _ = fitted(Binning(ALL, drop=("who",)), divided(table, [1000, 2500, 4000]), min_cell=30)
    assert veiled.table("age").iv == pytest.approx(exact.table("age").iv, rel=0.1)
    assert veiled.table("income").apart > 0


def test_weights_of_evidence_reach_the_regression_as_its_columns():
    table = risky(3000)
    job = Job("card", (Binning(ALL, drop=("who",)), Glm()), min_parties=1, min_rows=1, min_cell=1)
    parties = divided(table, [1000, 1100])
    process, regression = near(job, seats_of(job, parties), in_process(job, parties)).run().results
    assert regression.names == ("const", "income", "arrears", "age", "home")
    assert all(param < 0 for param in regression.params[2:])  # a higher WoE is safer
    X = process.prepared.transform(table)
    assert auc_of(regression.predict(X, process.prepared.names), table.y()) > 0.65
    assert unpack(Prepared, pack(process.prepared)) == process.prepared
    again = unpack(BinningProcess, pack(process))
    np.testing.assert_array_equal(again.table("age").woe, process.table("age").woe)


def test_wrong_settings_and_tables_are_refused():
    for wrong, word in (
        ({"max_n_prebins": 1}, "max_n_prebins"),
        ({"solver": "chimerge", "monotonic_trend": "peak"}, "peak"),
        ({"drop": ("a",), "keep": ("a",)}, "all the same"),
        ({"min_bin_size": 0.7}, "min_bin_size"),
    ):
        with pytest.raises(ConfigError, match=word):
            Binning(**wrong)
    for wrong in ({"splits": (2.0, 1.0)}, {"fixed": True}, {"categorical": True, "splits": (1.0,)}):
        with pytest.raises(ConfigError, match="splits"):
            Rule(**wrong)
    with pytest.raises(ConfigError, match="prepares its columns once"):
        Job("twice", (Binning(), Prepare()))
    table = risky(300)
    with pytest.raises(DataError, match="There is no feature 'agee'"):
        fitted(Binning(keep=("agee",)), divided(table, [100]))
    values = Party("bank", {"": Table.of({"x": [1.0, 2.0], "y": [3.0, 4.0]}, target="y")})
    with pytest.raises(DataError, match="zeros and ones"):
        fitted(Binning(ALL), [values], min_cell=1)
    with pytest.raises(DataError, match="enough training rows"):
        fitted(Binning(ALL), divided(table.take(slice(0, 30)), [15]), min_rows=20)


def test_the_step_stands_in_a_job_file():
    step = Binning(columns={"pay": Rule(special_codes=(96.0, 98.0))}, monotonic_trend="descending")
    job = Job("card", (step,))
    assert Job.from_toml(job.to_toml()) == job


def test_give_me_some_credit_keeps_its_tails_and_its_codes_apart(shared_data):
    """Late payments are zero for nine in ten, and 96 and 98 are codes: their WoE is far from that of many payments."""
    table = read_csv(shared_data / "credit" / "give_me_some_credit.csv.gz", target="SeriousDlqin2yrs")
    late = "NumberOfTimes90DaysLate"
    table = table.select([late, "RevolvingUtilizationOfUnsecuredLines", "SeriousDlqin2yrs"])
    step = Binning(ALL, min_bin_size=0.01, columns={late: Rule(special_codes=(96.0, 98.0))})
    found, _ = fitted(step, divided(table, [20_000, 90_000]))
    made = found.table(late)
    assert made.cells.bins >= 3
    assert made.cells.edges[0] == 0
    assert made.iv > 0.8
    assert found.table("RevolvingUtilizationOfUnsecuredLines").iv > 1.0


QUIET = Binning(ALL, drop=("who",), noise_multiplier=0.01)
"""Noise that protects nobody, so that only what it is asked and told differs."""


def noised(step, table, cuts=(4000, 9000), schema=AGREED, **settings):
    return fitted(step, divided(table, cuts), data=Data(schema=schema), **settings)


def test_with_next_to_no_noise_bins_count_as_pooled_rows_do():
    table = risky(12_000)
    found, _ = noised(replace(QUIET, columns={"arrears": Rule(special_codes=(-9.0,))}), table)
    for name, codes in (("income", ()), ("age", ()), ("arrears", (-9.0,))):
        made = found.table(name)
        assert np.abs(made.counts - by_hand(table, name, made.fine.edges, codes)).max() <= 1
        assert 5 <= made.fine.bins <= 30 or name == "arrears"
    assert [sorted(group) for group in found.table("home").cells.labels] == [["free"], ["own"], ["rent"]] or (
        found.table("home").cells.bins < 3
    )


@pytest.mark.parametrize("mechanism", ["gaussian", "geometric"])
def test_what_the_parties_tell_is_off_by_the_noise_that_is_stated_whichever_rows_they_hold(mechanism):
    splits = {"age": Rule(splits=(30.0, 50.0), fixed=True), "income": Rule(splits=(2e4,), fixed=True)}
    step = replace(QUIET, keep=("age", "income"), columns=splits, noise_multiplier=4.0, by_party=True)
    step = replace(step, noise_mechanism=mechanism)
    table, off = risky(6000), []
    exact = {name: by_hand(table, name, rule.splits)[:, : len(rule.splits) + 1] for name, rule in splits.items()}
    for _ in range(40):
        found, _ = noised(step, table, (2000, 4000))
        off += [(found.table(name).counts[:, : exact[name].shape[1]] - exact[name]).ravel() for name in splits]
    event = step.releases()[Outcomes][0]
    if mechanism == "gaussian":
        assert event.noise_multiplier == pytest.approx(4.0 / np.sqrt(0.75))
        deviation = event.noise_multiplier * np.sqrt(2)  # two columns
    else:
        assert event.scale == pytest.approx(4.0 / 0.75)
        deviation = event.scale * 2 * np.sqrt(2)
    assert np.concatenate(off).std() == pytest.approx(deviation * np.sqrt(3), rel=0.25)  # three parties


def test_a_private_binning_can_be_accounted_for_and_others_cannot():
    data = Data(schema=AGREED)
    private = Job("private", (replace(QUIET, noise_multiplier=5.0),), data=data)
    assert privacy(private)["epsilon"] == pytest.approx(epsilon(noise_multiplier=5.0, steps=1, delta=1e-5), rel=1e-3)
    assert privacy(private)["unit"] == "record"
    customers = Job("private", (replace(QUIET, noise_multiplier=5.0, customer_rows=2),), data=data)
    assert privacy(customers)["unit"] == "customer"
    assert privacy(Job("open", (Binning(),)))["epsilon"] == "infinity"
    assert privacy(Job("open", (private.steps[0], Glm()), data=data))["epsilon"] == "infinity"


def test_a_private_binning_refuses_to_be_asked_for_edges_without_noise_and_more_often_than_it_pays_for():
    assert Beneath not in QUIET.handlers()
    assert Crowds not in Binning().handlers()
    assert QUIET.often() == {Inquire: 1, Crowds: LEVELS, Outcomes: 1}
    assert QUIET.releases().keys() == QUIET.handlers().keys()


def test_parties_say_of_their_columns_what_the_contract_does():
    table = risky(300).take(slice(0, 5))
    found, _ = noised(QUIET, table, (2,))  # so few rows that without noise nothing would be told
    assert [one.name for one in found.tables] == ["income", "arrears", "age", "home"]
    seat = Party("bank", {"t": table})
    job = Job("private", (QUIET,), data=Data(schema=AGREED))
    said = Binner(QUIET).answer(Inquire(), site_of(seat, job), {})[0].load["text"]
    other = Binner(QUIET).answer(Inquire(), site_of(Party("bank", {"t": table.take([0])}), job), {})[0].load["text"]
    assert said.tobytes() == other.tobytes()


def test_noise_without_agreed_ranges_and_labels_is_refused_when_the_job_is_made():
    fields = tuple(Field(one.name, one.kind) if one.name in {"who", "income"} else one for one in AGREED.fields)
    with pytest.raises(ConfigError, match="'who', 'income' may hold"):
        Job("private", (replace(QUIET, drop=()),), data=Data(schema=Schema(fields)))
    labels = replace(QUIET, keep=("age",), drop=(), columns={"age": Rule(categorical=True)})
    with pytest.raises(ConfigError, match="leaves open what 'age'"):
        Job("private", (replace(QUIET, keep=("age",), drop=()),))
    with pytest.raises(ConfigError, match="leaves open what 'age'"):
        Job("private", (labels,), data=Data(schema=AGREED))
    splits = replace(QUIET, keep=("age",), drop=(), columns={"age": Rule(splits=(30.0,))})
    Job("private", (splits,), data=Data(schema=Schema((Field("age", "integer"), *AGREED.fields[4:]))))


def test_of_each_customer_only_so_many_rows_count():
    table = risky(900)
    table = table.with_columns([Column.of("who", np.arange(900) // 9)])
    step = replace(QUIET, customer_rows=2, noise_multiplier=0.001)
    found, _ = noised(step, table, (450,))
    assert found.table("age").counts.sum() == pytest.approx(200, abs=1)


def test_bins_of_noise_alone_hold_no_rows_below_nothing_and_their_evidence_is_finite():
    table, splits = risky(400), tuple(np.arange(20.0, 60.0))
    step = replace(QUIET, noise_multiplier=500.0, keep=("age",), drop=(), columns={"age": Rule(splits=splits)})
    found, _ = noised(step, table, (200,))
    assert all(np.isfinite(one.woe).all() and (one.counts >= 0).all() for one in found.tables)
    with pytest.raises(DataError, match="Lower noise_multiplier"):
        step._process(
            (Cells("age", splits),), {"": Load({"outcomes": np.zeros((1, 84)), "apart": np.zeros((1, 1))})}, 2
        )


def test_rounds_may_learn_from_private_bins_and_a_party_by_itself_has_no_noise():
    data = Data(schema=AGREED)
    rounds = Rounds(chain=(private_sgd(2.0, sampling=0.1), weighted_mean()), local=Local(steps=2, batch=30), rounds=3)
    step = replace(QUIET, noise_multiplier=3.0)
    job = Job("private", (step, replace(rounds, check_every=0)), data=data, min_parties=1)
    assert np.isfinite(privacy(job)["epsilon"])
    parties = divided(risky(3000), (1500,))
    done = near(job, seats_of(job, parties), in_process(job, parties)).run()
    assert done.results[1].width == 4
    assert own_job(Job("scores", (*job.steps, Evaluate()), data=data)).steps[0] == replace(QUIET, noise_multiplier=0.0)


def test_private_bins_travel_in_a_secure_sum_as_they_are():
    job = Job("private", (replace(QUIET, noise_multiplier=1.0), Glm(sums=secure_sum())), data=Data(schema=AGREED))
    with Simulation(divided(risky(6000), (2000, 4000)), workers=1).session(job) as session:
        found = session.run().last(BinningProcess)
    assert found.table("age").counts.sum() == pytest.approx(6000, abs=300)


def test_a_party_without_rows_is_binned_with_the_others():
    found, _ = noised(QUIET, risky(3000), (0, 1500))
    assert found.table("age").counts.sum() == pytest.approx(3000, abs=2)
