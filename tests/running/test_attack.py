"""The verb: a job and its parties in, findings out; no row of anybody's in them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hansa.core.job import Data, Job
from hansa.core.party import Party
from hansa.core.table import Table
from hansa.core.trainer import Local
from hansa.errors import ConfigError, DataError
from hansa.horizontal import Prepare, Rounds
from hansa.links import by_examples, private_sgd, secure_sum, weighted_mean
from hansa.running.attack import ATTACKS, attack
from hansa.trainers import Tabular


def banks(n=200):
    rng = np.random.default_rng(0)
    made = []
    for i in range(3):
        home = rng.choice(["own", "rent", "with 4711"], n)
        columns = {"who": np.arange(n), "a": rng.normal(size=n), "b": rng.normal(size=n), "home": home}
        made.append(Party(f"bank-{i}", {"": Table.of(columns | {"late": rng.integers(0, 2, n)})}))
    return made


def job(*chain):
    rounds = Rounds(local=Local(steps=4, batch=20, learning_rate=0.5), rounds=2, chain=chain, check_every=0)
    return Job("scores", (Prepare(), rounds), data=Data(target="late", id="who"))


def test_all_attacks_on_an_undefended_job_find_what_there_is():
    found = attack(job(by_examples(), weighted_mean()), banks())
    assert [one.attack for one in found.findings] == list(ATTACKS)
    told = {one.attack: one.verdict for one in found.findings}
    assert (told["rows"], told["inversion"], told["audit"], told["noise"]) == ("found", "nothing", "found", "nothing")
    assert found.epsilon == float("inf")
    assert "4711" not in json.dumps(found.summary())


def test_a_private_job_holds():
    found = attack(job(private_sgd(2.0, sampling=0.1), secure_sum()), banks(), only=("rows", "audit", "noise"))
    assert {one.verdict for one in found.findings} == {"held"}
    assert 0 < found.epsilon < 10
    assert "private_sgd" in found.chain


def test_a_job_of_rounds_alone_is_attacked_on_its_raw_columns():
    parties = [
        Party(f"bank-{i}", {"": Table.of({"a": np.linspace(0, 1, 60), "late": np.arange(60) % 2}, target="late")})
        for i in range(3)
    ]
    alone = Job("scores", (Rounds(local=Local(steps=1), check_every=0),))
    assert attack(alone, parties, only=("rows",)).findings[0].verdict == "found"


def test_a_job_whose_training_comes_to_nothing_is_told():
    steps = job(by_examples(), weighted_mean()).steps
    wild = replace(steps[1], trainer=Tabular((4,)), local=replace(steps[1].local, learning_rate=1e30))
    (found,) = attack(replace(job(*steps[1].chain), steps=(Prepare(), wild)), banks(60), ("membership",)).findings
    assert found.verdict == "nothing"
    assert "Training failed under attack" in found.said


def test_wrong_uses_are_told():
    with pytest.raises(ConfigError, match=r"no attack 'row'.*rows"):
        attack(job(by_examples(), weighted_mean()), banks(), only=("row",))
    few = [Party(f"bank-{i}", {"": Table.of({"who": [1, 2], "a": [1, 2], "late": [0, 1]})}) for i in range(3)]
    with pytest.raises(DataError, match="training rows together"):
        attack(Job("scores", (Rounds(),), data=Data(target="late", id="who")), few, only=("rows",))
    with pytest.raises(ConfigError, match="no rounds"):
        attack(Job("scores", (Prepare(),)), banks())
