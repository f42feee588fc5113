"""Training Keras models party by party, by Keras's own training step: one compiled model serves all rounds.

Example:
    >>> from hansa.core.draws import Draws
    >>> from hansa.trainers.on_keras.trainer import Keras
    >>> trainer = Keras(hidden=(4,), dropout=0.1)
    >>> params = first(trainer, 2, "random", Draws(0, "start"))
    >>> data = Design(np.eye(2, dtype=np.float32), np.array([0.0, 1.0], np.float32))
    >>> fit(trainer, params, data, Local(epochs=2), Draws(0, "bank-a"))["delta"].shape
    (1, 17)
    >>> margins(trainer, params, data.X).shape
    (2, 1)
    >>> learner: Learner = learner_of(trainer, 2, Local())
    >>> learner.pulled.l2
    0.0
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from hansa.core.draws import Draws
from hansa.core.load import Load
from hansa.core.pytree import ravel, unravel
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError
from hansa.trainers.batches import Feed, bucket
from hansa.trainers.memory import Memory
from hansa.trainers.on_keras.backend import library, precision
from hansa.trainers.on_keras.network import Network, network
from hansa.trainers.on_keras.optimiser import Pulled, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.pytree import Params
    from hansa.core.trainer import Start
    from hansa.trainers.on_keras.trainer import Keras

keras = library()

_ROWS = 1 << 14  # scored at a time
_LOG_LOSSES = frozenset({"binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"})


def first(trainer: Keras, features: int, start: Start, draws: Draws) -> Params:
    """The first values of all that travels."""
    values = Network(trainer, features, int(draws.raw("keras", 1)[0] >> np.uint64(1))).read()
    if start == "zero":
        if sum(value.ndim > 1 for value in values) > 1:
            raise ConfigError(
                "A network with several layers cannot start from zero.",
                "All its units would stay the same for ever.",
                'Say start="random".',
            )
        values = [np.zeros_like(value) for value in values]
    return cast("Params", values)


def fit(trainer: Keras, params: Params, data: Design, local: Local, draws: Draws) -> Load:
    """Train one party."""
    origin, layout = ravel(params)
    if not data.rows:
        empty = {"delta": np.zeros((1, layout.size), origin.dtype), "rows": np.zeros((1, 1)), "loss": np.zeros((1, 1))}
        return Load(empty)
    start = origin if local.start is None else local.start[0].astype(origin.dtype)
    tilt = None if local.tilt is None else local.tilt[0].astype(origin.dtype)
    pulled = None if tilt is None else unravel(layout, tilt)
    X, y = (np.ascontiguousarray(part, trainer.dtype) for part in (data.X, data.y))
    feed = Feed([replace(data, X=X, y=y)], [draws], local, trainer.task, Memory(trainer.dtype))
    loss = 0.0
    with _threads().limit(limits=1), precision(trainer.dtype), _drawing(draws):
        learner = learner_of(trainer, data.features, _kind(local))
        learner.begin(unravel(layout, start), params, pulled, (local, draws))
        for step in range(feed.steps):
            batch = next(iter(feed.at(step)))
            found = learner.step(batch.X[0], batch.y[0], batch.share[0, :, 0])
            loss = found if step == 0 else loss
        delta = ravel(cast("Params", learner.net.read()))[0] - origin
    mass = np.array([[data.mass]])
    return Load({"delta": delta[None, :], "rows": mass, "loss": loss * mass})


def margins(trainer: Keras, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
    """The margins `[rows, outputs]` of the model as it is after training."""
    net = network(trainer, X.shape[1])
    net.load(cast("Any", params))
    with _threads().limit(limits=1):
        scored = [net.score(X[at : at + _ROWS]) for at in range(0, len(X), _ROWS)]
    return np.concatenate(scored) if scored else np.zeros((0, trainer.loss.outputs), trainer.dtype)


@final
class Learner:
    """A model with its optimiser and loss, compiled once."""

    def __init__(self, trainer: Keras, features: int, local: Local) -> None:
        """Compile nothing yet: Keras does when it sees the first batch of a size."""
        self.net, self.own_rate = Network(trainer, features), trainer.optimizer.startswith("{")
        self.pulled = Pulled(named(trainer.optimizer, local), trainer.l2, local.clip_norm)
        self._given = bool(_given(trainer))
        self._half = 0.5 if trainer.task == "regression" else 1.0
        self.pulled.build(self.net.model.trainable_variables)
        loss = _loss(trainer, chance=self.net.chance)
        on_jax = keras.backend.backend() == "jax"
        self.net.model.compile(optimizer=self.pulled, loss=loss, jit_compile=on_jax)
        # Its own rows, at weight 0, fill a batch up to one of a few sizes, where jax would compile for each: but a
        # batch's statistics would count them, and so might a loss of one's own.
        self._fills = on_jax and self.net.steady and not callable(_given(trainer))

    def begin(self, start: Params, origin: Params, tilt: Params | None, how: tuple[Local, Draws]) -> None:
        """Take a party's start, a round's model and wishes, and the rate."""
        local, draws = how
        self.net.load(cast("Any", start))
        self.net.begin(draws)
        self.pulled.begin(local.prox, self._trainable(origin), None if tilt is None else self._trainable(tilt))
        if not self.own_rate:
            self.pulled.inner.learning_rate = local.learning_rate

    def step(self, X: NDArray[np.floating], y: NDArray[np.floating], share: NDArray[np.floating]) -> float:
        """Train on a batch `X [b, features]`, `y [b, 1]`, each row's `share [b]`; the loss before, as their mean."""
        room = bucket(len(y)) if self._fills else len(y)
        # The house's losses are summed and halve squares; Keras divides others by the number of rows in the batch.
        weight = np.zeros(room, share.dtype)
        weight[: len(y)] = share * (room if self._given else self._half)
        X, y = (np.resize(part, (room, part.shape[1])) for part in (X, y))
        found = self.net.model.train_on_batch(self.net.parts(X), y, sample_weight=weight)
        return float(np.ravel(found)[0])

    def _trainable(self, values: Params) -> Sequence[NDArray[Any]]:
        pairs = zip(self.net.travelling, cast("Sequence[NDArray[Any]]", values), strict=True)
        return [value for weight, value in pairs if weight.trainable]


@lru_cache(maxsize=16)
def learner_of(trainer: Keras, features: int, local: Local) -> Learner:
    """A trainer's compiled model, kept for as long as it is used; of `local`, what is compiled into it."""
    return Learner(trainer, features, local)


@lru_cache(maxsize=1)
def _threads() -> ThreadpoolController:
    """The thread pools that came with Keras: parties share the machine, and small batches gain nothing from threads."""
    return ThreadpoolController()


@contextmanager
def _drawing(draws: Draws) -> Iterator[None]:
    """On torch, Keras's dropout draws from torch's own generator: it is seeded too, and left as it was."""
    if keras.backend.backend() != "torch":
        yield
        return
    from hansa.trainers.on_torch.network import drawing

    with drawing(int(draws.raw("torch", 1)[0] >> np.uint64(1))):
        yield


def _kind(local: Local) -> Local:
    """What of the settings is compiled: the rest changes from round to round."""
    return Local(optimizer=local.optimizer, momentum=local.momentum, clip_norm=local.clip_norm)


def _given(trainer: Keras) -> Any:
    """The loss that the data scientist asks for, if it is not what the task asks for anyway."""
    if trainer.own is not None and trainer.own.loss is not None:
        return trainer.own.loss
    return "" if trainer.loss_name in _LOG_LOSSES else trainer.loss_name


def _loss(trainer: Keras, *, chance: bool) -> Any:
    own = _given(trainer)
    if callable(own):
        y, out = keras.ops.zeros((2, 1)), keras.ops.full((2, trainer.loss.outputs), 0.5)
        if not isinstance(own, keras.losses.Loss) and not len(own(y, out).shape):
            raise ConfigError("The loss gives one number.", "Rows have weights.", "Give each row's loss, [rows].")
        return own
    if own:
        try:
            return keras.losses.get(own)
        except ValueError:
            raise ConfigError(f"Keras has no loss '{own}'.", mend="Name one of keras.losses.") from None
    plain = {"reduction": "sum", "dtype": trainer.dtype}
    if trainer.task == "binary":
        return keras.losses.BinaryCrossentropy(from_logits=not chance, **plain)
    if trainer.task == "multiclass":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=not chance, **plain)
    return keras.losses.MeanSquaredError(**plain)
