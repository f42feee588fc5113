"""What a job is made of, however deep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hansa.core.job import Job
from hansa.data.times import TimeSplit
from hansa.governance.parts import columns_of, inside, links_of, trainers_of
from hansa.horizontal import Prepare, Rounds
from hansa.horizontal.columns import Coding
from hansa.links import rule, weighted_mean
from tests.governance.policies import job


@dataclass(frozen=True)
class Box:
    held: Any


def test_parts_are_found_at_any_depth():
    array = np.zeros(2)
    found = list(inside(Box({"a": (Box([array]), Box(Rounds()))})))
    assert any(part is array for part in found)
    assert trainers_of(Box({"a": (Box(Rounds()),)})) == ("linear",)
    assert links_of(Box([weighted_mean()])) == ("weighted_mean",)
    assert list(inside(Rounds)) == []


def test_a_network_is_named_beside_its_trainer():
    text = 'name = "n"\nsteps = [{use = "rounds", trainer = {use = "tabular", hidden = [3]}}]'
    assert trainers_of(Job.from_toml(text).steps) == ("tabular",)


def test_what_no_file_can_name_has_no_name():
    @rule
    def own(updates, weights):
        return updates.mean(axis=0)

    assert "" in links_of(Rounds(chain=(own,)))


def test_columns_are_those_that_parts_read():
    assert columns_of(job().steps) == ("x0", "x1")
    assert columns_of(Prepare(keep=("a",), drop=("b",))) == ("a",)
    timed = Prepare(TimeSplit("opened", 2023, 2024), columns={"x2": Coding("bins")})
    assert set(columns_of(timed)) == {"x2", "opened"}
