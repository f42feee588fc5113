"""Estimators of every make are cloned, seeded and asked in one way; the original stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import (
    base,
    cluster,
    dummy,
    ensemble,
    linear_model,
    model_selection,
    naive_bayes,
    neighbors,
    pipeline,
    preprocessing,
    svm,
    tree,
)

from hansa.core.draws import Draws
from hansa.core.trainer import Design
from hansa.errors import ConfigError, DataError, PartyFailed
from hansa.trainers.on_sklearn.locals import check, fit_clone, outputs, task_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
EVENT = (X[:, 0] + 0.3 * RNG.normal(size=120) > 0).astype(float)
DATA, DRAWS = Design(X, EVENT), Draws(0, "bank-a")


def forest(**settings):
    return ensemble.RandomForestClassifier(10, **settings)


def piped(last):
    return pipeline.make_pipeline(preprocessing.StandardScaler(), last)


@pytest.mark.parametrize(
    "estimator",
    [
        forest(),
        ensemble.HistGradientBoostingClassifier(max_iter=5),
        neighbors.KNeighborsClassifier(3),
        naive_bayes.GaussianNB(),
        piped(tree.DecisionTreeClassifier()),
        piped(piped(forest())),
        ensemble.VotingClassifier([("a", forest()), ("b", naive_bayes.GaussianNB())], voting="soft"),
        model_selection.GridSearchCV(forest(), {"max_depth": [2, 3]}, cv=2),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_clone_is_fitted_and_the_draws_say_all(estimator):
    check(estimator)
    assert task_of(estimator, 2) == "binary"
    plain = repr(estimator.get_params())
    one, again = (outputs(fit_clone(estimator, DATA, DRAWS), X, 2) for _ in range(2))
    assert (one == again).all()
    assert np.allclose(one.sum(axis=1), 1)
    assert ((one[:, 1] > 0.5) == EVENT).mean() > 0.8
    assert repr(estimator.get_params()) == plain
    assert not any(name.endswith("_") and not name.startswith("_") for name in vars(estimator))


def test_another_partys_draws_are_others_and_a_seed_of_ones_own_stays():
    other = Draws(0, "bank-b")
    free, set_ = forest(), piped(forest(random_state=3))
    assert (outputs(fit_clone(free, DATA, DRAWS), X, 2) != outputs(fit_clone(free, DATA, other), X, 2)).any()
    one, two = (fit_clone(set_, DATA, draws) for draws in (DRAWS, other))
    assert (outputs(one, X, 2) == outputs(two, X, 2)).all()
    assert (outputs(one, X, 2) == base.clone(set_).fit(X, EVENT).predict_proba(X)).all()


def test_values_and_classes_that_a_party_has_not_seen():
    value = fit_clone(ensemble.RandomForestRegressor(10), Design(X, X[:, 0]), DRAWS)
    assert task_of(value, 0) == "regression"
    assert np.abs(outputs(value, X, 0) - X[:, 0]).mean() < 0.2
    assert outputs(value, X[:0], 0).shape == (0,)
    some = fit_clone(forest(), Design(X, 2 * EVENT), DRAWS)
    assert task_of(some, 4) == "multiclass"
    found = outputs(some, X, 4)
    assert not found[:, [1, 3]].any()
    assert np.allclose(found.sum(axis=1), 1)
    assert outputs(some, X[:0], 4).shape == (0, 4)


def test_weights_reach_the_last_step_or_are_refused():
    weight = np.where(EVENT == 1, 5.0, 1.0)
    data = Design(X, EVENT, weight)
    for estimator in (linear_model.LogisticRegression(), piped(linear_model.LogisticRegression())):
        nested = piped(estimator)
        found, plain = (outputs(fit_clone(one, data, DRAWS), X, 2)[:, 1].mean() for one in (nested, estimator))
        assert min(found, plain) > outputs(fit_clone(estimator, DATA, DRAWS), X, 2)[:, 1].mean() + 0.05
    for estimator in (neighbors.KNeighborsClassifier(), piped(neighbors.KNeighborsClassifier())):
        with pytest.raises(ConfigError, match="KNeighborsClassifier takes no weights"):
            fit_clone(estimator, data, DRAWS)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (3, "no estimator"),
        (ensemble.RandomForestClassifier, "no estimator"),
        (cluster.KMeans(), "neither classes nor values"),
        (preprocessing.StandardScaler(), "neither classes nor values"),
        (svm.LinearSVC(), "CalibratedClassifierCV"),
        (piped(linear_model.Perceptron()), "gives no probabilities"),
    ],
)
def test_what_gives_no_mean_is_refused(wrong, words):
    with pytest.raises(ConfigError, match=words):
        check(wrong)


def test_classes_of_values_are_refused():
    with pytest.raises(DataError, match="Pass a regressor"):
        task_of(dummy.DummyClassifier(), 0)


def test_what_scikit_learn_refuses_names_the_party_and_no_value():
    with pytest.raises(PartyFailed, match=r"bank-a .*could not fit RandomForestClassifier: Invalid") as found:
        fit_clone(forest(max_depth=-1), DATA, DRAWS)
    assert "-1" not in str(found.value)
