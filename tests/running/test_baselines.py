"""What the federated model is held against, recomputed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from hansa.core.carry import run_alone
from hansa.core.party import site_of
from hansa.core.pytree import unravel
from hansa.engines.simulation import Simulation
from hansa.horizontal.design import design_of
from hansa.horizontal.evaluate import own_job, trainer_of
from hansa.horizontal.rounds import Learning, layout_of
from hansa.running.baselines import Baselines, fit_alone, pooled
from hansa.running.verb import run
from tests.running.banks import banks, job


@pytest.fixture(scope="module")
def found():
    parties = banks()
    return parties, run(job(), on=Simulation(parties, workers=1))


def chances(parties, memory):
    trainer, made, truths = trainer_of(job())[0], [], []
    for party in parties:
        data = design_of(site_of(party, job()), memory, "test", trainer.dtype)
        made.append(trainer.predict(unravel(layout_of(trainer, data.features), memory["params"]), data.X))
        truths.append(data.y)
    return np.concatenate(made), np.concatenate(truths)


def test_the_ensemble_is_the_mean_of_the_local_models_probabilities(found):
    parties, result = found
    locals_ = [chances(parties, fit_alone(job(), party)) for party in parties]
    mean, truth = np.mean([chance for chance, _ in locals_], axis=0), locals_[0][1]
    ensemble = result.metrics["ensemble"]
    assert ensemble["auc"] == pytest.approx(roc_auc_score(truth, mean), abs=1e-12)
    assert ensemble["log_loss"] == pytest.approx(log_loss(truth, mean), rel=1e-9)
    each = [roc_auc_score(truth, chance) for chance, _ in locals_]
    assert result.metrics["local_mean"]["auc"] == pytest.approx(np.mean(each), abs=1e-12)


def test_central_is_the_same_job_on_pooled_rows(found):
    parties, result = found
    whole = pooled(job(), parties)
    assert len(whole.table("")) == 780
    done = run_alone(own_job(job()), whole)
    memory = fit_alone(job(), whole)
    assert np.array_equal(done.last(Learning).chosen, memory["params"])
    chance, truth = chances(parties, memory)
    assert result.metrics["central"]["auc"] == pytest.approx(roc_auc_score(truth, chance), abs=1e-12)
    assert result.metrics["central"]["average_precision"] == pytest.approx(
        average_precision_score(truth, chance), abs=1e-12
    )


def test_a_model_does_not_differ_from_itself(found):
    parties, _ = found
    baselines = Baselines(job(), {party.name: site_of(party, job()) for party in parties})
    scored = baselines.scored(fit_alone(job(), pooled(job(), parties)))
    assert baselines.difference(scored, scored)["gain"] == 0.0
