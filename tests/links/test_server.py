"""The coordinator's optimisers against Reddi et al. (2021), Algorithm 2, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.load import Load
from hansa.errors import ConfigError
from hansa.links import adagrad, adam, momentum, sgd, yogi

RATE, B1, B2, TAU = 0.05, 0.9, 0.99, 1e-3


def steps(link, deltas):
    state, found = link.begin(deltas.shape[1]), []
    for delta in deltas:
        total, state = link.close(Load({"delta": delta[None, :]}), state)
        found.append(total["delta"][0])
    return np.array(found)


DELTAS = np.random.default_rng(0).normal(size=(7, 5))


@pytest.mark.parametrize(
    ("make", "second"),
    [
        (adam, lambda v, d: B2 * v + (1 - B2) * d**2),
        (yogi, lambda v, d: v - (1 - B2) * d**2 * np.sign(v - d**2)),
    ],
)
def test_adam_and_yogi(make, second):
    m, v, wanted = np.zeros(5), np.full(5, TAU**2), []
    for delta in DELTAS:
        m, v = B1 * m + (1 - B1) * delta, second(v, delta)
        wanted.append(RATE * m / (np.sqrt(v) + TAU))
    assert np.allclose(steps(make(learning_rate=RATE), DELTAS), wanted, rtol=1e-12)


def test_adagrad():
    v, wanted = np.full(5, TAU**2), []
    link = adagrad(learning_rate=RATE)
    beta = getattr(link, "beta1", 0.0)
    m = np.zeros(5)
    for delta in DELTAS:
        m, v = beta * m + (1 - beta) * delta, v + delta**2
        wanted.append(RATE * m / (np.sqrt(v) + TAU))
    assert np.allclose(steps(link, DELTAS), wanted, rtol=1e-12)


def test_sgd_scales_and_momentum_gathers():
    assert np.allclose(steps(sgd(0.5), DELTAS), 0.5 * DELTAS)
    gathered = steps(momentum(learning_rate=1.0, momentum=0.9), np.ones((4, 5)))
    assert np.allclose(gathered[:, 0], [1.0, 1.9, 2.71, 3.439])


def test_the_updates_precision_is_kept():
    total, _ = adam(0.1).close(Load({"delta": np.ones((1, 3), np.float32)}), adam(0.1).begin(3))
    assert total["delta"].dtype == np.float32


@pytest.mark.parametrize("make", [sgd, momentum, adam, yogi, adagrad])
@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_rates_are_checked(make, rate):
    with pytest.raises(ConfigError, match="learning_rate above 0"):
        make(learning_rate=rate)


@pytest.mark.parametrize(
    ("make", "name"),
    [(momentum, "momentum"), (adam, "beta1"), (adam, "beta2"), (yogi, "beta1"), (yogi, "beta2"), (adagrad, "beta1")],
)
@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
def test_what_fades_stays_below_one(make, name, value):
    with pytest.raises(ConfigError, match=rf"needs {name} in \[0, 1\)"):
        make(**{name: value})


@pytest.mark.parametrize("make", [adam, yogi, adagrad])
@pytest.mark.parametrize("eps", [0.0, -1.0, float("inf"), float("nan")])
def test_eps_is_checked(make, eps):
    with pytest.raises(ConfigError, match="needs eps above 0"):
        make(eps=eps)
