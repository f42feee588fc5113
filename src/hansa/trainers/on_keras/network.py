"""A built Keras model and its weights that travel.

Example:
    >>> from hansa.trainers.on_keras.trainer import Keras
    >>> net: Network = network(Keras(hidden=(8,)), 3)
    >>> [weight.shape for weight in net.travelling], net.held, net.steady
    ([(3, 8), (8,), (8, 1), (1,)], '', True)
    >>> net.score(np.zeros((2, 3), np.float32)).shape
    (2, 1)
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.errors import ConfigError, DataError
from hansa.trainers.batches import bucket
from hansa.trainers.on_keras.backend import library
from hansa.trainers.on_keras.models import built, ends_in_chances, parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.draws import Draws
    from hansa.trainers.on_keras.trainer import Keras

keras = library()

_TINY = 1e-7


@final
class Network:
    """A model; what of it travels, in Keras's order; and whether nothing but gradients moves that (`steady`)."""

    def __init__(self, trainer: Keras, features: int, seed: int = 0) -> None:
        """Build the model, and tell its weights apart.

        Raises:
            ConfigError: it takes other columns, is of another precision, or nothing in it can be trained.
        """
        self.model, self.inputs = built(trainer, features, seed), trainer.inputs.over(features)
        self.task, self.dtype, self.outputs = trainer.task, trainer.dtype, trainer.loss.outputs
        self.chance = trainer.output == "chance" or (trainer.output == "auto" and ends_in_chances(self.model))
        weights = self.model.weights
        self._check(weights)
        stays = [not _is_float(weight) for weight in weights]
        if not all(weight.trainable for weight in weights):
            thawed = built(trainer, features, seed)
            thawed.trainable = False  # first: on tensorflow, to set what is set already does nothing further down
            thawed.trainable = True  # what is trainable now and was not before is frozen; statistics never are
            stays = [s or t.trainable > w.trainable for s, t, w in zip(stays, thawed.weights, weights, strict=True)]
        self.travelling = [w for w, held in zip(weights, stays, strict=True) if not held]
        self._held = [w for w, held in zip(weights, stays, strict=True) if held]
        known = {id(weight) for weight in weights}
        self._streams = [v for v in self.model.variables if id(v) not in known]  # states of dropout and the like
        self.steady = all(weight.trainable for weight in self.travelling)
        self.model.compile(jit_compile=keras.backend.backend() == "jax")

    @property
    def held(self) -> str:
        """SHA-256 over what does not travel, as hex; empty where there is nothing."""
        digest = sha256()
        for weight in self._held:
            digest.update(as_array(weight).tobytes())
        return digest.hexdigest() if self._held else ""

    def load(self, values: Sequence[NDArray[np.floating]]) -> None:
        """Write what travels."""
        for weight, value in zip(self.travelling, values, strict=True):
            weight.assign(value)

    def read(self) -> list[NDArray[np.floating]]:
        """Read what travels."""
        return [as_array(weight) for weight in self.travelling]

    def begin(self, draws: Draws) -> None:
        """Begin the model's random streams anew, from a party's draws."""
        seeds = draws.raw("keras", len(self._streams)) >> np.uint64(33)
        for stream, seed in zip(self._streams, seeds, strict=True):
            stream.assign(np.array([seed, 0], np.uint32))

    def parts(self, X: NDArray[np.floating]) -> Any:
        """What the model's inputs get of `X [rows, features]`."""
        return parts(self.model, self.inputs, X)

    def score(self, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The margins `[rows, outputs]` of the model as it is after training; few sizes of batches are compiled."""
        padded = np.resize(X.astype(self.dtype, copy=False), (bucket(len(X)), X.shape[1]))
        out: NDArray[np.floating] = np.asarray(self.model.predict_on_batch(self.parts(padded)))[: len(X)]
        if self.chance and self.task != "regression":
            out = np.clip(out, _TINY, 1 - _TINY)
            out = np.log(out) - np.log1p(-out) if self.task == "binary" else np.log(out)
        return out

    def _check(self, weights: Sequence[Any]) -> None:
        rows = self.parts(np.zeros((2, len(self.inputs.names)), self.dtype))
        shape = tuple(self.model(rows, training=False).shape)
        if shape != (2, self.outputs):
            raise DataError(
                f"The model gives {list(shape[1:])} numbers a row and the task needs {self.outputs}.",
                mend="Change its last layer, or the trainer's task and classes.",
            )
        odd = sorted({weight.dtype for weight in weights if _is_float(weight)} - {self.dtype})
        if odd:
            raise ConfigError(
                f"The model's weights are {odd[0]} and the trainer computes in {self.dtype}.",
                "Keras on jax has float64 only where JAX_ENABLE_X64=1 stands in the environment.",
                f'Say dtype="{odd[0]}", or make the model in {self.dtype}.',
            )
        if not self.model.trainable_weights:
            raise ConfigError("The model has no trainable weight.", mend="Unfreeze at least its last layer.")


@lru_cache(maxsize=16)
def network(trainer: Keras, features: int) -> Network:
    """A trainer's model to score with, kept in the process; its weights are whatever was loaded last."""
    return Network(trainer, features)


def as_array(variable: Any) -> NDArray[Any]:
    """A copy of a Keras variable.

    Example:
        >>> as_array(keras.Variable([1.0])).tolist()
        [1.0]
    """
    return np.array(keras.ops.convert_to_numpy(variable.value))


def _is_float(weight: Any) -> bool:
    return str(weight.dtype).startswith("float")
