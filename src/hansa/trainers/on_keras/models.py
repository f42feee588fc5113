"""Keras models made for given columns: dense layers, a configuration, or one's own.

Example:
    >>> from hansa.trainers.on_keras.trainer import Keras
    >>> net = built(Keras(hidden=(8,)), 3, seed=1)
    >>> net.count_params(), named_inputs(net), ends_in_chances(net)
    (41, ('numbers',), False)
    >>> parts(net, Inputs(("age",), (0,)), np.zeros((5, 1)))["numbers"].shape
    (5, 1)
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hansa.core.trainer import Inputs
from hansa.errors import ConfigError
from hansa.trainers.on_keras import configs
from hansa.trainers.on_keras.backend import library

if TYPE_CHECKING:
    from hansa.trainers.on_keras.trainer import Keras

keras = library()

_PARTS = ("numbers", "codes", "texts")


def built(trainer: Keras, features: int, seed: int) -> Any:
    """A trainer's model for so many columns, its weights drawn from this seed, or as its owner has set them.

    Raises:
        ConfigError: there is no such model, or it takes other columns.
    """
    inputs = trainer.inputs.over(features)
    with _seeded(seed):
        model = _made(trainer, inputs)
        rows = np.zeros((2, features), trainer.dtype)
        try:
            model(parts(model, inputs, rows), training=False)  # which also builds what is not built yet
        except (IndexError, RuntimeError, TypeError, ValueError):
            raise ConfigError(
                f"The model does not take the {features} columns that it is given.",
                mend="Give it as many inputs, or a function that makes it for `Inputs`.",
            ) from None
    if trainer.own is not None and trainer.own.weights:
        model.set_weights(list(trainer.own.weights))
    return model


def parts(model: Any, inputs: Inputs, X: NDArray[np.floating]) -> Any:
    """What a model's inputs get of `X [rows, features]`: all of it, or the columns that each is named after.

    Raises:
        ConfigError: the columns are numbers and codes, and the model has one input for both.
    """
    names = named_inputs(model)
    texts = tuple(place for places in inputs.texts.values() for place in places)
    columns = {"numbers": inputs.numbers, "codes": inputs.codes, "texts": texts}
    if not names:
        if sum(bool(places) for places in columns.values()) > 1:
            raise ConfigError(
                "The model takes codes for numbers.",
                "Their order means nothing.",
                "Name its inputs numbers, codes and texts, or code the columns as onehot.",
            )
        return X
    cut = {name: X[:, columns[name]] for name in names}
    return {name: part if name == "numbers" else part.astype(np.int32) for name, part in cut.items()}


def named_inputs(model: Any) -> tuple[str, ...]:
    """Which of numbers, codes and texts the model's inputs are called; none where it takes all columns as one."""
    names = tuple(one.name for one in getattr(model, "inputs", None) or ())
    return names if names and set(names) <= set(_PARTS) else ()


def ends_in_chances(model: Any) -> bool:
    """Whether the last layer is a sigmoid or softmax."""
    last = model
    while getattr(last, "layers", None):
        last = last.layers[-1]
    name = getattr(getattr(last, "activation", None), "__name__", "")
    return name in {"sigmoid", "softmax"} or isinstance(last, keras.layers.Softmax)


def _made(trainer: Keras, inputs: Inputs) -> Any:
    own = trainer.own
    if own is not None and own.factory is not None:
        model = inputs.given_to(own.factory)
    else:
        model = configs.read_model(trainer.config) if trainer.config else _dense(trainer, inputs)
    if not isinstance(model, keras.Model):
        raise ConfigError("There is no Keras model.", f"What should make one gave a {type(model).__name__}.")
    return model


def _dense(trainer: Keras, inputs: Inputs) -> Any:
    """Dense layers on numbers, on vectors of codes, and on the mean vector of each text's words."""
    layers, numbers, plain = keras.layers, inputs.numbers, {"dtype": trainer.dtype}
    texts = tuple(place for places in inputs.texts.values() for place in places)
    taken, joined = [], []
    if numbers:
        taken.append(keras.Input((len(numbers),), name="numbers", **plain))
        joined.append(taken[-1])
    if inputs.codes:
        taken.append(keras.Input((len(inputs.codes),), name="codes", dtype="int32"))
        for i, place in enumerate(inputs.codes):
            vector = layers.Embedding(inputs.sizes[place], trainer.embedding, **plain)
            joined.append(vector(taken[-1][:, i]))
    if texts:
        taken.append(keras.Input((len(texts),), name="texts", dtype="int32"))
        size = max(inputs.sizes[place] for place in texts)
        there = keras.ops.cast(keras.ops.not_equal(taken[-1], 0), trainer.dtype)[:, :, None]
        words = layers.Embedding(size, trainer.embedding, **plain)(taken[-1])
        joined.append(keras.ops.sum(words * there, 1) / keras.ops.maximum(keras.ops.sum(there, 1), 1))
    out = layers.Concatenate(**plain)(joined) if len(joined) > 1 else joined[0]
    for width in trainer.hidden:
        start = "he_uniform" if trainer.activation == "relu" else "glorot_uniform"
        out = layers.Dense(width, trainer.activation, kernel_initializer=start, **plain)(out)
        out = layers.Dropout(trainer.dropout, **plain)(out) if trainer.dropout else out
    return keras.Model(taken, layers.Dense(trainer.loss.outputs, **plain)(out))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Keras draws the seeds of its initialisers from Python's generator, which is left as it was."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
