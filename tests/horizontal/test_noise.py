"""Noise on what a step counts: its size, whose rows count, what it costs, and what must be agreed for it."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.contract import Domain
from hansa.errors import ConfigError, DataError
from hansa.horizontal.floors import Floors
from hansa.horizontal.noise import Noise, check_agreed
from hansa.privacy.accounting import epsilon, epsilon_of, pure
from hansa.privacy.events import Composed


@pytest.mark.parametrize(("rows", "tables"), [(0, 1), (0, 9), (3, 4)])
def test_the_noise_is_of_the_stated_multiple_of_what_one_unit_changes(rows, tables):
    noise = Noise(2.5, rows)
    told = noise.counts(np.full(100_000, 50), tables)
    assert told.std() == pytest.approx(2.5 * max(rows, 1) * sqrt(tables), rel=0.02)
    assert told.std() == pytest.approx(noise.deviation(tables, 1), rel=0.02)
    assert told.mean() == pytest.approx(50, abs=1)
    sums = noise.sums(np.full(100_000, 0.5), tables)
    assert sums.std() == pytest.approx(noise.deviation(tables, 1), rel=0.02)


@pytest.mark.parametrize(("rows", "tables"), [(0, 1), (0, 9), (3, 4)])
def test_geometric_noise_grows_with_all_that_one_unit_changes(rows, tables):
    noise, many = Noise(2.5, rows, "geometric"), 100_000
    scale = 2.5 * max(rows, 1) * tables
    fade = exp(-1 / scale)
    told = noise.counts(np.full(many, 50), tables) - 50
    assert np.mean(told == 0) == pytest.approx((1 - fade) / (1 + fade), abs=5 * sqrt(0.25 / many))
    assert told.var() == pytest.approx(2 * fade / (1 - fade) ** 2, rel=0.04)
    assert told.std() == pytest.approx(noise.deviation(tables, 1), rel=0.04)
    assert noise.sums(np.zeros(2000), tables).std() == pytest.approx(noise.deviation(tables, 1), rel=0.25)


def test_no_two_answers_have_the_same_noise():
    noise, counts = Noise(5.0), np.zeros(100)
    assert (noise.counts(counts, 1) != noise.counts(counts, 1)).any()


@settings(max_examples=40, deadline=None)
@given(who=st.lists(st.integers(0, 5), max_size=40), most=st.integers(1, 4), leaves=st.integers(0, 5))
def test_a_customer_more_or_less_changes_no_other_customers_rows(who, most, leaves):
    who, noise = np.array(who, np.intp), Noise(1.0, most)
    rows = np.arange(len(who))
    counted = noise.rows(rows, who)
    assert all(np.sum(who[counted] == one) == min(most, np.sum(who == one)) for one in range(6))
    others = who != leaves
    np.testing.assert_array_equal(noise.rows(rows[others], who[others]), counted[who[counted] != leaves])


def test_all_rows_count_where_records_are_protected_or_nobody_owns_two():
    rows = np.arange(4)
    assert Noise(1.0).rows(rows, np.zeros(4, np.intp)).tolist() == [0, 1, 2, 3]
    assert Noise(1.0, 1).rows(rows, rows).tolist() == [0, 1, 2, 3]


@settings(max_examples=10, deadline=None)
@given(multiplier=st.floats(0.5, 20), share=st.floats(0.05, 0.95), times=st.integers(1, 8))
def test_the_parts_of_a_step_cost_as_much_as_the_whole_of_it(multiplier, share, times):
    noise = Noise(multiplier)
    parts = [Composed((noise.part(share / times).event,), times), noise.part(1 - share).event]
    whole = epsilon(noise_multiplier=multiplier, steps=1, delta=1e-5)
    assert epsilon_of(parts, 1e-5) == pytest.approx(whole, rel=2e-3, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(multiplier=st.floats(0.5, 20), share=st.floats(0.05, 0.95), times=st.integers(1, 8))
def test_the_parts_of_a_pure_step_cost_as_much_as_the_whole_of_it(multiplier, share, times):
    noise = Noise(multiplier, mechanism="geometric")
    parts = [Composed((noise.part(share / times).event,), times), noise.part(1 - share).event]
    assert pure(parts) == pytest.approx(1 / multiplier) == pure([noise.event])


@pytest.mark.parametrize("mechanism", ["gaussian", "geometric"])
@pytest.mark.parametrize("parties", [1, 4])
def test_noise_alone_seldom_stands_out_of_itself(mechanism, parties):
    noise = Noise(2.0, mechanism=mechanism)
    told = sum(noise.counts(np.zeros(200_000), 5) for _ in range(parties))
    assert np.mean(told >= noise.seen(5, parties)) < 0.0022
    assert not (told >= noise.seen(5, parties, 1e-13)).any()


def test_noise_hides_few_as_well_as_many():
    floors = Floors(20, 10)
    assert Noise(1.0).floors(floors).rows == Noise(1.0).floors(floors).cell == 1
    assert Noise(0.0).floors(floors) is floors


@pytest.mark.parametrize(
    "settings_",
    [(-1.0,), (float("nan"),), (float("inf"),), (1.0, -1), (0.0, 2), (0.0, 0, "geometric"), (1.0, 0, "laplace")],
)
def test_settings_that_protect_nobody_are_refused(settings_):
    with pytest.raises(ConfigError, match=r"noise_multiplier|customer_rows|noise_mechanism"):
        Noise(*settings_)


def test_an_open_range_and_a_category_without_labels_are_named():
    open_ = {"age": Domain(18, 99), "income": Domain(0.0), "home": Domain(words=True), "flat": Domain(3.0, 3.0)}
    check_agreed("prepare", open_, ["age"])
    with pytest.raises(ConfigError, match=r"'income', 'home', 'flat', 'debt' may hold") as error:
        check_agreed("prepare", open_, [*open_, "debt"])
    assert "data.schema" in error.value.mend


def test_customers_without_ids_are_not_taken_for_rows():
    with pytest.raises(DataError, match="the rows name none"):
        Noise(1.0, customer_rows=2).rows(np.arange(3), None)
