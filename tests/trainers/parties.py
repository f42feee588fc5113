"""Random parties, and a trainer's parameters as one vector."""

from __future__ import annotations

import numpy as np

from hansa.core.draws import Draws
from hansa.core.pytree import ravel, unravel
from hansa.core.trainer import Design, Local
from hansa.trainers.linear import Linear

DRAWS = Draws(seed=11, party="bank-a", round=2)
LOCALS = [
    Local(epochs=2, batch=7, learning_rate=0.1),
    Local(steps=3, learning_rate=0.5, optimizer="momentum"),
    Local(epochs=2, batch=16, learning_rate=0.01, optimizer="adam", clip_norm=0.5),
    Local(epochs=1, batch=8, class_weight="balanced", prox=0.3),
]


def classes_of(trainer):
    """How many classes the targets have; 0 for values."""
    return 0 if trainer.task == "regression" else trainer.classes


def party(rows, features=5, classes=2, weighted=False, seed=0, dtype="float64"):
    rng = np.random.default_rng((seed, rows))
    y = rng.standard_normal(rows) if classes == 0 else rng.integers(0, classes, rows)
    weight = rng.uniform(0.2, 3.0, rows).astype(dtype) if weighted else None
    return Design(rng.standard_normal((rows, features)).astype(dtype), y.astype(dtype), weight)


def draws(n, round_=2):
    return [Draws(11, f"bank-{i}", round_) for i in range(n)]


def begin(trainer, features=5):
    """Random parameters with random biases too, so that no term of a gradient is idle."""
    vector, layout = ravel(trainer.init(features, "random", DRAWS))
    noise = 0.1 * np.random.default_rng(5).standard_normal(vector.size)
    return unravel(layout, (vector + noise).astype(vector.dtype))


def moved(params, delta):
    vector, layout = ravel(params)
    return unravel(layout, vector + delta)


def objective(trainer, params, data, weight=None):
    """What a trainer makes small, written down a second time."""
    margin = trainer.margin(params, data.X)
    if trainer.task == "multiclass":
        loss = np.log(np.exp(margin).sum(axis=1)) - margin[np.arange(data.rows), data.y.astype(int)]
    elif trainer.loss == "squared":
        loss = (trainer.predict(params, data.X) - data.y) ** 2 / 2
    else:
        loss = np.log1p(np.exp(margin)) - data.y * margin
    layers = [params] if isinstance(trainer, Linear) else params
    penalty = sum((layer["coef" if isinstance(trainer, Linear) else "weight"] ** 2).sum() for layer in layers)
    return np.average(loss, weights=data.weight if weight is None else weight) + trainer.l2 / 2 * penalty
