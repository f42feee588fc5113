"""Randomness by name: the same party, round and purpose draw the same bits on every engine.

Training streams are Philox, keyed by SHA-256(seed, party, round, purpose). Only raw 64-bit draws are used, because
numpy promises those across versions and not its distributions. Noise that protects somebody never comes from here:
`system_normal` reads the operating system.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COORDINATOR: Final = frozenset({"cohort", "start"})
"""The names that the coordinator draws under; a party that is called so draws under another."""

_UNIT = 2.0**-53


@final
@dataclass(frozen=True)
class Draws:
    """One party's training randomness in one round; `scope` tells apart links of one name in a chain.

    Example:
        >>> d = Draws(seed=7, party="bank-a", round=3)
        >>> bool((d.raw("order", 4) == Draws(7, "bank-a", 3).raw("order", 4)).all())
        True
        >>> sorted(d.permutation("order", 5).tolist())
        [0, 1, 2, 3, 4]
    """

    seed: int
    party: str
    round: int = 0
    scope: str = ""

    def raw(self, purpose: str, n: int) -> NDArray[np.uint64]:
        """Draw `[n]` uniform 64-bit integers."""
        whose = f"{self.seed}\x1f{self.party}\x1f{self.round}\x1f{self.scope}"
        digest = sha256(f"{whose}{purpose}".encode()).digest()
        words = np.frombuffer(digest, dtype="<u8")
        return np.random.Philox(key=words[:2], counter=words[2:].repeat(2)).random_raw(n)

    def permutation(self, purpose: str, n: int) -> NDArray[np.intp]:
        """Draw a permutation of `[n]`: the order that sorts `n` raw draws."""
        return np.argsort(self.raw(purpose, n))

    def uniform(self, purpose: str, n: int) -> NDArray[np.float64]:
        """Draw `[n]` floats in [0, 1)."""
        return (self.raw(purpose, n) >> np.uint64(11)).astype(np.float64) * _UNIT

    def normal(self, purpose: str, n: int) -> NDArray[np.float64]:
        """Draw `[n]` standard normals (Box and Muller 1958)."""
        return _normal(self.uniform(purpose, n + n % 2), n)


def system_normal(n: int) -> NDArray[np.float64]:
    """Draw `[n]` standard normals from the operating system's generator: never seeded, never repeated.

    Example:
        >>> system_normal(3).shape
        (3,)
    """
    even = n + n % 2
    words = np.frombuffer(os.urandom(8 * even), dtype="<u8")
    return _normal((words >> np.uint64(11)).astype(np.float64) * _UNIT, n)


def _normal(uniform: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    half = len(uniform) // 2
    radius = np.sqrt(-2.0 * np.log1p(-uniform[:half]))
    angle = 2.0 * np.pi * uniform[half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:n]
