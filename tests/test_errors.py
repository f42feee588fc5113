"""Errors say what, why and the mend, and cross processes whole."""

from __future__ import annotations

import inspect

import pytest

from hansa import errors
from hansa.errors import HansaError, PartyFailed, nearest

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
