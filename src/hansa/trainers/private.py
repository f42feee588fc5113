"""Differentially private training at one party: the one place where samples, noise and the divisor meet.

Abadi et al. (2016), algorithm 1: at each step every unit is in the batch with chance q by itself (Poisson), its
gradient is cut to the clip, noise is added to the sum, and the sum is divided by a constant of the job. Samples and
noise come from the operating system, never from the job's seed; penalty, prox and tilt are added after the noise,
because they tell nothing of the batch. An empty batch is a step like any other: noise alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, final

import numpy as np

from hansa.core.load import Load
from hansa.core.pytree import Layout, ravel, unravel
from hansa.errors import ConfigError, DataError
from hansa.privacy.sampling import Secret
from hansa.trainers.ghost import write_clipped
from hansa.trainers.memory import Memory
from hansa.trainers.optimizers import optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from hansa.core.pytree import Params
    from hansa.core.trainer import Design, Local, Private
    from hansa.trainers.ghost import Layered
    from hansa.trainers.losses import Array, Loss

_ROUNDED: Final = 1 + 2.0**-16
"""The noise is this much larger than claimed, so that a clip that is off by float32's rounding is covered too."""

_ROWS: Final = 4096
"""Rows whose gradients are clipped at a time, so that memory does not grow with the batch."""


class Clipped(Protocol):
    """A model of `d` parameters, bound to a party's `w [d]`, whose gradients it can clip."""

    def sum(self, rows: Design, clip: float) -> Array:
        """The sum `[d]` of the clipped gradients of these rows' losses; `rows.who` numbers customers 0, 0, 1, ..."""
        ...


@final
@dataclass(frozen=True)
class Goal:
    """What is trained: `bind(w)` gives the model on parameters `[d]`; `penalty` holds the L2 factor of each, if any.

    Example:
        >>> from hansa.trainers.layers import ACTIVATIONS, Network
        >>> from hansa.trainers.losses import Squared
        >>> layout = ravel([{"weight": np.ones((2, 1)), "bias": np.zeros(1)}])[1]
        >>> bind = lambda w, g, b, memory: Network(w, g, ACTIVATIONS["relu"], b, memory)
        >>> type(Goal(lambda w: Ghost(bind, Squared(), layout, w), features=2).bind(np.zeros(3))).__name__
        'Ghost'
    """

    bind: Callable[[Array], Clipped]
    features: int
    penalty: Params | None = None


def check_network(*, batch_norm: bool, own_passes: bool) -> None:
    """Refuse a network of one's own whose rows mix, or whose trainer says itself how often it passes over them.

    Raises:
        ConfigError: it has a batch norm, or epochs or a batch of its own.

    Example:
        >>> check_network(batch_norm=False, own_passes=False)
    """
    if batch_norm:
        raise ConfigError(
            "The network has a batch norm, and private training clips each row's gradient.",
            "A batch norm mixes the rows of a batch, and its statistics leave without noise.",
            "Take a LayerNorm or GroupNorm in its place.",
        )
    if own_passes:
        raise ConfigError(
            "The trainer has epochs or a batch of its own.",
            "Privacy is accounted from those of the job's local settings.",
            "Leave them out, and set local.epochs or local.steps, and local.batch.",
        )


def descend_privately(goal: Goal, params: Params, data: Sequence[Design], local: Local) -> Load:
    """Train each party from `params` with `local.private`: `delta [n, d]`, `rows [n, 1]`, and losses of 0.

    No loss is told, because no noise covers it. A party without rows has noise alone to give, and counts as one that
    has a row: so nobody sees whether it has.

    Raises:
        DataError: rows of another width than the model, or customers are to be protected and rows name none.
        ConfigError: settings that private training cannot honour.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design, Local, Private
        >>> from hansa.trainers import Linear
        >>> rows, trainer = Design(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 1.0])), Linear()
        >>> local = Local(steps=1, batch=4, learning_rate=1.0, private=Private(1e9, 0.0, sampling=1.0))
        >>> zero = trainer.init(1, "zero", Draws(0, ""))
        >>> trainer.fit(zero, rows, local, Draws(0, "bank-a"))["delta"].tolist()  # by this: a clip and noise of nothing
        [[0.25, 0.25]]
    """
    if (private := local.private) is None:
        raise DataError("No link asks for private training.")
    private.check(local)
    origin, layout = ravel(params)
    delta = np.zeros((len(data), layout.size), origin.dtype)
    pull = _Pull(local, origin, None if goal.penalty is None else ravel(goal.penalty)[0])
    for i, design in enumerate(data):
        if design.features != goal.features:
            raise DataError(
                f"The model takes {goal.features} columns.",
                f"A party's rows have {design.features}.",
                "Prepare every party's table with the same preparation.",
            )
        if design.rows or private.noise_multiplier:
            delta[i] = _train(goal, _Units.of(design, private, origin.dtype), local, pull.at(i))
    least = 1.0 if private.noise_multiplier else 0.0
    rows = np.array([[design.mass or least] for design in data]).reshape(-1, 1)
    return Load({"delta": delta, "rows": rows, "loss": np.zeros((len(data), 1))})


def _train(goal: Goal, units: _Units, local: Local, pull: _Pull) -> Array:
    """Train one party: how far it went, `[d]`."""
    private, secret = units.private, Secret()
    w = pull.begin()
    model, dtype = goal.bind(w), w.dtype.name
    optimiser = optimizer(local, 1, len(w), Memory(dtype))
    sigma = private.noise_multiplier * private.clip * _ROUNDED
    with np.errstate(all="ignore"):
        for step, batch in enumerate(units.batches(secret, private.steps(local))):
            g = secret.normal(len(w), dtype) if sigma else np.zeros_like(w)
            np.multiply(g, sigma, out=g)
            for rows in batch:
                np.add(g, model.sum(rows, private.clip), out=g)
            np.divide(g, local.batch, out=g)
            pull.add(w, g)
            optimiser.move(w[None, :], g[None, :], slice(0, 1), step)
    return w - pull.origin


@final
@dataclass(frozen=True)
class _Units:
    """A party's rows, those of one customer beside each other, and where each unit's begin: `starts [units + 1]`."""

    design: Design
    private: Private
    starts: NDArray[np.intp] | None

    @classmethod
    def of(cls, design: Design, private: Private, dtype: np.dtype[Any]) -> _Units:
        design = replace(design, X=np.ascontiguousarray(design.X, dtype), y=np.asarray(design.y, dtype))
        if private.unit == "record":
            return cls(replace(design, who=None), private, None)
        if design.who is None:
            raise DataError(
                "Customers are to be protected, and the rows name none.",
                "Without the customer's id each row would count as a customer.",
                "Name the id column in data.id, or protect records.",
            )
        order = np.argsort(design.who, kind="stable")
        weight = None if design.weight is None else design.weight[order]
        sizes = np.unique(design.who, return_counts=True)[1]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        return cls(replace(design, X=design.X[order], y=design.y[order], weight=weight, who=None), private, starts)

    def batches(self, secret: Secret, steps: int) -> Iterator[list[Design]]:
        """The rows of each step's Poisson sample of units, in pieces; none where nobody is in it."""
        many = self.design.rows if self.starts is None else len(self.starts) - 1
        for units in secret.samples(self.private.sampling, many, steps):
            if self.starts is None:
                yield [self._rows(units[at : at + _ROWS], None) for at in range(0, len(units), _ROWS)]
                continue
            sizes = self.starts[units + 1] - self.starts[units]
            pieces = np.split(np.arange(len(units)), np.flatnonzero(np.diff(np.cumsum(sizes) // _ROWS)) + 1)
            yield [self._customers(units[piece], sizes[piece]) for piece in pieces if len(piece)]

    def _customers(self, units: NDArray[np.intp], sizes: NDArray[np.intp]) -> Design:
        """All rows of some customers, numbered from 0."""
        who = np.repeat(np.arange(len(units)), sizes)
        ends = np.cumsum(sizes)
        return self._rows(self.starts_of(units)[who] + np.arange(ends[-1]) - (ends - sizes)[who], who)

    def starts_of(self, units: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where these units' rows begin."""
        return units if self.starts is None else self.starts[units]

    def _rows(self, rows: NDArray[np.intp], who: NDArray[np.intp] | None) -> Design:
        own = self.design
        weight = None if own.weight is None else own.weight[rows]
        return replace(own, X=own.X.take(rows, axis=0), y=own.y[rows], weight=weight, who=who)


@final
@dataclass(frozen=True)
class _Pull:
    """What a step's gradient holds that does not come from rows: penalty, prox and tilt; and a bound on all of it."""

    local: Local
    origin: Array
    penalty: Array | None
    place: int = 0

    def at(self, place: int) -> _Pull:
        """The same for one party."""
        return replace(self, place=place)

    def begin(self) -> Array:
        """Where the party begins, as its own copy `[d]`."""
        start = self.local.start
        return self.origin.copy() if start is None else start[self.place].astype(self.origin.dtype)

    def add(self, w: Array, g: Array) -> None:
        """Add it to `g [d]`, in place."""
        if self.penalty is not None:
            np.add(g, w * self.penalty, out=g)
        if self.local.prox:
            np.add(g, self.local.prox * (w - self.origin), out=g)
        if self.local.tilt is not None:
            np.add(g, self.local.tilt[self.place].astype(g.dtype), out=g)
        if self.local.clip_norm is not None:
            norm = float(np.linalg.norm(g))
            np.multiply(g, min(1.0, self.local.clip_norm / norm) if norm > 0 else 1.0, out=g)


@final
class Ghost:
    """A numpy model of dense layers as `Clipped`: programs for batches of each size, made when first wanted.

    Example:
        >>> from hansa.core.trainer import Design
        >>> from hansa.trainers.layers import ACTIVATIONS, Network
        >>> from hansa.trainers.losses import Squared
        >>> w, layout = ravel([{"weight": np.array([[2.0]]), "bias": np.zeros(1)}])
        >>> bind = lambda w, g, b, memory: Network(w, g, ACTIVATIONS["relu"], b, memory)
        >>> rows = Design(np.array([[3.0], [4.0]]), np.array([5.0, 8.0]))
        >>> ghost = Ghost(bind, Squared(), layout, w)
        >>> ghost.sum(rows, clip=1e9).tolist(), (ghost.sum(rows, clip=1.0) ** 2).sum().round(9).item()
        ([1.0, 3.0], 1.0)
    """

    def __init__(
        self, bind: Callable[[Params, Params, int, Memory], Layered], loss: Loss, layout: Layout, w: Array
    ) -> None:
        """Bind to parameters `w [d]`."""
        self._bind, self._loss, self._memory = bind, loss, Memory(w.dtype.name)
        self._g = np.zeros((1, len(w)), w.dtype)
        self._views = unravel(layout, w[None, :]), unravel(layout, self._g)
        self._programs: dict[int, Layered] = {}

    def sum(self, rows: Design, clip: float) -> Array:
        """The sum of the clipped gradients; read it before the next."""
        b = rows.rows
        if b not in self._programs:
            self._programs[b] = self._bind(*self._views, b, self._memory)
        program, X = self._programs[b], rows.X[None]
        error = program.forward(X)
        self._loss.slope(error, rows.y[None, :, None])
        if rows.weight is not None:
            np.multiply(error, rows.weight[None, :, None].astype(error.dtype), out=error)
        write_clipped(program.layers(X, error), clip, rows.who)
        found: Array = self._g[0]
        return found
