"""Changing one setting from outside."""

from __future__ import annotations

import pytest

from hansa.errors import ConfigError
from hansa.running.changes import change
from hansa.running.scenario import Scenario


def tree():
    return {
        "name": "scores",
        "steps": ["prepare", {"use": "rounds", "rounds": 20, "local": {"batch": 8}}, "evaluate"],
        "simulation": {"embedded": "loan_book", "partition": {"use": "iid", "k": 3}},
    }


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("rounds", 50, lambda t: t["steps"][1]["rounds"]),
        ("patience", 3, lambda t: t["steps"][1]["patience"]),
        ("batch", 64, lambda t: t["steps"][1]["local"]["batch"]),
        ("max_n_bins", 7, lambda t: t["steps"][0]["max_n_bins"]),
        ("min_cell", 5, lambda t: t["min_cell"]),
        ("steps.1.local.batch", 16, lambda t: t["steps"][1]["local"]["batch"]),
        ("simulation.partition.k", 9, lambda t: t["simulation"]["partition"]["k"]),
        ("data.target", "y", lambda t: t["data"]["target"]),
    ],
)
def test_a_setting_is_found_by_its_place_or_by_its_name(key, value, read):
    changed = tree()
    change(changed, key, value, Scenario)
    assert read(changed) == value


@pytest.mark.parametrize(
    ("key", "words"), [("ruonds", "'rounds'"), ("seed", "simulation.seed"), ("steps.9.rounds", "steps.9")]
)
def test_what_nobody_or_several_know_is_said(key, words):
    wanted = tree()
    try:
        change(wanted, key, 1, Scenario)
    except ConfigError as error:
        assert words.strip("'") in str(error)  # noqa: PT017 - `seed` may be the job's own
    else:
        assert key == "seed"
        assert wanted["seed"] == 1
