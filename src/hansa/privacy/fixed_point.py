"""Numbers as elements of Z/2^64, so that sums of them are exact and masks hide them without a trace.

Three ways to put a vector of floats or whole numbers into the ring:

- *narrow*, for updates that a weight multiplies: cut to [-clip, clip], times the weight, in steps of 2^-bits;
- *wide*, for sums and totals of any size: two elements each, whole multiples of 2^20 and the rest in steps of 2^-32;
- *whole*, for counts: as they are.

A sum of integers modulo 2^64 needs no order, so that its bits are the same on every engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log2
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from hansa.errors import ChainError, ConfigError, PolicyRefusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

RING_BITS: Final = 64
MOST_PARTIES: Final = 1024
"""Wide and whole numbers leave room for so many parties."""

_CHUNK: Final = 1 << 14
"""Elements put into the ring at a time, so that a large update needs no other of its size beside it."""

_COARSE: Final = 20
_FINE: Final = 32
_WHOLE: Final = 1 << 53
"""A whole number above this is none that a float could hold; so many of so many parties still fit the ring."""


@final
@dataclass(frozen=True)
class FixedPoint:
    """How updates go into the ring: cut to [-clip, clip], in steps of 2^-bits, times a weight of at most `weight`.

    The mean is off by at most 2^-(bits + 1) in each coordinate where parties weigh at least 1. `noise_bits`: room for
    the tail of noise that is added in the ring.

    Raises:
        ConfigError: a setting outside its range.

    Example:
        >>> FixedPoint(clip=16.0, bits=24, weight=2**24).needs(10)
        57
    """

    clip: float = 16.0
    bits: int = 24
    weight: int = 1 << 24
    noise_bits: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 < self.clip < float("inf") or self.weight < 1 or not 0 <= self.bits < RING_BITS or self.noise_bits < 0:
            raise ConfigError(
                "Fixed point needs a clip above 0, 0 to 63 fraction bits, a weight of at least 1 and no fewer than 0"
                " bits for noise.",
                f"Got clip={self.clip}, bits={self.bits}, weight={self.weight}, noise_bits={self.noise_bits}.",
            )

    def needs(self, n: int) -> int:
        """How many bits a sum over `n` parties needs, its sign among them; never less than what could come."""
        size = log2(n) + log2(self.weight) + log2(self.clip) + self.bits
        exact = (
            n * self.weight * Fraction(self.clip) * (1 << self.bits) * (1 + Fraction(1, 1 << 50))
        )  # a product is rounded
        room = ceil(size) + (Fraction(2) ** ceil(size) <= exact)
        return max(room, 0) + 1 + self.noise_bits

    def check(self, n: int) -> None:
        """Refuse a sum over so many parties that could overflow the ring.

        Raises:
            ChainError: says by how many bits, and what to lower.

        Example:
            >>> FixedPoint(clip=16.0, bits=32, weight=2**24).check(20)
            Traceback (most recent call last):
                ...
            hansa.errors.ChainError: A secure sum over 20 parties needs 66 bits, and the ring has 64. A sum that \
overflows is silently wrong. Lower the fraction bits, the clip or the largest weight: 2 bits are missing.
        """
        over = self.needs(n) - RING_BITS
        if over > 0 or n > MOST_PARTIES:
            raise ChainError(
                f"A secure sum over {n} parties needs {self.needs(n)} bits, and the ring has {RING_BITS}.",
                "A sum that overflows is silently wrong.",
                f"Lower the fraction bits, the clip or the largest weight: {over} bits are missing."
                if over > 0
                else f"At most {MOST_PARTIES} parties fit.",
            )

    def narrow(
        self, vector: NDArray[Any], weight: float, party: str = "", out: NDArray[np.uint64] | None = None
    ) -> tuple[NDArray[np.uint64], int]:
        """Put an update `[k]` into the ring (into `out`), times its weight; and say how many coordinates were cut.

        Raises:
            PolicyRefusal: NaN or infinity, or a weight outside 0..weight: neither may be summed silently.

        Example:
            >>> FixedPoint(clip=1.0, bits=4).narrow(np.array([0.5, -3.0]), weight=2.0)[0].view(np.int64).tolist()
            [16, -32]
        """
        if not 0 <= weight <= self.weight:
            raise PolicyRefusal(
                f"{party or 'A party'} weighs more than the secure sum has room for, or less than nothing.",
                f"It has room for weights of 0 to {self.weight:,}.",
                "Raise `weight`, and lower `bits` by as much, or weigh uniformly.",
            )
        ring = np.empty(len(vector), np.uint64) if out is None else out
        scale, cut, numbers = weight * 2.0**self.bits, 0, ring.view(np.int64)
        for start in range(0, len(vector), _CHUNK):
            exact = finite(vector[start : start + _CHUNK], party)
            clipped = np.clip(exact, -self.clip, self.clip)
            cut += int(np.count_nonzero(exact != clipped))
            np.multiply(clipped, scale, out=exact)
            numbers[start : start + _CHUNK] = np.rint(exact, out=exact)
        return ring, cut

    def open_narrow(self, total: NDArray[np.uint64]) -> NDArray[np.float64]:
        """What a sum of narrow vectors `[k]` stands for.

        Example:
            >>> FixedPoint(bits=4).open_narrow(np.array([16], np.uint64)).tolist()
            [1.0]
        """
        return total.view(np.int64).astype(np.float64) * 2.0**-self.bits


def wide(vector: NDArray[Any], party: str = "") -> NDArray[np.uint64]:
    """Put floats `[k]` into the ring as `[2 k]`, off by at most 2^-33 each; for sizes up to 2^72.

    Raises:
        PolicyRefusal: NaN, infinity, or a number that is too large.

    Example:
        >>> total = wide(np.array([0.1, -7e9])) + wide(np.array([0.2, 7e9]))
        >>> open_wide(total).round(9).tolist()
        [0.3, 0.0]
    """
    exact = finite(vector, party)
    coarse = np.rint(np.ldexp(exact, -_COARSE))  # to the nearest, so that what is left is exact
    if np.any(np.abs(coarse) > _WHOLE):
        raise _too_large(party)
    fine = np.rint(np.ldexp(exact - np.ldexp(coarse, _COARSE), _FINE))
    return np.concatenate([coarse, fine]).astype(np.int64).view(np.uint64)


def open_wide(total: NDArray[np.uint64]) -> NDArray[np.float64]:
    """What a sum of wide vectors `[2 k]` stands for, `[k]`.

    Example:
        >>> open_wide(wide(np.array([-2.5]))).tolist()
        [-2.5]
    """
    coarse, fine = np.split(total.view(np.int64), 2)
    carry = fine >> (_COARSE + _FINE)  # whole units of the coarse part, so that near cancellation nothing is lost
    rest = fine - (carry << (_COARSE + _FINE))
    return np.ldexp((coarse + carry).astype(np.float64), _COARSE) + np.ldexp(rest.astype(np.float64), -_FINE)


def whole(vector: NDArray[Any], party: str = "") -> NDArray[np.uint64]:
    """Put whole numbers or flags `[k]` into the ring as they are.

    Raises:
        PolicyRefusal: a number beyond 2^53.

    Example:
        >>> (whole(np.array([-3])) + whole(np.array([5]))).tolist()
        [2]
    """
    if vector.dtype.kind != "b" and np.any((vector > _WHOLE) | (vector.astype(np.int64) < -_WHOLE)):
        raise _too_large(party)
    return vector.astype(np.int64).view(np.uint64)


def finite(vector: NDArray[Any], party: str = "") -> NDArray[np.float64]:
    """The vector in double precision.

    Raises:
        PolicyRefusal: NaN or infinity in it.

    Example:
        >>> finite(np.ones(2, np.float32)).dtype.name
        'float64'
    """
    exact = vector.astype(np.float64)
    if not np.isfinite(exact).all():
        raise PolicyRefusal(
            f"{party or 'A party'} has NaN or infinity in what it would add to a secure sum.",
            "In a sum that hides each part nobody could tell where it came from.",
            "Look at the training: a learning rate that is too high, or a column that is not scaled.",
        )
    return exact


def _too_large(party: str) -> PolicyRefusal:
    return PolicyRefusal(
        f"{party or 'A party'} has a number too large for a secure sum.",
        "Beyond 2^72, or 2^53 for counts, a sum could overflow the ring and be silently wrong.",
        "Rescale the column, or drop it.",
    )
