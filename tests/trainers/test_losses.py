from __future__ import annotations

import numpy as np
import pytest

from hansa.errors import ConfigError
from hansa.trainers.losses import Logistic, Softmax, Squared, SquaredSigmoid

LOSSES = [Logistic(), Softmax(3), Squared(), SquaredSigmoid()]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_slope_is_that_of_finite_differences(loss):
    rng = np.random.default_rng(0)
    margin = rng.normal(0, 2, (2, 5, loss.outputs))
    y = rng.integers(0, max(loss.outputs, 2), (2, 5, 1)).astype(float)
    slope = margin.copy()
    loss.slope(slope, y)
    for k in range(loss.outputs):
        step = np.zeros(loss.outputs)
        step[k] = 1e-6
        numeric = (loss.value(margin + step, y) - loss.value(margin - step, y)) / 2e-6
        np.testing.assert_allclose(slope[..., k : k + 1], numeric, atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_margins_stay_finite(loss, dtype):
    margin = np.tile(np.array([-1e5, 0, 1e5], dtype)[None, :, None], (1, 1, loss.outputs))
    margin[..., 0] *= -1
    y = np.zeros((1, 3, 1), dtype)
    assert np.isfinite(loss.value(margin, y)).all()
    assert np.isfinite(loss.predict(margin[0])).all()
    loss.slope(margin, y)
    assert np.isfinite(margin).all()


def test_a_softmax_of_two_is_logistic():
    margin, y = np.array([[[0.7], [-3.0]]]), np.array([[[1.0], [0.0]]])
    both = np.concatenate([np.zeros_like(margin), margin], axis=-1)
    np.testing.assert_allclose(Softmax(2).value(both, y), Logistic().value(margin, y), rtol=1e-12)
    np.testing.assert_allclose(Softmax(2).predict(both[0])[:, 1], Logistic().predict(margin[0]), rtol=1e-12)


def test_one_class_is_no_choice():
    with pytest.raises(ConfigError, match="classes >= 2"):
        Softmax(1)
