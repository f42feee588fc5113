"""Scores as integers that sort like them, and the bins that all parties agree on.

A margin's 64 bits, with the sign turned, are an unsigned integer of the same order. So bins can be cut as finely as
scores differ, down to one single score, and no bin depends on a probability that has saturated at 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from hansa.core.metrics.rows import checked_margin
from hansa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from hansa.core.metrics.rows import Floats

Keys: TypeAlias = "NDArray[np.uint64]"

LOWEST: Final = 0x000F_FFFF_FFFF_FFFF
"""The key of minus infinity: where the first bin begins."""
TOP: Final = 0xFFF0_0000_0000_0001
"""One above the key of infinity: where the last bin ends."""

_SIGN: Final = 1 << 63
_EXPONENTS: Final = range(-10, 7)
_STEPS: Final = 32


def score_keys(margin: ArrayLike) -> Keys:
    """Turn margins `[n]` into uint64 keys `[n]` of the same order; -0.0 and 0.0 get one key.

    Raises:
        DataError: a margin is NaN.

    Example:
        >>> keys = score_keys([-1.5, -0.0, 0.0, 2.0])
        >>> bool(keys[0] < keys[1] == keys[2] < keys[3])
        True
    """
    bits = (checked_margin(margin) + 0.0).view(np.uint64)
    return np.where(bits >= _SIGN, ~bits, bits | np.uint64(_SIGN))


def unkey(keys: Keys) -> Floats:
    """Turn keys back into the margins they came from.

    Example:
        >>> unkey(score_keys([-1.5, 2.0])).tolist()
        [-1.5, 2.0]
    """
    keys = np.asarray(keys, dtype=np.uint64)
    return np.where(keys >= _SIGN, keys & ~np.uint64(_SIGN), ~keys).view(np.float64)


def first_edges(thresholds: Sequence[float] = ()) -> Keys:
    """Cut the first bins, blind to data: 32 to each power of two from 2^-10 to 2^7, on both sides, open at the ends.

    Edges are `[bins + 1]` keys, and bin `b` is `edges[b] <= key < edges[b + 1]`. Zero has a bin to itself, for a
    model that has learned nothing scores all rows alike. Each of `thresholds` (margins) becomes an edge, so that a
    confusion matrix can be read exactly there.

    Example:
        >>> edges = first_edges(thresholds=[0.8473])
        >>> len(edges) - 1, float(unkey(edges[:1])[0]), bool(np.isin(score_keys([0.8473]), edges)[0])
        (1094, -inf, True)
    """
    steps = np.concatenate([2.0**e * (1 + np.arange(_STEPS) / _STEPS) for e in _EXPONENTS])
    steps = np.append(steps, 2.0**_EXPONENTS.stop)
    inner = score_keys(np.concatenate([-steps, [0.0], steps, thresholds]))
    zero = score_keys([0.0])
    ends = np.array([LOWEST, TOP], dtype=np.uint64)
    return np.unique(np.concatenate([ends, inner, zero + np.uint64(1)]))


def checked_edges(edges: Keys) -> Keys:
    """Check that edges rise from `LOWEST` to `TOP`, so that every score has one bin.

    Raises:
        DataError: they do not.

    Example:
        >>> len(checked_edges(first_edges()))
        1094
    """
    edges = np.asarray(edges)
    whole = edges.dtype == np.uint64 and edges.ndim == 1 and len(edges) >= 2 and edges[0] == LOWEST and edges[-1] == TOP
    if not whole or (edges[1:] <= edges[:-1]).any():
        raise DataError(
            "Score bins must rise without a gap from minus infinity to infinity.", mend="Begin with first_edges()."
        )
    return edges


def bin_of(keys: Keys, edges: Keys) -> NDArray[np.intp]:
    """Find the bin `[n]` of each key.

    Example:
        >>> edges = np.array([LOWEST, *score_keys([0.0, 1.0]), TOP], dtype=np.uint64)
        >>> bin_of(score_keys([-3.0, 0.0, 0.9, 1.0]), edges).tolist()
        [0, 1, 1, 2]
    """
    return np.searchsorted(edges, keys, side="right") - 1
