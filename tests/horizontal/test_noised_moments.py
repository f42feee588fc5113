"""Moments from noised sums: those of pooled rows with next to no noise, and no figure of what the noise hides."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hansa.core.contract import Domain
from hansa.core.job import Data, Job
from hansa.core.party import Party, site_of
from hansa.core.table import Table
from hansa.data.parts import HashSplit
from hansa.data.schema import Schema
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.horizontal.description import Description, Moments, described
from hansa.horizontal.noised_moments import Powers, moments_of, powers_of
from hansa.horizontal.rounds import Rounds
from hansa.horizontal.statistics import Describer, Statistics
from hansa.links import secure_sum, uniform
from tests.horizontal.banks import AGREED, book, divided, fitted

STEP = Statistics(HashSplit(1.0, 0.0, 0.0), drop=("who",), noise_multiplier=1e-4)
NAMES = ("income", "arrears", "age")
DATA = Data(schema=AGREED)


def clipped(table):
    domains = [AGREED.domains[name] for name in NAMES]
    return np.column_stack(
        [np.clip(table.column(name).floats(), one.low, one.high) for name, one in zip(NAMES, domains, strict=True)]
    )


def test_with_next_to_no_noise_figures_are_those_of_pooled_rows_cut_at_their_ranges():
    table = book(9000)
    X = clipped(table)
    found, _ = fitted(STEP, divided(table, (2000, 5000)), data=DATA)
    for i, name in enumerate(NAMES):
        values, one = X[~np.isnan(X[:, i]), i], found.moment(name)
        assert (one.values, one.gaps) == (
            pytest.approx(len(values), abs=0.1),
            pytest.approx(9000 - len(values), abs=0.1),
        )
        assert one.mean == pytest.approx(values.mean(), rel=1e-3, abs=0.1)
        assert one.variance == pytest.approx(values.var(), rel=1e-3)
        assert one.skewness == pytest.approx(stats.skew(values), rel=0.01, abs=0.02)
        assert one.kurtosis == pytest.approx(stats.kurtosis(values), rel=0.02, abs=0.02)
    full = X[~np.isnan(X).any(axis=1)]
    np.testing.assert_allclose(found.correlation, np.corrcoef(full.T), atol=1e-3)
    np.testing.assert_allclose(found.vif, np.diag(np.linalg.inv(np.corrcoef(full.T))), rtol=1e-3)
    assert found.rows == 9000


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), row=st.integers(0, 39))
def test_a_row_changes_what_is_told_by_no_more_than_the_noise_is_made_for(seed, row):
    table = book(40, seed)
    every, less = (
        powers_of(one, NAMES, AGREED.domains) for one in (table, table.take([i for i in range(40) if i != row]))
    )
    change, figures = np.abs(every - less), Powers(NAMES).figures
    assert len(change) == figures
    assert change.max() <= 1
    assert change.sum() <= figures
    assert np.square(change).sum() <= figures
    assert change[0] == 1


def test_figures_are_the_same_in_whatever_pieces_rows_are_added(monkeypatch):
    table = book(500)
    whole = powers_of(table, NAMES, AGREED.domains)
    monkeypatch.setattr("hansa.horizontal.noised_moments._ROWS", 7)
    np.testing.assert_array_equal(powers_of(table, NAMES, AGREED.domains), whole)
    assert powers_of(table, (), {}).tolist() == [500, 500]


@pytest.mark.parametrize("mechanism", ["gaussian", "geometric"])
def test_the_noise_is_of_the_size_that_is_stated(mechanism):
    step = replace(STEP, noise_multiplier=3.0, noise_mechanism=mechanism)
    site = site_of(Party("bank", {"t": book(300)}), Job("described", (step,), data=DATA))
    told = [Describer(step).answer(Powers(NAMES), site, {})[0].load["powers"][0] for _ in range(150)]
    figures = Powers(NAMES).figures
    deviation = 3.0 * sqrt(figures) if mechanism == "gaussian" else 3.0 * figures * sqrt(2)
    assert np.std(told, axis=0).mean() == pytest.approx(deviation, rel=0.15)


def test_a_party_is_asked_for_no_column_without_an_agreed_range():
    step = replace(STEP, cross=(("home", "default"),), splits={"default": (0.0,)})
    site = site_of(Party("bank", {"t": book(300)}), Job("described", (step,), data=DATA))
    with pytest.raises(ConfigError, match="leaves open what 'default' may hold"):
        Describer(step).answer(Powers(("age", "default")), site, {})


def test_what_the_noise_hides_is_no_number():
    told = powers_of(book(4000), NAMES, AGREED.domains)
    found, products = moments_of(told, NAMES, AGREED.domains, least=60.0)
    age, arrears = found[2], found[1]
    assert age.deviation == pytest.approx(18, rel=0.1)
    assert abs(age.skewness) < 0.2
    assert isnan(arrears.variance)  # of values near 0, on a scale to 1,000
    assert isnan(arrears.skewness)
    assert abs(arrears.mean) < 10
    assert described(4000, found, products, ()).names == ("income", "age")
    assert isnan(moments_of(told, NAMES, AGREED.domains, least=600.0)[0][2].kurtosis)
    assert moments_of(told, NAMES, AGREED.domains, least=3900.0)[0][0] == Moments("income", 4000.0, 0.0)
    assert moments_of(told, NAMES, AGREED.domains, least=3900.0)[1][0] == 0
    with pytest.raises(DataError, match="hides whether there are rows"):
        fitted(replace(STEP, noise_multiplier=1e4), divided(book(400), (200,)), data=DATA)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), noise=st.floats(0, 150))
def test_correlations_are_some_whatever_the_noise(seed, noise):
    rng, names = np.random.default_rng(seed), ("a", "b", "c", "d")
    x = rng.normal(50, 20, 2000)
    table = Table.of({"a": x, "b": 100 - x, "c": x + rng.normal(0, 5, 2000), "d": rng.normal(0, 1, 2000)})
    domains = dict.fromkeys(names, Domain(0.0, 100.0))
    told = powers_of(table, names, domains)
    moments, (complete, shift, products) = moments_of(told + rng.normal(0, noise, len(told)), names, domains, 3 * noise)
    if complete:
        covariance = products / complete - np.outer(shift, shift) / complete**2
        root = np.sqrt(np.diag(covariance))
        assert np.abs(covariance / np.outer(root, root)).max() <= 1 + 1e-9
        assert np.linalg.eigvalsh(covariance).min() >= -1e-6
    assert all(one.variance > 0 or isnan(one.variance) for one in moments)
    assert all(0 <= one.values <= one.rows for one in moments)


def test_where_no_range_is_agreed_rows_are_told_and_what_is_crossed():
    step = replace(
        STEP, keep=("age",), drop=(), splits={"age": (40.0,), "default": (0.0,)}, cross=(("age", "default"),)
    )
    found, _ = fitted(step, divided(book(600), (200,)), data=Data())
    assert (found.rows, found.moments, found.names) == (600, (), ())
    assert found.tables[0].counts.sum() == pytest.approx(600, abs=1)


def test_figures_travel_in_a_secure_sum_as_they_are():
    rounds = Rounds(chain=(uniform(), secure_sum()), rounds=1, check_every=0)
    table = book(3000)
    ages = Table.of({"age": table.column("age").values, "default": table.column("default").values}, target="default")
    job = Job("described", (STEP, rounds), data=Data(schema=Schema((AGREED.fields[3], AGREED.fields[5]))))
    with Simulation(divided(ages, (1000, 2000)), workers=1).session(job) as session:
        found = session.run().last(Description)
    assert found.rows == 3000
    assert found.moment("age").mean == pytest.approx(48.5, abs=1)
