"""Working memory that is made once and used again: by the next batch, the next stack, and the next round.

Fresh memory is dear: the system hands it over page by page, and in small models that takes as long as the arithmetic.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any, final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_KEPT = 64 << 20  # bytes that a pool keeps between two fits


@final
class Memory:
    """Named blocks of numbers; what is read under one name shares its block, so one user at a time.

    Example:
        >>> memory = Memory("float32")
        >>> large, small = memory.take("margin", 2, 3), memory.take("margin", 2, 2)
        >>> small.flags.c_contiguous, np.shares_memory(large, small)
        (True, True)
    """

    def __init__(self, dtype: str) -> None:
        """Begin with no block; all will be of this precision."""
        self._dtype, self._blocks = dtype, dict[str, "NDArray[Any]"]()

    def take(self, name: str, *shape: int) -> NDArray[Any]:
        """Take a contiguous array of this shape, of unknown content."""
        size = prod(shape)
        if name not in self._blocks or self._blocks[name].size < size:
            self._blocks[name] = np.empty(size, self._dtype)
        return self._blocks[name][:size].reshape(shape)

    @property
    def nbytes(self) -> int:
        """The bytes of all blocks."""
        return sum(block.nbytes for block in self._blocks.values())


@final
class Pool:
    """Lends memory, to one user at a time, and keeps what comes back for the next; a copy or a pickle of it is empty.

    Example:
        >>> pool = Pool()
        >>> with pool.lend("float64") as first, pool.lend("float64") as second:
        ...     first is second
        False
        >>> with pool.lend("float64") as again:
        ...     again in (first, second)
        True
    """

    def __init__(self) -> None:
        """Begin with nothing to lend."""
        self._idle: list[Memory] = []

    def __reduce__(self) -> tuple[type[Pool], tuple[()]]:
        """Leave the memory behind."""
        return (Pool, ())

    @contextmanager
    def lend(self, dtype: str) -> Iterator[Memory]:
        """Lend memory of a precision; a pool serves one precision."""
        try:
            memory = self._idle.pop()  # atomic, so that threads never share memory
        except IndexError:
            memory = Memory(dtype)
        yield memory
        if memory.nbytes <= _KEPT:
            self._idle.append(memory)
