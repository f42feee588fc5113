from __future__ import annotations

import numpy as np
import pytest

from hansa.trainers.layers import ACTIVATIONS


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_slope_told_by_the_value_is_that_of_finite_differences(name):
    f, x, step = ACTIVATIONS[name], np.array([[-3.0, -0.4, 0.2, 5.0]]), 1e-6
    values = [x + step, x - step, x.copy()]
    for value in values:
        f.apply(value, np.zeros_like(x))
    np.testing.assert_allclose(f.slope(values[2]), (values[0] - values[1]) / (2 * step), atol=1e-8)
