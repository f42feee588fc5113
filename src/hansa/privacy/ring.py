"""Loads in the ring: every vector of an answer as elements of Z/2^64, and their sum.

How a vector was put in stands before its name: `narrow` (updates, times the weight), `wide` (other floats), `whole`.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, final

import numpy as np

from hansa.core.load import Load
from hansa.errors import DataError, WireError
from hansa.privacy.fixed_point import open_wide, whole, wide

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hansa.core.message import Answer
    from hansa.privacy.fixed_point import FixedPoint

BESIDE: Final = frozenset({"weight", "rows", "loss"})
CUT: Final = "cut"
"""How many coordinates of updates were cut, and how many there were: `[1, 2]`, inside the sum."""


def form_of(load: Load) -> bytes:
    """SHA-256 over the names and sizes of a load's vectors: what all parties of a sum have alike.

    Example:
        >>> form_of(Load({"a": np.ones((1, 2))})) == form_of(Load({"a": np.ones((1, 3))}))
        False
    """
    sizes = (f"{len(name)} {name} {load[name].shape[1]}" for name in sorted(load.vectors))
    return sha256("|".join(sizes).encode()).digest()


def encoded(load: Load, numbers: FixedPoint, party: str = "") -> Load:
    """One party's load as ring elements; where it is an update, with how much of it was cut.

    Raises:
        PolicyRefusal: NaN, infinity, or numbers too large.

    Example:
        >>> from hansa.privacy.fixed_point import FixedPoint
        >>> update = Load({"delta": np.array([[9.0, 0.5]]), "weight": np.array([[2.0]])})
        >>> made = encoded(update, FixedPoint(clip=1.0))
        >>> sorted(made.vectors), opened(flat(made), made, FixedPoint(clip=1.0))["delta"].tolist()
        (['narrow delta', 'whole cut', 'wide weight'], [[2.0, 1.0]])
    """
    return side_by_side(load, numbers, party)[1]


def side_by_side(load: Load, numbers: FixedPoint, party: str = "") -> tuple[NDArray[np.uint64], Load]:
    """One party's load as ring elements `[k]` in one array, in the order of names; and that array as a load.

    What is done to the array is done to the load: a mask needs no second copy of a large update. Raises as `encoded`.

    Example:
        >>> from hansa.privacy.fixed_point import FixedPoint
        >>> words, load = side_by_side(Load({"rows": np.array([[7]])}), FixedPoint())
        >>> words += 1
        >>> load["whole rows"].tolist()
        [[8]]
    """
    ways = {name: _way(load, name) for name in load.vectors}
    widths = {f"{way} {name}": load[name].shape[1] * (2 if way == "wide" else 1) for name, way in ways.items()}
    size, cut = sum(width for named, width in widths.items() if named.startswith("narrow")), 0
    if size:
        widths[f"whole {CUT}"] = 2
    words = np.empty(sum(widths.values()), np.uint64)
    made = _parts(words, widths)
    for name, way in ways.items():
        ring, row = made[f"{way} {name}"][0], load[name][0]
        if way == "narrow":
            cut += numbers.narrow(row, float(load["weight"][0, 0]), party, ring)[1]
        else:
            ring[:] = whole(row, party) if way == "whole" else wide(row, party)
    if size:
        made[f"whole {CUT}"][0] = cut, size
    return words, Load(made)


def flat(load: Load) -> NDArray[np.uint64]:
    """All elements of a load of one row, in the order of names: a copy `[k]`.

    Example:
        >>> flat(Load({"b": np.ones((1, 1), np.uint64), "a": np.zeros((1, 2), np.uint64)})).tolist()
        [0, 0, 1]
    """
    return np.concatenate([load[name][0] for name in sorted(load.vectors)])


def refilled(load: Load, words: NDArray[np.uint64]) -> Load:
    """The load with other elements `[k]` in the same places.

    Example:
        >>> refilled(Load({"a": np.zeros((1, 2), np.uint64)}), np.arange(2, dtype=np.uint64))["a"].tolist()
        [[0, 1]]
    """
    return Load(_parts(words, {name: vector.shape[1] for name, vector in load.vectors.items()}))


def opened(words: NDArray[np.uint64], like: Load, numbers: FixedPoint) -> Load:
    """What summed elements `[k]` stand for, in a load as `like`.

    Raises:
        WireError: a vector that says nothing of how it was put into the ring.

    Example:
        >>> from hansa.privacy.fixed_point import FixedPoint
        >>> opened(np.array([7], np.uint64), Load({"whole n": np.zeros((1, 1))}), FixedPoint())["n"].tolist()
        [[7]]
    """
    found: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {}
    for named, row in refilled(like, words).vectors.items():
        how, _, name = named.partition(" ")
        if how == "narrow":
            found[name] = numbers.open_narrow(row[0])[None, :]
        elif how == "wide":
            found[name] = open_wide(row[0])[None, :]
        elif how == "whole":
            found[name] = row.view(np.int64)
        else:
            raise WireError("A vector of a secure sum does not say how it was put into the ring.")
    return Load(found)


@final
@dataclass(frozen=True)
class RingSum:
    """Sum masked loads modulo 2^64, in any order; the value is a load of one row, or None when nobody came.

    Its partial results are not folded by workers, so that a party that refuses is heard of.

    Example:
        >>> from hansa.core.message import Answer
        >>> one = Answer(Load({"whole n": np.full((1, 1), 2**63, np.uint64)}))
        >>> RingSum().close(RingSum().add(RingSum().add(None, [0], one), [1], one))["whole n"].tolist()
        [[0]]
    """

    @property
    def sees_each(self) -> bool:
        """Masked loads show no single answer to anybody."""
        return False

    def zero(self, asked: Sequence[int]) -> Load | None:
        """Begin with none."""
        return None

    def add(self, partial: Load | None, places: Sequence[int], answer: Answer) -> Load | None:
        """Add one party's masked load.

        Raises:
            DataError: it is no ring elements, or of another form than those before it.
        """
        vectors = answer.load.vectors
        if answer.load.n != 1 or any(vector.dtype != np.uint64 for vector in vectors.values()):
            raise DataError("A masked load must be one row of 64-bit elements.")
        if partial is None:
            return Load({name: vector.copy() for name, vector in vectors.items()})
        if {name: v.shape for name, v in partial.vectors.items()} != {name: v.shape for name, v in vectors.items()}:
            raise DataError("Two masked loads hold different vectors.", mend="All parties must run the same version.")
        for name, vector in vectors.items():
            np.add(partial[name], vector, out=partial.vectors[name])
        return partial

    def merge(self, left: Load | None, right: Load | None) -> Load | None:
        """Add two sums."""
        return right if left is None else left if right is None else left + right

    def close(self, partial: Load | None) -> Load | None:
        """The sum."""
        return partial


def _way(load: Load, name: str) -> str:
    """How a vector goes into the ring."""
    if load[name].dtype.kind in "biu":
        return "whole"
    return "narrow" if "delta" in load and name not in BESIDE else "wide"


def _parts(words: NDArray[np.uint64], widths: Mapping[str, int]) -> dict[str, NDArray[np.uint64]]:
    """The array cut into vectors `[1, width]`, in the order of names."""
    names = sorted(widths)
    ends = np.cumsum([widths[name] for name in names])[:-1]
    return {name: part[None, :] for name, part in zip(names, np.split(words, ends), strict=True)}
