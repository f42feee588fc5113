"""Scikit-learn's linear models travel as coefficients, and are fitted by scikit-learn itself."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import ensemble, linear_model

import hansa as hs
from hansa.core.draws import Draws
from hansa.core.pytree import ravel, unravel
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError
from hansa.trainers.on_sklearn import Sklearn, on_sklearn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
EVENT = (X[:, 0] + 0.3 * RNG.normal(size=200) > 0).astype(float)
VALUE = X @ [1.0, 2.0, 0.0, -1.0] + 0.5 + 0.1 * RNG.normal(size=200)
DRAWS = Draws(0, "bank-a")


def fitted(trainer, y, local, weight=None):
    params = trainer.init(4, "zero", DRAWS)
    vector, layout = ravel(params)
    return unravel(layout, vector + trainer.fit(params, Design(X, y, weight), local, DRAWS)["delta"][0])


@pytest.mark.parametrize(
    "estimator",
    [
        linear_model.LogisticRegression(C=0.5, max_iter=300),
        linear_model.LogisticRegression(solver="newton-cg", fit_intercept=False, max_iter=200),
        linear_model.Ridge(alpha=2.0),
        linear_model.Lasso(alpha=0.1, max_iter=500),
        linear_model.ElasticNet(alpha=0.1, max_iter=500),
        linear_model.LinearRegression(),
        linear_model.HuberRegressor(max_iter=300),
    ],
    ids=lambda one: type(one).__name__,
)
def test_one_party_alone_gets_what_scikit_learn_gives(estimator):
    trainer = on_sklearn(estimator)
    y, weight = (EVENT if trainer.task == "binary" else VALUE), RNG.uniform(0.5, 2, 200)
    found = fitted(trainer, y, Local(), weight)
    estimator.fit(X, y, sample_weight=weight)
    assert np.allclose(found["coef"][:, 0], np.ravel(estimator.coef_), atol=1e-4)
    predicted = estimator.predict_proba(X)[:, 1] if trainer.task == "binary" else estimator.predict(X)
    assert np.allclose(trainer.predict(found, X), predicted, atol=1e-4)


@pytest.mark.parametrize("name", ["SGDClassifier", "SGDRegressor"])
def test_passes_over_rows_go_on_from_round_to_round(name):
    trainer = Sklearn(name, {"alpha": 0.01})
    y = EVENT if trainer.task == "binary" else VALUE
    many = fitted(trainer, y, Local(epochs=60))
    slope = getattr(linear_model, name)(alpha=0.01, random_state=0, **trainer._defaults(Local())).fit(X, y).coef_
    assert np.allclose(many["coef"][:, 0], np.ravel(slope), atol=0.1)
    late, data = Draws(0, "bank-a", round=50), Design(X, y)
    steps = [np.abs(trainer.fit(many, data, Local(epochs=1), draws)["delta"]).max() for draws in (DRAWS, late)]
    assert steps[1] < steps[0]  # a late round goes by a small rate


def test_it_begins_at_the_rounds_coefficients():
    trainer = Sklearn("LogisticRegression", {"C": 0.5})
    vector, layout = ravel(trainer.init(4, "zero", DRAWS))
    for _ in range(30):  # one iteration a round
        params = unravel(layout, vector)
        vector = vector + trainer.fit(params, Design(X, EVENT), Local(epochs=1), DRAWS)["delta"][0]
    whole = linear_model.LogisticRegression(C=0.5, max_iter=300).fit(X, EVENT)
    assert np.allclose(vector[:4], whole.coef_[0], atol=0.05)


def test_a_party_with_one_class_still_knows_the_others():
    trainer = Sklearn("LogisticRegression", classes=3)
    found = fitted(trainer, np.ones(200), Local(epochs=50))
    assert (trainer.predict(found, X).argmax(axis=1) == 1).all()
    sgd = fitted(Sklearn("SGDClassifier"), np.zeros(200), Local(epochs=2))
    assert (Sklearn("SGDClassifier").predict(sgd, X) < 0.5).all()


def test_it_federates_is_saved_loaded_and_stands_in_a_job_file(tmp_path):
    trainer = on_sklearn(linear_model.LogisticRegression(C=2.0))
    job = hs.Job("sklearn", (hs.Prepare(), hs.Rounds(trainer, hs.Local(epochs=5), rounds=5), hs.Evaluate()))
    assert hs.Job.from_toml(job.to_toml()) == job
    banks = [hs.Party(f"bank-{i}", hs.loan_book(1500, seed=i)) for i in range(3)]
    result = hs.run(job, on=hs.Simulation(banks, workers=1))
    assert result.metrics["federated"]["auc"] > 0.7
    result.model.save(tmp_path / "model")
    table = hs.loan_book(50, seed=9)
    assert (hs.load(tmp_path / "model").predict_proba(table) == result.predict_proba(table)).all()


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (ensemble.RandomForestClassifier(), "no coefficients"),
        (linear_model.Perceptron(), "no coefficients"),
        (linear_model.SGDClassifier(), "log_loss gives probabilities"),
        (linear_model.LogisticRegression(class_weight="balanced"), "for the job to say"),
        (linear_model.LogisticRegression, "no estimator"),
        (3, "no estimator"),
    ],
)
def test_what_cannot_be_averaged_is_refused(estimator, words):
    with pytest.raises(ConfigError, match=words):
        on_sklearn(estimator)


def test_settings_that_nobody_would_heed_are_refused():
    with pytest.raises(ConfigError, match="Did you mean 'alpha'"):
        Sklearn("Ridge", {"alpa": 1.0})
    with pytest.raises(ConfigError, match="3 classes"):
        Sklearn("SGDClassifier", classes=3)
    for local in (Local(optimizer="adam"), Local(steps=2), Local(clip_norm=1.0)):
        with pytest.raises(ConfigError, match="solver of its own"):
            fitted(Sklearn(), EVENT, local)
