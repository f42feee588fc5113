"""What each column shall become, by the step's settings and the parties' words."""

from __future__ import annotations

import pytest

from hansa.errors import DataError
from hansa.horizontal.columns import Coding
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.wanted import wants_of


def said(kinds, **labels):
    return {"kinds": kinds, "labels": labels}


def test_labels_are_the_union_of_those_named_and_a_number_with_levels_is_a_category():
    step = Prepare(columns={"term": Coding(levels=("12", "36"))}, winsorise=0.01)
    kinds = {"age": "number", "home": "label", "term": "number"}
    parties = {"a": said(kinds, home=["rent"]), "b": said({**kinds, "home": "empty"}), "c": said(kinds, home=["own"])}
    age, home, term = wants_of(step, parties)
    assert (age.how, age.winsorise) == ("standardise", 0.01)
    assert (home.how, home.levels, home.winsorise) == ("onehot", ("own", "rent"), 0.0)
    assert (term.how, term.levels) == ("onehot", ("12", "36"))


def test_a_column_that_no_party_has_or_that_differs_is_refused():
    with pytest.raises(DataError, match=r"a has no feature 'agee'.*age"):
        wants_of(Prepare(keep=("agee",)), {"a": said({"age": "number"})})
    with pytest.raises(DataError, match="labels at b and numbers at a"):
        wants_of(Prepare(), {"a": said({"age": "number"}), "b": said({"age": "label"})})
