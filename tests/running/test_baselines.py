"""Baselines, worked out again by hand: one model after another on the banks' own test rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, log_loss

from hansa.core.codec import unpack
from hansa.core.job import Data
from hansa.core.party import Party, site_of
from hansa.core.table import Column
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


def weighted(trainer=None, value=False):
    """A job over banks whose rows of high income weigh twenty times as much, and its result."""
    work, parties = job(trainer, rounds=8, data=Data(weight="exposure")), []
    for party in banks():
        table = party.table("")
        income = table.column("收入").floats()
        columns = [Column.of("exposure", np.where(income > np.exp(10), 20.0, 1.0))]
        if value:
            columns.append(Column.of("late", np.log(income) + np.random.default_rng(3).normal(size=len(income))))
        parties.append(Party(party.name, {"": table.with_columns(columns)}))
    return work, parties, run(work, on=Simulation(parties, workers=1))


def test_with_weights_losses_weigh_rows_and_ranks_count_them():
    work, members, result = weighted()
    metrics, y = result.metrics, truth(work, members)
    chance = np.concatenate([result.predict_proba(test_rows(party, work))[:, 1] for party in members])
    mass = np.concatenate([test_rows(party, work).column("exposure").floats() for party in members])
    assert metrics["federated"]["auc"] == pytest.approx(pair_by_pair(chance, y), abs=1e-12)
    assert metrics["federated"]["log_loss"] == pytest.approx(log_loss(y, chance, sample_weight=mass), abs=1e-12)
    assert metrics["federated"]["auc_interval"]["low"] < metrics["federated"]["auc"]
    for other in ("central", "ensemble"):
        told = metrics["differences"][f"federated_minus_{other}"]
        assert told["gain"] == pytest.approx(metrics["federated"]["auc"] - metrics[other]["auc"], abs=1e-12)
    assert "Log loss and Brier weigh each row by 'exposure'." in result.table()
    assert "weigh each row by &#x27;exposure&#x27;" in result.page()


@pytest.mark.parametrize("trainer", [Linear(loss="squared"), Linear(loss="multinomial", classes=2)])
def test_with_weights_a_difference_in_loss_is_that_of_the_weighted_figures(trainer):
    regression = trainer.task == "regression"
    metrics = weighted(trainer, value=regression)[2].metrics
    name, better = ("mse", -1) if regression else ("accuracy", 1)
    for other in ("central", "ensemble"):
        told = metrics["differences"][f"federated_minus_{other}"]
        assert told["gain"] == pytest.approx(better * (metrics["federated"][name] - metrics[other][name]), abs=1e-12)


def test_the_interval_of_a_difference_is_students_and_minds_the_weights():
    baselines, rng = Baselines(job(Linear(loss="squared")), {}), np.random.default_rng(0)
    y, close, far = (rng.normal(size=40) for _ in range(3))
    better = (far - y) ** 2 - (close - y) ** 2
    for weight in (None, np.full(40, 7.0)):
        told = baselines.difference(Scored(close, y, weight), Scored(far, y, weight))
        found = stats.ttest_1samp(better, 0).confidence_interval(0.95)
        assert (told["low"], told["high"]) == pytest.approx((found.low, found.high))
    heavy = np.where(np.arange(40) < 4, 1000.0, 1.0)
    wide, narrow = (baselines.difference(Scored(close, y, w), Scored(far, y, w)) for w in (heavy, None))
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"]
    alone = np.eye(40)[0]
    assert baselines.difference(Scored(close, y, alone), Scored(far, y, alone)) == {}


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
