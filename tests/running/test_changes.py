"""One setting of a job file, changed from outside."""

from __future__ import annotations

import copy

import pytest

from hansa.errors import ConfigError
from hansa.running.changes import change
from hansa.running.scenario import Scenario, parse_job

CHAIN = ["by_examples", {"use": "perturb", "sigma": 0.1}, "weighted_mean", "adam"]
TREE = {
    "name": "scores",
    "steps": [
        "prepare",
        {"use": "rounds", "trainer": "tabular", "chain": CHAIN},
        "evaluate",
    ],
    "simulation": {"embedded": "loan_book", "partition": {"use": "iid", "k": 3}},
}


def changed(key, value, tree=None):
    mine = copy.deepcopy(tree or TREE)
    change(mine, key, value, Scenario)
    return mine


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("rounds", 7, lambda f: f.job.steps[1].rounds),
        ("batch", 99, lambda f: f.job.steps[1].local.batch),
        ("hidden", [8, 4], lambda f: list(f.job.steps[1].trainer.hidden)),
        ("sigma", 0.5, lambda f: f.job.steps[1].chain[1].sigma),
        ("target", "bad", lambda f: f.job.data.target),
        ("min_cell", 3, lambda f: f.job.min_cell),
        ("max_n_bins", 5, lambda f: f.job.steps[0].max_n_bins),
        ("tolerance", 0.01, lambda f: f.job.steps[2].tolerance),
        ("embedded", "german_credit", lambda f: f.scenario.embedded),
        ("k", 9, lambda f: f.scenario.partition.k),
    ],
)
def test_a_name_that_one_part_knows_is_enough(key, value, read):
    tree = copy.deepcopy(TREE)
    if key == "batch":
        tree["steps"][1]["local"] = {"epochs": 1}
    assert read(parse_job(tree, {key: value})) == value


def test_a_network_that_is_just_named_takes_settings_too():
    pytest.importorskip("torch")
    tree = copy.deepcopy(TREE)
    tree["steps"][1]["trainer"] = {"use": "torch", "module": "mlp"}
    assert parse_job(tree, {"hidden": [4]}).job.steps[1].trainer.module.hidden == (4,)


@pytest.mark.parametrize(
    "key", ["steps.1.chain.3.learning_rate", "steps.rounds.chain.adam.learning_rate", "steps.1.local.learning_rate"]
)
def test_a_place_may_be_named_by_number_or_by_part(key):
    rounds = parse_job(copy.deepcopy(TREE), {key: 0.25}).job.steps[1]
    assert 0.25 in {rounds.chain[3].learning_rate, rounds.local.learning_rate}
    assert rounds.chain[3].learning_rate != rounds.local.learning_rate


def test_the_jobs_own_setting_comes_before_a_parts():
    file = parse_job(copy.deepcopy(TREE), {"seed": 5})
    assert (file.job.seed, file.scenario.seed) == (5, 0)
    assert parse_job(copy.deepcopy(TREE), {"simulation.seed": 5}).scenario.seed == 5


def test_a_name_that_several_parts_know_names_their_places():
    with pytest.raises(ConfigError, match=r"Say which: steps\.1\.local\.learning_rate or steps\.1\.chain\.3\.learn"):
        changed("learning_rate", 0.5)


@pytest.mark.parametrize(("key", "hint"), [("ruonds", "'rounds'"), ("batchs", "'batch'"), ("min_cel", "'min_cell'")])
def test_a_name_that_nobody_knows_names_the_nearest(key, hint):
    with pytest.raises(ConfigError, match=f"no setting '{key}'. Did you mean {hint}"):
        changed(key, 1)


@pytest.mark.parametrize("key", ["steps.9.rounds", "steps.boost.rounds", "steps.0", "name.length", "steps.1.rounds.x"])
def test_a_place_that_is_not_there_is_said(key):
    with pytest.raises(ConfigError, match="no place"):
        changed(key, 1, parse_and_set_rounds())


def parse_and_set_rounds():
    tree = copy.deepcopy(TREE)
    tree["steps"][1]["rounds"] = 3
    return tree


def test_what_links_set_is_no_setting_of_a_job_file():
    for name in ("prox", "tilt", "start_"):
        with pytest.raises(ConfigError, match="no setting"):
            changed(name, 1.0)


def test_a_change_of_the_wrong_kind_is_caught_when_the_job_is_read():
    with pytest.raises(ConfigError, match="a whole number"):
        parse_job(copy.deepcopy(TREE), {"rounds": "many"})
    with pytest.raises(ConfigError, match="'ruonds'"):
        parse_job(copy.deepcopy(TREE), {"steps.1.ruonds": 3})
