"""The coordinator's optimisers: what becomes of the combined update before it is added to the parameters.

The mean update is taken for a gradient turned round (Reddi et al. 2021, "Adaptive Federated Optimization", Algorithms 1
and 2). Their state is kept in float64; the step that leaves has the update's own precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from hansa.core.link import Link, Stage
from hansa.links.slots import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.load import Load, Vectors


@final
@dataclass(frozen=True)
class sgd(Link):
    """Add the mean update times a learning rate; 1 is plain averaging (Reddi et al. 2021, Algorithm 1).

    Raises:
        ConfigError: a learning rate that is not above 0.

    Example:
        >>> from hansa.core.load import Load
        >>> sgd(0.5).close(Load({"delta": np.array([[4.0]])}), {})[0]["delta"].tolist()
        [[2.0]]
    """

    stage: ClassVar[Stage] = "coordinator"

    learning_rate: float = 1.0

    def __post_init__(self) -> None:
        """Check the range."""
        _check("sgd", self.learning_rate)

    def close(self, total: Load, state: Vectors) -> tuple[Load, Vectors]:
        """Scale the mean update."""
        return _with_step(total, self.learning_rate * _mean(total)), state


@final
@dataclass(frozen=True)
class momentum(Link):
    """Add the learning rate times v, where v <- momentum v + mean update (Hsu et al. 2019, FedAvgM).

    Raises:
        ConfigError: a learning rate that is not above 0, or a momentum outside [0, 1).

    Example:
        >>> from hansa.core.load import Load
        >>> link, load = momentum(1.0, momentum=0.5), Load({"delta": np.array([[4.0]])})
        >>> _, state = link.close(load, link.begin(1))
        >>> link.close(load, state)[0]["delta"].tolist()
        [[6.0]]
    """

    stage: ClassVar[Stage] = "coordinator"

    learning_rate: float = 1.0
    momentum: float = 0.9

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check("momentum", self.learning_rate, momentum=self.momentum)

    def begin(self, size: int) -> Vectors:
        """Velocity 0."""
        return {"v": np.zeros(size)}

    def close(self, total: Load, state: Vectors) -> tuple[Load, Vectors]:
        """Step along the velocity."""
        v = self.momentum * state["v"] + _mean(total)
        return _with_step(total, self.learning_rate * v), {"v": v}


@final
@dataclass(frozen=True)
class adam(Link):
    """FedAdam: v <- beta2 v + (1 - beta2) delta^2 (Reddi et al. 2021, Algorithm 2).

    `eps` is the paper's tau; v begins at tau^2, and there is no bias correction.

    Raises:
        ConfigError: a learning rate or eps that is not above 0, or a beta outside [0, 1).

    Example:
        >>> from hansa.core.load import Load
        >>> link = adam(learning_rate=0.1, beta1=0.0, beta2=0.0)
        >>> link.close(Load({"delta": np.array([[4.0]])}), link.begin(1))[0]["delta"].round(3).tolist()
        [[0.1]]
    """

    stage: ClassVar[Stage] = "coordinator"

    learning_rate: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.99
    eps: float = 1e-3

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check("adam", self.learning_rate, self.eps, beta1=self.beta1, beta2=self.beta2)

    def begin(self, size: int) -> Vectors:
        """M is 0, v is eps^2."""
        return _moments(size, self.eps)

    def close(self, total: Load, state: Vectors) -> tuple[Load, Vectors]:
        """Step along m / (sqrt(v) + eps)."""
        delta = _mean(total)
        m = self.beta1 * state["m"] + (1 - self.beta1) * delta
        v = self.beta2 * state["v"] + (1 - self.beta2) * delta**2
        return _with_step(total, self.learning_rate * m / (np.sqrt(v) + self.eps)), {"m": m, "v": v}


@final
@dataclass(frozen=True)
class yogi(Link):
    """FedYogi: v <- v - (1 - beta2) delta^2 sign(v - delta^2) (Reddi et al. 2021, Algorithm 2).

    `eps` is the paper's tau; v begins at tau^2, and there is no bias correction.

    Raises:
        ConfigError: a learning rate or eps that is not above 0, or a beta outside [0, 1).

    Example:
        >>> from hansa.core.load import Load
        >>> link = yogi(learning_rate=0.1, beta1=0.0, beta2=0.0)
        >>> link.close(Load({"delta": np.array([[4.0]])}), link.begin(1))[0]["delta"].round(3).tolist()
        [[0.1]]
    """

    stage: ClassVar[Stage] = "coordinator"

    learning_rate: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.99
    eps: float = 1e-3

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check("yogi", self.learning_rate, self.eps, beta1=self.beta1, beta2=self.beta2)

    def begin(self, size: int) -> Vectors:
        """M is 0, v is eps^2."""
        return _moments(size, self.eps)

    def close(self, total: Load, state: Vectors) -> tuple[Load, Vectors]:
        """Step along m / (sqrt(v) + eps)."""
        delta = _mean(total)
        square = delta**2
        m = self.beta1 * state["m"] + (1 - self.beta1) * delta
        v = state["v"] - (1 - self.beta2) * square * np.sign(state["v"] - square)
        return _with_step(total, self.learning_rate * m / (np.sqrt(v) + self.eps)), {"m": m, "v": v}


@final
@dataclass(frozen=True)
class adagrad(Link):
    """FedAdagrad: v <- v + delta^2 (Reddi et al. 2021, Algorithm 2); beta1 is 0 in their experiments and here.

    `eps` is the paper's tau; v begins at tau^2.

    Raises:
        ConfigError: a learning rate or eps that is not above 0, or a beta outside [0, 1).

    Example:
        >>> from hansa.core.load import Load
        >>> link = adagrad(learning_rate=0.1)
        >>> link.close(Load({"delta": np.array([[4.0]])}), link.begin(1))[0]["delta"].round(3).tolist()
        [[0.1]]
    """

    stage: ClassVar[Stage] = "coordinator"

    learning_rate: float = 0.1
    beta1: float = 0.0
    eps: float = 1e-3

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check("adagrad", self.learning_rate, self.eps, beta1=self.beta1)

    def begin(self, size: int) -> Vectors:
        """M is 0, v is eps^2."""
        return _moments(size, self.eps)

    def close(self, total: Load, state: Vectors) -> tuple[Load, Vectors]:
        """Step along m / (sqrt(v) + eps)."""
        delta = _mean(total)
        m = self.beta1 * state["m"] + (1 - self.beta1) * delta
        v = state["v"] + delta**2
        return _with_step(total, self.learning_rate * m / (np.sqrt(v) + self.eps)), {"m": m, "v": v}


def _check(title: str, learning_rate: float, eps: float = 1.0, **fading: float) -> None:
    require(0 < learning_rate < np.inf, f"{title} needs a learning_rate above 0", learning_rate)
    require(0 < eps < np.inf, f"{title} needs eps above 0", eps)
    for name, value in fading.items():
        require(0 <= value < 1, f"{title} needs {name} in [0, 1)", value)


def _moments(size: int, eps: float) -> Vectors:
    return {"m": np.zeros(size), "v": np.full(size, eps**2)}


def _mean(total: Load) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = total["delta"][0].astype(np.float64)
    return mean


def _with_step(total: Load, step: NDArray[np.float64]) -> Load:
    return total.replace(delta=step[None, :].astype(total["delta"].dtype))
