"""Clipped sums of a jax network's gradients, for private training.

Kernels of dense layers are clipped by ghost norms, and what else is learned has its gradients written down row by row.
Where that is more than the dense layers themselves, all are, a few rows at a time, so that memory does not grow with
the batch. Either way each row is seen alone, so that a network that mixes rows cannot.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np

from hansa.core.pytree import Layout, ravel, unravel
from hansa.errors import ConfigError
from hansa.privacy.sampling import system_words
from hansa.trainers.batches import bucket
from hansa.trainers.ghost import Dense, sum_clipped, write_clipped
from hansa.trainers.on_jax.products import kernels_of, shifted
from hansa.trainers.on_jax.program import gives_chances
from hansa.trainers.private import Goal, check_network, descend_privately

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
    with trainer.precision():
        clips = _Rows if _program(trainer, features).wide else _Ghosts
        goal = Goal(lambda w: clips(trainer, features, w), features, penalty)
        return descend_privately(goal, params, data, local)


@final
class _Ghosts:
    """A jax network bound to a party's parameters `w [d]`, whose dense layers are clipped by ghost norms."""

    def __init__(self, trainer: Jax, features: int, w: Array) -> None:
        """Take the parameters: a step on `w` is a step of the network."""
        self._program, self._w, self._g = _program(trainer, features), w, np.zeros_like(w)
        self._places = jax.tree.leaves(unravel(self._program.layout, self._g))

    def sum(self, rows: Design, clip: float) -> Array:
        """The sum of the clipped gradients; read it before the next."""
        found = self._program.ghosts(*_laid(self._w, rows, slice(0, rows.rows), bucket(rows.rows)))
        below, error, rest = ([np.array(part)[: rows.rows] for part in parts] for parts in found)
        own, ones = self._program.kernels, np.ones((rows.rows, 1), self._g.dtype)
        others = [place for place in range(len(self._places)) if place not in own]
        layers = [Dense(b, e, self._places[at], None) for b, e, at in zip(below, error, own, strict=True)]
        layers += [Dense(ones, g, self._places[at].reshape(1, -1), None) for g, at in zip(rest, others, strict=True)]
        write_clipped(layers, clip, rows.who)
        return self._g


@final
class _Rows:
    """A jax network bound to a party's parameters `w [d]`, whose gradients are clipped row by row."""

    def __init__(self, trainer: Jax, features: int, w: Array) -> None:
        """Take the parameters: a step on `w` is a step of the network."""
        self._each, self._w, self._g = _program(trainer, features).each, w, np.zeros_like(w)

    def sum(self, rows: Design, clip: float) -> Array:
        """The sum of the clipped gradients; read it before the next."""
        sum_clipped(self._pieces(rows), rows.who, clip, self._g)
        return self._g

    def _pieces(self, rows: Design) -> Iterator[Array]:
        """Every row's gradient, `[rows, d]` a piece; a short piece is filled up, and cut again."""
        for at in range(0, rows.rows, _ROWS):
            found = self._each(*_laid(self._w, rows, slice(at, at + _ROWS), _ROWS))
            yield np.array(found)[: rows.rows - at]


def _laid(w: Array, rows: Design, some: slice, room: int) -> tuple[Any, ...]:
    """Some rows as a program takes them, filled up to `room` with themselves; and a seed of a dropout."""
    of = np.resize(np.arange(rows.rows)[some], room)
    share = np.ones(room, rows.X.dtype) if rows.weight is None else rows.weight[of].astype(rows.X.dtype)
    return w, rows.X[of], rows.y[of], share, np.uint32(system_words(1)[0] >> np.uint64(32))


class _Program(NamedTuple):
    """What is compiled for a trainer: for rows `[n]`, each seen alone, all their gradients, or what tells of them."""

    layout: Layout
    kernels: tuple[int, ...]  # places among the leaves
    wide: bool  # whether what is not in kernels is more than what goes into and out of them
    each: Callable[..., Any]  # gradients `[n, d]`
    ghosts: Callable[..., Any]  # of each kernel what comes in and its error, `[n, k]`; of other leaves the gradients


@lru_cache(maxsize=16)
def _program(trainer: Jax, features: int) -> _Program:
    first = trainer.first(features, 0)
    (vector, layout), chance = ravel(first), gives_chances(trainer, features)
    held, form = jax.tree.flatten(first)

    def cost(leaves: Any, x: Any, y: Any, share: Any, key: Any) -> Any:
        out, _ = trainer.network.apply(jax.tree.unflatten(form, leaves), x[None], key, train=True)
        return trainer.losses(out, y[None], chance=chance)[0] * share

    one = jnp.zeros((), vector.dtype)
    read = jax.make_jaxpr(cost)(held, jnp.zeros(features, vector.dtype), one, one, jax.random.key(0))
    kernels = kernels_of(read, len(held))
    run = shifted(read, kernels)

    def ghost(leaves: Any, *row: Any) -> Any:
        def moved(shifts: Any, others: Any) -> Any:
            return run(shifts, [*(others.get(i, leaf) for i, leaf in enumerate(leaves)), *row])

        shifts = [jnp.zeros((1, leaves[place].shape[1]), vector.dtype) for place in kernels]
        others = {i: leaf for i, leaf in enumerate(leaves) if i not in kernels}
        (error, rest), below = jax.grad(moved, (0, 1), has_aux=True)(shifts, others)
        return below, error, [rest[i] for i in others]

    def over_rows(what: Callable[..., Any]) -> Callable[..., Any]:
        def program(w: Any, X: Any, y: Any, share: Any, seed: Any) -> Any:
            leaves = jax.tree.leaves(unravel(layout, w))
            keys = jax.random.split(jax.random.key(seed), len(X))
            found = jax.vmap(what, in_axes=(None, 0, 0, 0, 0))(leaves, X, y, share, keys)
            return jax.tree.map(lambda leaf: leaf.reshape(len(X), -1), found)

        return program

    def each(*inputs: Any) -> Any:
        return jnp.concatenate(over_rows(jax.grad(cost))(*inputs), axis=1)

    beside = sum(leaf.size for i, leaf in enumerate(held) if i not in kernels)
    wide = beside > sum(sum(held[place].shape) for place in kernels)
    return _Program(layout, tuple(kernels), wide, jax.jit(each), jax.jit(over_rows(ghost)))


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
    check_network(batch_norm=bool(jax.tree.leaves(params["kept"])), own_passes=bool(trainer.epochs or trainer.batch))
    if trainer.own is not None and trainer.own.optimizer is not None:
        raise ConfigError(
            "Private training takes sgd, momentum or adam.",
            "An optimiser of one's own is not looked into.",
            "Leave it out, or train without private_sgd.",
        )
