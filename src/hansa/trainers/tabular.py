"""Neural networks for tables: dense layers, any number of them, with gradients by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, cast, final

import numpy as np

from hansa.core.pytree import ravel
from hansa.errors import ConfigError
from hansa.trainers.descent import Objective, descend
from hansa.trainers.layers import ACTIVATIONS, Layer, Network
from hansa.trainers.losses import Logistic, Softmax, Squared, SquaredSigmoid
from hansa.trainers.memory import Pool
from hansa.trainers.private import Ghost, Goal, descend_privately

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.load import Load
    from hansa.core.pytree import Params
    from hansa.core.trainer import Design, Honour, Local, Start, Task
    from hansa.trainers.losses import Array, Loss
    from hansa.trainers.memory import Memory

_CHOICES = {
    "activation": ("relu", "tanh", "sigmoid"),
    "loss": ("cross_entropy", "squared"),
    "output": ("linear", "sigmoid"),
    "dtype": ("float32", "float64"),
}


@final
@dataclass(frozen=True)
class Tabular:
    """A multilayer perceptron: dense hidden layers of the given widths, then one of outputs.

    With `loss="cross_entropy"` it learns an event, or one of `classes`. With `loss="squared"` (half the squared error)
    it learns a value, or with `output="sigmoid"` the probability of an event. What is made small is the mean loss +
    l2/2 ||weights||^2; biases are free. Parameters: a list of `{"weight": [inputs, outputs], "bias": [outputs]}`.

    Raises:
        ConfigError: an unknown choice, a width below 1, a negative `l2`, `classes` or `output` that do not fit.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design, Local
        >>> trainer, draws = Tabular(hidden=(8,)), Draws(7, "bank-a")
        >>> params = trainer.init(2, "random", draws)
        >>> data = Design(np.eye(2, dtype=np.float32), np.array([0.0, 1.0]))
        >>> trainer.fit(params, data, Local(epochs=3), draws)["delta"].shape
        (1, 33)
    """

    hidden: tuple[int, ...] = (64, 32)
    activation: Literal["relu", "tanh", "sigmoid"] = "relu"
    loss: Literal["cross_entropy", "squared"] = "cross_entropy"
    classes: int = 2
    output: Literal["linear", "sigmoid"] = "linear"
    l2: float = 0.0
    dtype: Literal["float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        """Check each setting."""
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"There is no {name} '{getattr(self, name)}'.", mend=f"Known: {', '.join(known)}.")
        if any(width < 1 for width in self.hidden):
            raise ConfigError(f"A hidden layer is narrower than 1: {self.hidden}.")
        if not 0 <= self.l2 < float("inf"):
            raise ConfigError(f"l2 is {self.l2}; it must be 0 or more.")
        if self.classes < 2 or (self.loss == "squared" and self.classes != 2):
            raise ConfigError(
                f"{self.classes} classes do not fit the {self.loss} loss.",
                mend='Several classes need loss="cross_entropy".',
            )
        if self.loss == "cross_entropy" and self.output != "linear":
            raise ConfigError(
                f'output="{self.output}" is for the squared loss.',
                "The cross entropy squashes the margin itself.",
                'Leave output at "linear".',
            )

    @property
    def task(self) -> Task:
        """What is learned: an event, one of several classes, or a value."""
        return self._loss().task

    @property
    def honours(self) -> frozenset[Honour]:
        """The wishes of links that `fit` keeps: prox, tilt and per_record."""
        return frozenset({"prox", "tilt", "per_record"})

    def init(self, features: int, start: Start, draws: Draws) -> Params:
        """Weights uniform within sqrt(6 / inputs) before a relu, else sqrt(6 / (inputs + outputs)); biases zero.

        The bounds are those of He et al. (2015, eq. 10) and Glorot and Bengio (2010, eq. 16).

        Raises:
            ConfigError: a start from zero although there are hidden layers.
        """
        if start == "zero" and self.hidden:
            raise ConfigError(
                "A network with hidden layers cannot start from zero.",
                "All its units would stay the same for ever.",
                'Say start="random".',
            )
        layers: list[Params] = []
        for place, (inputs, outputs) in enumerate(pairwise((features, *self.hidden, self._loss().outputs))):
            relu = self.activation == "relu" and place < len(self.hidden)
            bound = 0.0 if start == "zero" else np.sqrt(6 / (inputs if relu else inputs + outputs))
            unit = draws.uniform(f"layer-{place}", inputs * outputs).reshape(inputs, outputs)
            weight = ((2 * unit - 1) * bound).astype(self.dtype)
            layers.append({"weight": weight, "bias": np.zeros(outputs, self.dtype)})
        return layers

    def fit(self, params: Params, data: Design, local: Local, draws: Draws) -> Load:
        """Train on one party's rows: `delta [1, d]`, `rows [1, 1]`, `loss [1, 1]`."""
        return self.fit_many(params, [data], local, [draws])

    def fit_many(self, params: Params, data: Sequence[Design], local: Local, draws: Sequence[Draws]) -> Load:
        """Train `n` parties from the same parameters; each row of `delta [n, d]` as `fit` gives it alone."""
        layers = _layers(params)
        penalty: Params | None = None
        if self.l2:
            penalty = [
                {"weight": np.full_like(layer["weight"], self.l2), "bias": np.zeros_like(layer["bias"])}
                for layer in layers
            ]
        if local.private is not None:
            goal = Goal(
                lambda w: Ghost(self._bind, self._loss(), ravel(params)[1], w), layers[0]["weight"].shape[0], penalty
            )
            return descend_privately(goal, params, data, local)
        widths = sum(layer["weight"].shape[1] for layer in layers)
        objective = Objective(
            self._loss(), self._bind, penalty, layers[0]["weight"].shape[0], room=4 * widths, pool=self._pool
        )
        return descend(objective, params, data, local, draws)

    def margin(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The last layer's sums: `[rows]`, or `[rows, classes]` for several classes."""
        margin = self._margins(params, X)
        return margin if self._loss().outputs > 1 else margin[:, 0]

    def predict(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The probability of the event `[rows]`, of each class `[rows, classes]`, or the value `[rows]`."""
        return self._loss().predict(self._margins(params, X))

    @cached_property
    def _pool(self) -> Pool:
        """Working memory for the next fit; no part of what the trainer is."""
        return Pool()

    def _loss(self) -> Loss:
        if self.loss == "cross_entropy":
            return Logistic() if self.classes == 2 else Softmax(self.classes)
        return SquaredSigmoid() if self.output == "sigmoid" else Squared()

    def _bind(self, params: Params, slopes: Params, b: int, memory: Memory) -> Network:
        return Network(_layers(params), _layers(slopes), ACTIVATIONS[self.activation], b, memory)

    def _margins(self, params: Params, X: Array) -> Array:
        layers, f = _layers(params), ACTIVATIONS[self.activation]
        a: Array = np.asarray(X, layers[0]["weight"].dtype)
        for layer in layers[:-1]:
            a = a @ layer["weight"] + layer["bias"]
            f.apply(a, np.zeros_like(a))
        result: Array = a @ layers[-1]["weight"] + layers[-1]["bias"]
        return result


def _layers(params: Params) -> list[Layer]:
    return cast("list[Layer]", params)
