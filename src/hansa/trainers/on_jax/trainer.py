"""Any jax network as a trainer: a linen module, an nnx factory, or one's own pure functions, with optax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast, final

import jax
import jax.numpy as jnp
import numpy as np

from hansa.core.trainer import Local, Task
from hansa.errors import ConfigError
from hansa.trainers.losses import Loss, loss_of
from hansa.trainers.on_jax.networks import Network, Tree, dense, network_of, started
from hansa.trainers.on_jax.private import fit_privately
from hansa.trainers.on_jax.program import columns, each_row, margins, program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.load import Load
    from hansa.core.pytree import Params
    from hansa.core.trainer import Design, Honour, Start

_TINY = 1e-7  # probabilities at least so far from 0 and 1 have margins


@final
@dataclass(frozen=True, eq=False)
class Own:
    """A data scientist's own network, loss `(outputs, y) -> [rows]` and optax optimiser, which no job file can hold.

    Example:
        >>> Own().network is None
        True
    """

    network: Any = None
    loss: Callable[..., Any] | None = None
    optimizer: Any = None


@final
@dataclass(frozen=True)
class Jax:
    """A jax network that learns an event, one of `classes`, or a value (`task`): dense layers, or one's `own`.

    The loss is log loss, or half the squared error of a value, unless `own` has another. `epochs` and `batch` (0: as
    `Local` says) stand before `Local`'s. `l2`/2 times the squared norm of all weights is added; biases are free. What
    travels is every parameter and the statistics of batch norms. A short batch is filled with its own rows: they weigh
    nothing in the loss, and count in such statistics. `output`: whether the network gives margins or probabilities
    ("chance"); "auto" looks whether a sigmoid or softmax is the last thing that it computes.

    Raises:
        ConfigError: a setting outside its range.

    Example:
        >>> import numpy as np
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design
        >>> trainer, draws = Jax(hidden=(8,)), Draws(7, "bank-a")
        >>> params = trainer.init(2, "random", draws)
        >>> data = Design(np.eye(2, dtype=np.float32), np.array([0.0, 1.0]))
        >>> trainer.fit(params, data, Local(epochs=3), draws)["delta"].shape
        (1, 33)
    """

    hidden: tuple[int, ...] = (64, 32)
    activation: Literal["relu", "tanh", "gelu"] = "relu"
    task: Task = "binary"
    classes: int = 2
    output: Literal["auto", "margin", "chance"] = "auto"
    epochs: int = 0
    batch: int = 0
    l2: float = 0.0
    dtype: Literal["float32", "float64"] = "float32"
    own: Own | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        self.loss  # noqa: B018 - making it checks the classes
        if self.output == "chance" and self.task == "regression":
            raise ConfigError("A value is no probability.", mend='Say output="margin", or another task.')
        if min(self.epochs, self.batch, *self.hidden, 0) < 0 or 0 in self.hidden or not 0 <= self.l2 < float("inf"):
            raise ConfigError("epochs, batch and l2 must be at least 0, and hidden layers at least 1 wide.")

    @property
    def honours(self) -> frozenset[Honour]:
        """The wishes of links that `fit` keeps: prox, tilt and per_record."""
        return frozenset({"prox", "tilt", "per_record"})

    @property
    def loss(self) -> Loss:
        """What the task makes small, unless `own` has another loss."""
        return loss_of(self.task, self.classes)

    @property
    def network(self) -> Network:
        """The pure functions."""
        return _network(self)

    def margins_of(self, out: Any, *, chance: bool) -> Any:
        """The margins `[rows, outputs]` of what the network gives, which may be probabilities (`chance`)."""
        margin = columns(out, self.loss.outputs)
        if not chance:
            return margin
        margin = jnp.clip(margin, _TINY, 1 - _TINY)
        return jnp.log(margin) - jnp.log1p(-margin) if self.task == "binary" else jnp.log(margin)

    def losses(self, out: Any, y: Any, *, chance: bool = False) -> Any:
        """Each row's loss `[rows]`."""
        if self.own is not None and self.own.loss is not None:
            return each_row(self.own.loss(out, y), out)
        margin = self.margins_of(out, chance=chance)
        if self.task == "binary":
            return jnp.logaddexp(0.0, margin[:, 0]) - y * margin[:, 0]
        if self.task == "multiclass":
            chosen = jnp.take_along_axis(margin, y.astype(jnp.int32)[:, None], axis=1)[:, 0]
            return jax.nn.logsumexp(margin, axis=1) - chosen
        return 0.5 * (margin[:, 0] - y) ** 2

    def precision(self) -> AbstractContextManager[Any]:
        """Jax in this trainer's precision, and as it was afterwards."""
        return cast("AbstractContextManager[Any]", jax.enable_x64(self.dtype == "float64"))

    def first(self, features: int, seed: int) -> Tree:
        """The first parameters from a seed, as arrays of numpy."""
        with self.precision():
            tree = started(self.network, jax.random.key(seed), jnp.zeros((1, features), self.dtype))
            found: Tree = jax.tree.map(lambda leaf: np.asarray(leaf, self.dtype), _plain(tree))
        return found

    def init(self, features: int, start: Start, draws: Draws) -> Params:
        """The first parameters, as the network draws them from a seed of the job's.

        Raises:
            ConfigError: a start from zero although there are several layers.
        """
        tree = self.first(features, int(draws.raw("jax", 1)[0] >> np.uint64(32)))
        if start == "zero":
            if sum(leaf.ndim > 1 for leaf in jax.tree.leaves(tree)) > 1:
                raise ConfigError(
                    "A network with several layers cannot start from zero.",
                    "All its units would stay the same for ever.",
                    'Say start="random".',
                )
            tree = jax.tree.map(np.zeros_like, tree)
        return cast("Params", tree)

    def fit(self, params: Params, data: Design, local: Local, draws: Draws) -> Load:
        """Train on one party's rows: `delta [1, d]`, `rows [1, 1]`, `loss [1, 1]`."""
        return self.fit_many(params, [data], local, [draws])

    def fit_many(self, params: Params, data: Sequence[Design], local: Local, draws: Sequence[Draws]) -> Load:
        """Train `n` parties from the same parameters as one program, with the same bits as each alone."""
        if local.private is not None:
            return fit_privately(self, params, data, local)
        local = local.by(self.epochs, self.batch)
        return program(self, data[0].features, local.optimizer).fit(params, data, local, draws)

    def margin(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The network's outputs: `[rows]`, or `[rows, classes]` for several classes."""
        margin = margins(self, params, X)
        return margin if self.loss.outputs > 1 else margin[:, 0]

    def predict(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The probability of the event `[rows]`, of each class `[rows, classes]`, or the value `[rows]`."""
        return self.loss.predict(margins(self, params, X))


def on_jax(
    module: Any,
    *,
    loss: Callable[..., Any] | None = None,
    optimizer: Any = None,
    epochs: int = 0,
    batch: int = 0,
    **settings: Any,
) -> Jax:
    """Federate a network as it is: a linen module, a function of `nnx.Rngs` that makes an nnx module, or (init, apply).

    `loss(outputs, y)` gives each row's loss `[rows]`; `optimizer` is an optax transformation; `settings` as in `Jax`.

    Raises:
        ConfigError: no network, or a setting that `Jax` does not have.

    Example:
        >>> import flax.linen
        >>> from hansa.core.draws import Draws
        >>> trainer = on_jax(flax.linen.Dense(1), batch=64)
        >>> trainer.init(3, "random", Draws(0, "start"))["learned"]["kernel"].shape
        (3, 1)
    """
    network_of(module)
    try:
        return Jax(epochs=epochs, batch=batch, own=Own(module, loss, optimizer), **settings)
    except TypeError as error:
        raise ConfigError("A jax trainer has no such setting.", f"{error}.") from None


def _plain(tree: Any) -> Any:
    """Dictionaries of one kind: flax has several."""
    return {str(key): _plain(item) for key, item in tree.items()} if isinstance(tree, dict) else tree


@lru_cache(maxsize=16)
def _network(trainer: Jax) -> Network:
    if trainer.own is not None and trainer.own.network is not None:
        return network_of(trainer.own.network)
    return dense(trainer.hidden, trainer.activation, trainer.loss.outputs)
