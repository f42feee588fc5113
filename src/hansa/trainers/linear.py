"""Linear models by gradient descent: logistic, least squares and multinomial."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, cast, final

import numpy as np

from hansa.core.pytree import ravel
from hansa.errors import ConfigError
from hansa.trainers.descent import Objective, descend
from hansa.trainers.ghost import Dense
from hansa.trainers.losses import Logistic, Softmax, Squared
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


@final
@dataclass(frozen=True)
class Linear:
    """Margins that are linear in the columns: m = x coef + intercept.

    `loss` is `logistic` (an event), `squared` (a value; half the squared error) or `multinomial` (one of `classes`).
    What is made small is the mean loss + l2/2 ||coef||^2; the intercept is free. Parameters: `coef [features, k]` and
    `intercept [k]`, with k = 1 but for several classes.

    Raises:
        ConfigError: an unknown loss or precision, a negative `l2`, or `classes` that do not fit the loss.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design, Local
        >>> trainer, draws = Linear(l2=0.01), Draws(7, "bank-a")
        >>> data = Design(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.0, 0.0, 1.0, 1.0]))
        >>> params = trainer.init(1, "zero", draws)
        >>> load = trainer.fit(params, data, Local(epochs=50, learning_rate=0.5), draws)
        >>> load["delta"].shape, bool(load["delta"][0, 0] > 0)
        ((1, 2), True)
    """

    loss: Literal["logistic", "squared", "multinomial"] = "logistic"
    l2: float = 0.0
    classes: int = 2
    intercept: bool = True
    dtype: Literal["float32", "float64"] = "float64"

    def __post_init__(self) -> None:
        """Check each setting."""
        if self.loss not in {"logistic", "squared", "multinomial"}:
            raise ConfigError(f"There is no loss '{self.loss}'.", mend="Known: logistic, multinomial, squared.")
        if self.dtype not in {"float32", "float64"}:
            raise ConfigError(f"There is no precision '{self.dtype}'.", mend="Known: float32, float64.")
        if not 0 <= self.l2 < float("inf"):
            raise ConfigError(f"l2 is {self.l2}; it must be 0 or more.")
        if self.classes < 2 or (self.loss != "multinomial" and self.classes != 2):
            raise ConfigError(
                f"{self.classes} classes do not fit the {self.loss} loss.",
                mend='Several classes need loss="multinomial".',
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
        """Zeros, or `coef` uniform within sqrt(6 / (features + k)) (Glorot and Bengio 2010, eq. 16)."""
        k = self._loss().outputs
        coef = np.zeros((features, k), self.dtype)
        if start == "random":
            unit = draws.uniform("layer-0", features * k).reshape(features, k)
            coef = ((2 * unit - 1) * np.sqrt(6 / (features + k))).astype(self.dtype)
        return {"coef": coef, "intercept": np.zeros(k, self.dtype)} if self.intercept else {"coef": coef}

    def fit(self, params: Params, data: Design, local: Local, draws: Draws) -> Load:
        """Train on one party's rows: `delta [1, d]`, `rows [1, 1]`, `loss [1, 1]`."""
        return self.fit_many(params, [data], local, [draws])

    def fit_many(self, params: Params, data: Sequence[Design], local: Local, draws: Sequence[Draws]) -> Load:
        """Train `n` parties from the same parameters; each row of `delta [n, d]` as `fit` gives it alone."""
        leaves = _leaves(params)
        penalty: Params | None = None
        if self.l2:
            penalty = {name: np.full_like(leaf, self.l2 if name == "coef" else 0) for name, leaf in leaves.items()}
        features, k = leaves["coef"].shape
        if local.private is not None:
            goal = Goal(lambda w: Ghost(_Line, self._loss(), ravel(params)[1], w), features, penalty)
            return descend_privately(goal, params, data, local)
        return descend(
            Objective(self._loss(), _Line, penalty, features, room=2 * k, pool=self._pool), params, data, local, draws
        )

    def margin(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The linear score: `[rows]`, or `[rows, classes]` for the multinomial loss."""
        margin = self._margins(params, X)
        return margin if self.loss == "multinomial" else margin[:, 0]

    def predict(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The probability of the event `[rows]`, of each class `[rows, classes]`, or the value `[rows]`."""
        return self._loss().predict(self._margins(params, X))

    @cached_property
    def _pool(self) -> Pool:
        """Working memory for the next fit; no part of what the trainer is."""
        return Pool()

    def _loss(self) -> Loss:
        if self.loss == "multinomial":
            return Softmax(self.classes)
        return Logistic() if self.loss == "logistic" else Squared()

    def _margins(self, params: Params, X: Array) -> Array:
        leaves = _leaves(params)
        margin: Array = np.asarray(X, leaves["coef"].dtype) @ leaves["coef"]
        return margin + leaves["intercept"] if self.intercept else margin


@final
class _Line:
    """m = X coef + intercept and its gradients: coef' = X^T error, intercept' = 1^T error."""

    def __init__(self, params: Params, slopes: Params, b: int, memory: Memory) -> None:
        self._params, self._slopes = _leaves(params), _leaves(slopes)
        coef = self._params["coef"]
        self._margin = memory.take("margin", len(coef), b, coef.shape[2])
        self._ones = np.ones((1, b), coef.dtype)

    def forward(self, X: Array) -> Array:
        np.matmul(X, self._params["coef"], out=self._margin)
        if "intercept" in self._params:
            np.add(self._margin, self._params["intercept"][:, None, :], out=self._margin)
        return self._margin

    def layers(self, X: Array, error: Array) -> list[Dense]:
        intercept = self._slopes["intercept"][0] if "intercept" in self._slopes else None
        return [Dense(X[0], error[0], self._slopes["coef"][0], intercept)]

    def backward(self, X: Array, error: Array) -> None:
        np.matmul(X.transpose(0, 2, 1), error, out=self._slopes["coef"])
        if "intercept" in self._slopes:
            np.matmul(self._ones, error, out=self._slopes["intercept"][:, None, :])


def _leaves(params: Params) -> dict[str, Array]:
    return cast("dict[str, Array]", params)
