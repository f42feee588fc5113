"""A stack of dense networks and their gradients, by hand.

Layer l of each party computes a_l = f(a_{l-1} W_l + b_l) from a_0 = X; the last has no f and gives the margins. With
the error e_l = d loss / d (a_{l-1} W_l + b_l), the gradients are (Rumelhart, Hinton and Williams 1986)

    W_l' = a_{l-1}^T e_l        b_l' = 1^T e_l        e_{l-1} = (e_l W_l^T) f'(a_{l-1})
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypedDict, final

import numpy as np

from hansa.trainers.ghost import Dense
from hansa.trainers.losses import sigmoid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hansa.trainers.losses import Array
    from hansa.trainers.memory import Memory


class Layer(TypedDict):
    """A dense layer: `weight [inputs, outputs]` and `bias [outputs]`; in a stack both lead with the parties."""

    weight: Array
    bias: Array


class Activation(Protocol):
    """A function f of each number by itself, with a derivative that its value tells."""

    def apply(self, a: Array, zeros: Array) -> None:
        """Turn `a [..., b, k]` into f(a), in place; `zeros [b, k]` are there to compare with."""
        ...

    def slope(self, a: Array) -> Array | NDArray[np.bool_]:
        """Where f has the value `a`, its derivative; booleans stand for 1 and 0."""
        ...


@final
@dataclass(frozen=True)
class Relu:
    """f(x) = max(x, 0).

    Example:
        >>> x = np.array([[-1.0, 2.0]])
        >>> Relu().apply(x, np.zeros_like(x)), x.tolist(), Relu().slope(x).tolist()
        (None, [[0.0, 2.0]], [[False, True]])
    """

    def apply(self, a: Array, zeros: Array) -> None:
        """max(a, 0), in place."""
        np.maximum(a, zeros, out=a)  # numpy compares with an array three times as fast as with a number

    def slope(self, a: Array) -> NDArray[np.bool_]:
        """1 where a > 0, else 0."""
        result: NDArray[np.bool_] = a > 0
        return result


@final
@dataclass(frozen=True)
class Tanh:
    """f(x) = tanh(x), f' = 1 - f^2.

    Example:
        >>> Tanh().slope(np.array([0.0, 1.0])).tolist()
        [1.0, 0.0]
    """

    def apply(self, a: Array, zeros: Array) -> None:
        """tanh(a), in place."""
        np.tanh(a, out=a)

    def slope(self, a: Array) -> Array:
        """1 - a^2."""
        result: Array = 1 - a * a
        return result


@final
@dataclass(frozen=True)
class Sigmoid:
    """f(x) = 1 / (1 + exp(-x)), f' = f (1 - f).

    Example:
        >>> Sigmoid().slope(np.array([0.5, 1.0])).tolist()
        [0.25, 0.0]
    """

    def apply(self, a: Array, zeros: Array) -> None:
        """sigmoid(a), in place."""
        sigmoid(a)

    def slope(self, a: Array) -> Array:
        """Compute a (1 - a)."""
        return a * (1 - a)


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({"relu": Relu(), "tanh": Tanh(), "sigmoid": Sigmoid()})


@final
class Network:
    """The networks of `m` parties on batches of `b` rows, with the memory that these need.

    Example:
        >>> from hansa.trainers.memory import Memory
        >>> w = [{"weight": np.full((1, 2, 1), 3.0), "bias": np.ones((1, 1))}]
        >>> g = [{"weight": np.empty((1, 2, 1)), "bias": np.empty((1, 1))}]
        >>> network, X = Network(w, g, Relu(), 1, Memory("float64")), np.array([[[1.0, 2.0]]])
        >>> network.forward(X).item()
        10.0
        >>> network.backward(X, np.array([[[0.5]]]))
        >>> g[0]["weight"].ravel().tolist(), g[0]["bias"].item()
        ([0.5, 1.0], 0.5)
    """

    def __init__(self, layers: list[Layer], slopes: list[Layer], f: Activation, b: int, memory: Memory) -> None:
        """Take parameters and the place for gradients, both `[m, ...]`."""
        weights = [layer["weight"] for layer in layers]
        self._f, self._weights, self._weight_slopes = f, weights, [slope["weight"] for slope in slopes]
        self._biases = [layer["bias"][:, None, :] for layer in layers]
        self._bias_slopes = [slope["bias"][:, None, :] for slope in slopes]
        self._ones = np.ones((1, b), weights[0].dtype)
        m, widths = len(weights[0]), list(enumerate(w.shape[2] for w in weights))
        self._a = [memory.take(f"a{place}", m, b, k) for place, k in widths]
        self._a_turned = [_turned(a) for a in self._a]
        self._e = [memory.take(f"e{place}", m, b, k) for place, k in widths]
        self._e_turned = [memory.take(f"e{place} turned", m, k, b) for place, k in widths]
        self._w_turned = [memory.take(f"w{place} turned", m, *w.shape[:0:-1]) for place, w in enumerate(weights)]
        self._zeros = [np.zeros(a.shape[1:], a.dtype) for a in self._a]

    def forward(self, X: Array) -> Array:
        """The margins `[m, b, k]` of `X [m, b, features]`; every layer's values are kept for the way back."""
        below, last = X, len(self._a) - 1
        for place, a in enumerate(self._a):
            np.matmul(below, self._weights[place], out=a)
            np.add(a, self._biases[place], out=a)
            if place < last:
                self._f.apply(a, self._zeros[place])
            below = a
        return below

    def layers(self, X: Array, error: Array) -> list[Dense]:
        """Every layer of one party, with its error, from the last layer's error `[1, b, k]` down."""
        found = []
        for place in reversed(range(len(self._a))):
            below = self._a[place - 1] if place else X
            slopes = self._weight_slopes[place][0], self._bias_slopes[place][0, 0]
            found.append(Dense(below[0], error[0], *slopes))
            if place:
                error = self._through(place, error)
        return found

    def backward(self, X: Array, error: Array) -> None:
        """Write every layer's gradients, from the last layer's error `[m, b, k]` down."""
        for place in reversed(range(len(self._a))):
            below_turned = self._a_turned[place - 1] if place else _turned(X)
            np.matmul(below_turned, error, out=self._weight_slopes[place])
            np.matmul(self._ones, error, out=self._bias_slopes[place])
            if place:
                error = self._through(place, error)

    def _through(self, place: int, error: Array) -> Array:
        """The error one layer down: (e W^T) f'(a)."""
        weight, below = self._weights[place], self._e[place - 1]
        slope = self._f.slope(self._a[place - 1])
        if weight.shape[2] == 1:
            np.multiply(error, _turned(weight), out=below)
            np.multiply(below, slope, out=below)
            return below
        # BLAS is slow where it has to turn its second operand round: the smaller one is turned beforehand.
        if error.shape[1] >= error.shape[2]:
            np.copyto(self._w_turned[place], _turned(weight))
            np.matmul(error, self._w_turned[place], out=below)
            np.multiply(below, slope, out=below)
            return below
        turned, below_turned = self._e_turned[place], self._e_turned[place - 1]  # the same product as (W e^T)^T
        np.copyto(turned, _turned(error))
        np.matmul(weight, turned, out=below_turned)
        np.multiply(_turned(below_turned), slope, out=below)
        return below


def _turned(x: Array) -> Array:
    return x.transpose(0, 2, 1)
