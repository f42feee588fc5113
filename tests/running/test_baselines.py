"""Baselines, worked out again by hand: one model after another on the banks' own test rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from hansa.core.codec import unpack
from hansa.core.party import site_of
from hansa.engines.simulation import Simulation
from hansa.horizontal.evaluate import fit_alone
from hansa.horizontal.prepared import Prepared
from hansa.running.baselines import Baselines, Scored, pooled
from hansa.running.model import Model
from hansa.running.verb import run
from hansa.trainers import Linear, Tabular
from tests.running.banks import banks, job


def test_rows(party, work):
    table = party.table("")
    return table.take(np.flatnonzero(work.steps[0].split.codes(table) == 2))


test_rows.__test__ = False


def model_of(work, memory):
    prepared = unpack(Prepared, memory["prepared"].tobytes())
    return Model(work.steps[1].trainer, memory["params"], prepared.width, prepared)


def pair_by_pair(score, y):
    """The AUC as its definition has it."""
    above = score[y == 1][:, None] - score[y == 0][None, :]
    return float((above > 0).mean() + (above == 0).mean() / 2)


@pytest.fixture(scope="module", params=["linear", "tabular"])
def found(request):
    trainer = {"linear": Linear(), "tabular": Tabular(hidden=(5,), dtype="float64")}[request.param]
    work, members = job(trainer, seed=2), banks()
    return work, members, run(work, on=Simulation(members, workers=1))


def chances(work, members, memory):
    one = model_of(work, memory)
    return np.concatenate([one.predict_proba(test_rows(party, work))[:, 1] for party in members])


def truth(work, members):
    return np.concatenate([test_rows(party, work).y() for party in members])


def test_federated_is_the_model_on_all_test_rows(found):
    work, members, result = found
    chance = np.concatenate([result.predict_proba(test_rows(party, work))[:, 1] for party in members])
    assert result.metrics["federated"]["auc"] == pytest.approx(pair_by_pair(chance, truth(work, members)), abs=1e-12)
    assert result.metrics["federated"]["rows"] == len(chance)


def test_central_is_the_same_job_on_pooled_rows(found):
    work, members, result = found
    memory, central = fit_alone(work, pooled(work, members)), result.metrics["central"]
    chance, y = chances(work, members, memory), truth(work, members)
    assert len(pooled(work, members).table("")) == 780
    assert central["average_precision"] == pytest.approx(average_precision_score(y, chance), abs=1e-12)
    assert central["auc"] == pytest.approx(pair_by_pair(chance, y), abs=1e-12)
    assert central["brier"] == pytest.approx(((chance - y) ** 2).mean(), abs=1e-12)
    assert central["log_loss"] == pytest.approx(-np.log(np.where(y == 1, chance, 1 - chance)).mean(), abs=1e-12)


def test_ensemble_is_the_plain_mean_of_local_probabilities_each_with_its_own_preparation(found):
    work, members, result = found
    memories = [fit_alone(work, party) for party in members]
    assert len({memory["prepared"].tobytes() for memory in memories}) == len(members)
    each, y = [chances(work, members, memory) for memory in memories], truth(work, members)
    mean = np.mean(each, axis=0)
    assert result.metrics["ensemble"]["auc"] == pytest.approx(pair_by_pair(mean, y), abs=1e-12)
    assert result.metrics["ensemble"]["brier"] == pytest.approx(((mean - y) ** 2).mean(), abs=1e-12)
    alone = [pair_by_pair(one, y) for one in each]
    assert result.metrics["local_mean"]["auc"] == pytest.approx(np.mean(alone), abs=1e-12)


def test_differences_are_those_of_the_figures(found):
    _, _, result = found
    metrics = result.metrics
    for other in ("central", "ensemble"):
        told = metrics["differences"][f"federated_minus_{other}"]
        assert told["gain"] == pytest.approx(metrics["federated"]["auc"] - metrics[other]["auc"], abs=1e-12)
        assert told["low"] <= told["gain"] <= told["high"]


def test_a_model_does_not_differ_from_itself(found):
    work, members, _ = found
    baselines = Baselines(work, {party.name: site_of(party, work) for party in members})
    scored = baselines.scored(fit_alone(work, pooled(work, members)))
    assert set(baselines.difference(scored, scored).values()) == {0.0}


def test_an_ensemble_of_classes_and_of_values():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 40).astype(float)
    margins = [rng.normal(size=(40, 3)) for _ in range(3)]
    classes = Baselines(job(Linear(loss="multinomial", classes=3)), {})
    odds = [np.exp(m) / np.exp(m).sum(axis=1, keepdims=True) for m in margins]
    made = classes.ensemble([Scored(m, y) for m in margins])
    assert np.exp(made.score) == pytest.approx(np.mean(odds, axis=0), abs=1e-12)
    assert classes.metrics(made)["accuracy"] == np.mean(np.mean(odds, axis=0).argmax(axis=1) == y)
    values = Baselines(job(Linear(loss="squared")), {})
    told = values.difference(Scored(y + 0.1, y), Scored(y - 0.5, y))
    assert told["gain"] == pytest.approx(0.25 - 0.01)


@pytest.mark.parametrize("trainer", [Linear(), Linear(loss="squared"), Linear(loss="multinomial", classes=3)])
def test_too_few_rows_have_no_difference(trainer):
    baselines = Baselines(job(trainer), {})
    score = np.zeros((1, 3)) if trainer.task == "multiclass" else np.zeros(1)
    for rows in (0, 1):
        one = Scored(score[:rows], np.zeros(rows))
        assert baselines.difference(one, one) == {}


def test_a_sure_member_does_not_break_the_mean():
    baselines, y = Baselines(job(), {}), np.array([0.0, 1.0])
    made = baselines.ensemble([Scored(np.array([-800.0, 800.0]), y), Scored(np.array([-900.0, 900.0]), y)])
    assert np.isfinite(made.score).all()
    assert baselines.metrics(made)["auc"] == 1.0
