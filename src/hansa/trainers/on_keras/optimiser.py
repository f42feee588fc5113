"""Keras's optimisers, and what of a step's gradient does not come from rows.

Example:
    >>> weight = keras.Variable([[1.0], [2.0]])
    >>> pulled = Pulled(named("sgd", Local(learning_rate=0.5)), l2=0.1, clip_norm=None)
    >>> pulled.build([weight])
    >>> pulled.apply([keras.ops.zeros((2, 1))])
    >>> as_array(weight).round(3)[:, 0]
    array([0.95, 1.9 ], dtype=float32)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from numpy.typing import NDArray

from hansa.core.trainer import Local
from hansa.errors import ConfigError
from hansa.trainers.on_keras import configs
from hansa.trainers.on_keras.backend import library
from hansa.trainers.on_keras.network import as_array

keras = library()

_EPSILON = 1e-8  # the house's, where Keras takes 1e-7


def named(name: str, local: Local) -> Any:
    """A fresh optimiser: the one that `Local` names, one of Keras's by name at the local rate, or a configured one.

    Raises:
        ConfigError: Keras has none of this name.
    """
    if name.startswith("{"):
        found = configs.read(name)
    elif (name or local.optimizer) == "adam":
        found = keras.optimizers.Adam(local.learning_rate, epsilon=_EPSILON)
    elif (name or local.optimizer) in {"sgd", "momentum"}:
        momentum = local.momentum if (name or local.optimizer) == "momentum" else 0.0
        found = keras.optimizers.SGD(local.learning_rate, momentum=momentum)
    else:
        try:
            found = keras.optimizers.get(name)
        except ValueError:
            found = None
    if not isinstance(found, keras.optimizers.Optimizer):
        raise ConfigError(f"Keras has no optimiser '{name}'.", mend="Name one of its classes, such as AdamW.")
    return found


@final
class Pulled(keras.optimizers.Optimizer):  # type: ignore[misc, name-defined]  # it has no types
    """An optimiser behind penalty, prox and tilt: they are added to the gradients, and the norm of all is bounded."""

    def __init__(self, inner: Any, l2: float, clip_norm: float | None) -> None:
        """Take the optimiser that makes the step."""
        super().__init__(learning_rate=0.0)
        self.inner, self.l2, self.clip_norm = inner, l2, clip_norm

    def build(self, variables: Sequence[Any]) -> None:
        """Lay out where the round's model and the tilt are kept."""
        if self.built:
            return
        super().build(variables)
        self.inner.build(variables)
        self.prox = self.add_variable((), initializer="zeros", dtype=variables[0].dtype, name="prox")
        self.origin = self.add_optimizer_variables(variables, "origin")
        self.tilt = self.add_optimizer_variables(variables, "tilt")
        self.begun = [as_array(variable) for variable in self.variables]

    @property
    def variables(self) -> list[Any]:
        """All that changes from step to step, the inner optimiser's too."""
        return [*super().variables, *self.inner.variables]

    def begin(self, prox: float, origin: Sequence[NDArray[Any]], tilt: Sequence[NDArray[Any]] | None) -> None:
        """Forget what was remembered, and take a round's wishes."""
        for variable, value in zip(self.variables, self.begun, strict=True):
            variable.assign(value)
        self.prox.assign(prox)
        if prox:
            for variable, value in zip(self.origin, origin, strict=True):
                variable.assign(value)
        for variable, value in zip(self.tilt, tilt or (), strict=False):
            variable.assign(value)

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """One step; what no row of the batch went through has no gradient from it."""
        ops, variables = keras.ops, self._trainable_variables
        whole = []
        for g, w, middle, tilt in zip(grads, variables, self.origin, self.tilt, strict=True):
            own = ops.zeros(w.shape, w.dtype) if g is None else ops.convert_to_tensor(g)
            decay = self.l2 if len(w.shape) > 1 else 0.0
            whole.append(own + decay * w + self.prox * (w - middle) + tilt)
        if self.clip_norm is not None:
            norm = ops.sqrt(sum(ops.sum(g * g) for g in whole))
            factor = ops.where(norm > self.clip_norm, self.clip_norm / norm, 1.0)
            whole = [g * factor for g in whole]
        self.inner.apply(whole, trainable_variables)
