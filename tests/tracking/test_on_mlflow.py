"""MLflow in a database, read back by its own client."""

from __future__ import annotations

import os

import pytest

from hansa.engines.simulation import Simulation
from hansa.running.verb import run
from hansa.tracking.about import About
from hansa.tracking.log import LOG, Entry, read_log
from hansa.tracking.on_mlflow import MLflow
from tests.running.banks import banks, job

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*noload.*:DeprecationWarning"),  # MLflow asks sqlalchemy 2.1 for an old loader
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # and leaves the database open until the process ends
]


def runs_of(uri, experiment):
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=uri)
    return client, client.search_runs([client.get_experiment_by_name(experiment).experiment_id])


def test_what_it_wrote_is_what_the_log_says_and_a_run_told_again_stays_one(tmp_path):
    """One database for all of it: MLflow takes seconds to make one."""
    uri, folder = f"sqlite:///{tmp_path / 'runs.db'}", tmp_path / "first"
    tracker, engine = MLflow(uri), Simulation(banks(), workers=1)
    result = run(job(), on=engine, baselines=False, folder=folder, trackers=[tracker])
    run(job(), on=engine, baselines=False, folder=folder, trackers=[tracker])
    client, (told,) = runs_of(uri, "small")
    entries = [entry for entry in read_log(folder / LOG) if entry.title == "rounds" and entry.measures]
    history = client.get_metric_history(told.info.run_id, "rounds/train_loss")
    assert [(one.step, one.value, one.timestamp) for one in history] == [
        (entry.round, entry.measures["train_loss"], round(entry.at * 1000)) for entry in entries
    ]
    assert (told.info.run_name, told.info.status) == ("first", "FINISHED")
    assert told.data.metrics["result/federated/auc"] == result.metrics["federated"]["auc"]
    assert told.data.params["steps.1.rounds"] == "4"
    assert told.data.tags["job_digest"] == job().digest
    assert not [name for name in {**told.data.metrics, **told.data.params, **told.data.tags} if "bank" in name]

    many = {f"column.{number}.链(x)": number for number in range(150)}
    tracker.start(About("it's", "other", None, many))
    tracker.log(Entry(1, "rounds", 1, {"own measure (%)": 0.5}))
    tracker.finish(None)
    _, (failed,) = runs_of(uri, "other")
    assert failed.info.status == "FAILED"
    assert failed.data.metrics == {"rounds/own measure ___": 0.5}
    assert len(failed.data.params) == 150


def test_it_reports_no_usage(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    MLflow(f"sqlite:///{tmp_path / 'runs.db'}")
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert not (tmp_path / "runs.db").exists()
