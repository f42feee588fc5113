"""Rows out of a dense network's update, by optimisation: numbers and one-hot codes (Vero et al. 2023, TabLeak).

Made-up rows are moved until their gradient points where the seen one does (the cosine of Geiping et al. 2020). Codes
are held as softmaxes, as TabLeak does, and several starts are pooled by the median of rows that were matched to each
other. The gradient of the match follows by hand: through the backward pass, and back through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics.rows import probability

Array: TypeAlias = NDArray[np.float64]

_NEAR: Final = 0.319  # of a standard deviation: numbers so near count as found (TabLeak, section 5)
_RATE: Final = 0.06
_STEPS: Final = 600
_TINY: Final = 1e-12


@final
@dataclass(frozen=True)
class Dense:
    """A network of dense layers, `weight [inputs, outputs]` and `bias [outputs]` each, with a logistic loss at its end.

    All layers but the last have an `activation`: tanh, sigmoid or relu.
    """

    layers: tuple[tuple[Array, Array], ...]
    activation: str = "relu"

    def slopes(self, X: Array, y: Array) -> list[Array]:
        """The gradients of the summed loss of rows `X [..., rows, inputs]` by each array, in order of the layers.

        Example:
            >>> net = Dense(((np.zeros((2, 1)), np.zeros(1)),))
            >>> [one.ravel().tolist() for one in net.slopes(np.array([[3.0, 1.0]]), np.array([1.0]))]
            [[-1.5, -0.5], [-0.5]]
        """
        h, errors, _ = self._through(X, y)
        pairs = ((np.swapaxes(below, -1, -2) @ e, e.sum(axis=-2)) for below, e in zip(h, errors, strict=True))
        return [one for pair in pairs for one in pair]

    def pulled(self, X: Array, y: Array, back: Sequence[Array]) -> Array:
        """How `sum(back * slopes)` changes with `X`, in its shape: the backward pass, differentiated once more.

        Example:
            >>> net = Dense(((np.ones((1, 1)), np.zeros(1)),))
            >>> rows, y, back = np.array([[0.5]]), np.array([1.0]), [np.ones((1, 1)), np.zeros(1)]
            >>> more, less = (net.slopes(rows + step, y)[0].item() for step in (1e-6, -1e-6))
            >>> abs(net.pulled(rows, y, back).item() - (more - less) / 2e-6) < 1e-6
            True
        """
        h, errors, bends = self._through(X, y)
        by_error: list[Array] = []  # how it changes with each layer's error, from the first up
        for place, (weight, _) in enumerate(self.layers):
            moved = h[place] @ back[2 * place] + back[2 * place + 1][..., None, :]
            if place:
                moved = moved + (by_error[-1] * bends[place - 1][0]) @ weight
            by_error.append(moved)
        p = errors[-1] + y[..., None]
        by_sum = by_error[-1] * p * (1 - p)
        for place in reversed(range(1, len(self.layers))):
            weight, (bend, curve) = self.layers[place][0], bends[place - 1]
            by_value = errors[place] @ np.swapaxes(back[2 * place], -1, -2) + by_sum @ weight.T
            by_sum = by_value * bend + by_error[place - 1] * (errors[place] @ weight.T) * curve
        pulled: Array = errors[0] @ np.swapaxes(back[0], -1, -2) + by_sum @ self.layers[0][0].T
        return pulled

    def _through(self, X: Array, y: Array) -> tuple[list[Array], list[Array], list[tuple[Array, Array]]]:
        """What comes into each layer, each layer's error, and each activation's first and second derivative."""
        h, bends = [X], list[tuple[Array, Array]]()
        for weight, bias in self.layers[:-1]:
            h.append(self._active(h[-1] @ weight + bias))
            bends.append(self._bends(h[-1]))
        weight, bias = self.layers[-1]
        errors = [probability(h[-1] @ weight + bias) - y[..., None]]
        for (weight, _), (bend, _) in zip(self.layers[:0:-1], bends[::-1], strict=True):
            errors.insert(0, (errors[0] @ weight.T) * bend)
        return h, errors, bends

    def _active(self, a: Array) -> Array:
        if self.activation == "relu":
            return np.maximum(a, 0.0)
        return np.tanh(a) if self.activation == "tanh" else probability(a)

    def _bends(self, h: Array) -> tuple[Array, Array]:
        """The activation's derivatives, by its value."""
        if self.activation == "tanh":
            return 1 - h * h, -2 * h * (1 - h * h)
        if self.activation == "sigmoid":
            return h * (1 - h), h * (1 - h) * (1 - 2 * h)
        return (h > 0).astype(np.float64), np.zeros_like(h)


@final
@dataclass(frozen=True)
class Known:
    """What the attacker knows of prepared columns: the places of each category's codes, and the others are numbers.

    Example:
        >>> Known(codes=((1, 2),)).numbers(4)
        [0, 3]
    """

    codes: tuple[tuple[int, ...], ...] = ()

    def numbers(self, inputs: int) -> list[int]:
        """The places of numbers."""
        taken = {place for group in self.codes for place in group}
        return [place for place in range(inputs) if place not in taken]


def invert(
    net: Dense, seen: Sequence[Array], y: Array, known: Known, rng: np.random.Generator, starts: int = 16
) -> Array:
    """Rows `[rows, inputs]` whose gradient points as the `seen` one does; their labels `y [rows]` are known.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> net = Dense(tuple((rng.normal(size=size), np.zeros(size[1])) for size in ((3, 12), (12, 1))), "tanh")
        >>> row, y = np.array([[0.7, 1.0, 0.0]]), np.array([1.0])
        >>> found = invert(net, net.slopes(row, y), y, Known(codes=((1, 2),)), rng)
        >>> bool(abs(found - row).max() < 0.05)
        True
    """
    inputs, shape = len(net.layers[0][0]), (starts, len(y))
    raw = rng.normal(size=(*shape, inputs)) * 0.5
    sides = np.broadcast_to(y, shape)
    first, second = np.zeros_like(raw), np.zeros_like(raw)
    for step in range(1, _STEPS + 1):
        X = _shown(raw, known)
        _, back = _cosine(net.slopes(X, sides), seen)
        slope = _softly(net.pulled(X, sides, back), X, known)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        rate = _RATE * min(1.0, 2 * (1 - step / (_STEPS + 1)))
        raw -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + _TINY)
    X = _shown(raw, known)
    gap, _ = _cosine(net.slopes(X, sides), seen)
    return _pooled(X[np.argsort(gap)[: max(starts // 4, 1)]], y)


def right_of(found: Array, rows: Array, known: Known) -> Array:
    """Which columns of each row are found, `[rows, columns]`: codes exactly, numbers within .319; codes come first.

    Rows are matched to each other so that most is right, each found row once.

    Example:
        >>> rows = np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 1.0]])
        >>> right_of(rows[::-1] + 0.1, rows, Known(codes=((1, 2),))).tolist()
        [[1.0, 1.0], [1.0, 1.0]]
    """
    numbers = known.numbers(rows.shape[1])
    each = np.stack([_right(found, row, known, numbers) for row in rows])  # [rows, found, columns]
    open_, matched = each.mean(axis=2), np.zeros((len(rows), each.shape[2]))
    for _ in range(len(rows)):
        i, j = np.unravel_index(int(open_.argmax()), open_.shape)
        matched[i] = each[i, j]
        open_[i], open_[:, j] = -1, -1
    return matched


def usual(rows: Array, known: Known) -> Array:
    """What somebody guesses who saw no update, `[inputs]`: the median of numbers, the most frequent code.

    Example:
        >>> usual(np.array([[1.0, 1.0, 0.0], [2.0, 1.0, 0.0], [9.0, 0.0, 1.0]]), Known(codes=((1, 2),))).tolist()
        [2.0, 1.0, 0.0]
    """
    guess: Array = np.median(rows, axis=0)
    for group in known.codes:
        most = int(rows[:, group].sum(axis=0).argmax())
        guess[list(group)] = np.arange(len(group)) == most
    return guess


def _right(found: Array, row: Array, known: Known, numbers: list[int]) -> Array:
    codes = [found[:, group].argmax(axis=1) == row[list(group)].argmax() for group in known.codes]
    near = np.abs(found[:, numbers] - row[numbers]) <= _NEAR
    return np.concatenate([*[code[:, None] for code in codes], near], axis=1).astype(np.float64)


def _cosine(slopes: Sequence[Array], seen: Sequence[Array]) -> tuple[Array, list[Array]]:
    """One less the cosine to the seen gradient, `[starts]`, and how it changes with each array."""
    starts = len(slopes[0])

    def flat(arrays: Sequence[Array]) -> Array:
        return np.concatenate([one.reshape(starts, -1) for one in arrays], axis=1)

    own, aim = flat(slopes), flat([np.broadcast_to(one, (starts, *one.shape)) for one in seen])
    size = np.linalg.norm(own, axis=1, keepdims=True) + _TINY
    aim = aim / (np.linalg.norm(aim, axis=1, keepdims=True) + _TINY)
    cosine = (own * aim).sum(axis=1, keepdims=True) / size
    back = (cosine * own / size - aim) / size
    ends = np.cumsum([one[0].size for one in slopes])[:-1]
    parts = np.split(back, ends, axis=1)
    return 1 - cosine[:, 0], [part.reshape(one.shape) for part, one in zip(parts, slopes, strict=True)]


def _shown(raw: Array, known: Known) -> Array:
    X = raw.copy()
    for group in known.codes:
        part = np.exp(4 * (raw[..., group] - raw[..., group].max(axis=-1, keepdims=True)))
        X[..., group] = part / part.sum(axis=-1, keepdims=True)
    return X


def _softly(slope: Array, X: Array, known: Known) -> Array:
    """The slope by what stands under the softmaxes."""
    slope = slope.copy()
    for group in known.codes:
        p, g = X[..., group], slope[..., group]
        slope[..., group] = 4 * p * (g - (p * g).sum(axis=-1, keepdims=True))
    return slope


def _pooled(tries: Array, y: Array) -> Array:
    """The median over tries of rows that are matched to those of the best try, within each label."""
    first, pooled = tries[0], [tries[0]]
    for one in tries[1:]:
        far = np.square(first[:, None] - one[None]).sum(axis=2) + 1e6 * (y[:, None] != y[None])
        order = np.zeros(len(y), np.intp)
        for _ in range(len(y)):
            i, j = np.unravel_index(int(far.argmin()), far.shape)
            order[i] = j
            far[i], far[:, j] = np.inf, np.inf
        pooled.append(one[order])
    found: Array = np.median(np.stack(pooled), axis=0)
    return found
