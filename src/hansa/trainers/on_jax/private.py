"""Clipped sums of a jax network's gradients, for private training: row by row, a few rows at a time.

Each row is seen alone, so that a network that mixes rows cannot, and memory does not grow with the batch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast, final

import jax
import numpy as np

from hansa.core.pytree import Layout, ravel, unravel
from hansa.errors import ConfigError
from hansa.privacy.sampling import system_words
from hansa.trainers.ghost import sum_clipped
from hansa.trainers.on_jax.program import gives_chances
from hansa.trainers.private import Goal, descend_privately

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hansa.core.load import Load
    from hansa.core.pytree import Params
    from hansa.core.trainer import Design, Local
    from hansa.trainers.losses import Array
    from hansa.trainers.on_jax.trainer import Jax

_ROWS: Final = 64  # whose gradients are written down at a time


def fit_privately(trainer: Jax, params: Params, data: Sequence[Design], local: Local) -> Load:
    """Train parties with `local.private`, one after another.

    Raises:
        ConfigError: a network that keeps statistics of its batches; an optimiser, epochs or a batch of one's own.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design, Local, Private
        >>> from hansa.trainers.on_jax.trainer import Jax
        >>> trainer, rows = Jax(hidden=(4,)), Design(np.eye(2, dtype=np.float32), np.array([0.0, 1.0]))
        >>> local = Local(steps=2, batch=2, private=Private(1.0, 1.0, sampling=0.5))
        >>> start = trainer.init(2, "random", Draws(0, "start"))
        >>> trainer.fit(start, rows, local, Draws(0, "bank-a"))["loss"].tolist()
        [[0.0]]
    """
    vector, layout = ravel(params)
    _check(trainer, params)
    penalty = unravel(layout, _factors(layout, vector, trainer.l2)) if trainer.l2 else None
    features = data[0].features
    goal = Goal(lambda w: Rows(trainer, features, w), features, penalty)
    with trainer.precision():
        return descend_privately(goal, params, data, local)


@final
class Rows:
    """A jax network bound to a party's parameters `w [d]`, whose gradients are clipped row by row.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design
        >>> from hansa.trainers.on_jax.trainer import Jax
        >>> trainer = Jax(hidden=(4,))
        >>> w, _ = ravel(trainer.init(2, "random", Draws(0, "start")))
        >>> total = Rows(trainer, 2, w).sum(Design(np.eye(2, dtype="f4"), np.zeros(2, "f4")), 1e-3)
        >>> bool(np.linalg.norm(total) <= 2e-3)
        True
    """

    def __init__(self, trainer: Jax, features: int, w: Array) -> None:
        """Take the parameters: a step on `w` is a step of the network."""
        self._each, self._w, self._g = _program(trainer, features), w, np.zeros_like(w)

    def sum(self, rows: Design, clip: float) -> Array:
        """The sum of the clipped gradients; read it before the next."""
        sum_clipped(self._pieces(rows), rows.who, clip, self._g)
        return self._g

    def _pieces(self, rows: Design) -> Iterator[Array]:
        """Every row's gradient, `[rows, d]` a piece; a short piece is filled up, and cut again."""
        weight = np.ones(rows.rows, rows.X.dtype) if rows.weight is None else rows.weight
        for at in range(0, rows.rows, _ROWS):
            of = np.arange(at, min(at + _ROWS, rows.rows))
            padded = np.resize(of, _ROWS)
            seed = np.uint32(system_words(1)[0] >> np.uint64(32))  # of a dropout
            share = weight[padded].astype(rows.X.dtype)
            yield np.array(self._each(self._w, rows.X[padded], rows.y[padded], share, seed))[: len(of)]


@lru_cache(maxsize=16)
def _program(trainer: Jax, features: int) -> Callable[..., Any]:
    """What is compiled: the gradients `[rows, d]` of some rows' losses, each seen alone."""
    layout, chance = ravel(trainer.first(features, 0))[1], gives_chances(trainer, features)

    def cost(w: Any, x: Any, y: Any, share: Any, key: Any) -> Any:
        tree = cast("Any", unravel(layout, w))
        out, _ = trainer.network.apply({"learned": tree["learned"], "kept": tree["kept"]}, x[None], key, train=True)
        return trainer.losses(out, y[None], chance=chance)[0] * share

    def each(w: Any, X: Any, y: Any, share: Any, seed: Any) -> Any:
        keys = jax.random.split(jax.random.key(seed), len(X))
        return jax.vmap(jax.grad(cost), in_axes=(None, 0, 0, 0, 0))(w, X, y, share, keys)

    return cast("Callable[..., Any]", jax.jit(each))


def _factors(layout: Layout, vector: Array, l2: float) -> Array:
    """The L2 factor of each parameter: of weights, and none of biases."""
    leaves = jax.tree.leaves(unravel(layout, np.arange(len(vector), dtype=np.float64)))
    factors = np.zeros_like(vector)
    for places in leaves:
        if places.ndim > 1:
            factors[places.astype(np.intp).ravel()] = l2
    return factors


def _check(trainer: Jax, params: Any) -> None:
    """Refuse what cannot be private, and what nobody would account for."""
    if jax.tree.leaves(params["kept"]):
        raise ConfigError(
            "The network has a batch norm, and private training clips each row's gradient.",
            "A batch norm mixes the rows of a batch, and its statistics leave without noise.",
            "Take a LayerNorm or GroupNorm in its place.",
        )
    if trainer.epochs or trainer.batch:
        raise ConfigError(
            "The trainer has epochs or a batch of its own.",
            "Privacy is accounted from those of the job's local settings.",
            "Leave them out, and set local.epochs or local.steps, and local.batch.",
        )
    if trainer.own is not None and trainer.own.optimizer is not None:
        raise ConfigError(
            "Private training takes sgd, momentum or adam.",
            "An optimiser of one's own is not looked into.",
            "Leave it out, or train without private_sgd.",
        )
