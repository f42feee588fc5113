"""Columns that a scorecard may not be made of are found by name, and age is held to its rule."""

from __future__ import annotations

import pytest

from hansa.errors import ConfigError
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.prohibited import PROFILES, check_card, elderly_worse, plain_name, prohibited
from hansa.horizontal.woe import Cells


def scored(edges, points):
    return Characteristic(Cells("age", edges=edges), points, ())


@pytest.mark.parametrize(
    "name", ["SEX", "sex", "Gender", "marital_status", "MARRIAGE", "nationalOrigin", "Date-of-birth"]
)
def test_the_words_of_the_field_are_known_however_they_are_written(name):
    assert list(prohibited(["income", name], "us")) == [name]


@pytest.mark.parametrize(
    "name", ["account_age", "age_of_car", "marriage_loan", "sexton", "race_track_visits", "income"]
)
def test_a_word_inside_of_another_name_is_none(name):
    assert prohibited([name], "us") == {}


def test_profiles_differ_by_law():
    names = ["marital_status", "health", "sex"]
    assert list(prohibited(names, "us")) == ["marital_status", "sex"]
    assert list(prohibited(names, "eu")) == ["health", "sex"]
    assert prohibited(names, "none") == {}
    assert prohibited(["x"], "none", protected=("x",)) == {"x": "it was named as protected"}


def test_words_of_all_profiles_are_as_names_are_read():
    words = [word for law in PROFILES.values() for names in law.grounds.values() for word in names.split("|")]
    assert all(plain_name(word) == word for word in words)


@pytest.mark.parametrize(
    ("protected", "allow", "what"),
    [
        (("sex",), ("sex",), "Protected and allowed: sex"),
        (("sx",), (), "There is no column 'sx'"),
        ((), ("agee",), "'agee'"),
    ],
)
def test_what_cannot_be_meant_is_refused(protected, allow, what):
    with pytest.raises(ConfigError, match=what):
        prohibited(["sex", "age"], "us", protected, allow)


@pytest.mark.parametrize(
    ("edges", "points", "worse"),
    [
        ((30.0, 62.0), (0, 9, 20, 5), False),
        ((30.0, 61.0), (0, 9, 9, 5), False),
        ((30.0, 61.0), (0, 9, 8, 5), True),
        ((30.0, 50.0, 70.0), (0, 9, 8, 9, 5), True),  # 62 to 70 stand in the third bin
        ((30.0, 62.0), (0, 9, 20, -50), False),  # a gap is no age
        ((), (3, 0), False),
    ],
)
def test_the_elderly_get_at_least_the_points_of_the_best_younger_class(edges, points, worse):
    assert elderly_worse(scored(edges, points)) is worse


def test_a_card_is_held_to_the_law():
    fair, unfair = scored((30.0, 61.0), (0, 9, 9, 5)), scored((30.0, 61.0), (0, 9, 8, 5))
    with pytest.raises(ConfigError, match="reads 'age'"):
        check_card(Card((fair,), 600), "us", (), ())
    check_card(Card((fair,), 600), "us", ("sex",), ("age",))
    with pytest.raises(ConfigError, match="62 years or more worse"):
        check_card(Card((unfair,), 600), "us", (), ("age",))
    check_card(Card((unfair,), 600), "eu", (), ("age",))
    check_card(Card((unfair,), 600), "none", (), ())


def test_labels_say_no_years():
    assert elderly_worse(Characteristic(Cells("age", labels=(("young",), ("old",))), (0, 9, 0, 0), ()))
