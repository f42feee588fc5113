"""A federated job is a scikit-learn classifier: its checks pass, and pipelines and searches take it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from hansa.core.job import Data
from hansa.data.schema import Field, Schema
from hansa.errors import ConfigError
from hansa.running.federated_classifier import FederatedClassifier
from tests.running.banks import banks, columns, job

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4))
LABELS = np.where(X[:, 0] + 0.3 * RNG.normal(size=300) > 0, "late", "paid")


@pytest.mark.filterwarnings(
    "ignore"
)  # its checks pass odd rows on purpose, and warn of what stands in no BaseEstimator
def test_scikit_learns_own_checks():
    results = check_estimator(FederatedClassifier(), on_skip=None, on_fail=None)
    assert len(results) > 40
    odd = {one["check_name"]: one["exception"] for one in results if one["status"] != "passed"}
    assert odd.keys() <= {"check_array_api_input"}, odd  # which runs where SCIPY_ARRAY_API is set


def test_pipelines_and_searches_take_it():
    pipe = make_pipeline(PCA(3), FederatedClassifier(rounds=5))
    assert cross_val_score(pipe, X, LABELS, cv=3).mean() > 0.8
    search = GridSearchCV(FederatedClassifier(), {"rounds": [1, 10], "parties": [2, 4]}, cv=2).fit(X, LABELS)
    assert search.best_score_ > 0.8
    assert search.best_estimator_.result_.model.width == 4


def test_it_is_the_job_that_it_is_given():
    rounds = job().steps[1]
    own = FederatedClassifier(job(min_rows=5), parties=3).fit(X, LABELS)
    assert own.result_.job.steps == job().steps[:2]
    assert own.set_params(rounds=2).fit(X, LABELS).result_.job.steps[1].rounds == 2 != rounds.rounds
    assert set(own.predict(X)) <= {"late", "paid"}


def test_rows_belong_to_whom_a_column_or_the_groups_say():
    frame = pd.DataFrame(
        {"age": X[:, 0], "home": np.where(X[:, 1] > 0, "own", "rent"), "bank": RNG.integers(0, 3, 300)}
    )
    fitted = FederatedClassifier(parties="bank", rounds=5).fit(frame, LABELS)
    assert fitted.result_.model.prepared.columns == ("age", "home")
    assert fitted.score(frame, LABELS) > 0.8
    assert fitted.feature_names_in_.tolist() == ["age", "home", "bank"]
    grouped = FederatedClassifier(rounds=5).fit(frame[["age", "home"]], LABELS, groups=frame["bank"])
    assert (grouped.predict_proba(frame[["age", "home"]]) == fitted.predict_proba(frame)).all()


def test_ready_parties_are_fitted_without_rows():
    fitted = FederatedClassifier(job(), parties=banks()).fit()
    assert fitted.predict_proba(columns(7, rows=40)).shape == (40, 2)
    with pytest.raises(ConfigError, match="ready parties"):
        fitted.fit(X, LABELS)


def test_three_classes():
    rows, codes = make_blobs(300, centers=3, random_state=0)
    assert FederatedClassifier().fit(rows, codes).score(rows, codes) > 0.85


def test_an_unknown_setting_is_told_its_nearest():
    with pytest.raises(ValueError, match="Did you mean 'rounds'"):
        FederatedClassifier().set_params(round=3)
    assert repr(FederatedClassifier(rounds=3)) == "FederatedClassifier(rounds=3)"


def test_a_jobs_weight_and_id_are_no_features_and_its_schema_is_not_dropped():
    frame = pd.DataFrame({"income": X[:, 0], "w": np.where(LABELS == "late", 20.0, 1.0), "who": np.arange(300)})
    own = replace(job(), data=Data(target="late", weight="w", id="who"))
    fitted = FederatedClassifier(own, rounds=3).fit(frame, LABELS)
    assert fitted.result_.model.prepared.columns == ("income",)
    schema = Schema((Field("income", "float"), Field("late", "integer", role="target")))
    with pytest.raises(ConfigError, match="holds a schema"):
        FederatedClassifier(replace(own, data=Data(schema=schema)), rounds=1).fit(frame[["income"]], LABELS)
