"""What a built model gives, and which of its weights travel."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.trainers.on_keras import on_keras
from hansa.trainers.on_keras.backend import library
from hansa.trainers.on_keras.network import network
from tests.trainers.on_keras.designs import LOCAL, rows

keras = library()
# Keras reads its own variables in a way that numpy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_probabilities_and_margins_say_the_same():
    tail = keras.layers.Dense(1)
    margin = keras.Sequential([keras.Input((3,)), tail])
    chance = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "sigmoid")])
    chance.set_weights(margin.get_weights())
    one, two, draws = on_keras(margin), on_keras(chance), Draws(0, "a")
    params, data = one.init(3, "random", draws), rows()
    assert np.allclose(one.margin(params, data.X), two.margin(params, data.X), atol=1e-4)
    moved = [trainer.fit(params, data, LOCAL, draws)["delta"] for trainer in (one, two)]
    assert np.allclose(*moved, atol=1e-4)


def test_frozen_weights_and_whole_numbers_stay_and_statistics_travel():
    frozen = keras.layers.Dense(4, name="frozen")
    model = keras.Sequential([keras.Input((3,)), frozen, keras.layers.BatchNormalization(), keras.layers.Dense(1)])
    frozen.trainable = False
    net = network(on_keras(model), 3)
    assert [tuple(weight.shape) for weight in net.travelling] == [(4,), (4,), (4,), (4,), (4, 1), (1,)]
    assert not net.steady
    assert len(net.held) == 64
    again = network(on_keras(model), 3)
    assert again.held == net.held
    frozen.trainable = True
    assert network(on_keras(model), 3).held == ""
