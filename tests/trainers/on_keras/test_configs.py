"""A configuration is data: what could run code or open a file is refused, whoever wrote it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hansa.errors import ConfigError
from hansa.trainers.on_keras import on_keras
from hansa.trainers.on_keras.backend import library
from hansa.trainers.on_keras.configs import read, written

keras = library()
# Keras reads its own variables in a way that numpy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def net(*layers):
    return keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1)])


def residual():
    start = keras.Input((3,))
    return keras.Model(start, keras.layers.Dense(1)(keras.layers.Dense(3, "relu")(start) * 0.5 + start))


def nested():
    start = keras.Input((3,))
    return keras.Model(start, net()(keras.layers.BatchNormalization()(start)))


@pytest.mark.parametrize("make", [net, residual, nested])
def test_it_reads_back_as_the_same_model(make):
    model = make()
    again = read(written(model))
    again.set_weights(model.get_weights())
    X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    assert np.allclose(model(X), again(X))


def test_optimisers_too():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 100)
    assert read(written(keras.optimizers.AdamW(schedule))).get_config()["weight_decay"] == pytest.approx(0.004)


@keras.saving.register_keras_serializable("ours")
class Doubled(keras.layers.Layer):
    def call(self, X):
        return 2 * X


def test_what_is_not_built_in_cannot_be_written():
    for layer in (keras.layers.Lambda(lambda X: X), Doubled()):
        with pytest.raises(ConfigError, match="no code, and no files"):
            written(net(layer))


def swapped(**changes):
    """A sound configuration with one layer exchanged."""
    tree = json.loads(net(keras.layers.Dense(3)).to_json())
    tree["config"]["layers"][1] |= changes
    return json.dumps(tree)


@pytest.mark.parametrize(
    "changes",
    [
        {"module": "os", "class_name": "system"},
        {"module": "builtins", "class_name": "function", "config": "eval"},
        {"module": "keras.utils", "class_name": "get_file"},
        {"module": None},
        {"module": "keras.layers", "class_name": "Lambda"},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/home"}},
        {"module": "keras.layers", "class_name": "TextVectorization", "config": {"vocabulary": "/etc/passwd"}},
        {"module": "keras.src.ops.numpy", "class_name": "os"},
        {"class_name": "__lambda__", "config": {"value": "AAAA"}},
        {"registered_name": "ours>Doubled"},
    ],
)
def test_a_text_that_names_anything_else_is_refused(changes):
    with pytest.raises(ConfigError, match="no code, and no files"):
        read(swapped(**changes))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"class_name": 3}'])
def test_what_is_no_configuration_is_refused(text):
    with pytest.raises(ConfigError):
        read(text)


@pytest.mark.parametrize("text", ['{"class_name": ["a"]}', '{"a":' * 3000 + "1" + "}" * 3000, "[" * 3000 + "]" * 3000])
def test_a_text_that_is_made_to_break_a_reader_is_refused(text):
    with pytest.raises(ConfigError, match="no Keras configuration"):
        read(text)


def test_a_class_name_inside_that_is_no_word_is_refused():
    tree = json.loads(written(net()))
    tree["config"]["layers"][0]["class_name"] = ["a"]
    with pytest.raises(ConfigError, match="holds"):
        read(json.dumps(tree))


def test_a_lone_layer_is_no_model():
    with pytest.raises(ConfigError, match="no Keras model"):
        on_keras(written(keras.layers.Dense(1)))
