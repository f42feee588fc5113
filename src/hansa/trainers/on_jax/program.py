"""One compiled program for a cohort: `lax.map` over parties, `scan` over steps, and what is padded is never computed.

Shapes come in few sizes (`bucket`), so that a program serves round after round. Mapping a party at a time beats `vmap`
on a processor, by 1.1 to 2 times in the house's two workloads, and gives each party the same bits as when it is alone.

Example:
    >>> from hansa.core.draws import Draws
    >>> from hansa.trainers.on_jax.trainer import Jax
    >>> trainer, draws = Jax(hidden=(4,)), Draws(0, "bank-a")
    >>> params, data = trainer.init(2, "random", draws), Design(np.eye(2, dtype="f4"), np.array([0.0, 1.0]))
    >>> found: Program = program(trainer, 2, "sgd")
    >>> found.fit(params, [data, data], Local(epochs=2), [draws, draws])["delta"].shape, found.traced
    ((2, 17), 1)
    >>> margins(trainer, params, data.X).shape
    (2, 1)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast, final

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from numpy.typing import NDArray

from hansa.core.load import Load
from hansa.core.pytree import Layout, ravel, unravel
from hansa.core.trainer import Design, Local
from hansa.errors import ConfigError, DataError
from hansa.trainers.batches import bucket, row_weights
from hansa.trainers.on_jax.networks import ends_in_chances

if TYPE_CHECKING:
    from hansa.core.draws import Draws
    from hansa.core.pytree import Params
    from hansa.trainers.on_jax.trainer import Jax

_ROWS = 1 << 14  # scored at a time
_TOGETHER = 4  # so many parties to a call: one program serves any cohort


@final
class Program:
    """A trainer's compiled programs for one width; `traced` counts how many there are."""

    def __init__(self, trainer: Jax, features: int, optimizer: str) -> None:
        """Lay the parameters out; nothing is compiled yet."""
        self.trainer, self.optimizer, self.traced = trainer, optimizer, 0
        self.layout: Layout = ravel(trainer.first(features, 0))[1]
        self.chance = gives_chances(trainer, features)
        self._train = jax.jit(self._cohort)

    def fit(self, params: Params, data: Sequence[Design], local: Local, draws: Sequence[Draws]) -> Load:
        """Train parties from the same parameters: `delta [n, d]`, `rows [n, 1]`, `loss [n, 1]`."""
        origin, _ = ravel(params)
        found = Load(
            {
                "delta": np.zeros((len(data), self.layout.size), origin.dtype),
                "rows": np.array([[design.mass] for design in data]),
                "loss": np.zeros((len(data), 1)),
            }
        )
        by_size = sorted((i for i in range(len(data)) if data[i].rows), key=lambda i: _sizes(data[i], local))
        with self.trainer.precision():
            for _, some in groupby(by_size, key=lambda i: _sizes(data[i], local)):
                places = list(some)
                for at in range(0, len(places), _TOGETHER):
                    self._some(found, places[at : at + _TOGETHER], origin, data, (local, draws))
        return found

    def _some(
        self,
        found: Load,
        places: list[int],
        origin: NDArray[Any],
        data: Sequence[Design],
        how: tuple[Local, Sequence[Draws]],
    ) -> None:
        """Train parties of one size, and write what they found to their places."""
        local, draws = how
        room = 1 if len(data) == 1 else _TOGETHER
        laid = [_lay(data[i], local, draws[i], self.trainer) for i in places]
        stacked = {name: _padded([one[name] for one in laid], room) for name in laid[0]}
        starts = [origin if local.start is None else local.start[i].astype(origin.dtype) for i in places]
        tilts = [np.zeros_like(origin) if local.tilt is None else local.tilt[i].astype(origin.dtype) for i in places]
        stacked |= {"start": _padded(starts, room), "tilt": _padded(tilts, room)}
        clip = np.inf if local.clip_norm is None else local.clip_norm
        knobs = {"rate": local.learning_rate, "momentum": local.momentum, "prox": local.prox, "clip": clip}
        knobs = {name: origin.dtype.type(value) for name, value in knobs.items()}
        trained, loss = self._train(origin, stacked, knobs)
        found["delta"][places] = np.asarray(trained)[: len(places)] - origin
        found["loss"][places, 0] = np.asarray(loss, np.float64)[: len(places)] * found["rows"][places, 0]

    def _cohort(self, origin: Any, stacked: Mapping[str, Any], knobs: Mapping[str, Any]) -> Any:
        """What is compiled: each party in turn, from its start to its end."""
        self.traced += 1
        middle = self._tree(origin)["learned"]
        optimiser = self._optimiser(knobs)

        def party(own: Mapping[str, Any]) -> tuple[Any, Any]:
            tree, tilt = self._tree(own["start"]), self._tree(own["tilt"])["learned"]
            key = jax.random.key(own["seed"])

            def step(state: Any, at: Any) -> Any:
                return lax.cond(
                    at < own["steps"], lambda: move(state, at), lambda: (state, jnp.zeros((), origin.dtype))
                )

            def move(state: Any, at: Any) -> tuple[Any, Any]:
                tree, memory = state
                rows, share = own["order"][at], own["share"][at]
                X, y = own["X"][rows], own["y"][rows]

                def mean(learned: Any) -> tuple[Any, Any]:
                    now = {"learned": learned, "kept": tree["kept"]}
                    out, kept = self.trainer.network.apply(now, X, jax.random.fold_in(key, at), train=True)
                    return jnp.sum(self.trainer.losses(out, y, chance=self.chance) * share), kept

                (loss, kept), slope = jax.value_and_grad(mean, has_aux=True)(tree["learned"])
                slope = self._pulled(slope, tree["learned"], middle, tilt, knobs)
                change, memory = optimiser.update(slope, memory, tree["learned"])
                return ({"learned": optax.apply_updates(tree["learned"], change), "kept": kept}, memory), loss

            steps = jnp.arange(own["order"].shape[0])
            (tree, _), losses = lax.scan(step, (tree, optimiser.init(tree["learned"])), steps)
            return self._flat(tree), losses[0]

        return lax.map(party, stacked)

    def _pulled(self, slope: Any, learned: Any, middle: Any, tilt: Any, knobs: Mapping[str, Any]) -> Any:
        """Add what does not come from rows: penalty, prox and tilt; then bound the norm of the whole."""
        l2, prox = self.trainer.l2, knobs["prox"]
        slope = jax.tree.map(
            lambda g, w, m, t: g + (l2 * w if w.ndim > 1 else 0.0) + prox * (w - m) + t, slope, learned, middle, tilt
        )
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(slope)))
        factor = jnp.where(norm > knobs["clip"], knobs["clip"] / norm, 1.0)
        return jax.tree.map(lambda g: g * factor, slope)

    def _optimiser(self, knobs: Mapping[str, Any]) -> Any:
        if self.trainer.own is not None and self.trainer.own.optimizer is not None:
            return self.trainer.own.optimizer
        if self.optimizer == "adam":
            return optax.adam(knobs["rate"])
        return optax.sgd(knobs["rate"], knobs["momentum"] if self.optimizer == "momentum" else None)

    def _tree(self, flat: Any) -> Any:
        return unravel(self.layout, flat)

    def _flat(self, tree: Any) -> Any:
        return jnp.concatenate([leaf.reshape(-1) for leaf in _leaves(tree)])


@lru_cache(maxsize=16)
def program(trainer: Jax, features: int, optimizer: str) -> Program:
    """The programs of a trainer, kept for as long as it is used."""
    return Program(trainer, features, optimizer)


def margins(trainer: Jax, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
    """The network's outputs `[rows, outputs]` as it is after training; rows go through in pieces of a few sizes."""
    score = _scorer(trainer, chance=gives_chances(trainer, X.shape[1]))
    out = []
    with trainer.precision():
        for at in range(0, len(X), _ROWS):
            rows = np.ascontiguousarray(X[at : at + _ROWS], trainer.dtype)
            padded = np.zeros((bucket(len(rows)), X.shape[1]), trainer.dtype)
            padded[: len(rows)] = rows
            out.append(np.asarray(score(params, padded))[: len(rows)])
    return np.concatenate(out) if out else np.zeros((0, trainer.loss.outputs), trainer.dtype)


@lru_cache(maxsize=16)
def _scorer(trainer: Jax, *, chance: bool) -> Callable[..., Any]:
    def score(params: Any, X: Any) -> Any:
        out, _ = trainer.network.apply(params, X, jax.random.key(0), train=False)
        return trainer.margins_of(out, chance=chance)

    return cast("Callable[..., Any]", jax.jit(score))


@lru_cache(maxsize=16)
def gives_chances(trainer: Jax, features: int) -> bool:
    """Whether a network gives probabilities: as the trainer says, or else as the last thing that it computes shows.

    Example:
        >>> from flax import linen
        >>> from hansa.trainers.on_jax.trainer import on_jax
        >>> gives_chances(on_jax(linen.Sequential([linen.Dense(1), linen.sigmoid])), 3)
        True
    """
    if trainer.output != "auto" or trainer.task == "regression":
        return trainer.output == "chance"
    with trainer.precision():
        tree = trainer.first(features, 0)
        return ends_in_chances(trainer.network, tree, jnp.zeros((2, features), trainer.dtype))


def columns(out: Any, outputs: int) -> Any:
    """The outputs as `[rows, outputs]`.

    Raises:
        DataError: they are of another shape, or no array.

    Example:
        >>> columns(jnp.zeros(3), 1).shape
        (3, 1)
    """
    if not isinstance(out, jax.Array):
        raise DataError(f"The network gives a {type(out).__name__}, and no array.", mend="Let it return the outputs.")
    out = out[:, None] if out.ndim == 1 else out
    if out.ndim != 2 or out.shape[1] != outputs:
        raise DataError(
            f"The network gives {list(out.shape[1:])} numbers a row and the task needs {outputs}.",
            mend="Change its last layer, or the trainer's task and classes.",
        )
    return out


def each_row(found: Any, out: Any) -> Any:
    """One's own loss of these outputs, which must be of each row: a mean could not leave padding out.

    Raises:
        ConfigError: it is a mean, or of pairs of rows.

    Example:
        >>> each_row(jnp.zeros((3, 1)), jnp.zeros((3, 1))).shape
        (3,)
    """
    if not found.ndim:
        raise ConfigError("The loss gives one number.", "Rows have weights.", "Give each row's loss, [rows].")
    rows = len(out)
    if len(found) != rows or found.size not in {rows, out.size}:
        raise ConfigError(
            f"The loss gives {list(found.shape)} for {rows} rows.",
            "Outputs [rows, 1] less truths [rows] are [rows, rows] in jax.",
            "Take outputs[:, 0], and give each row's loss.",
        )
    return found.reshape(rows, -1).sum(axis=1)


def _sizes(design: Design, local: Local) -> tuple[int, int]:
    """Room for rows and steps: parties of the same share a program. Rows count where a batch is all of them."""
    passes = -(-design.rows // local.batch) if local.batch else 1
    steps = local.steps or (local.epochs or 1) * passes
    return _power(design.rows) if local.batch else bucket(design.rows), _power(steps)


def _power(count: int) -> int:
    return 1 << (count - 1).bit_length()


def _lay(design: Design, local: Local, draws: Draws, trainer: Jax) -> dict[str, Any]:
    """One party's rows, the order of its batches `[steps, b]` and each row's share in its batch's mean."""
    rows, steps = _sizes(design, local)
    b, passes = min(local.batch or rows, rows), -(-design.rows // local.batch) if local.batch else 1
    taken = local.steps or (local.epochs or 1) * passes
    own = row_weights(design, local, trainer.task)
    weight = np.ones(design.rows) if own is None else own.astype(np.float64)
    order, share = np.zeros((steps, b), np.int32), np.zeros((steps, b), trainer.dtype)
    whole = np.arange(design.rows)
    for step in range(taken):
        epoch, turn = divmod(step, passes)
        if turn == 0:
            whole = np.arange(design.rows) if passes == 1 else draws.permutation(f"epoch-{epoch}", design.rows)
        mine = whole[turn * local.batch : turn * local.batch + b] if local.batch else whole
        order[step] = np.resize(mine, b)  # a short batch is filled with its own rows, whose share is 0
        total = weight[mine].sum()
        share[step, : len(mine)] = weight[mine] / (total if total > 0 else 1.0)
    X, y = np.zeros((rows, design.features), trainer.dtype), np.zeros(rows, trainer.dtype)
    X[: design.rows], y[: design.rows] = design.X, design.y
    seed = np.uint32(draws.raw("jax", 1)[0] >> np.uint64(32))
    return {"X": X, "y": y, "order": order, "share": share, "steps": np.int32(taken), "seed": seed}


def _padded(parts: Sequence[Any], room: int) -> NDArray[Any]:
    first = np.asarray(parts[0])
    out = np.zeros((room, *first.shape), first.dtype)
    out[: len(parts)] = parts
    return out


def _leaves(tree: Any) -> list[Any]:
    """In the order of `ravel`."""
    if isinstance(tree, dict):
        tree = [tree[key] for key in sorted(tree)]
    return [leaf for item in tree for leaf in _leaves(item)] if isinstance(tree, list | tuple) else [tree]
