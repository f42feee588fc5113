"""The faces for notebooks are thin: the job that they show is the job that runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.cli.new import BANKS, ROWS
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.trainer import Local
from hansa.data.partition import ByColumn
from hansa.data.synthetic import loan_book
from hansa.engines.simulation import Simulation
from hansa.errors import DataError
from hansa.horizontal.prepare import Prepare
from hansa.links import by_examples, clip_l2, weighted_mean
from hansa.running.estimators import LogisticClassifier, TabularClassifier
from hansa.running.verb import run
from tests.running.banks import banks, columns

LOCAL = Local(epochs=1, batch=32, learning_rate=0.2)
FACES = [LogisticClassifier(rounds=3, local=LOCAL), TabularClassifier(hidden=(6,), rounds=3, local=LOCAL, seed=4)]


@pytest.mark.parametrize("face", FACES)
def test_fitting_is_running_the_job_that_it_shows(face):
    fitted = face.fit(banks(), workers=1)
    again = run(face.to_job(), on=Simulation(banks(), workers=1))
    assert fitted.result.model.parameters_sha256 == again.model.parameters_sha256
    fresh = columns(7, rows=40)
    chance = fitted.predict_proba(fresh)
    assert np.array_equal(chance, again.predict_proba(fresh))
    assert np.allclose(chance.sum(axis=1), 1)
    assert np.array_equal(fitted.predict(fresh), (chance[:, 1] > chance[:, 0]).astype(float))
    assert all(bank.name in fitted.summary() for bank in banks())


@pytest.mark.parametrize("face", FACES)
def test_the_job_can_be_written_down_and_read(face):
    job = face.to_job()
    assert Job.from_toml(job.to_toml()) == job
    assert job.seed == face.seed


def test_settings_reach_the_job():
    chain = (by_examples(), clip_l2(1.0), weighted_mean())
    face = LogisticClassifier(
        rounds=9, l2=0.5, local=LOCAL, chain=chain, prepare=Prepare(numeric="bins"), patience=2, seed=3
    )
    prepare, rounds, _ = face.to_job().steps
    assert (rounds.rounds, rounds.trainer.l2, rounds.local, rounds.chain, rounds.patience) == (9, 0.5, LOCAL, chain, 2)
    assert prepare.numeric == "bins"
    assert TabularClassifier(hidden=(3, 2), l2=0.25).to_job().steps[1].trainer.hidden == (3, 2)


@pytest.mark.parametrize("face", FACES)
def test_a_target_in_words_is_the_same_target(face):
    with pytest.raises(DataError, match="positive"):
        face.fit(banks(words=True), workers=1)
    worded = replace(face, positive="yes").fit(banks(words=True), workers=1)
    assert worded.result.model.parameters_sha256 == face.fit(banks(), workers=1).result.model.parameters_sha256


def test_the_defaults_keep_up_with_pooled_rows_on_the_books_of_a_new_project():
    book = loan_book(ROWS, seed=1, regions=len(BANKS))
    parties = [
        Party(name, {"": replace(table, target="default", id="id")})
        for name, table in ByColumn("region").split(book, 0).tables(book).items()
    ]
    metrics = LogisticClassifier().fit(parties, workers=1).result.metrics
    assert metrics["federated"]["auc"] > 0.75
    assert metrics["federated"]["auc"] >= metrics["central"]["auc"] - 0.005
    assert metrics["differences"]["federated_minus_central"]["high"] > 0
