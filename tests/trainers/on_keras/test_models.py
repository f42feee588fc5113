"""A model is made anew from the same seed, and each of its inputs gets the columns that it is named after."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.core.trainer import Inputs
from hansa.trainers.on_keras import Keras, on_keras
from hansa.trainers.on_keras.backend import library
from hansa.trainers.on_keras.models import built, named_inputs, parts

keras = library()


def test_a_seed_says_all_and_leaves_pythons_generator_as_it_was():
    import random

    random.seed(5)
    expected = random.random()
    random.seed(5)
    trainer, X = Keras(hidden=(4,)), np.ones((2, 3), np.float32)
    one, two, other = (np.array(built(trainer, 3, seed)({"numbers": X})) for seed in (1, 1, 2))
    assert random.random() == expected
    assert (one == two).all()
    assert (one != other).any()


def test_named_inputs_get_their_columns():
    inputs = Inputs(("age", "home", "note [0]", "note [1]"), (0, 4, 100, 100))
    trainer = Keras(hidden=(4,)).reading(inputs)
    model, X = built(trainer, 4, 0), np.array([[0.5, 3, 17, 0], [1.5, 0, 0, 0]], np.float32)
    assert named_inputs(model) == ("numbers", "codes", "texts")
    found = parts(model, inputs, X)
    assert {name: part.tolist() for name, part in found.items()} == {
        "numbers": [[0.5], [1.5]],
        "codes": [[3], [0]],
        "texts": [[17, 0], [0, 0]],
    }
    assert np.isfinite(np.array(model(found))).all()  # a text without a word too


def test_a_factory_may_take_what_is_known_of_the_columns():
    seen = []

    def make(inputs):
        seen.append(inputs.names)
        return keras.Sequential([keras.layers.Dense(1)])

    assert on_keras(make).init(2, "random", Draws(0, "start"))[0].shape == (2, 1)
    assert seen == [("x0", "x1")]
    plain = on_keras(lambda: keras.Sequential([keras.layers.Dense(1)]))
    assert plain.init(2, "random", Draws(0, "start"))[0].shape == (2, 1)


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
def test_the_ready_made_has_as_many_layers_as_it_says(activation):
    trainer = Keras(hidden=(5, 4), activation=activation, task="multiclass", classes=3)
    shapes = [value.shape for value in trainer.init(2, "random", Draws(0, "start"))]
    assert shapes == [(2, 5), (5,), (5, 4), (4,), (4, 3), (3,)]
