"""Losses: what training makes small, as functions of the margins `[n, b, k]` and the targets `[n, b, 1]`.

`n` parties, `b` rows each, `k` outputs. Sums over the outputs are products with ones: BLAS then takes each party by
itself, so that its bits do not depend on who else is in the stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, final

import numpy as np

from hansa.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.trainer import Task

Array: TypeAlias = "NDArray[np.floating[Any]]"


class Loss(Protocol):
    """One row's loss, its slope, and the prediction that it teaches."""

    @property
    def outputs(self) -> int:
        """The number `k` of margins a row has."""
        ...

    @property
    def task(self) -> Task:
        """What is learned with it."""
        ...

    def value(self, margin: Array, y: Array) -> Array:
        """The loss of each row `[n, b, 1]`."""
        ...

    def slope(self, margin: Array, y: Array) -> None:
        """Turn the margins into the loss's derivative by them, in place."""
        ...

    def predict(self, margin: Array) -> Array:
        """Turn margins `[rows, k]` into a prediction `[rows]`, or `[rows, k]` for several classes."""
        ...


@final
@dataclass(frozen=True)
class Logistic:
    """Log loss of an event: log(1 + exp(m)) - y m, with y in {0, 1}.

    Example:
        >>> Logistic().predict(np.array([[0.0], [-1000.0]])).tolist()
        [0.5, 0.0]
    """

    outputs: int = 1
    task: Task = "binary"

    def value(self, margin: Array, y: Array) -> Array:
        """The log loss of each row."""
        result: Array = np.logaddexp(0, margin) - y * margin
        return result

    def slope(self, margin: Array, y: Array) -> None:
        """Write sigmoid(m) - y."""
        sigmoid(margin)
        np.subtract(margin, y, out=margin)

    def predict(self, margin: Array) -> Array:
        """The probability of the event."""
        return sigmoid(margin[:, 0].copy())


@final
@dataclass(frozen=True)
class Softmax:
    """Log loss of one class among `outputs`: log(sum exp(m)) - m[y], with y in {0, ..., outputs - 1}.

    Raises:
        ConfigError: fewer than two classes.

    Example:
        >>> Softmax(2).predict(np.array([[1000.0, 0.0]])).tolist()
        [[1.0, 0.0]]
    """

    outputs: int
    task: Task = "multiclass"

    def __post_init__(self) -> None:
        """Check the number of classes."""
        if self.outputs < 2:
            raise ConfigError(
                f"A softmax over {self.outputs} classes has nothing to choose.", mend="Give classes >= 2."
            )

    def value(self, margin: Array, y: Array) -> Array:
        """The log loss of each row."""
        top = margin.max(axis=-1, keepdims=True)
        spread = np.log(_over_outputs(np.exp(margin - top)))
        result: Array = spread + top - _over_outputs(margin * self._chosen(margin, y))
        return result

    def slope(self, margin: Array, y: Array) -> None:
        """Write softmax(m) - 1[class = y]."""
        softmax(margin)
        np.subtract(margin, self._chosen(margin, y), out=margin)

    def predict(self, margin: Array) -> Array:
        """The probability of each class."""
        return softmax(margin.copy())

    def _chosen(self, margin: Array, y: Array) -> Array:
        chosen: Array = (y == np.arange(self.outputs)).astype(margin.dtype)
        return chosen


@final
@dataclass(frozen=True)
class Squared:
    """Half the squared error, (m - y)^2 / 2: least squares.

    Example:
        >>> Squared().value(np.array([[[3.0]]]), np.array([[[1.0]]])).item()
        2.0
    """

    outputs: int = 1
    task: Task = "regression"

    def value(self, margin: Array, y: Array) -> Array:
        """Half the squared error of each row."""
        result: Array = (margin - y) ** 2 / 2
        return result

    def slope(self, margin: Array, y: Array) -> None:
        """Write m - y."""
        np.subtract(margin, y, out=margin)

    def predict(self, margin: Array) -> Array:
        """The value itself."""
        return margin[:, 0].copy()


@final
@dataclass(frozen=True)
class SquaredSigmoid:
    """Half the squared error of a probability, (sigmoid(m) - y)^2 / 2 (half the score of Brier 1950), with y in [0, 1].

    Example:
        >>> SquaredSigmoid().value(np.array([[[0.0]]]), np.array([[[1.0]]])).item()
        0.125
    """

    outputs: int = 1
    task: Task = "binary"

    def value(self, margin: Array, y: Array) -> Array:
        """Half the squared error of each row's probability."""
        result: Array = (sigmoid(margin.copy()) - y) ** 2 / 2
        return result

    def slope(self, margin: Array, y: Array) -> None:
        """Write (p - y) p (1 - p) with p = sigmoid(m)."""
        p = sigmoid(margin)
        steep = p * (1 - p)
        np.subtract(p, y, out=margin)
        np.multiply(margin, steep, out=margin)

    def predict(self, margin: Array) -> Array:
        """The probability of the event."""
        return sigmoid(margin[:, 0].copy())


def loss_of(task: Task, classes: int) -> Loss:
    """What a task makes small: the log loss of an event or of a class, or half the squared error of a value.

    Raises:
        ConfigError: a number of classes that the task has not.

    Example:
        >>> loss_of("binary", 2), loss_of("multiclass", 3).outputs
        (Logistic(outputs=1, task='binary'), 3)
    """
    if classes < 2 or (task != "multiclass" and classes != 2):
        raise ConfigError(f"{classes} classes do not fit the task '{task}'.")
    if task == "binary":
        return Logistic()
    return Softmax(classes) if task == "multiclass" else Squared()


def sigmoid(x: Array) -> Array:
    """Turn `x` into 1 / (1 + exp(-x)), in place; where exp overflows to infinity the result is 0, as it should be.

    Example:
        >>> sigmoid(np.array([-1e4, 0.0, 1e4])).tolist()
        [0.0, 0.5, 1.0]
    """
    with np.errstate(over="ignore"):
        np.negative(x, out=x)
        np.exp(x, out=x)
        np.add(x, 1, out=x)
        return np.reciprocal(x, out=x)


def softmax(x: Array) -> Array:
    """Turn `x [..., k]` into exp(x) / sum exp(x) over the last axis, in place; the largest is taken off first.

    Example:
        >>> softmax(np.array([[0.0, 0.0], [1e4, 0.0]])).tolist()
        [[0.5, 0.5], [1.0, 0.0]]
    """
    np.subtract(x, x.max(axis=-1, keepdims=True), out=x)
    np.exp(x, out=x)
    return np.divide(x, _over_outputs(x), out=x)


def _over_outputs(x: Array) -> Array:
    result: Array = np.matmul(x, np.ones((x.shape[-1], 1), x.dtype))
    return result
