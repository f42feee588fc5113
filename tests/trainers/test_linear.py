from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from hansa.core.draws import Draws
from hansa.core.trainer import Local
from hansa.errors import ConfigError
from hansa.trainers.linear import Linear
from tests.trainers.parties import DRAWS, begin, moved, party


def fitted(trainer, data, steps):
    params = trainer.init(data.features, "zero", DRAWS)
    local = Local(steps=steps, learning_rate=1.0, optimizer="momentum", momentum=0.9)
    return moved(params, trainer.fit(params, data, local, DRAWS)["delta"][0])


@pytest.mark.parametrize("intercept", [True, False])
def test_the_optimum_is_scikit_learns_logistic_regression(intercept):
    data, l2 = party(200, weighted=True), 0.05
    trainer = Linear(l2=l2, intercept=intercept)
    params = fitted(trainer, data, 2000)
    oracle = LogisticRegression(
        C=1 / (l2 * data.weight.sum()), fit_intercept=intercept, tol=1e-12, solver="newton-cholesky"
    )
    oracle.fit(data.X, data.y, sample_weight=data.weight)
    np.testing.assert_allclose(params["coef"][:, 0], oracle.coef_[0], atol=1e-8)
    if intercept:
        np.testing.assert_allclose(params["intercept"], oracle.intercept_, atol=1e-8)
    np.testing.assert_allclose(trainer.predict(params, data.X), oracle.predict_proba(data.X)[:, 1], atol=1e-8)
    np.testing.assert_allclose(trainer.margin(params, data.X), oracle.decision_function(data.X), atol=1e-8)


def test_the_optimum_is_scikit_learns_multinomial_regression():
    data, l2 = party(300, classes=3), 0.05
    trainer = Linear(loss="multinomial", classes=3, l2=l2)
    params = fitted(trainer, data, 2000)
    oracle = LogisticRegression(C=1 / (l2 * 300), tol=1e-12, max_iter=10_000).fit(data.X, data.y)
    np.testing.assert_allclose(params["coef"].T, oracle.coef_, atol=1e-7)
    np.testing.assert_allclose(trainer.predict(params, data.X), oracle.predict_proba(data.X), atol=1e-8)


def test_the_optimum_is_scikit_learns_ridge():
    data, l2 = party(120, classes=0), 0.1
    trainer = Linear(loss="squared", l2=l2)
    params = fitted(trainer, data, 1000)
    oracle = Ridge(alpha=l2 * 120, tol=1e-12).fit(data.X, data.y)
    np.testing.assert_allclose(params["coef"][:, 0], oracle.coef_, atol=1e-9)
    np.testing.assert_allclose(trainer.predict(params, data.X), oracle.predict(data.X), atol=1e-9)


@pytest.mark.parametrize(
    ("trainer", "task", "size"),
    [
        (Linear(), "binary", 6),
        (Linear(loss="squared", intercept=False), "regression", 5),
        (Linear(loss="multinomial", classes=3), "multiclass", 18),
    ],
)
def test_tasks_and_sizes(trainer, task, size):
    assert trainer.task == task
    params = trainer.init(5, "zero", DRAWS)
    assert sum(leaf.size for leaf in params.values()) == size
    assert not any(leaf.any() for leaf in params.values())
    assert {leaf.dtype.name for leaf in params.values()} == {"float64"}


def test_a_random_start_is_bounded_and_keyed():
    trainer = Linear(dtype="float32")
    first, again, other = (trainer.init(29, "random", Draws(seed, "start")) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first["coef"], again["coef"])
    assert (first["coef"] != other["coef"]).all()
    assert 0.3 < np.abs(first["coef"]).max() <= np.sqrt(6 / 30) + 1e-7
    assert first["coef"].dtype == np.float32


def test_probabilities_do_not_overflow():
    trainer = Linear(dtype="float32")
    params = {"coef": np.full((1, 1), 1e4, "float32"), "intercept": np.zeros(1, "float32")}
    assert trainer.predict(params, np.array([[-1.0], [0.0], [1.0]])).tolist() == [0, 0.5, 1]
    many = Linear(loss="multinomial", classes=2)
    assert many.predict({"coef": np.array([[1e5, -1e5]]), "intercept": np.zeros(2)}, np.ones((1, 1))).tolist() == [
        [1, 0]
    ]


def test_predictions_leave_the_margins_alone():
    trainer, data = Linear(loss="squared"), party(3)
    params = begin(trainer)
    np.testing.assert_array_equal(trainer.predict(params, data.X), trainer.margin(params, data.X))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"loss": "hinge"}, "no loss 'hinge'"),
        ({"dtype": "float16"}, "no precision"),
        ({"l2": -1.0}, "l2 is -1.0"),
        ({"classes": 3}, "3 classes do not fit the logistic loss"),
        ({"loss": "multinomial", "classes": 1}, "1 classes"),
    ],
)
def test_settings_out_of_range_are_refused(settings, says):
    with pytest.raises(ConfigError, match=says):
        Linear(**settings)
