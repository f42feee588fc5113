"""Errors say what, why and the mend, and cross processes whole."""

from __future__ import annotations

import inspect

import pytest

from hansa import errors
from hansa.errors import HansaError, PartyFailed, is_value, nearest

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, HansaError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_joins_its_sentences_and_survives_a_process(kind):
    error = kind("What.", "Why.", "Mend.")
    make, words, *_ = error.__reduce__()
    again = make(*words)
    assert type(again) is kind
    assert str(again) == str(error)
    assert str(error).endswith("What. Why. Mend.")


def test_the_tree_in_the_docstring_is_the_tree():
    for kind in KINDS:
        line = next(line for line in errors.__doc__.splitlines() if f" {kind.__name__} " in f" {line} ")
        assert str(kind.exit_code) in line


def test_a_failed_party_is_named_first():
    error = PartyFailed("It diverged.", party="bank-a", place="round 3", ask="Train")
    assert str(error) == "bank-a (Train in round 3): It diverged."


def test_the_nearest_name_or_all():
    assert nearest("epoch", ["epochs", "batch"]) == "Did you mean 'epochs'?"
    assert nearest("zzz", ["b", "a"]) == "Known: a, b."


@pytest.mark.parametrize(
    "name", ["44", "-1", "1,234.50", "1 234,5", "1e5", "99%", "1961-04-03", "3.4.61", "2024/01/31 10:00"]
)
def test_what_looks_like_a_value_is_never_said(name):
    assert nearest(name, [name, "age"]) == "Known: age."
    assert "header missing" in nearest("age", [name])


@pytest.mark.parametrize(
    "name", ["x1", "bill_2024", "30-59 days", "30-59", "2024年1月", "Q1 2024", "余额", "-", "", "2024H1"]
)
def test_a_name_is_no_value(name):
    assert not is_value(name)
