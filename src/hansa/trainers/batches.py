"""Batches: which rows each party of a stack takes at each step.

A stack holds its parties by falling number of rows. At a step, neighbours whose batches have the same place and size
form one batch `[m, b, features]`, a view: nothing is padded, so a party's products have the same shapes as when it is
alone.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from hansa.core.on_disk import gather
from hansa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.trainer import Design, Local, Task
    from hansa.trainers.losses import Array
    from hansa.trainers.memory import Memory

# Bytes that one stack's training touches at every step, beside rows. Measured on a core with 1 MiB of second-level
# cache and a share of 32 MiB: stacks of 4 to 16 MiB are equally fast, those of 2 MiB a tenth slower (more calls).
_CACHE = 6 << 20
_ROWS = 64 << 20  # bytes of rows, in the order of the epoch, that one stack may hold


class Batch(NamedTuple):
    """One step's rows of some neighbours in a stack.

    `X [m, b, features]`, `y [m, b, 1]`, and each row's `share [m, b, 1]` in its party's mean, which sums to 1.
    `epoch` counts the passes over the party's rows from 0.
    """

    parties: slice
    epoch: int
    X: Array
    y: Array
    share: Array


def cut(data: Sequence[Design], each: int) -> Iterator[list[int]]:
    """Cut parties into stacks whose work stays in cache, most rows first; parties without rows are left out.

    `each` is what one party's training touches besides its rows, in bytes. The cut does not change any party's bits.

    Example:
        >>> from hansa.core.trainer import Design
        >>> parties = [Design(np.zeros((rows, 2)), np.zeros(rows)) for rows in (5, 0, 9, 5)]
        >>> list(cut(parties, each=64)), list(cut(parties, each=4 << 20))
        ([[2, 0, 3]], [[2], [0], [3]])
    """
    places = sorted((i for i, design in enumerate(data) if design.rows), key=lambda i: -data[i].rows)
    while places:
        largest = data[places[0]].X
        taken = max(1, min(_CACHE // each, _ROWS // max(largest.nbytes, 1)))
        yield places[:taken]
        places = places[taken:]


def bucket(count: int) -> int:
    """The next size of a few: at most a quarter above.

    Example:
        >>> [bucket(count) for count in (0, 3, 5, 9, 100, 157)]
        [1, 3, 5, 10, 112, 160]
    """
    step = 1 << max(0, (max(count, 1) - 1).bit_length() - 3)
    return max(1, -(-count // step) * step)


@final
class Feed:
    """The rows of a stack in the order of each party's epoch, and the batches that are views of them.

    Example:
        >>> from hansa.core.draws import Draws
        >>> from hansa.core.trainer import Design, Local
        >>> from hansa.trainers.memory import Memory
        >>> rows = Design(np.arange(10.0).reshape(5, 2), np.zeros(5))
        >>> feed = Feed([rows], [Draws(0, "bank-a")], Local(epochs=1, batch=2), "binary", Memory("float64"))
        >>> [batch.X.shape for step in range(feed.steps) for batch in feed.at(step)]
        [(1, 2, 2), (1, 2, 2), (1, 1, 2)]
    """

    def __init__(
        self, data: Sequence[Design], draws: Sequence[Draws], local: Local, task: Task, memory: Memory
    ) -> None:
        """Lay out memory for `data`, which comes by falling number of rows."""
        self._data, self._draws, self._batch = data, draws, local.batch
        self._weights = [row_weights(design, local, task) for design in data]
        weighted = any(weight is not None for weight in self._weights)
        n, most = len(data), data[0].rows
        # One party that takes all rows at once needs no copy of them.
        whole = n == 1 and self._passes(most) == 1
        # Nor does one with more rows than a stack may hold: its batches are gathered one by one.
        self._far = n == 1 and not whole and data[0].X.nbytes > _ROWS
        self._order = np.arange(0)
        held = local.batch if self._far else most
        self._X = data[0].X[None] if whole else memory.take("X", n, held, data[0].features)
        self._y = memory.take("y", n, most, 1)
        self._w = memory.take("weight", n, most, 1) if weighted else None
        self._whole, self._equal = whole, dict[tuple[int, int], "Array"]()
        self._groups = [(rows, len(list(group))) for rows, group in groupby(design.rows for design in data)]
        epochs = local.epochs or 1
        self._last = {value: local.steps or epochs * self._passes(value) for value, _ in self._groups}

    @property
    def steps(self) -> int:
        """How many steps the party with the most rows takes; none takes more."""
        return max(self._last.values())

    @property
    def mass(self) -> NDArray[np.float64]:
        """What each party's rows weigh together, `[n, 1]`."""
        return np.array([[design.mass] for design in self._data])

    def at(self, step: int) -> Iterator[Batch]:
        """Yield the batches of one step; each party that still trains is in one of them."""
        for (epoch, start, stop), parties in self._runs(step):
            if start == 0:
                self._fill(parties, epoch)
            X = self._gathered(start, stop) if self._far else self._X[parties, start:stop]
            yield Batch(parties, epoch, X, self._y[parties, start:stop], self._share(parties, start, stop))

    def _gathered(self, start: int, stop: int) -> Array:
        """The rows of one batch of one party, out of the order of its epoch."""
        X = self._X[:, : stop - start]
        gather(self._data[0].X, self._order[start:stop], X[0])
        return X

    def _runs(self, step: int) -> Iterator[tuple[tuple[int, int, int], slice]]:
        """Join neighbours whose batch has the same epoch, start and stop."""
        first, run, at = 0, None, 0
        for rows, many in self._groups:
            epoch, turn = divmod(step, self._passes(rows))
            start = turn * self._batch
            here = (epoch, start, min(start + (self._batch or rows), rows)) if step < self._last[rows] else None
            if here != run:
                if run is not None:
                    yield run, slice(first, at)
                first, run = at, here
            at += many
        if run is not None:
            yield run, slice(first, at)

    def _passes(self, rows: int) -> int:
        """How many steps an epoch has."""
        return -(-rows // self._batch) if self._batch else 1

    def _fill(self, parties: slice, epoch: int) -> None:
        """Lay the parties' rows out in the order of this epoch; rows that are taken all at once keep their order."""
        for i in range(parties.start, parties.stop):
            design, weight = self._data[i], self._weights[i]
            once = self._passes(design.rows) == 1
            if once and epoch:
                continue
            order = None if once else self._draws[i].permutation(f"epoch-{epoch}", design.rows)
            if self._far and order is not None:
                self._order = order
            elif not self._whole:
                _lay(design.X, order, self._X[i, : design.rows])
            _lay(design.y, order, self._y[i, : design.rows, 0])
            if self._w is not None:
                _lay(
                    np.ones(design.rows, self._w.dtype) if weight is None else weight,
                    order,
                    self._w[i, : design.rows, 0],
                )

    def _share(self, parties: slice, start: int, stop: int) -> Array:
        m, b = parties.stop - parties.start, stop - start
        if self._w is not None:
            weight = self._w[parties, start:stop]
            total = np.matmul(np.ones((1, b), weight.dtype), weight)
            share: Array = weight / np.where(total > 0, total, 1)
            return share
        if (m, b) not in self._equal:
            self._equal[m, b] = np.full((m, b, 1), 1 / b, self._y.dtype)
        return self._equal[m, b]


def _lay(source: NDArray[Any], order: NDArray[np.intp] | None, out: NDArray[Any]) -> None:
    if order is None:
        np.copyto(out, source)
    else:
        np.take(source, order, axis=0, out=out, mode="clip")  # "clip": numpy then writes straight into `out`


def row_weights(design: Design, local: Local, task: Task) -> Array | None:
    """The rows' weights: the party's own, times those that give its classes equal shares; none if all are equal.

    Raises:
        ConfigError: balanced classes are wanted of a target that is a value.

    Example:
        >>> from hansa.core.trainer import Design, Local
        >>> design = Design(np.zeros((4, 1)), np.array([0.0, 0.0, 0.0, 1.0]))
        >>> row_weights(design, Local(class_weight="balanced"), "binary").round(2).tolist()
        [0.67, 0.67, 0.67, 2.0]
    """
    if local.class_weight == "none":
        return design.weight
    if task == "regression":
        raise ConfigError('class_weight="balanced" needs classes, and this trainer learns a value.', mend='Say "none".')
    own = np.ones(design.rows, design.X.dtype) if design.weight is None else design.weight
    _, codes = np.unique(design.y, return_inverse=True)
    totals = np.bincount(codes, weights=own)
    fair = totals.sum() / (len(totals) * np.where(totals > 0, totals, 1))
    balanced: Array = (own * fair[codes]).astype(design.X.dtype)
    return balanced
