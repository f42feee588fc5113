"""Private training by a link: what leaves, what is refused, and a whole job with it."""

from __future__ import annotations

import numpy as np
import pytest

import hansa as hs
from hansa.core.chain import Chain
from hansa.core.job import Job
from hansa.core.load import Load
from hansa.core.table import Table
from hansa.core.trainer import Local, Private
from hansa.errors import ChainError, ConfigError, DataError
from hansa.horizontal import Prepare, Rounds
from hansa.links import by_examples, private_sgd, secure_sum, uniform, weighted_mean
from hansa.privacy.events import Infinite, Protects, SampledGaussian, leaves
from hansa.running.verb import run
from hansa.trainers.on_sklearn.trainer import Sklearn

LOCAL = Local(steps=20, batch=32, learning_rate=0.5)


def banks(ids=True, n=3):
    rng = np.random.default_rng(0)
    made = []
    for i in range(n):
        x = rng.normal(size=(300, 2))
        late = (x[:, 0] + 0.3 * rng.normal(size=300) > 0).astype(int)
        columns = {"who": np.arange(300) // 2, "a": x[:, 0], "b": x[:, 1], "late": late}
        made.append(hs.Party(f"bank-{i}", Table.of(columns, target="late", id="who" if ids else None)))
    return made


def job(*chain, local=LOCAL, rounds=3, **settings):
    return Job("private", (Prepare(), Rounds(rounds=rounds, local=local, chain=chain, **settings)))


def test_only_the_update_and_an_equal_weight_leave():
    load = Load({"delta": np.ones((2, 3)), "rows": np.array([[70.0], [0.0]]), "loss": np.ones((2, 1))})
    left, _ = private_sgd(1.0).apply(load, {}, {}, ())
    assert {name: vector.tolist() for name, vector in left.vectors.items() if name != "delta"} == {
        "weight": [[1.0], [0.0]]
    }
    known = load.replace(weight=np.array([[5.0], [0.0]]))
    assert private_sgd(1.0).apply(known, {}, {}, ())[0]["weight"].tolist() == [[5.0], [0.0]]


def test_every_step_of_every_round_is_an_event():
    link = private_sgd(1.3, sampling=0.05, unit="customer")
    made = job(uniform(), link, weighted_mean()).steps[1]
    assert leaves(made.events()) == [(SampledGaussian(0.05, 1.3, Protects("customer")), 20)]
    assert leaves(job(link, weighted_mean(), local=Local(epochs=2, batch=32)).steps[1].events())[0][1] == 40


def test_what_leaves_beside_the_noise_is_said():
    made = [job(*links, private_sgd(1.0), weighted_mean()).steps[1] for links in ((), (uniform(),), (by_examples(),))]
    infinite = [any(isinstance(event, Infinite) for event in next(iter(m.releases().values()))) for m in made]
    assert infinite == [False, False, True]


@pytest.mark.parametrize("unit", ["record", "customer"])
@pytest.mark.parametrize("combine", [weighted_mean(), secure_sum()])
def test_a_job_learns_privately(unit, combine):
    made = job(uniform(), private_sgd(0.8, sampling=0.1, unit=unit), combine)
    assert Job.from_toml(made.to_toml()) == made
    result = run(Job("private", (*made.steps, hs.Evaluate())), on=hs.Simulation(banks(), workers=1))
    assert result.metrics["federated"]["auc"] > 0.9


def test_two_runs_of_one_job_differ():
    made = job(private_sgd(0.8, sampling=0.1), weighted_mean(), rounds=1)
    models = [run(made, on=hs.Simulation(banks(), workers=1)).model.params for _ in range(2)]
    assert not np.array_equal(*[np.asarray(model) for model in models])


def test_customers_need_an_id():
    made = job(private_sgd(0.8, unit="customer"), weighted_mean(), rounds=1)
    with pytest.raises(DataError, match=r"Customers are to be protected.*Name the id column"):
        run(made, on=hs.Simulation(banks(ids=False), workers=1))


def test_trainers_that_cannot_are_refused_when_the_job_is_made():
    with pytest.raises(ChainError, match="'per_record'"):
        job(private_sgd(1.0), weighted_mean(), trainer=Sklearn("LogisticRegression"))


@pytest.mark.parametrize(
    ("local", "match"),
    [(Local(steps=1), r"local\.batch"), (Local(steps=1, batch=8, class_weight="balanced"), "balanced")],
)
def test_local_settings_that_cannot_be_private_are_refused_when_the_job_is_made(local, match):
    with pytest.raises(ConfigError, match=match):
        job(private_sgd(1.0), weighted_mean(), local=local)


def test_a_job_file_cannot_set_what_the_link_sets():
    with pytest.raises(ConfigError, match=r"local\.private.*set by links alone"):
        Rounds(local=Local(private=Private(1.0, 1.0, 0.1)))


@pytest.mark.parametrize(
    "wrong", [{"noise_multiplier": -1.0}, {"clip": 0.0}, {"clip": 1e-13}, {"sampling": 2.0}, {"unit": "bank"}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        private_sgd(**{"noise_multiplier": 1.0, **wrong})


def test_the_chain_reads_as_a_sentence():
    chain = Chain((uniform(), private_sgd(1.0), weighted_mean()))
    assert "private_sgd(noise_multiplier=1.0, clip=1.0, sampling=0.01, unit='record')" in str(chain)
