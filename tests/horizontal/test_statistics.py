"""Statistics: moments, correlations and cross tables of pooled rows, for any partition, and none of a few rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hansa.core.codec import pack, unpack
from hansa.core.job import Data, Job
from hansa.core.party import Party, site_of
from hansa.core.table import Column, Table
from hansa.data.parts import HashSplit
from hansa.data.schema import Schema
from hansa.errors import ConfigError, DataError, PolicyRefusal
from hansa.horizontal.description import Description
from hansa.horizontal.evaluate import Evaluate, own_job
from hansa.horizontal.noised_moments import Powers
from hansa.horizontal.rounds import Rounds
from hansa.horizontal.statistics import Cross, Describer, Firsts, Kinds, Seconds, Statistics
from hansa.horizontal.woe import Cells
from hansa.privacy.accounting import epsilon
from hansa.privacy.released import parts_of
from hansa.running.privacy import privacy
from tests.horizontal.banks import AGREED, book, divided, fitted

ALL = HashSplit(1.0, 0.0, 0.0)
DATA = Data(schema=AGREED)
STEP = Statistics(ALL, drop=("who",), cross=(("age", "home"), ("home", "default")), splits={"age": (30.0, 50.0)})
NOISED = replace(STEP, splits={"age": (30.0, 50.0), "default": (0.0,)}, noise_multiplier=4.0)


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 500), min_size=1, max_size=19))
def test_figures_are_those_of_pooled_rows_under_any_partition(cuts):
    table = book(500, seed=2)
    found, _ = fitted(STEP, divided(table, cuts), min_cell=1)
    X = np.column_stack([table.column(name).floats() for name in ("income", "arrears", "age")])
    for i, name in enumerate(("income", "arrears", "age")):
        values = X[~np.isnan(X[:, i]), i]
        one = found.moment(name)
        assert (one.values, one.gaps) == (len(values), 500 - len(values))
        assert one.mean == pytest.approx(values.mean(), rel=1e-12)
        assert one.variance == pytest.approx(values.var(), rel=1e-10)
        assert one.skewness == pytest.approx(stats.skew(values), rel=1e-9)
        assert one.kurtosis == pytest.approx(stats.kurtosis(values), rel=1e-9)
    full = np.column_stack([X, table.y()])[~np.isnan(X).any(axis=1)]
    np.testing.assert_allclose(found.correlation, np.corrcoef(full.T), atol=1e-10)
    np.testing.assert_allclose(found.vif, np.diag(np.linalg.inv(np.corrcoef(full.T))), rtol=1e-10)
    age, home = X[:, 2], table.column("home").strings()
    bins, labels = np.searchsorted([30, 50], age), sorted(set(home.tolist()))
    counts = [[((bins == b) & (home == label)).sum() for label in labels] for b in range(3)]
    np.testing.assert_array_equal(found.tables[0].counts[:3, :3], counts)
    held = found.tables[1].counts[:3, :2]
    chi2, pvalue, _, _ = stats.chi2_contingency(held, correction=False)
    assert (found.tables[1].chi2, found.tables[1].pvalue) == (pytest.approx(chi2), pytest.approx(pvalue))


def test_determined_and_constant_columns_inflate_or_fall_out():
    table = book(400)
    age, arrears = table.column("age").floats(), table.column("arrears").floats()
    more = [Column.of("twice", 2 * age + 1), Column.of("flat", np.full(400, 3.5)), Column.of("other", arrears + 1)]
    found, _ = fitted(
        Statistics(ALL, keep=("age", "twice", "flat", "income")), divided(table.with_columns(more), [100])
    )
    assert found.names == ("income", "age", "twice")
    assert np.isinf(found.vif).tolist() == [False, True, True]
    assert found.moment("flat").variance == 0


def test_pairs_of_few_rows_are_told_jointly_and_a_thin_party_not_at_all():
    table = book(300)
    found, _ = fitted(STEP, divided(table, [290]), min_rows=20, min_cell=10)
    assert found.rows == 290
    for one in found.tables:
        assert one.counts.sum() == pytest.approx(290)
    with pytest.raises(DataError, match="enough training rows"):
        fitted(STEP, divided(table.take(slice(0, 10)), [5]), min_rows=20)


def test_wrong_settings_are_refused_and_the_step_stands_in_a_job_file():
    with pytest.raises(ConfigError, match="two columns"):
        Statistics(cross=(("a", "a"),))
    with pytest.raises(DataError, match="There is no column 'hom'"):
        fitted(Statistics(ALL, keep=("hom",)), divided(book(100), [50]))
    job = Job("look", (STEP,))
    assert Job.from_toml(job.to_toml()) == job
    found, _ = fitted(STEP, divided(book(100), [50]), min_cell=1)
    again = unpack(Description, pack(found))
    np.testing.assert_array_equal(again.correlation, found.correlation)
    labels = Table.of({"home": ["own", "rent"] * 20, "y": [0, 1] * 20}, target="y")
    assert fitted(Statistics(ALL), divided(labels, [20]))[0].moments == ()


@pytest.mark.parametrize("mechanism", ["gaussian", "geometric"])
def test_cross_tables_with_noise_are_the_counts_and_exact_noise_and_are_charged(mechanism):
    step, table = replace(NOISED, noise_multiplier=2.0, noise_mechanism=mechanism), book(2000, seed=3)
    exact, _ = fitted(
        replace(step, noise_multiplier=0.0, noise_mechanism="gaussian"), divided(table, [1000]), min_cell=1
    )
    noises = []
    for _ in range(60):
        found, _ = fitted(step, divided(table, [1000]), data=DATA, min_cell=10)
        for plain, noisy in zip(exact.tables, found.tables, strict=True):
            large = plain.counts > 150  # of two parties; none is cut at 0
            noises.append((noisy.counts[: len(plain.counts), : plain.counts.shape[1]] - plain.counts)[large])
    noise, parties = np.concatenate(noises), 2
    stated = 2.0 * np.sqrt(2) if mechanism == "gaussian" else 2.0 * 2 * np.sqrt(2)  # half of the privacy
    tables = np.sqrt(2) if mechanism == "gaussian" else 2
    assert noise.std() == pytest.approx(stated * tables * np.sqrt(parties), rel=0.15)
    assert abs(noise.mean()) < 4
    assert step.releases().keys() == step.handlers().keys() == step.often().keys() == {Kinds, Powers, Cross}
    assert STEP.releases() == {}
    assert set(step.often().values()) == {1}


def test_a_statement_covers_all_that_is_told():
    job = Job("described", (NOISED,), data=DATA)
    assert {part.what: part.bounded for part in parts_of(job)} == {"Powers": True, "Cross": True}
    assert privacy(job)["epsilon"] == pytest.approx(epsilon(noise_multiplier=4.0, steps=1, delta=1e-5), rel=1e-3)
    pure = privacy(replace(job, steps=(replace(NOISED, noise_mechanism="geometric"),)))
    assert "and 0.25 at delta = 0: it is pure" in pure["statement"]
    assert privacy(Job("described", (STEP,)))["epsilon"] == "infinity"
    assert own_job(Job("scores", (NOISED, Rounds(), Evaluate()), data=DATA)).steps[0].noise_multiplier == 0


def test_noise_without_agreed_ranges_is_refused_when_the_job_is_made():
    with pytest.raises(ConfigError, match=r"statistics step has noise.*'age', 'home', 'default' may hold"):
        Job("described", (replace(STEP, keep=("age",), drop=(), splits={}, noise_multiplier=1.0),))
    labels = Schema(tuple(replace(one, levels=()) if one.name == "home" else one for one in AGREED.fields))
    with pytest.raises(ConfigError, match="'home' may hold"):
        Job("described", (NOISED,), data=Data(schema=labels))
    with pytest.raises(ConfigError, match=r"needs the edges of a numeric column: 'age'.*splits"):
        Job("described", (replace(NOISED, splits={"default": (0.0,)}),), data=DATA)
    Job("described", (replace(NOISED, cross=()),), data=Data(schema=labels))  # only numbers are described


@pytest.mark.parametrize("step", [STEP, NOISED])
def test_no_column_is_told_of_that_the_job_does_not_describe(step):
    step = replace(step, drop=("who", "income"))
    site = site_of(Party("bank", {"t": book(300)}), Job("described", (step,), data=DATA))
    cells = Cells("income", (1e4,)), Cells("age", (30.0,))
    for ask in (Firsts(("income",)), Seconds(("income",), np.zeros(1)), Powers(("income",)), Cross((cells,))):
        with pytest.raises(PolicyRefusal, match="asks for other columns than its job"):
            Describer(step).answer(ask, site, {})


def test_noise_below_nothing_is_refused():
    with pytest.raises(ConfigError, match="noise_multiplier"):
        Statistics(noise_multiplier=-1.0)


def test_of_each_customer_only_so_many_rows_are_crossed_and_customers_are_charged():
    table = book(900, seed=3)
    table = table.with_columns([Column.of("who", np.arange(900) // 9)])
    step = replace(NOISED, noise_multiplier=0.001, customer_rows=2)
    found, _ = fitted(step, divided(table, (450,)), data=DATA)
    assert found.tables[0].counts.sum() == pytest.approx(200, abs=2)
    assert found.rows == 200
    assert found.moment("age").values == pytest.approx(200, abs=1)
    assert step.releases()[Cross][0].protects.unit == "customer"


def test_noise_hides_whether_a_party_has_as_many_rows_as_the_job_wants():
    step = replace(NOISED, noise_multiplier=0.01)
    found, _ = fitted(step, divided(book(500, seed=3), (495,)), data=DATA, min_cell=10, min_rows=20)
    assert found.tables[0].counts.sum() == pytest.approx(500, abs=2)
    assert found.rows == pytest.approx(500, abs=1)
