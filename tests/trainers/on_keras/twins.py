"""Run in a process of its own, on one backend: a Keras network trains as the network by hand does.

The backend is the one that the first argument asks for, else the environment's. A compiled program serves as many
checks as it can: batches are of few sizes.
"""

from __future__ import annotations

import sys

import numpy as np

from hansa.core.draws import Draws
from hansa.core.pytree import ravel, unravel
from hansa.core.trainer import Design, Local
from hansa.trainers import Linear, Tabular
from hansa.trainers.on_keras import Keras, on_keras
from hansa.trainers.on_keras.backend import library

# Keras takes some numbers by way of float32: rows' weights, momentum.
LOCALS = [
    (Local(epochs=2, batch=7, learning_rate=0.1), 1e-7),
    (Local(steps=3, learning_rate=0.5, optimizer="momentum"), 1e-7),
    (Local(epochs=2, batch=15, learning_rate=0.01, optimizer="adam", clip_norm=0.5), 1e-4),  # its epsilon is elsewhere
    (Local(epochs=1, batch=7, class_weight="balanced", prox=0.3), 1e-7),
]
EVEN = [(Local(epochs=2, batch=15, learning_rate=0.1), 1e-7)]


def rows(n, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)).astype(dtype)
    return Design(X, (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(dtype), rng.uniform(0.5, 2, n).astype(dtype))


def layers(params):
    return [{"weight": params[i], "bias": params[i + 1]} for i in range(0, len(params), 2)]


def far(found, by_hand, params):
    """How far two deltas are from each other, laid out alike."""
    delta = layers(unravel(ravel(params)[1], found["delta"][0]))
    return np.abs(ravel(delta)[0] - by_hand["delta"][0]).max()


def check(task, classes):
    trainer = Keras(hidden=(6, 3), task=task, classes=classes, dtype="float64", l2=0.01)
    data, draws = rows(45), Draws(3, "bank-a")
    y = {"binary": data.y, "multiclass": np.arange(45) % 3, "regression": data.X[:, 1]}[task]
    data = Design(data.X, y.astype("float64"), data.weight)
    params = trainer.init(4, "random", Draws(1, "start"))
    loss = "squared" if task == "regression" else "cross_entropy"
    twin = Tabular(hidden=(6, 3), loss=loss, classes=classes, dtype="float64", l2=0.01)
    for local, close in LOCALS if task == "binary" else EVEN:
        found, by_hand = trainer.fit(params, data, local, draws), twin.fit(layers(params), data, local, draws)
        assert far(found, by_hand, params) < close, (task, local)
        assert abs(found["loss"] - by_hand["loss"]) < 1e-4
        assert found["rows"] == by_hand["rows"]
    assert np.allclose(trainer.predict(params, data.X), twin.predict(layers(params), data.X))


def check_kept_and_drawn():
    """What a batch norm has seen travels; what dropout draws follows from the party's draws."""
    keras = library()

    def make():
        parts = [keras.layers.Dense(6), keras.layers.BatchNormalization(momentum=0.5), keras.layers.Dropout(0.3)]
        return keras.Sequential([keras.Input((4,)), *parts, keras.layers.Dense(1)])

    trainer, data = on_keras(make), rows(45, dtype="float32")
    params = trainer.init(4, "random", Draws(1, "start"))
    assert len(params) == 8
    first, again, other = (
        trainer.fit(params, data, Local(epochs=2, batch=9), Draws(0, name))["delta"] for name in ("a", "a", "b")
    )
    assert (first == again).all()
    assert (first != other).any()
    moved = unravel(ravel(params)[1], first[0])
    assert any(np.abs(moved[i]).max() > 0.05 for i in (4, 5))


def check_frozen():
    """A frozen layer stays at the party; on torch, where Keras has optimisers of their own, one comes as an object."""
    keras = library()

    def make():
        layers = [keras.layers.Dense(6, "tanh", trainable=False), keras.layers.Dense(1)]
        return keras.Sequential([keras.Input((4,)), *layers])

    named = "adam" if keras.backend.backend() != "torch" else keras.optimizers.Adam(0.05)
    trainer, draws = on_keras(make, optimizer=named), Draws(0, "a")
    params = trainer.init(4, "random", draws)
    assert [value.shape for value in params] == [(6, 1), (1,)]
    delta = trainer.fit(params, rows(45, dtype="float32"), Local(steps=1, learning_rate=0.05), draws)["delta"]
    assert np.allclose(np.abs(delta), 0.05, rtol=1e-3)  # Adam's first step


def fedsgd():
    """Twenty rounds of one full-batch step each are pooled gradient descent."""
    from hansa.core.carry import near
    from hansa.core.job import Job
    from hansa.core.party import Party
    from hansa.core.post import in_process, seats_of
    from hansa.core.table import Table
    from hansa.horizontal.rounds import Learning, Rounds

    data = [rows(n, n) for n in (33, 37, 40)]
    parties = [Party(f"bank-{i}", {"t": Table.from_matrix(one.X, one.y)}) for i, one in enumerate(data)]
    trainer = Keras(hidden=(), dtype="float64")
    local = Local(steps=1, learning_rate=0.5)
    job = Job("fedsgd", (Rounds(trainer, local, rounds=20, check_every=0),))
    found = near(job, seats_of(job, parties), in_process(job, parties)).run().last(Learning).params
    coef, intercept = trainer.init(4, "random", Draws(0, "start"))
    pooled = Design(np.concatenate([one.X for one in data]), np.concatenate([one.y for one in data]))
    line = {"coef": coef, "intercept": intercept}
    vector, layout = ravel(line)
    for _ in range(20):
        vector = vector + Linear().fit(unravel(layout, vector), pooled, local, Draws(0, "p"))["delta"][0]
    assert np.abs(found - vector).max() < 1e-7


def main():
    library(*sys.argv[1:])
    for task, classes in (("binary", 2), ("multiclass", 3), ("regression", 2)):
        check(task, classes)
    check_kept_and_drawn()
    check_frozen()
    fedsgd()
    sys.stdout.write(f"{library().backend.backend()} alike")


if __name__ == "__main__":
    main()
