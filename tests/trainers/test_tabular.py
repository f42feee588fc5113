from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.core.trainer import Local
from hansa.errors import ConfigError
from hansa.trainers.tabular import Tabular
from tests.trainers.parties import DRAWS, begin, classes_of, moved, party


def test_it_learns_what_no_line_can():
    X = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    data = party(400, features=2)
    data = type(data)(X.astype("float32"), (X[:, 0] * X[:, 1] > 0).astype("float32"))
    trainer = Tabular(hidden=(16, 8))
    params = trainer.init(2, "random", DRAWS)
    load = trainer.fit(params, data, Local(epochs=80, batch=32, optimizer="adam", learning_rate=0.02), DRAWS)
    right = (trainer.predict(moved(params, load["delta"][0]), data.X) > 0.5) == data.y
    assert right.mean() > 0.97


@pytest.mark.parametrize(
    ("trainer", "task", "shape"),
    [
        (Tabular(), "binary", (7,)),
        (Tabular(classes=3), "multiclass", (7, 3)),
        (Tabular(loss="squared"), "regression", (7,)),
        (Tabular(hidden=(20,), activation="sigmoid", loss="squared", output="sigmoid"), "binary", (7,)),
    ],
)
def test_tasks_and_shapes(trainer, task, shape):
    params, data = begin(trainer), party(7, classes=classes_of(trainer), dtype="float32")
    assert trainer.task == task
    margin, prediction = trainer.margin(params, data.X), trainer.predict(params, data.X)
    assert margin.shape == prediction.shape == shape
    assert margin.dtype == prediction.dtype == np.float32
    if task == "binary":
        np.testing.assert_allclose(prediction, 1 / (1 + np.exp(-margin)), rtol=1e-5)
    elif task == "multiclass":
        np.testing.assert_allclose(prediction.sum(axis=1), 1, rtol=1e-5)


def test_first_weights_are_within_their_bounds():
    relu = Tabular(hidden=(50,)).init(20, "random", Draws(3, "start"))
    tanh = Tabular(hidden=(50,), activation="tanh").init(20, "random", Draws(3, "start"))
    for layer, bound in ((relu[0], (6 / 20) ** 0.5), (relu[1], (6 / 51) ** 0.5), (tanh[0], (6 / 70) ** 0.5)):
        assert 0.9 * bound < np.abs(layer["weight"]).max() <= bound * (1 + 1e-6)
        assert not layer["bias"].any()


def test_a_network_does_not_start_from_zero():
    with pytest.raises(ConfigError, match="random"):
        Tabular().init(3, "zero", DRAWS)
    assert not Tabular(hidden=()).init(3, "zero", DRAWS)[0]["weight"].any()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"activation": "gelu"}, "no activation 'gelu'"),
        ({"loss": "hinge"}, "no loss"),
        ({"output": "softplus"}, "no output"),
        ({"dtype": "float16"}, "no dtype"),
        ({"hidden": (8, 0)}, "narrower"),
        ({"l2": float("nan")}, "l2 is nan"),
        ({"classes": 1}, "1 classes"),
        ({"loss": "squared", "classes": 3}, "3 classes"),
        ({"output": "sigmoid"}, "squared loss"),
    ],
)
def test_settings_out_of_range_are_refused(settings, says):
    with pytest.raises(ConfigError, match=says):
        Tabular(**settings)
