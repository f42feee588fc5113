"""Any Keras model as a trainer: what it is and how it may be trained; Keras itself is loaded when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, final

from hansa.core.trainer import Inputs, Local, Task
from hansa.errors import ConfigError
from hansa.trainers.losses import Loss, loss_of
from hansa.trainers.on_keras.backend import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.load import Load
    from hansa.core.pytree import Params
    from hansa.core.trainer import Design, Honour, Start


@final
@dataclass(frozen=True, eq=False)
class Own:
    """What no job file can hold: a function that makes the model, weights to start from, a loss `(y, outputs)`.

    Example:
        >>> Own().weights
        ()
    """

    factory: Callable[..., Any] | None = None
    weights: tuple[NDArray[np.generic], ...] = ()
    loss: Callable[..., Any] | None = None


@final
@dataclass(frozen=True)
class Keras:
    """A Keras 3 model that learns an event, one of `classes`, or a value (`task`), by Keras's own training step.

    The model is made of dense layers (`hidden`, `activation`, `dropout`; codes and texts come in as vectors of
    `embedding` numbers), of a `config` that `model.to_json()` wrote, or one's `own`. `loss` is a name of Keras's; empty
    means log loss, or half the squared error of a value. `optimizer` is a name of Keras's whose rate is `Local`'s, or
    the configuration of one, with its own rate; empty means `Local`'s own. `output`: whether the model gives margins or
    probabilities ("chance"); "auto" looks whether its last layer ends in a sigmoid or softmax. `epochs` and `batch`
    (0: as `Local` says) stand before `Local`'s. `l2`/2 times the squared norm of all weights is added; biases are free.
    What travels is every trainable weight and the statistics of batch norms; frozen weights, whole numbers and the
    state of random generators stay. `backend`: empty takes the one that Keras stands on.

    Raises:
        ConfigError: a setting outside its range.

    Example:
        >>> import numpy as np
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design
        >>> trainer, draws = Keras(hidden=(8,)), Draws(7, "bank-a")
        >>> params = trainer.init(2, "random", draws)
        >>> data = Design(np.eye(2, dtype=np.float32), np.array([0.0, 1.0]))
        >>> trainer.fit(params, data, Local(epochs=3), draws)["delta"].shape
        (1, 33)
    """

    hidden: tuple[int, ...] = (64, 32)
    activation: Literal["relu", "gelu", "tanh"] = "relu"
    dropout: float = 0.0
    embedding: int = 8
    config: str = ""
    task: Task = "binary"
    classes: int = 2
    loss_name: str = ""
    optimizer: str = ""
    output: Literal["auto", "margin", "chance"] = "auto"
    epochs: int = 0
    batch: int = 0
    l2: float = 0.0
    dtype: Literal["float32", "float64"] = "float32"
    backend: Literal["", "jax", "torch", "tensorflow"] = ""
    own: Own | None = None
    inputs: Inputs = field(default_factory=lambda: Inputs((), ()))

    def __post_init__(self) -> None:
        """Check the settings."""
        self.loss  # noqa: B018 - making it checks the classes
        if min(self.epochs, self.batch, *self.hidden, 0) < 0 or 0 in self.hidden or not 0 <= self.l2 < float("inf"):
            raise ConfigError("epochs, batch and l2 must be at least 0, and hidden layers at least 1 wide.")
        if not 0 <= self.dropout < 1 or self.embedding < 1:
            raise ConfigError("dropout must be in [0, 1), and embedding at least 1.")

    @property
    def honours(self) -> frozenset[Honour]:
        """The wishes of links that `fit` keeps: prox and tilt."""
        return frozenset({"prox", "tilt"})

    @property
    def loss(self) -> Loss:
        """What turns margins into predictions, and what is made small unless another loss is given."""
        return loss_of(self.task, self.classes)

    def reading(self, inputs: Inputs) -> Keras:
        """The same trainer for designs of these columns."""
        return replace(self, inputs=inputs)

    def held(self, features: int) -> str:
        """SHA-256 over frozen weights and whole numbers, as hex; empty where there are none."""
        held: str = _room(self).network(self, features).held
        return held

    def init(self, features: int, start: Start, draws: Draws) -> Params:
        """The first weights, as the model's initialisers draw them from a seed of the job's, or one's own.

        Raises:
            ConfigError: a start from zero although there are several layers, or a model for other columns.
        """
        params: Params = _room(self).first(self, features, start, draws)
        return params

    def fit(self, params: Params, data: Design, local: Local, draws: Draws) -> Load:
        """Train on one party's rows: `delta [1, d]`, `rows [1, 1]`, `loss [1, 1]`."""
        load: Load = _room(self).fit(self, params, data, local.by(self.epochs, self.batch), draws)
        return load

    def margin(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The score before squashing: `[rows]`, or `[rows, classes]` for several classes."""
        margin: NDArray[np.floating] = _room(self).margins(self, params, X)
        return margin if self.loss.outputs > 1 else margin[:, 0]

    def predict(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The probability of the event `[rows]`, of each class `[rows, classes]`, or the value `[rows]`."""
        return self.loss.predict(_room(self).margins(self, params, X))


def on_keras(
    model: Any,
    *,
    loss: str | Callable[..., Any] = "",
    optimizer: Any = "",
    epochs: int = 0,
    batch: int = 0,
    **settings: Any,
) -> Keras:
    """Federate a model as it is: a Keras model (its weights are the start), its `to_json()`, or what makes one.

    A model of built-in layers given as JSON can stand in a job file and is loaded without more; its weights are drawn
    by the job's seed. A factory takes nothing, or `Inputs`. A model whose inputs are called `numbers`, `codes` or
    `texts` gets those columns, any other gets `X [rows, features]`. `loss`: a name of Keras's, or `(y, outputs) ->
    [rows]`. `optimizer`: a name, whose rate is `Local`'s, or a Keras optimiser, which begins anew each round.

    Raises:
        ConfigError: no model, one with layers of one's own that no factory makes, or an unknown setting.

    Example:
        >>> keras = library()
        >>> from hansa.core.draws import Draws
        >>> net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> trainer = on_keras(net.to_json(), optimizer=keras.optimizers.AdamW(0.01), batch=64)
        >>> [value.shape for value in trainer.init(3, "random", Draws(0, "start"))]
        [(3, 1), (1,)]
    """
    keras = library(settings.get("backend", ""))
    from hansa.trainers.on_keras import configs
    from hansa.trainers.on_keras.network import as_array

    config, factory = "", None
    weights: tuple[NDArray[np.generic], ...] = ()
    if isinstance(model, keras.Model):
        if not model.built:
            raise ConfigError("The model has no weights yet.", mend="Give it an Input, or build it for its columns.")
        config, weights = configs.written(model), tuple(as_array(weight) for weight in model.weights)
        settings.setdefault("dtype", next((w.dtype.name for w in weights if w.dtype.kind == "f"), "float32"))
    elif isinstance(model, str):
        config = model
        configs.read_model(config)
    elif callable(model):
        factory = model
    else:
        raise ConfigError("There is no model.", mend="Pass a Keras model, its to_json(), or a function that makes one.")
    callables = None if isinstance(loss, str) else loss
    own = Own(factory, weights, callables) if factory or weights or callables else None
    named = optimizer if isinstance(optimizer, str) else configs.written(optimizer)
    try:
        return Keras(
            config=config,
            loss_name=loss if isinstance(loss, str) else "",
            optimizer=named,
            epochs=epochs,
            batch=batch,
            own=own,
            **settings,
        )
    except TypeError as error:
        raise ConfigError("A Keras trainer has no such setting.", f"{error}.") from None


def _room(trainer: Keras) -> Any:
    """The module that trains; the backend is settled before it loads Keras."""
    library(trainer.backend)
    from hansa.trainers.on_keras import fit

    return fit
