"""Small designs and local settings that the tests of Keras models share."""

from __future__ import annotations

import numpy as np

from hansa.core.trainer import Design, Local

LOCAL = Local(epochs=10, learning_rate=0.2)  # all rows at once: banks of one size share what is compiled


def rows(n=40, features=3):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, features)).astype("float32")
    return Design(X, (X[:, 0] > 0).astype("float32"))
