"""Local training: gradient descent of a stack of parties as one program.

Parameters, gradients and the optimiser's memory are flat matrices `[n, d]`, a row a party; a model sees them as views
in its own shapes. Every sum over a party's rows is one BLAS product of that party alone, and all else is done number by
number. So a party's bits depend neither on its neighbours nor on how many there are.

Example:
    >>> from hansa.core.draws import Draws
    >>> from hansa.core.trainer import Design, Local
    >>> from hansa.trainers import Linear
    >>> rows = Design(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 1.0]))
    >>> params = {"coef": np.zeros((1, 1)), "intercept": np.zeros(1)}
    >>> local = Local(steps=1, learning_rate=1.0)
    >>> Linear().fit(params, rows, local, Draws(0, "bank-a"))["delta"].tolist()  # by `descend`
    [[0.25, 0.25]]
    >>> Objective.__name__
    'Objective'
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np

from hansa.core.load import Load
from hansa.core.pytree import ravel, unravel
from hansa.errors import DataError
from hansa.trainers.batches import Feed, cut
from hansa.trainers.memory import Memory, Pool
from hansa.trainers.optimizers import optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.pytree import Layout, Params
    from hansa.core.trainer import Design, Local
    from hansa.trainers.batches import Batch
    from hansa.trainers.losses import Array, Loss


class Program(Protocol):
    """A model bound to memory: the parameters of `m` parties, their gradients, and room for batches of `b` rows."""

    def forward(self, X: Array) -> Array:
        """The margins `[m, b, k]` of `X [m, b, features]`, in the program's own memory."""
        ...

    def backward(self, X: Array, error: Array) -> None:
        """Write the gradients, from the loss's derivative by the margins `[m, b, k]`."""
        ...


@final
@dataclass(frozen=True)
class Objective:
    """What descends: a loss over a model, and a penalty on its parameters.

    `bind(parameters, gradients, b, memory)` makes a program on views with a leading axis of parties. `penalty` has the
    form of the parameters and holds the L2 factor of each. `room` is how many numbers a batch of one row needs on its
    way; `pool` lends the memory.
    """

    loss: Loss
    bind: Callable[[Params, Params, int, Memory], Program]
    penalty: Params | None
    features: int
    room: int
    pool: Pool


def descend(objective: Objective, params: Params, data: Sequence[Design], local: Local, draws: Sequence[Draws]) -> Load:
    """Train each party from `params` on its own rows: `delta [n, d]`, `rows [n, 1]`, `loss [n, 1]`.

    `delta` is the new parameters less `params`, also where `local.start` began elsewhere. `rows` is what the rows weigh
    together. `loss` is the mean loss of the first batch before its step, times `rows`: an indication of how the
    received model does on training rows. A step takes the gradient of the batch's weighted mean loss, adds penalty,
    prox and tilt, bounds the norm of the whole by `clip_norm`, and hands it to the optimiser. Results may be infinite
    or not numbers: the caller judges them.

    Raises:
        DataError: a party's rows have another number of columns than the model.
    """
    origin, layout = ravel(params)
    if any(design.features != objective.features for design in data):
        raise DataError(
            f"The model takes {objective.features} columns.",
            f"A party's rows have {next(d.features for d in data if d.features != objective.features)}.",
            "Prepare every party's table with the same preparation.",
        )
    data = [_in_precision(design, origin.dtype) for design in data]
    vectors = {"sgd": 2, "momentum": 3, "adam": 5}[local.optimizer]
    most = max((min(d.rows, local.batch or d.rows) for d in data), default=0)
    stacks = list(cut(data, (vectors * layout.size + most * objective.room) * origin.itemsize))
    places = [place for stack in stacks for place in stack]
    delta, loss, at = np.empty((len(data), layout.size), origin.dtype), np.zeros((len(data), 1)), 0
    with objective.pool.lend(layout.dtype) as memory, np.errstate(all="ignore"):
        descent = _Descent(objective, local, origin, layout, memory)
        for stack in stacks:
            feed = Feed([data[i] for i in stack], [draws[i] for i in stack], local, objective.loss.task, memory)
            trained = slice(at, at + len(stack))
            loss[trained] = descent.train(feed, delta[trained], stack)
            at += len(stack)
    delta[at:] = 0  # parties without rows
    rows = np.array([[design.mass] for design in data]).reshape(-1, 1)
    if places == list(range(at)):
        return Load({"delta": delta, "rows": rows, "loss": loss})
    back = np.argsort([*places, *(i for i in range(len(data)) if not data[i].rows)])
    return Load({"delta": delta[back], "rows": rows, "loss": loss[back]})


def _in_precision(design: Design, dtype: np.dtype[Any]) -> Design:
    """The same rows in the model's precision and in one piece: themselves, if they are so already."""
    if design.X.dtype == dtype and design.y.dtype == dtype and design.X.flags.c_contiguous:
        return design
    return replace(design, X=np.ascontiguousarray(design.X, dtype), y=np.asarray(design.y, dtype))


@final
class _Descent:
    """Descends stack by stack."""

    def __init__(self, objective: Objective, local: Local, origin: Array, layout: Layout, memory: Memory) -> None:
        self.objective, self.local, self.origin, self.layout, self.memory = objective, local, origin, layout, memory
        self.penalty = None if objective.penalty is None else ravel(objective.penalty)[0]

    def train(self, feed: Feed, w: Array, places: list[int]) -> NDArray[np.float64]:
        """Train the parties at these places in `w [n, d]` and leave there how far each went; the losses `[n, 1]`."""
        start, tilt = self.local.start, self.local.tilt
        w[:] = self.origin if start is None else start[places]
        pulled = None if tilt is None else tilt[places].astype(w.dtype)
        n, d = w.shape
        loss, optimiser = np.zeros((n, 1)), optimizer(self.local, n, d, self.memory)
        crews: dict[tuple[int, int, int], _Crew] = {}
        for step in range(feed.steps):
            for batch in feed.at(step):
                parties, b = batch.parties, batch.y.shape[1]
                crew = crews.get(key := (parties.start, parties.stop, b))
                if crew is None:
                    crew = crews[key] = _Crew(self, w, pulled, parties, b)
                crew.gradient(batch, loss if step == 0 else None)
                crew.pull()
                optimiser.move(crew.w, crew.g, parties, step)
        np.subtract(w, self.origin, out=w)
        return loss * feed.mass


@final
class _Crew:
    """Neighbours in a stack whose batches have one size: their views of all that is theirs, and a program on these."""

    def __init__(self, descent: _Descent, w: Array, tilt: Array | None, parties: slice, b: int) -> None:
        memory, layout = descent.memory, descent.layout
        self.w = w[parties]
        self.g = memory.take("gradients", *w.shape)[parties]
        self._spare = memory.take("spare", *w.shape)[parties]
        self._tilt = None if tilt is None else tilt[parties]
        self._local, self._origin, self._penalty = descent.local, descent.origin, descent.penalty
        self._loss = descent.objective.loss
        self._program = descent.objective.bind(unravel(layout, self.w), unravel(layout, self.g), b, memory)

    def gradient(self, batch: Batch, losses: NDArray[np.float64] | None) -> None:
        """Write the gradient of the sum over rows of share x loss; and that sum into `losses`, where it is wanted."""
        margin = self._program.forward(batch.X)
        if losses is not None:
            mean = np.matmul(batch.share.transpose(0, 2, 1), self._loss.value(margin, batch.y))
            losses[batch.parties] = mean[:, :, 0]
        self._loss.slope(margin, batch.y)
        np.multiply(margin, batch.share, out=margin)
        self._program.backward(batch.X, margin)

    def pull(self) -> None:
        """Add to the gradients what does not come from rows: penalty, prox and tilt; then bound their norms."""
        w, g, spare = self.w, self.g, self._spare
        if self._penalty is not None:
            np.multiply(w, self._penalty, out=spare)
            np.add(g, spare, out=g)
        if self._local.prox:
            np.subtract(w, self._origin, out=spare)
            np.multiply(spare, self._local.prox, out=spare)
            np.add(g, spare, out=g)
        if self._tilt is not None:
            np.add(g, self._tilt, out=g)
        if self._local.clip_norm is not None:
            norm = np.sqrt(np.matmul(g[:, None, :], g[:, :, None]))[:, 0]
            np.multiply(g, np.minimum(self._local.clip_norm / norm, 1), out=g)
