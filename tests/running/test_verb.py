"""One verb: run(job, on=engine)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.carry import run_alone
from hansa.core.job import Data, Job
from hansa.core.metrics import paired_delong
from hansa.core.party import site_of
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError
from hansa.horizontal.design import parts_of
from hansa.horizontal.evaluate import own_job
from hansa.horizontal.gain import ROUGH
from hansa.horizontal.models import prepared_in
from hansa.horizontal.regression import Regression
from hansa.running.model import load
from hansa.running.verb import run
from hansa.trainers import Linear
from tests.running.banks import banks, columns, job


def result(work, parties, **settings):
    return run(work, on=Simulation(parties, workers=1), **settings)


def test_a_run_gives_model_history_and_what_each_bank_gains():
    found = result(job(), banks())
    assert len(found.history) == 4
    assert set(found.metrics["parties"]) == {"bank-0", "bank-1", "bank-2"}
    assert {"federated", "central", "ensemble", "local_mean", "differences", "pooled_gain"} <= set(found.metrics)
    assert 0.55 < found.metrics["federated"]["auc"] < 0.95
    counts = found.metrics["federated"]["counts"]
    assert counts["low"] <= found.metrics["federated"]["auc"] <= counts["high"]


def test_the_federated_figures_are_exact_with_and_without_baselines():
    whole, bare = (result(job(), banks(), baselines=baselines).metrics["federated"] for baselines in (True, False))
    assert whole == bare
    assert bare["auc"] != bare["counts"]["auc"]  # what the banks' merged counts alone would say
    assert bare["auc_interval"]["low"] < bare["auc"] < bare["auc_interval"]["high"]
    assert bare["auc_interval"]["low"] > bare["counts"]["low"]  # nothing is left open


def test_a_target_in_words_is_the_same_target():
    plain, worded = result(job(), banks()), result(job(data=Data(positive="yes")), banks(words=True))
    assert plain.model.parameters_sha256 == worded.model.parameters_sha256
    assert repr(plain.metrics) == repr(worded.metrics)


def test_a_model_may_be_the_beginning_of_another_run():
    first = result(job(), banks(), baselines=False)
    work = job()
    again = replace(work, steps=(work.steps[0], replace(work.steps[1], start="given"), work.steps[2]))
    more = result(again, banks(), baselines=False, start=first.model)
    begun, fresh = (r.history[0].measures["validation_log_loss"] for r in (more, first))
    assert begun < fresh


@pytest.mark.parametrize(
    ("trainer", "target", "figure"),
    [
        (Linear(loss="squared"), lambda x: x * 2.0 + 1, "mse"),
        (Linear(loss="multinomial", classes=3), lambda x: np.digitize(x, [-0.5, 0.5]), "accuracy"),
    ],
)
def test_values_and_several_classes_have_their_own_figures(trainer, target, figure):
    from hansa.data.frames import party

    parties = []
    for i in range(3):
        x = np.random.default_rng(i).normal(size=200)
        parties.append(party(f"bank-{i}", {"x": x, "y": target(x), "who": np.arange(200)}, target="y", id="who"))
    found = result(job(trainer, rounds=10), parties)
    assert all(np.isfinite(found.metrics[model][figure]) for model in ("federated", "central", "ensemble"))
    assert "no" in found.table() or "gain" in found.table()


def test_what_a_reader_should_know_of_the_data_is_said():
    from hansa.data.frames import party
    from tests.running.banks import columns

    flat = [party(f"bank-{i}", {**columns(i), "flat": np.ones(260)}, target="late", id="who") for i in range(3)]
    assert any("'flat' is left out" in line for line in result(job(), flat, baselines=False).warnings)


def small(rows=70, **changes):
    from hansa.data.frames import party
    from tests.running.banks import columns

    return [party(f"bank-{i}", {**columns(i, rows), **changes}, target="late", id="who") for i in range(3)]


@pytest.mark.parametrize("baselines", [True, False])
def test_a_test_without_figures_costs_nobody_the_model(baselines):
    import json

    members, said = small(), "no negative and no positive rows"
    found = result(job(), members, baselines=baselines)
    assert any(said in line for line in found.warnings)
    assert json.loads(found.to_json())["metrics"]["federated"]["counts"]["why"] == said
    assert "bank-0" in found.table()
    assert "bank-0" in found.page()
    assert np.isfinite(found.predict_proba(members[0].table(""))).all()


def test_what_a_party_did_not_tell_is_not_shown_as_zero():
    members = [*small(), *small(260, late=np.r_[np.ones(5, int), np.zeros(255, int)])[:1]]
    members[3] = type(members[3])("quiet", members[3].tables)
    told = result(job(), members, baselines=False).metrics["parties"]
    assert (told["bank-0"]["rows"], told["bank-0"]["positives"]) == (None, None)
    assert told["quiet"]["rows"] > 20
    assert told["quiet"]["positives"] is None


def test_a_target_of_one_class_is_refused():
    with pytest.raises(DataError, match="same target"):
        result(job(), small(260, late=np.zeros(260, int)), baselines=False)
    with pytest.raises(DataError, match=r"data\.positive"):  # a mistyped event
        result(job(data=Data(positive="yse")), banks(words=True), baselines=False)


@pytest.mark.parametrize("trainer", [Linear(), Linear(loss="squared"), Linear(loss="multinomial", classes=2)])
def test_a_job_without_a_test_part_ends_well(trainer):
    from hansa.core.job import Job
    from hansa.core.table import Table
    from hansa.horizontal.evaluate import Evaluate
    from hansa.horizontal.rounds import Rounds

    rng = np.random.default_rng(0)
    parties = [
        type(banks(1)[0])(f"bank-{i}", {"t": Table.from_matrix(rng.normal(size=(50, 2)), np.arange(50.0) % 2)})
        for i in range(3)
    ]
    found = result(Job("raw", (Rounds(trainer, rounds=2, check_every=0), Evaluate())), parties)
    assert len(found.table().splitlines()) > 3
    assert "null" in found.to_json()


def values(rounds, rate):
    """Three banks whose target is a value, and a job that only its clipping keeps from diverging."""
    from hansa.core.trainer import Local
    from hansa.data.frames import party
    from hansa.links import by_examples, clip_l2, weighted_mean

    parties = []
    for i in range(3):
        x = np.random.default_rng(i).normal(size=200)
        parties.append(party(f"bank-{i}", {"x": x, "y": 2 * x + 1, "who": np.arange(200)}, target="y", id="who"))
    work = job(Linear(loss="squared", dtype="float64"))
    step, chain = work.steps[1], (by_examples(), clip_l2(0.1), weighted_mean())
    local = Local(steps=5, batch=0, learning_rate=rate)
    rounds = replace(step, chain=chain, local=local, rounds=rounds)
    return replace(work, steps=(work.steps[0], rounds, work.steps[2])), parties


@pytest.mark.parametrize("workers", [1, 2])
def test_a_baseline_that_diverges_costs_nobody_the_model(workers):
    work, parties = values(rounds=15, rate=1e6)
    found = run(work, on=Simulation(parties, workers))
    assert np.isfinite(found.metrics["federated"]["mse"])
    assert not {"central", "ensemble", "local_mean"} & set(found.metrics)
    assert any(line.startswith("There is no central model to compare with. The training") for line in found.warnings)
    assert "central" in found.page()


def test_a_job_that_learns_nothing_is_refused_before_it_starts():
    from hansa.errors import ConfigError

    work = job()
    with pytest.raises(ConfigError, match="learns nothing"):
        result(type(work)("nothing", work.steps[:1]), banks())


def test_an_interval_of_few_defaults_is_called_rough():
    found = run(job(min_cell=1), on=Simulation(banks(), workers=1), baselines=False)
    for own, line in zip(found.verdict.parties, found.metrics["parties"].values(), strict=True):
        assert own.rough
        assert line["note"] == ROUGH
        assert line["positives"] == own.positives
    assert f"* {ROUGH}" in found.table()


def test_that_nothing_was_chosen_on_validation_is_said():
    said = "Nothing was chosen on validation"
    few = result(job(min_rows=70), banks(), baselines=False)  # a fifth of 260 rows are for validation
    assert any(said in line for line in few.warnings)
    assert not any(said in line for line in result(job(), banks(), baselines=False).warnings)


STEPS = '["binning", { use = "selection", min_iv = 0.0 }, "glm", "evaluate"]'
CARD = Job.from_toml(f'name = "card"\nmin_cell = 2\nsteps = {STEPS}')


def test_a_regression_on_selected_bins_is_a_model_like_any_other(tmp_path):
    found = result(CARD, banks())
    told = found.summary()
    assert {"federated", "central", "ensemble", "local_mean", "pooled_gain"} <= set(found.metrics)
    assert all(np.isfinite(bank["gain"]["low"]) for bank in found.metrics["parties"].values())
    assert found.metrics["federated"]["auc"] == pytest.approx(found.metrics["central"]["auc"], abs=0.02)
    coefficients = {name: line["coef"] for name, line in told["regression"]["coefficients"].items()}
    assert list(coefficients) == ["const", *told["selection"]["kept"]]
    assert list(found.model.prepared.columns) == told["selection"]["kept"]
    rows = {name: values for name, values in columns(7).items() if name in coefficients}
    X = found.model.design(rows)
    eta = coefficients["const"] + X @ [coefficients[name] for name in found.model.prepared.names]
    np.testing.assert_allclose(load(found.save(tmp_path)).predict_proba(rows)[:, 1], 1 / (1 + np.exp(-eta)), rtol=1e-12)
    assert "The regression" in found.page()
    assert "row" in found.table()


def test_what_a_bank_gains_by_a_shared_regression_is_delongs_over_its_own():
    parties = banks()
    found = result(CARD, parties, baselines=False)
    for party in parties:
        own = run_alone(own_job(CARD), party)
        prepared, regression = prepared_in(own), own.last(Regression)
        table = site_of(party, CARD).table
        test = table.take(np.flatnonzero(parts_of(table, prepared.split) == 2))
        local = regression.predict(prepared.transform(test), prepared.names)
        pair = paired_delong(local, found.model.predict_proba(test)[:, 1], test.y())
        told = found.metrics["parties"][party.name]
        assert told["gain"]["auc"] == pytest.approx(pair.gain, abs=1e-12)
        assert told["gain"]["low"] == pytest.approx(pair.low, abs=1e-12)
        assert told["federated"]["auc"] == pytest.approx(pair.auc_b, abs=1e-12)


def test_a_regression_that_cannot_be_evaluated_is_refused_before_it_runs():
    for glm in ("{use = 'glm', offset = 'age'}", "{use = 'glm', family = 'poisson'}"):
        with pytest.raises(ConfigError, match="Only a logistic regression without an offset"):
            Job.from_toml(f'name = "card"\nsteps = ["binning", {glm}, "evaluate"]')
    with pytest.raises(ConfigError, match="selection must stand before glm"):
        Job.from_toml('name = "card"\nsteps = ["binning", "glm", "selection"]')
