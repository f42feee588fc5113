"""What travels: named vectors of one party, or of a stack of parties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

import numpy as np

from hansa.errors import DataError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Vectors: TypeAlias = "Mapping[str, NDArray[Any]]"

BOUND: Final = "bound"
"""The L2 norm that a party's update is cut to, `[n, 1]`: from one link to the next; it never leaves a chain."""


@final
@dataclass(frozen=True)
class Load:
    """Named vectors, each `[n, k]` for `n` parties: `delta` and `weight` in training, counts and sums in statistics.

    A fold sums the whole load and a clip bounds all of it. One party is a stack of one.

    Raises:
        DataError: the vectors do not agree on `n`, or are no matrices.

    Example:
        >>> load = Load({"delta": np.ones((2, 3)), "weight": np.array([[10.0], [20.0]])})
        >>> load.n, load.row(1)["weight"].tolist()
        (2, [[20.0]])
    """

    vectors: Vectors

    def __post_init__(self) -> None:
        """Check that all vectors stack the same number of parties."""
        shapes = {name: vector.shape for name, vector in self.vectors.items()}
        if any(len(shape) != 2 for shape in shapes.values()) or len({shape[0] for shape in shapes.values()}) > 1:
            raise DataError(f"The vectors of a load must all be [n, k] with one n; got {shapes}.")

    @property
    def n(self) -> int:
        """How many parties are stacked."""
        return next((len(vector) for vector in self.vectors.values()), 0)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Look a vector up by name."""
        try:
            return self.vectors[name]
        except KeyError:
            raise DataError(f"The load holds no '{name}'.", mend=nearest(name, self.vectors)) from None

    def __contains__(self, name: object) -> bool:
        """Say whether the load holds this vector."""
        return name in self.vectors

    def row(self, i: int) -> Load:
        """One party's part, as a stack of one (views)."""
        return Load({name: vector[i : i + 1] for name, vector in self.vectors.items()})

    def replace(self, **vectors: NDArray[Any]) -> Load:
        """The same load with some vectors replaced or added."""
        return Load({**self.vectors, **vectors})

    def without(self, *names: str) -> Load:
        """The same load less some vectors."""
        return Load({name: vector for name, vector in self.vectors.items() if name not in names})

    def __add__(self, other: Load) -> Load:
        """Add vector by vector; both must hold the same names."""
        if self.vectors.keys() != other.vectors.keys():
            raise DataError("Two loads hold different vectors.", f"{sorted(self.vectors)} and {sorted(other.vectors)}.")
        return Load({name: vector + other.vectors[name] for name, vector in self.vectors.items()})


def stack(loads: Sequence[Load]) -> Load:
    """Stack loads that hold the same vectors: `[n1, k], [n2, k], ...` -> `[n1 + n2 + ..., k]`.

    Example:
        >>> stack([Load({"x": np.ones((1, 2))}), Load({"x": np.zeros((1, 2))})])["x"].shape
        (2, 2)
    """
    if len(loads) == 1:
        return loads[0]
    return Load({name: np.concatenate([load[name] for load in loads]) for name in loads[0].vectors})
