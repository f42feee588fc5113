"""Ghost clipping: each example's gradient is bounded without ever being written down (Goodfellow 2015; Li et al. 2022).

In a dense layer, an example's gradient is the product of what came in, `a`, and its error `e`; so its norm is |a| |e|,
and two examples' gradients have the product (a . a') (e . e'). From these follow each example's norm over all layers,
or that of a customer's examples together, and then each error's factor min(1, clip / norm): one weighted product a
layer gives the sum of the clipped gradients.

A gradient that is no number is cut to nothing: else a model that overflows on some rows alone would tell of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hansa.trainers.losses import Array

_PAIRS = 16
"""Customers with more rows than this are summed row by row, not pair by pair."""
_ROUGH = 2.0**18
"""So many roundings of a sum are 2^-16 of a clip at most: what training's noise is larger for."""
_LOST = 2.0**-100
"""More than float32 loses of a sum of squares that are too small for it, over any layer: so a norm is never too low."""


class Dense(NamedTuple):
    """One dense layer of a batch of `b` rows: what came in, its error, and the places of its gradients."""

    below: Array  # [b, inputs]
    error: Array  # [b, outputs]
    weight: Array  # [inputs, outputs]
    bias: Array | None  # [outputs]


class Layered(Protocol):
    """A model of dense layers, bound to memory as a `Program` is."""

    def forward(self, X: Array) -> Array:
        """The margins `[1, b, k]` of `X [1, b, features]`."""
        ...

    def layers(self, X: Array, error: Array) -> Sequence[Dense]:
        """Every layer, with its error, from the loss's derivative by the margins `[1, b, k]`."""
        ...


def write_clipped(layers: Sequence[Dense], clip: float, group: NDArray[np.intp] | None = None) -> None:
    """Write the sum of the clipped gradients of all examples into their places; the errors are used up.

    `group [b]` numbers each row's customer from 0, rising: rows of one customer are clipped together. Without it each
    row is an example.

    Example:
        >>> layer = Dense(np.array([[3.0], [0.5]]), np.array([[1.0], [1.0]]), np.zeros((1, 1)), None)
        >>> write_clipped([layer], clip=1.0)
        >>> layer.weight.item()  # 3 is cut to 1, and 0.5 stays
        1.5
        >>> layer = Dense(np.array([[3.0], [0.5]]), np.array([[1.0], [1.0]]), np.zeros((1, 1)), None)
        >>> write_clipped([layer], clip=1.0, group=np.array([0, 0]))
        >>> layer.weight.item()
        1.0
    """
    squares = row_squares(layers) if group is None else group_squares(layers, group)
    factor = _factors(np.sqrt(squares), clip).astype(layers[0].error.dtype)
    if group is not None:
        factor = factor[group]
    lost = factor == 0
    some = bool(lost.any())
    for below, error, weight, bias in layers:
        if some:
            error[lost] = 0
        if bias is not None:
            np.matmul(factor, error, out=bias)
        np.multiply(error, factor[:, None], out=error)
        np.matmul((np.where(lost[:, None], 0, below) if some else below).T, error, out=weight)


def row_squares(layers: Sequence[Dense]) -> NDArray[np.floating]:
    """The squared norm of each row's gradient over all layers, `[b]`.

    Example:
        >>> row_squares([Dense(np.array([[3.0, 4.0]]), np.array([[2.0]]), np.zeros((2, 1)), np.zeros(1))]).item()
        104.0
    """
    total: NDArray[np.floating] = np.zeros(len(layers[0].below), layers[0].below.dtype)
    for below, error, _, bias in layers:
        inputs, errors = _dots(below, below), _dots(error, error)
        inputs += _LOST if bias is None else 1
        errors += _LOST
        total += np.multiply(inputs, errors, out=errors)
    return total


def group_squares(layers: Sequence[Dense], group: NDArray[np.intp]) -> NDArray[np.floating]:
    """The squared norm of each customer's gradient over all layers, `[customers]`; `group` is 0, 0, 1, ... and rises.

    Where rows nearly cancel, rounding would hide the rest: these are summed in double precision, and count as no less
    than what rounding may leave of them in a sum.

    Example:
        >>> one = Dense(np.array([[3.0], [1.0]]), np.array([[1.0], [-1.0]]), np.zeros((1, 1)), None)
        >>> group_squares([one], np.array([0, 0])).item(), group_squares([one], np.array([0, 1])).tolist()
        (4.0, [9.0, 1.0])
    """
    sizes = np.bincount(group)
    starts, small = np.cumsum(sizes) - sizes, sizes[group] <= _PAIRS
    alone = row_squares(layers)
    squares = np.bincount(group, alone, len(sizes))
    for lag in range(1, int(min(sizes.max(initial=0), _PAIRS))):
        first = np.flatnonzero((group[: len(group) - lag] == group[lag:]) & small[lag:])
        pairs = sum(
            (_dots(below[first], below[first + lag]) + (bias is not None)) * _dots(error[first], error[first + lag])
            for below, error, _, bias in layers
        )
        squares += np.bincount(group[first], 2 * pairs, len(sizes))
    most = np.square(np.bincount(group, np.sqrt(alone), len(sizes)))  # where nothing cancels
    rough = _ROUGH * float(np.finfo(layers[0].error.dtype).eps)
    for g in np.flatnonzero((sizes > _PAIRS) | (squares < rough * most)).tolist():
        rows, squares[g] = slice(starts[g], starts[g] + sizes[g]), 0.0
        for below, error, _, bias in layers:
            e = error[rows].astype(np.float64)
            squares[g] += np.square(below[rows].T.astype(np.float64) @ e).sum()
            squares[g] += 0 if bias is None else np.square(e.sum(axis=0)).sum()
    return np.asarray(np.maximum(squares, rough**2 * most))


def sum_clipped(pieces: Iterable[Array], who: NDArray[np.intp] | None, clip: float, total: Array) -> None:
    """Write the sum `[d]` of clipped gradients that were written down row by row, `[rows, d]` a piece, into `total`.

    `who` numbers each row's customer, rising: one's rows may go on in the next piece.

    Example:
        >>> total = np.empty(1)
        >>> sum_clipped([np.array([[3.0], [0.5]]), np.array([[0.25]])], np.array([0, 1, 1]), 1.0, total)
        >>> total.item()
        1.75
    """
    total[:] = 0
    left, whose, at = total[None, :0].reshape(0, len(total)), -1, 0
    for piece in pieces:
        group = np.arange(at, at + len(piece)) if who is None else who[at : at + len(piece)]
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        sums = np.add.reduceat(piece, starts, axis=0)
        if len(left) and group[0] == whose:
            sums[0] += left[0]
        else:
            total += _cut(left, clip)
        total += _cut(sums[:-1], clip)
        left, whose, at = sums[-1:], int(group[-1]), at + len(piece)
    total += _cut(left, clip)


def _cut(sums: Array, clip: float) -> Array:
    """Gradients `[units, d]`, each cut to the clip, and added."""
    factor = _factors(np.linalg.norm(sums, axis=1), clip).astype(sums.dtype)
    if (lost := factor == 0).any():
        sums = np.where(lost[:, None], 0, sums)
    found: Array = factor @ sums
    return found


def _factors(norms: NDArray[np.floating], clip: float) -> NDArray[np.floating]:
    """What brings gradients of these norms within the clip; 0 for one that is no number."""
    return np.where(np.isfinite(norms), clip / np.maximum(norms, clip), 0)


def _dots(a: Array, b: Array) -> Array:
    products: Array = np.vecdot(a, b)
    return products
