"""Losses by task, as sums that add up over parties."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_squared_error

from hansa.core.trainer import Design
from hansa.horizontal.scores import LOSS, MEASURE, loss_sums, measures
from hansa.trainers import Linear

RNG = np.random.default_rng(4)
X = RNG.normal(size=(80, 3))


def halves(trainer, params, y):
    return sum(loss_sums(trainer, params, Design(X[part], y[part])) for part in (slice(0, 31), slice(31, 80)))


def test_binary_is_scikit_learns_log_loss_over_any_division():
    y = (RNG.random(80) < 0.4).astype(float)
    params = {"coef": np.array([[1.0], [-0.5], [0.2]]), "intercept": np.array([0.1])}
    chance = 1 / (1 + np.exp(-(X @ params["coef"][:, 0] + 0.1)))
    assert measures(Linear(), halves(Linear(), params, y))["log_loss"] == pytest.approx(log_loss(y, chance))


def test_regression_is_scikit_learns_squared_error():
    y = X @ [1.0, 2.0, 3.0] + RNG.normal(size=80)
    trainer, params = Linear(loss="squared"), {"coef": np.array([[1.0], [1.9], [3.1]]), "intercept": np.zeros(1)}
    found = measures(trainer, halves(trainer, params, y))
    assert found["mse"] == pytest.approx(mean_squared_error(y, X @ params["coef"][:, 0]))


def test_several_classes_are_scikit_learns_log_loss():
    y = RNG.integers(0, 3, 80).astype(float)
    trainer = Linear(loss="multinomial", classes=3)
    params = {"coef": RNG.normal(size=(3, 3)), "intercept": np.zeros(3)}
    odds = np.exp(X @ params["coef"])
    found = measures(trainer, halves(trainer, params, y))
    assert found["log_loss"] == pytest.approx(log_loss(y, odds / odds.sum(axis=1, keepdims=True)))


def test_every_task_has_a_loss_to_watch_and_a_measure_to_compare():
    assert LOSS.keys() == MEASURE.keys() == {"binary", "multiclass", "regression"}


def test_no_rows_are_zeros():
    empty = Design(X[:0], np.zeros(0))
    params = {"coef": np.zeros((3, 1)), "intercept": np.zeros(1)}
    assert not loss_sums(Linear(), params, empty).any()
