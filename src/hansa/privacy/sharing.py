"""Shamir's shares of a secret (Shamir 1979) over a prime field of our own, each with a commitment.

Any `threshold` shares give the secret back; fewer say nothing about it. A share is a point `(x, y)` of a random
polynomial whose value at 0 is the secret, with `x` the place of its holder plus one. The dealer publishes a hash of
each share beforehand, so that a holder who hands out another one is found out.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeAlias

from hansa.errors import PrivacyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PRIME: Final = 2**256 + 297
"""The least prime above 2^256: a secret of 32 bytes is one element."""

SECRET: Final = 32
"""Bytes of a secret."""

SHARE: Final = 33
"""Bytes of a share."""

_WIDE: Final = 48
"""Bytes drawn for a coefficient: 128 bits more than the field has, so that no value is likelier than another by more
than 2^-127."""

Random: TypeAlias = "Callable[[int], bytes]"


def deal(secret: bytes, holders: int, threshold: int, random: Random) -> tuple[bytes, ...]:
    """Share a secret of 32 bytes among so many holders: one share of 33 bytes each, in the order of their places.

    `random`: so many bytes from a generator that nobody can predict.

    Raises:
        PrivacyError: a threshold outside 1..holders, or a secret of another length.

    Example:
        >>> import os
        >>> shares = deal(bytes(31) + b"7", holders=5, threshold=3, random=os.urandom)
        >>> join({place: shares[place] for place in (0, 2, 4)}, threshold=3)[-1:]
        b'7'
    """
    if not 1 <= threshold <= holders or len(secret) != SECRET:
        raise PrivacyError(
            "A secret of 32 bytes is shared with a threshold of 1 up to the number of holders.",
            f"Got {len(secret)} bytes, a threshold of {threshold} and {holders} holders.",
        )
    drawn = (int.from_bytes(random(_WIDE), "big") % PRIME for _ in range(threshold - 1))
    coefficients = (int.from_bytes(secret, "big"), *drawn)
    return tuple(at(coefficients, place + 1, PRIME).to_bytes(SHARE, "big") for place in range(holders))


def join(shares: Mapping[int, bytes], threshold: int) -> bytes:
    """The secret, from shares by place; of more than are needed those of the lowest places are taken.

    Raises:
        PrivacyError: fewer than the threshold, a share that is none, or shares of no secret of 32 bytes.

    Example:
        >>> join({0: bytes(33)}, threshold=2)
        Traceback (most recent call last):
            ...
        hansa.errors.PrivacyError: A secret needs 2 shares. There is 1.
    """
    if len(shares) < threshold:
        raise PrivacyError(f"A secret needs {threshold} shares.", f"There is {len(shares)}.")
    places = tuple(sorted(shares)[:threshold])
    values = [_element(shares[place]) for place in places]
    secret = sum(w * y for w, y in zip(weights(places), values, strict=True)) % PRIME
    if secret >> (8 * SECRET):
        raise PrivacyError("The shares are of no secret.", "One of them is not as it was dealt.")
    return secret.to_bytes(SECRET, "big")


@lru_cache(maxsize=256)
def weights(places: tuple[int, ...], prime: int = PRIME) -> tuple[int, ...]:
    """Lagrange's weights at 0 for the shares of these places, kept for each set of survivors.

    Example:
        >>> weights((0, 1), prime=11)  # y(0) = 2 y(1) - y(2)
        (2, 10)
    """
    found: list[int] = []
    for one in places:
        above = below = 1
        for other in places:
            if other != one:
                above = above * (other + 1) % prime
                below = below * (other - one) % prime
        found.append(above * pow(below, -1, prime) % prime)
    return tuple(found)


def at(coefficients: Sequence[int], x: int, prime: int) -> int:
    """The polynomial's value at `x`, by Horner's rule.

    Example:
        >>> at((7, 2, 1), 3, prime=11)  # 7 + 2 * 3 + 3 * 3 = 22
        0
    """
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % prime
    return value


def commitment(purpose: str, dealer: str, place: int, share: bytes) -> bytes:
    """A hash of a share, its dealer, its holder's place and what it is a share of: 32 bytes, which hide the share.

    A share has 256 bits that nobody can guess, so a plain hash hides it.

    Example:
        >>> len(commitment("self", "bank-a", 0, bytes(33)))
        32
    """
    head = f"hansa/secagg/v1/share|{purpose}|{len(dealer)}|{dealer}|{place}|"
    return sha256(head.encode() + share).digest()


def _element(share: bytes) -> int:
    value = int.from_bytes(share, "big")
    if len(share) != SHARE or value >= PRIME:
        raise PrivacyError("A share is not an element of the field.", "It is not as it was dealt.")
    return value
