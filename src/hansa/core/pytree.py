"""Parameters as any nesting of arrays, flattened once to one vector.

`ravel` lays the leaves end to end (dictionary keys sorted); `unravel` gives the nesting back as views, also of a stack
of vectors `[n, d]`, whose leaves then lead with `n`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, TypeAlias, final

import numpy as np

from hansa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import DTypeLike, NDArray

Params: TypeAlias = "NDArray[np.floating] | dict[str, Params] | list[Params] | tuple[Params, ...]"
Shape: TypeAlias = "tuple[int, ...] | dict[str, Shape] | list[Shape]"


@final
@dataclass(frozen=True)
class Layout:
    """How a vector `[d]` is read as a nesting of arrays: the leaves' shapes, in the same nesting.

    Example:
        >>> vector, layout = ravel({"w": np.zeros((3, 2)), "b": np.ones(2)})
        >>> layout.size, unravel(layout, vector)["w"].shape, unravel(layout, np.zeros((5, 8)))["w"].shape
        (8, (3, 2), (5, 3, 2))
    """

    shapes: Shape
    dtype: str

    @property
    def size(self) -> int:
        """The length `d` of the vector."""
        return sum(prod(shape) for shape in _leaves(self.shapes))


def ravel(params: Params, dtype: DTypeLike | None = None) -> tuple[NDArray[np.floating], Layout]:
    """Flatten a nesting of arrays to one vector `[d]` and the layout that reads it back.

    Raises:
        DataError: a leaf is no floating-point array.

    Example:
        >>> ravel([np.array([1.0, 2.0]), np.array([[3.0]])])[0].tolist()
        [1.0, 2.0, 3.0]
    """
    leaves = list(_arrays(params))
    if not leaves:
        raise DataError("There are no parameters to flatten.", mend="Give at least one array.")
    if any(leaf.dtype.kind != "f" for leaf in leaves):
        raise DataError("A parameter is not an array of floats.", mend="Use float32 or float64 arrays.")
    kind = np.dtype(dtype) if dtype is not None else np.result_type(*leaves)
    vector = np.concatenate([leaf.ravel() for leaf in leaves]).astype(kind, copy=False)
    return vector, Layout(_shapes(params), kind.name)


def unravel(layout: Layout, vector: NDArray[np.floating]) -> Params:
    """Read `[..., d]` as the nesting of arrays that `layout` describes; leaves are views `[..., *shape]`.

    Raises:
        DataError: the last axis is not as long as the layout.

    Example:
        >>> vector, layout = ravel({"b": np.ones(2)})
        >>> unravel(layout, vector)
        {'b': array([1., 1.])}
    """
    if vector.shape[-1] != layout.size:
        raise DataError(f"The vector holds {vector.shape[-1]} numbers and the layout {layout.size}.")
    params, _ = _read(layout.shapes, vector, 0)
    return params


def _arrays(params: Params) -> Iterator[NDArray[np.floating]]:
    if isinstance(params, dict):
        for key in sorted(params):
            yield from _arrays(params[key])
    elif isinstance(params, list | tuple):
        for item in params:
            yield from _arrays(item)
    else:
        yield np.asarray(params)


def _shapes(params: Params) -> Shape:
    if isinstance(params, dict):
        return {key: _shapes(params[key]) for key in sorted(params)}
    if isinstance(params, list | tuple):
        return [_shapes(item) for item in params]
    return tuple(np.asarray(params).shape)


def _leaves(shape: Shape) -> Iterator[tuple[int, ...]]:
    if isinstance(shape, dict):
        for item in shape.values():
            yield from _leaves(item)
    elif isinstance(shape, list):
        for item in shape:
            yield from _leaves(item)
    else:
        yield shape


def _read(shape: Shape, vector: NDArray[np.floating], at: int) -> tuple[Params, int]:
    if isinstance(shape, dict):
        named: dict[str, Params] = {}
        for key, item in shape.items():
            named[key], at = _read(item, vector, at)
        return named, at
    if isinstance(shape, list):
        row: list[Params] = []
        for item in shape:
            leaf, at = _read(item, vector, at)
            row.append(leaf)
        return row, at
    end = at + prod(shape)
    return vector[..., at:end].reshape((*vector.shape[:-1], *shape)), end
