"""Preparation from noised counts and sums: near the plain one with next to no noise, and off by what is stated."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.job import Data, Job
from hansa.core.message import Envelope, Name
from hansa.core.party import Party, Seat, site_of
from hansa.core.table import Column, Table
from hansa.core.trainer import Local
from hansa.data.parts import HashSplit
from hansa.data.schema import Field, Schema
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.horizontal.amounts import Amounts, NoisedFitter, amounts_of
from hansa.horizontal.columns import Binned, Coding, OneHot, Ordinal, Scaled
from hansa.horizontal.crowds import LEVELS, Crowds
from hansa.horizontal.fitter import Adopt, Below, Describe
from hansa.horizontal.fitting import Fit, Want
from hansa.horizontal.noise import Noise
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.rounds import Rounds
from hansa.links import private_sgd, secure_sum, uniform, weighted_mean
from hansa.privacy.accounting import epsilon
from hansa.running.privacy import privacy
from tests.horizontal.banks import AGREED, book, divided, fitted

ALL = HashSplit(1.0, 0.0, 0.0)
QUIET = Prepare(ALL, noise_multiplier=0.01)
"""Noise that protects nobody, so that only what it is asked and told differs."""


def noised(step, table, cuts=(4000, 9000), **given):
    return fitted(step, divided(table, cuts), data=Data(schema=AGREED), **given)[0]


def of(prepared, name):
    return next(one for one in prepared.encodings if one.column == name)


def test_with_next_to_no_noise_moments_and_categories_are_those_of_pooled_rows():
    table = book(12_000)
    found = noised(replace(QUIET, columns={"income": Coding(signed_log=True)}), table)
    income = np.log1p(table.column("income").floats())
    for name, values in (("age", table.column("age").floats()), ("income", income[~np.isnan(income)])):
        made = of(found, name)
        assert isinstance(made, Scaled)
        assert made.centre == pytest.approx(values.mean(), rel=1e-3)
        assert made.scale == pytest.approx(values.std(), rel=1e-2)
    assert of(found, "income").missing
    assert not of(found, "age").missing
    assert of(found, "home") == OneHot("home", ("free", "own", "rent"))
    assert found.rows == (12_000, 0, 0)
    assert (found.parties, found.classes, found.one_class) == (3, 2, False)
    assert found.positive_rate == pytest.approx(table.y().mean(), abs=1e-3)


def test_bins_and_ends_are_found_from_counts():
    table = book(12_000)
    bins = of(noised(replace(QUIET, numeric="bins"), table), "income")
    income = table.column("income").floats()
    shares = np.histogram(income, [-np.inf, *bins.edges, np.inf])[0] / np.count_nonzero(~np.isnan(income))
    assert isinstance(bins, Binned)
    assert 6 <= len(shares) <= 14
    assert shares.max() < 0.2
    cut = of(noised(replace(QUIET, winsorise=0.05), table), "income")
    values = income[~np.isnan(income)]
    assert np.mean(values <= cut.low) == pytest.approx(0.05, abs=0.03)
    assert np.mean(values <= cut.high) == pytest.approx(0.95, abs=0.03)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), row=st.integers(0, 59))
def test_a_row_changes_what_is_told_by_no_more_than_the_noise_is_made_for(seed, row):
    rng = np.random.default_rng(seed)
    step = replace(QUIET, noise_multiplier=1e-3, columns={"age": Coding("bins"), "arrears": Coding(signed_log=True)})
    table = book(60, seed)
    table = table.with_columns([Column.of("arrears", rng.choice([-5e3, -1e3, 0.0, 7.0, 1e3, 9e9], 60))])
    job = Job("private", (step,), data=Data(schema=AGREED), min_parties=1)
    wants = {"income": "standardise", "arrears": "standardise", "age": "bins", "home": "onehot"}
    fits = tuple(
        Fit(
            Want(name, how, levels=("free", "own", "rent") if name == "home" else (), signed_log=name == "arrears"),
            np.zeros(0),
            1,
            low=AGREED.domains[name].low,
            high=AGREED.domains[name].high,
        )
        for name, how in wants.items()
    )
    without = table.take([i for i in range(60) if i != row])
    told = []
    for rows in (table, without):
        site = site_of(Party("bank", {"t": rows}), replace(job, data=Data(schema=None)))
        told.append(NoisedFitter(step).answer(Amounts(fits), site, {})[0].load["amounts"][0])
    change, figures = np.abs(told[0] - told[1]), Amounts(fits).figures
    assert figures == 2 + 3 + 3 + 1 + 1
    assert 0.9 <= float(np.sqrt(np.square(change).sum())) <= sqrt(figures) + 0.1
    assert change.max() <= 1.1
    assert change.sum() <= figures + 0.3


def test_the_noise_is_of_the_size_that_is_stated():
    step = replace(QUIET, noise_multiplier=3.0, keep=("age",))
    site = site_of(Party("bank", {"t": book(500)}), Job("private", (step,), data=Data(schema=AGREED)))
    fit = Fit(Want("age", "standardise"), np.zeros(0), 1, low=18.0, high=80.0)
    told = [NoisedFitter(step).answer(Amounts((fit,)), site, {})[0].load["amounts"][0] for _ in range(200)]
    assert np.std(told, axis=0).mean() == pytest.approx(3.0 * sqrt(2 + 3), rel=0.05)
    assert step.releases()[Amounts][0].noise_multiplier == 3.0
    assert Crowds not in step.handlers()
    pure = replace(step, noise_mechanism="geometric")
    told = [NoisedFitter(pure).answer(Amounts((fit,)), site, {})[0].load["amounts"][0] for _ in range(200)]
    assert np.std(told, axis=0).mean() == pytest.approx(3.0 * (2 + 3) * sqrt(2), rel=0.1)
    assert pure.releases()[Amounts][0].scale == 3.0


def test_what_is_released_costs_as_much_as_the_step_says():
    data = Data(schema=AGREED)
    for step in (replace(QUIET, noise_multiplier=4.0), replace(QUIET, noise_multiplier=4.0, numeric="bins")):
        stated = privacy(Job("private", (step,), data=data))
        assert stated["epsilon"] == pytest.approx(epsilon(noise_multiplier=4.0, steps=1, delta=1e-5), rel=1e-3)
        assert step.releases().keys() == step.handlers().keys()
        assert step.releases().keys() - step.often().keys() == {Adopt}
    assert step.often() == {Describe: 1, Crowds: LEVELS, Amounts: 1}
    assert Below not in step.handlers()
    assert Amounts not in Prepare().handlers()
    customers = privacy(Job("private", (replace(step, customer_rows=3),), data=data))
    assert (customers["unit"], customers["relation"]) == ("customer", "add_or_remove")
    assert privacy(Job("open", (Prepare(),)))["epsilon"] == "infinity"


def test_preparation_and_training_together_have_an_epsilon():
    rounds = Rounds(
        chain=(uniform(), private_sgd(2.0, sampling=0.1), weighted_mean()),
        local=Local(steps=2, batch=30),
        rounds=3,
        check_every=0,
    )
    step = replace(QUIET, noise_multiplier=3.0)
    job = Job("private", (step, rounds), data=Data(schema=AGREED))
    alone = privacy(replace(job, steps=(step,)))["epsilon"]
    assert alone < privacy(job)["epsilon"] < alone + 5
    with Simulation(divided(book(3000), (1000, 2000)), workers=1).session(job) as session:
        assert session.run().last(Prepared).width == 7


def test_an_answer_that_is_asked_for_again_is_the_same():
    job = Job("private", (replace(QUIET, noise_multiplier=9.0),), data=Data(schema=AGREED))
    seat = Seat(Party("bank", {"t": book(300)}), job)
    fits = (Fit(Want("age", "standardise"), np.zeros(0), 1, low=18.0, high=80.0),)
    envelope, site = Envelope(Name(0, 0, 0), Amounts(fits)), site_of(seat.party, job)
    first = seat.close(envelope, *NoisedFitter(job.steps[0]).answer(envelope.ask, site, seat.memory))
    np.testing.assert_array_equal(seat.open(envelope).load["amounts"], first.load["amounts"])
    other, _ = NoisedFitter(job.steps[0]).answer(envelope.ask, site, seat.memory)
    assert (other.load["amounts"] != first.load["amounts"]).any()


def test_of_each_customer_only_so_many_rows_count():
    table = book(900)
    table = table.with_columns([Column.of("who", np.arange(900) // 9)])
    found = noised(replace(QUIET, customer_rows=2, noise_multiplier=1e-3), table, (450,))
    assert found.rows[0] == pytest.approx(200, abs=1)


def test_secure_sums_carry_amounts_as_they_are():
    chain = (uniform(), private_sgd(2.0, sampling=0.5), secure_sum())
    rounds = Rounds(chain=chain, local=Local(steps=1, batch=30), rounds=1, check_every=0)
    job = Job("private", (replace(QUIET, numeric="bins"), rounds), data=Data(schema=AGREED))
    with Simulation(divided(book(3000), (1000, 2000)), workers=1).session(job) as session:
        found = session.run().last(Prepared)
    assert found.rows == (3000, 0, 0)
    assert len(of(found, "income").edges) >= 4


def test_a_spread_that_the_noise_hides_is_large_and_a_column_that_it_hides_is_left_out():
    table = book(400)
    found = noised(replace(QUIET, noise_multiplier=2.0), table, (200,))
    assert 0 < of(found, "arrears").scale <= 1000
    assert np.isfinite(found.transform(table)).all()
    with pytest.raises(DataError, match="No column is left"):
        noised(replace(QUIET, noise_multiplier=1e4), table, (200,))


def test_a_column_without_an_agreed_range_or_labels_is_named_unless_nothing_is_looked_up():
    fields = (Field("income", "float"), Field("note", "text"), Field("grade", "integer", low=1, high=9))
    data = Data(schema=Schema((*fields, *AGREED.fields[3:])))
    with pytest.raises(ConfigError, match=r"prepare step has noise.*'income', 'note' may hold"):
        Job("private", (QUIET,), data=data)
    with pytest.raises(ConfigError, match="'grade' may hold"):
        Job("private", (replace(QUIET, drop=("income", "note"), columns={"grade": Coding("onehot")}),), data=data)
    grades = {"grade": Coding("ordinal", levels=("1", "2", "3")), "note": Coding("tokens")}
    Job("private", (replace(QUIET, drop=("income",), columns=grades),), data=data)
    with pytest.raises(ConfigError, match="noise_multiplier"):
        Prepare(noise_multiplier=-1.0)


def test_ordinals_and_texts_are_told_with_noise_too():
    grade = Column.of("grade", np.random.default_rng(0).integers(1, 4, 2000))
    table = Table.of([grade, Column.of("note", ["late again"] * 2000), Column.of("y", [0, 1] * 1000)], target="y")
    schema = Schema((Field("grade", "integer"), Field("note", "text"), Field("y", "integer", role="target")))
    coded = {"grade": Coding("ordinal", levels=("1", "2", "3")), "note": Coding("tokens")}
    step = replace(QUIET, columns=coded, noise_multiplier=2.0)
    found = fitted(step, divided(table, (700,)), data=Data(schema=schema))[0]
    assert of(found, "grade").mean == pytest.approx(1.0, abs=0.05)
    assert isinstance(of(found, "grade"), Ordinal)
    assert found.columns == ("grade", "note")


def test_values_beyond_the_range_count_as_its_ends():
    fit = Fit(Want("x", "standardise", special_codes=(-9.0,)), np.zeros(0), 1, low=0.0, high=10.0)
    told = amounts_of(fit, Column.of("x", [-50.0, 5.0, 1e30, -9.0, None]))
    assert told.tolist() == [3.0, 1.0, 0.0, 1.0, 2.0]
    assert Noise(0.0).sums(told, 1.0).tolist() == told.tolist()


def test_sums_are_exact_so_that_a_row_changes_them_by_its_own_alone():
    fit = Fit(Want("x", "standardise"), np.zeros(0), 1, low=-3.0, high=3.0)
    values = np.random.default_rng(0).normal(size=20_000)
    told = amounts_of(fit, Column.of("x", values))
    assert (amounts_of(fit, Column.of("x", values[::-1].copy())) == told).all()
    one = amounts_of(fit, Column.of("x", values[:1]))
    assert (told - amounts_of(fit, Column.of("x", values[1:])) == one).all()


def test_a_party_without_rows_tells_noise_like_any_other():
    table = book(3000)
    found = noised(replace(QUIET, numeric="bins"), table, (0, 1500))
    assert (found.parties, found.rows) == (3, (3000, 0, 0))
    assert len(of(found, "age").edges) >= 4


@pytest.mark.parametrize("ends", [(5.0, 5.0), (np.nan, np.nan), (7.0, 1.0), (-np.inf, np.inf)])
def test_no_ends_make_a_party_refuse_for_its_values(ends):
    low, high = ends
    for values in ([None, 5.0], [1e308, 1e308, -3.0]):
        told = amounts_of(Fit(Want("x", "none"), np.zeros(0), 1, low=low, high=high), Column.of("x", values))
        assert np.isfinite(told).all()
        assert np.abs(told[2:]).max() <= 3


def test_a_coding_that_no_plan_asks_for_tells_no_sum_of_values_either():
    """A coordinator may ask for it all the same, and the noise is made for counts."""
    for how in ("default", "bins", "standardise", "none"):
        told = amounts_of(Fit(Want("x", how), np.zeros(0), 1, low=0.0, high=1.0), Column.of("x", [5e4, 7e4]))
        assert np.abs(told).max() == 2
