"""Any torch network as a trainer: what it is and how it may be trained; the training itself stands in `fit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, final

from torch import nn

from hansa.core.trainer import Inputs, Local, Task
from hansa.errors import ConfigError
from hansa.trainers.losses import Loss, loss_of
from hansa.trainers.on_torch import export, fit
from hansa.trainers.on_torch.network import network
from hansa.trainers.on_torch.ready import Given, Made, Module, Own, mlp

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.load import Load
    from hansa.core.pytree import Params
    from hansa.core.trainer import Design, Honour, Start


@final
@dataclass(frozen=True)
class Torch:
    """A `torch.nn.Module` that learns an event, one of `classes`, or a value (`task`).

    The loss is log loss, or half the squared error of a value, unless `own` has another. `optimizer` names a class of
    `torch.optim` whose rate is `Local`'s; empty means `Local`'s own. `epochs` and `batch` (0: as `Local` says) stand
    before `Local`'s. `l2`/2 times the squared norm of all weights is added; biases are free. With `vectorize` parties
    are trained as one stack where the network allows it: within 1e-6 of a lone party; without, the same bits.
    `output`: whether the network gives margins or probabilities ("chance"); "auto" looks at its loss and last layer.
    `head`: which of several outputs is scored, from 0 (-1: there is one); one's own loss is given all of them.
    `device`: "auto" takes a GPU where there is one. What travels is every trainable parameter and every buffer of
    floats, such as a batch norm's statistics; frozen parameters and whole-number buffers stay.

    Raises:
        ConfigError: a setting outside its range.

    Example:
        >>> import numpy as np
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design
        >>> trainer, draws = Torch(mlp(hidden=(8,))), Draws(7, "bank-a")
        >>> params = trainer.init(2, "random", draws)
        >>> data = Design(np.eye(2, dtype=np.float32), np.array([0.0, 1.0]))
        >>> trainer.fit(params, data, Local(epochs=3), draws)["delta"].shape
        (1, 33)
    """

    module: Module = field(default_factory=mlp)
    task: Task = "binary"
    classes: int = 2
    output: Literal["auto", "margin", "chance"] = "auto"
    head: int = -1
    optimizer: str = ""
    epochs: int = 0
    batch: int = 0
    l2: float = 0.0
    dtype: Literal["float32", "float64"] = "float32"
    vectorize: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 1
    own: Own | None = None
    inputs: Inputs = field(default_factory=lambda: Inputs((), ()))

    def __post_init__(self) -> None:
        """Check the settings."""
        self.loss  # noqa: B018 - making it checks the classes
        if min(self.epochs, self.batch, self.threads - 1) < 0 or not 0 <= self.l2 < float("inf"):
            raise ConfigError("epochs, batch and l2 must be at least 0, and threads at least 1.")
        if self.head >= 0 and (self.own is None or self.own.loss is None):
            raise ConfigError("There are several outputs and one loss.", mend="Pass a loss of all outputs, or no head.")
        if self.output == "chance" and self.task == "regression":
            raise ConfigError("A value is no probability.", mend='Say output="margin", or another task.')
        if self.optimizer and self.own is not None and self.own.optimizer is not None:
            raise ConfigError("There are two optimisers.", mend="Name one, or pass one.")

    @property
    def honours(self) -> frozenset[Honour]:
        """The wishes of links that `fit` keeps: prox, tilt and per_record."""
        return frozenset({"prox", "tilt", "per_record"})

    @property
    def loss(self) -> Loss:
        """What the task makes small, unless `own` has another loss."""
        return loss_of(self.task, self.classes)

    def reading(self, inputs: Inputs) -> Torch:
        """The same trainer for designs of these columns."""
        return replace(self, inputs=inputs)

    def held(self, features: int) -> str:
        """SHA-256 over frozen parameters and whole-number buffers, as hex; empty where there are none."""
        return network(self, features).held

    def init(self, features: int, start: Start, draws: Draws) -> Params:
        """The first parameters, as torch draws them from a seed of the job's.

        Raises:
            ConfigError: a start from zero although there are several layers.
        """
        return dict(fit.first(self, features, start, draws))

    def fit(self, params: Params, data: Design, local: Local, draws: Draws) -> Load:
        """Train on one party's rows: `delta [1, d]`, `rows [1, 1]`, `loss [1, 1]`."""
        return self.fit_many(params, [data], local, [draws])

    def fit_many(self, params: Params, data: Sequence[Design], local: Local, draws: Sequence[Draws]) -> Load:
        """Train `n` parties from the same parameters, as one stack or one after another; see `how`."""
        return fit.fit_many(self, params, data, local.by(self.epochs, self.batch), draws)

    def how(self, features: int) -> str:
        """How several parties are trained, and why, as a sentence."""
        why = fit.why_one_by_one(self, features)
        return f"One party after another: {why}." if why else "A stack of parties at once."

    def margin(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The network's outputs: `[rows]`, or `[rows, classes]` for several classes."""
        margin = fit.margins(self, params, X)
        return margin if self.loss.outputs > 1 else margin[:, 0]

    def predict(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The probability of the event `[rows]`, of each class `[rows, classes]`, or the value `[rows]`."""
        return self.loss.predict(fit.margins(self, params, X))

    def onnx(self, params: Params, features: int) -> bytes:
        """The network as an ONNX file, see `to_onnx`; raises ConfigError without the extra `onnx`."""
        return export.to_onnx(self, params, features)


def on_torch(
    module: Any,
    *,
    loss: Callable[..., Any] | None = None,
    optimizer: str | Callable[..., Any] = "",
    scheduler: Callable[..., Any] | None = None,
    epochs: int = 0,
    batch: int = 0,
    **settings: Any,
) -> Torch:
    """Federate a network as it is: a `torch.nn.Module` (its weights are the start), or what makes one.

    A factory takes nothing, or `Inputs`. A `forward` that takes `numbers`, `codes` or `texts` gets those columns, any
    other gets `X [rows, features]`. `loss`, `optimizer` and `scheduler` are as in `Own`; `settings` as in `Torch`.

    Raises:
        ConfigError: no network, or a setting that `Torch` does not have.

    Example:
        >>> import torch
        >>> from hansa.core.draws import Draws
        >>> trainer = on_torch(lambda inputs: torch.nn.Linear(len(inputs.names), 1), optimizer="AdamW", batch=64)
        >>> trainer.init(3, "random", Draws(0, "start"))["net.weight"].shape, trainer.batch
        ((1, 3), 64)
    """
    if isinstance(module, nn.Module):
        made: Module = Given.of(module)
    elif not isinstance(module, type) and callable(getattr(module, "build", None)):
        made = module
    elif callable(module):
        made = Made(module)
    else:
        raise ConfigError("There is no network.", mend="Pass a torch.nn.Module, or a function that makes one.")
    named = optimizer if isinstance(optimizer, str) else ""
    callables = (loss, None if isinstance(optimizer, str) else optimizer, scheduler)
    own = Own(*callables) if any(one is not None for one in callables) else None
    try:
        return Torch(made, optimizer=named, epochs=epochs, batch=batch, own=own, **settings)
    except TypeError as error:
        raise ConfigError("A torch trainer has no such setting.", f"{error}.") from None
