"""One customer is one, however its id is written: to the parts, to floors and to noise alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.column import Column
from hansa.core.job import Job
from hansa.core.table import Table
from hansa.data.contract import customers
from hansa.data.ids import as_one, numbered
from hansa.data.oddities import oddities
from hansa.data.parts import HashSplit
from hansa.horizontal.floors import Floors
from hansa.horizontal.noise import Noise
from hansa.horizontal.rounds import Rounds

WRITTEN = ("7", " 7", "007", "7.0", "+7 ")


@given(st.integers(0, 10**12), st.integers(0, 4), st.sampled_from(["", ".", ".0", ".00"]), st.booleans())
def test_a_number_is_one_however_it_is_written(number, zeros, fraction, blank):
    assert as_one(f"{' ' * blank}{'0' * zeros}{number}{fraction}{' ' * blank}") == str(number)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*WRITTEN, "8", "A7", "a7", "07a", "-7"]), min_size=1, max_size=40))
def test_rows_of_one_customer_have_one_number_and_one_part(ids):
    table = Table.of({"who": Column.of("who", ids, "text"), "x": range(len(ids))}, id="who")
    who = numbered(table.column("who"))
    codes = HashSplit().codes(table)
    for i, one in enumerate(ids):
        for j, other in enumerate(ids):
            assert (who[i] == who[j]) == (as_one(one) == as_one(other))
            assert who[i] != who[j] or codes[i] == codes[j]
    assert set(who.tolist()) == set(range(len({as_one(one) for one in ids})))


@pytest.mark.parametrize("kind", ["text", "category"])
def test_floors_and_noise_count_one_customer(kind):
    """Five rows of one customer were five customers to them."""
    table = Table.of({"who": Column.of("who", [*WRITTEN, "8"], kind), "x": range(6)}, id="who")
    floors = Floors.of(table, Job("scores", (Rounds(),), min_rows=2, min_cell=2))
    assert floors.rows == 6
    assert not floors.at(np.arange(5)).suffice(5)
    assert Noise(1.0, customer_rows=2).rows(np.arange(6), floors.who).tolist() == [0, 1, 5]
    assert customers(np.zeros(6, int), 1, table).tolist() == [2]


def test_numbers_are_ids_as_they_are():
    assert numbered(Column.of("who", [9, 7, 9])).tolist() == [1, 0, 1]
    assert numbered(Column.of("who", [9.0, 7.0, 9.0], "float")).tolist() == [0, 1, 0]


def test_ids_that_name_few_are_odd_however_they_are_written():
    ids = [WRITTEN[i % 5] for i in range(20)]
    assert any("1 different values" in one for one in oddities(Table.of({"who": ids, "x": range(20)}, id="who")))


def test_blocks_of_rows_are_numbered_alike():
    ids = [f"{'0' * (i % 3)}{i % 10007}" for i in range(30021)]
    assert (numbered(Column.of("who", ids, "text")) == np.arange(30021) % 10007).all()
