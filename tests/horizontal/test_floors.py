"""Floors count customers: many rows of one person are one person's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.carry import near
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.post import in_process, seats_of
from hansa.core.table import Column, Table
from hansa.errors import DataError
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.floors import Floors
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Rounds
from tests.horizontal.test_prepare import Ear

PARTS = np.repeat([0, 1, 2], 40)


def table(who, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=120)
    late = (x + rng.normal(size=120) > 0).astype(int)
    columns = {"x": x, "late": late, "__part__": PARTS}
    return Table.of(
        columns if who is None else {**columns, "who": who}, target="late", id=None if who is None else "who"
    )


def heard(who, **settings):
    """What a bank whose rows are of these customers says, beside two whose rows are each of another."""
    ear = Ear()
    banks = [Party(f"bank-{i}", {"t": table(np.arange(120), i)}) for i in range(2)]
    job = Job("floors", (Prepare(), Rounds(rounds=2), Evaluate()), **settings)
    parties = [*banks, Party("odd", {"t": table(who, 2)}, guards=(ear,))]
    near(job, seats_of(job, parties), in_process(job, parties)).run()
    return [(kind, answer.load.vectors) for kind, answer in ear.heard]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=40), st.integers(1, 8), st.randoms())
def test_so_many_rows_are_of_enough_customers_whichever_they_are(who, least, random):
    floors = Floors(least, least, np.unique(who, return_inverse=True)[1])
    rows = random.sample(who, min(floors.cell, len(who)))
    assert len(rows) < floors.cell or len(set(rows)) >= least
    assert floors.suffice(len(who)) == (len(set(who)) >= least)
    assert floors.cell >= least


def test_one_customers_rows_are_no_rows():
    for kind, vectors in heard(np.zeros(120, int)):
        if kind in {"Count", "Below", "Spread"}:
            assert not any(vector.any() for vector in vectors.values()), kind
        elif kind == "Train":
            assert not vectors["rows"].any()
            assert not vectors["delta"].any()
        elif kind in {"Check", "Losses"}:
            assert not vectors["sums"].any(), kind
        elif kind == "Scores":
            assert not vectors["low"].any()
            assert vectors["left_out"].all()
        elif kind == "Compare":
            assert np.isnan(vectors["figures"][0, 2:8]).all()


def test_rows_of_a_customer_each_are_told_as_without_ids():
    ids, none = heard(np.arange(120)), heard(None)
    plain = [(kind, {name: vector.tobytes() for name, vector in said.items()}) for kind, said in ids]
    assert plain == [(kind, {name: vector.tobytes() for name, vector in said.items()}) for kind, said in none]
    assert any(said["rows"].any() for kind, said in ids if kind == "Train")


@pytest.mark.parametrize("customers", [9, 10])
def test_a_label_that_another_bank_names_is_counted_from_a_cell_of_customers_on(customers):
    who = np.r_[np.arange(40) % customers, 100 + np.arange(80)]
    job = ["mayor"] * 40 + ["clerk"] * 80
    odd = Table.of({"who": who, "job": job, "__part__": np.zeros(120, int)}, id="who")
    named = odd.with_columns([Column.of("who", np.arange(120))])
    ear = Ear()
    parties = [
        Party("named", {"t": named}),
        Party("odd", {"t": odd}, (ear,)),
    ]
    work = Job("labels", (Prepare(),), min_parties=1)
    near(work, seats_of(work, parties), in_process(work, parties)).run()
    counts = next(answer.load["counts"][0] for kind, answer in ear.heard if kind == "Count")
    assert counts.tolist() == ([120, 0, 0, 0] if customers < 10 else [80, 40, 0, 0])


def test_rows_of_nobody_are_no_customer():
    for who in ([7, None, 0, None], ["a", None, " a", "b"]):
        with pytest.raises(DataError, match="Every row needs its id"):
            Floors.of(Table.of({"who": who, "x": [1, 2, 3, 4]}, id="who"), Job("scores", (Rounds(),)))
