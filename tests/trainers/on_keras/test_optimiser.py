"""Penalty, prox, tilt and the bound come before the step, whichever optimiser makes it."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.trainer import Local
from hansa.errors import ConfigError
from hansa.trainers.on_keras.backend import library
from hansa.trainers.on_keras.configs import written
from hansa.trainers.on_keras.network import as_array
from hansa.trainers.on_keras.optimiser import Pulled, named

keras = library()


def test_what_no_row_says_is_added_and_the_whole_is_bounded():
    w, b = keras.Variable([[1.0], [2.0]]), keras.Variable([3.0])
    pulled = Pulled(named("sgd", Local(learning_rate=1.0)), l2=0.5, clip_norm=1.0)
    pulled.build([w, b])
    origin, tilt = [np.zeros((2, 1)), np.ones(1)], [np.full((2, 1), 0.25), np.zeros(1)]
    pulled.begin(0.1, origin, tilt)
    pulled.apply([keras.ops.ones((2, 1)), None])
    whole = np.array([1 + 0.5 * 1 + 0.1 * 1 + 0.25, 1 + 0.5 * 2 + 0.1 * 2 + 0.25, 0.1 * 2])
    step = whole / np.linalg.norm(whole)
    assert np.allclose(np.append(as_array(w)[:, 0], as_array(b)), [1.0, 2.0, 3.0] - step, atol=1e-6)


def test_a_round_begins_with_nothing_remembered():
    w = keras.Variable([[1.0]])
    pulled = Pulled(named("momentum", Local(learning_rate=1.0, momentum=0.5)), l2=0.0, clip_norm=None)
    pulled.build([w])
    moves = []
    for _ in range(2):
        w.assign([[1.0]])
        pulled.begin(0.0, [np.zeros((1, 1))], None)
        pulled.apply([keras.ops.ones((1, 1))])
        pulled.apply([keras.ops.ones((1, 1))])
        moves.append(as_array(w).item())
    assert moves == [pytest.approx(1 - 1 - 1.5)] * 2


@pytest.mark.parametrize(("name", "kind"), [("", "SGD"), ("momentum", "SGD"), ("adam", "Adam"), ("AdamW", "AdamW")])
def test_an_optimiser_has_a_name(name, kind):
    assert type(named(name, Local())).__name__ == kind


def test_or_a_configuration():
    text = '{"module": "keras.optimizers", "class_name": "Nadam", "config": {"learning_rate": 0.5}}'
    assert float(as_array(named(text, Local()).learning_rate)) == 0.5
    with pytest.raises(ConfigError, match="no optimiser"):
        named(written(keras.layers.Dense(1)), Local())
    with pytest.raises(ConfigError, match="no optimiser 'adamm'"):
        named("adamm", Local())
