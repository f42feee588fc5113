"""What trackers are told: settings and pooled figures, the same while it runs and afterwards, and nobody's values."""

from __future__ import annotations

import json
import tomllib

import numpy as np

from hansa.core.job import Data, Job
from hansa.core.trainer import Local
from hansa.engines.simulation import Simulation
from hansa.horizontal.columns import Coding
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Rounds
from hansa.links import by_examples, rule
from hansa.running.verb import run
from hansa.tracking.about import about, about_file, figures
from tests.running.banks import banks, job


def test_a_job_and_its_file_are_told_alike():
    ours = job(rounds=7)
    beside = ours.to_toml() + '\n[simulation]\nfile = "secret.csv"\n'
    assert about_file(tomllib.loads(beside), "first") == about(ours, "first")
    assert about(ours, "first").digest == ours.digest
    assert about(ours, "first").settings["steps.1.rounds"] == 7


def test_no_value_of_a_customer_is_told():
    coded = Prepare(columns={"home": Coding("onehot", levels=("CANARY-own", "CANARY-rent"))}, drop=("CANARY-column",))
    ours = Job("credit", (coded, Rounds()), data=Data(target="late", positive="CANARY-yes"))
    said = about(ours, "first").settings
    assert "CANARY" not in str(said)
    assert said["data.target"] == "late"
    assert said["steps.0.columns.home.how"] == "onehot"


def test_numbers_in_lists_are_settings():
    tree = {"name": "a", "steps": [{"use": "rounds", "trainer": {"use": "tabular", "hidden": [64, 32]}}]}
    assert about_file(tree, "first").settings["steps.0.trainer.hidden"] == "[64, 32]"


def test_a_job_that_only_python_can_hold_is_told_by_its_steps():
    mine = rule(lambda updates, weights: updates.mean(axis=0))
    ours = Job("own", (Rounds(local=Local(epochs=1, batch=32), chain=(by_examples(), mine)),), seed=3)
    assert about(ours, "first").digest is None
    assert about(ours, "first").settings == {"seed": 3, "steps.0.use": "rounds"}


def test_figures_are_those_of_the_result_and_no_partys():
    result = run(job(), on=Simulation(banks(), workers=1))
    told = figures(result.summary())
    assert told == figures(json.loads(result.to_json()))
    assert told["federated/auc"] == result.metrics["federated"]["auc"]
    assert told["federated/auc_low"] < told["federated/auc"] < told["federated/auc_high"]
    assert {"central/auc", "ensemble/auc", "mean_gain/gain", "federated_minus_central/low"} <= told.keys()
    assert not [name for name in told if "bank" in name or "parties" in name]
    assert all(np.isfinite(value) for value in told.values())


def test_a_damaged_result_has_no_figures():
    assert figures({"metrics": [], "rounds": None, "seconds": True}) == {}
