"""Optimisers: one step of a stack's parameters along its gradients, as flat operations on `[n, d]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, final

import numpy as np

if TYPE_CHECKING:
    from hansa.core.trainer import Local
    from hansa.trainers.losses import Array
    from hansa.trainers.memory import Memory

_FADE, _FADE_SQUARES, _EPSILON = 0.9, 0.999, 1e-8  # beta 1, beta 2 and epsilon of Kingma and Ba (2015)


class Optimizer(Protocol):
    """Moves parameters; what it remembers of each party begins at zero."""

    def move(self, w: Array, g: Array, parties: slice, step: int) -> None:
        """Move `w [m, d]`, the parameters of these parties, along `g [m, d]`, which is used up; steps count from 0."""
        ...


def optimizer(local: Local, n: int, d: int, memory: Memory) -> Optimizer:
    """Begin the optimiser that `local` names, for parameters `[n, d]`.

    Example:
        >>> from hansa.core.trainer import Local
        >>> from hansa.trainers.memory import Memory
        >>> w, g = np.ones((1, 2)), np.full((1, 2), 0.5)
        >>> optimizer(Local(learning_rate=1.0), 1, 2, Memory("float64")).move(w, g, slice(0, 1), 0)
        >>> w.tolist()
        [[0.5, 0.5]]
    """
    if local.optimizer == "adam":
        moments = [memory.take(name, n, d) for name in ("mean", "square", "adam")]
        return _Adam(local.learning_rate, *moments)
    if local.optimizer == "momentum":
        return _Momentum(local.learning_rate, local.momentum, memory.take("velocity", n, d))
    return _Sgd(local.learning_rate)


@final
class _Sgd:
    """w -= rate g."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def move(self, w: Array, g: Array, parties: slice, step: int) -> None:
        np.multiply(g, self._rate, out=g)
        np.subtract(w, g, out=w)


@final
class _Momentum:
    """v = momentum v + g; w -= rate v (Polyak 1964, in the form of Sutskever et al. 2013 that the field uses)."""

    def __init__(self, rate: float, momentum: float, velocity: Array) -> None:
        self._rate, self._momentum = rate, momentum
        self._velocity = velocity
        velocity[:] = 0

    def move(self, w: Array, g: Array, parties: slice, step: int) -> None:
        v = self._velocity[parties]
        np.multiply(v, self._momentum, out=v)
        np.add(v, g, out=v)
        np.multiply(v, self._rate, out=g)
        np.subtract(w, g, out=w)


@final
class _Adam:
    """Kingma and Ba (2015), algorithm 1: means of the gradient and of its square, both freed of their bias to zero."""

    def __init__(self, rate: float, mean: Array, square: Array, spare: Array) -> None:
        self._rate, self._mean, self._square, self._spare = rate, mean, square, spare
        mean[:] = square[:] = 0

    def move(self, w: Array, g: Array, parties: slice, step: int) -> None:
        mean, square, spare = self._mean[parties], self._square[parties], self._spare[parties]
        np.subtract(g, mean, out=spare)
        np.multiply(spare, 1 - _FADE, out=spare)
        np.add(mean, spare, out=mean)  # mean = 0.9 mean + 0.1 g
        np.multiply(g, g, out=g)
        np.subtract(g, square, out=g)
        np.multiply(g, 1 - _FADE_SQUARES, out=g)
        np.add(square, g, out=square)  # square = 0.999 square + 0.001 g^2
        np.divide(square, 1 - _FADE_SQUARES ** (step + 1), out=spare)
        np.sqrt(spare, out=spare)
        np.add(spare, _EPSILON, out=spare)
        np.divide(mean, spare, out=g)
        np.multiply(g, self._rate / (1 - _FADE ** (step + 1)), out=g)
        np.subtract(w, g, out=w)
