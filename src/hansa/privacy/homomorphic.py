"""The one room of `tenseal`: CKKS ciphertexts of whole numbers that add up exactly, 4,096 numbers to a ciphertext.

CKKS (Cheon et al. 2017) is approximate, and to publish its approximate results tells of the key (Li and Micciancio
2021). Here whole numbers of at most 2^31 are scaled by 2^20, which is far above the error, and what is decrypted is
rounded: a sum comes out exactly, or it is refused. Encryption is symmetric, as everybody who encrypts holds the key.

Ring degree 8192 and moduli of 60 + 60 bits: 128 bits of security allow 218 (homomorphicencryption.org, 2018, table 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from hansa.errors import ConfigError, PrivacyError, WireError
from hansa.extras import need

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DEGREE: Final = 8192
SLOTS: Final = DEGREE // 2
"""Numbers in one ciphertext."""
MODULI: Final = (60, 60)
SCALE: Final = 1 << 20
LARGEST: Final = 1 << 31
"""The largest number, either side of 0, that may be encrypted."""
BLOCK: Final = 132 << 10
"""No ciphertext has more bytes: two polynomials of 8,192 coefficients of 8 bytes, and what stands before them."""
KEY: Final = 136 << 10
"""No key has more."""

_SIGMA: Final = 3.2
_TAILS: Final = 32.0
_OFF: Final = 0.25


def error_bound(n: int) -> float:
    """How far a sum of `n` ciphertexts may be off before it is rounded, in units of its whole numbers.

    A coefficient's error is a rounded Gaussian of deviation 3.2, and a slot holds a sum of 8,192 of them, each times a
    root of unity: its deviation is 3.2 sqrt(8192 n), and 32 deviations are taken, which are exceeded with a chance
    below 2^-700. The rounding of coefficients adds at most 1/2 each, and doubles at most 2^-50 of what is summed.

    Example:
        >>> error_bound(1) < error_bound(100) < error_bound(most_parties()) < 1 / 4
        True
    """
    gaussian = _TAILS * _SIGMA * sqrt(DEGREE * n)
    rounding = _TAILS * sqrt(DEGREE * n / 12)
    return (gaussian + rounding + n * LARGEST * SCALE * 2.0**-50) / SCALE


def most_parties() -> int:
    """How many ciphertexts may be summed: above that the numbers leave the modulus, and come out silently wrong.

    Example:
        >>> most_parties()
        255
    """
    return ((1 << (MODULI[0] - 1)) - 1) // (LARGEST * SCALE)


def check_parties(n: int) -> None:
    """Refuse a sum of so many parties that it could leave the modulus.

    Raises:
        ConfigError: more than `most_parties`.

    Example:
        >>> check_parties(300)
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: An encrypted sum has room for 255 parties, and 300 are asked for. A sum that \
overflows is silently wrong. Ask fewer parties, or combine by secure_sum().
    """
    if n > most_parties():
        raise ConfigError(
            f"An encrypted sum has room for {most_parties()} parties, and {n} are asked for.",
            "A sum that overflows is silently wrong.",
            "Ask fewer parties, or combine by secure_sum().",
        )


def blocks(count: int) -> int:
    """How many ciphertexts hold so many numbers.

    Example:
        >>> blocks(4096), blocks(4097)
        (1, 2)
    """
    return ceil(count / SLOTS)


@final
@dataclass(frozen=True)
class Lock:
    """A secret key: encrypts whole numbers and decrypts sums of them.

    Example:
        >>> lock = Lock.fresh()
        >>> made = [lock.encrypt(np.array([1, -(2**31)])) for _ in range(2)]
        >>> adder = Adder.new()
        >>> total = adder.written(adder.add(adder.read(made[0]), adder.read(made[1])))
        >>> Lock.read(lock.key).decrypt(total, 2, parties=2).tolist()
        [2, -4294967296]
        >>> lock
        Lock()
    """

    context: Any
    key: bytes

    def __repr__(self) -> str:
        """No key."""
        return "Lock()"

    @classmethod
    def fresh(cls) -> Lock:
        """Draw a key: the library takes its seed from the operating system.

        Raises:
            ConfigError: tenseal is not installed; names the extra.
        """
        context = _context()
        return cls(context, _bytes_of(context, secret=True))

    @classmethod
    def read(cls, key: bytes) -> Lock:
        """A key that another party has drawn.

        Raises:
            WireError: no key, or one with other settings than these.
        """
        tenseal = need("tenseal")
        if len(key) > KEY:
            raise WireError("A key of an encrypted sum has too many bytes.", f"{len(key):,}; at most {KEY:,}.")
        try:
            context = tenseal.context_from(key, n_threads=1)
            ours = context.is_private() and _bytes_of(context, secret=False) == _settings()
        except (ValueError, RuntimeError, TypeError):
            context, ours = None, False
        if not ours:
            raise WireError("A key of an encrypted sum is none, or has other settings.", mend="Run the same version.")
        return cls(context, key)

    def encrypt(self, numbers: NDArray[np.int64]) -> list[bytes]:
        """Whole numbers `[k]`, each at most 2^31 either side of 0, as ciphertexts of 4,096; the last is filled with 0.

        Raises:
            PrivacyError: a number beyond that.
        """
        if len(numbers) and max(-int(numbers.min()), int(numbers.max())) > LARGEST:
            raise PrivacyError(f"A number to be encrypted is beyond {LARGEST:,}.", "A sum of such could overflow.")
        vector = need("tenseal").ckks_vector
        full = np.zeros(blocks(len(numbers)) * SLOTS)
        full[: len(numbers)] = numbers
        return [bytes(vector(self.context, part).serialize()) for part in full.reshape(-1, SLOTS)]

    def decrypt(self, ciphertexts: Sequence[bytes], count: int, parties: int) -> NDArray[np.int64]:
        """The first `count` numbers of a sum over `parties`, exactly.

        Raises:
            WireError: not so many ciphertexts, or one that is none of this sort.
            PrivacyError: not whole, or beyond what so many parties can sum to: encrypted with another key, or changed.
        """
        if len(ciphertexts) != blocks(count):
            raise WireError(f"{len(ciphertexts)} ciphertexts do not hold {count:,} numbers.")
        check_parties(parties)
        own = [_read(self.context, one).decrypt() for one in ciphertexts]
        found = np.array(own, np.float64).reshape(-1)
        exact = np.rint(found)
        far = np.abs(found - exact).max(initial=0.0) > min(_OFF, error_bound(parties))
        if not np.isfinite(found).all() or far or np.abs(exact).max(initial=0.0) > parties * LARGEST:
            raise PrivacyError(
                "A sum that was to be decrypted is none of this key's.",
                "Its numbers are not whole, or too large: it was changed, or encrypted with another key.",
                "Look at who carries the sums.",
            )
        return exact[:count].astype(np.int64)


@final
@dataclass(frozen=True)
class Adder:
    """Adds ciphertexts without a key: what a coordinator holds.

    Example:
        >>> adder = Adder.new()
        >>> adder.read([b"nothing"])
        Traceback (most recent call last):
            ...
        hansa.errors.WireError: A ciphertext of an encrypted sum is none, or of other settings.
    """

    context: Any

    @classmethod
    def new(cls) -> Adder:
        """The settings, and no key.

        Raises:
            ConfigError: tenseal is not installed; names the extra.
        """
        return cls(need("tenseal").context_from(_settings(), n_threads=1))

    def read(self, ciphertexts: Sequence[bytes]) -> list[Any]:
        """Read ciphertexts.

        Raises:
            WireError: one that is too long, or none, or of other settings, or that hides nothing.
        """
        return [_read(self.context, one) for one in ciphertexts]

    def add(self, left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
        """Add pair by pair.

        Raises:
            WireError: a sum that hides nothing, as of a ciphertext and its negative.
        """
        try:
            return [one + other for one, other in zip(left, right, strict=True)]
        except (ValueError, RuntimeError):
            raise WireError("Ciphertexts of an encrypted sum do not add up to one.") from None

    def written(self, ciphertexts: Sequence[Any]) -> list[bytes]:
        """Write ciphertexts."""
        return [bytes(one.serialize()) for one in ciphertexts]


def _context() -> Any:
    tenseal = need("tenseal")
    context = tenseal.context(
        tenseal.SCHEME_TYPE.CKKS,
        DEGREE,
        coeff_mod_bit_sizes=list(MODULI),
        encryption_type=tenseal.ENCRYPTION_TYPE.SYMMETRIC,
        n_threads=1,
    )
    context.global_scale = float(SCALE)
    return context


@cache
def _settings() -> bytes:
    """What all keys of this sort have in common."""
    return _bytes_of(_context(), secret=False)


def _bytes_of(context: Any, *, secret: bool) -> bytes:
    keys = {f"save_{kind}_keys": False for kind in ("galois", "relin")}
    return bytes(context.serialize(save_public_key=False, save_secret_key=secret, **keys))


def _read(context: Any, data: bytes) -> Any:
    """One ciphertext, its size bounded before it is parsed, and all that could be other than ours looked at after."""
    if len(data) > BLOCK:
        raise WireError("A ciphertext of an encrypted sum has too many bytes.", f"{len(data):,}; at most {BLOCK:,}.")
    try:
        vector = need("tenseal").ckks_vector_from(context, data)
        inside = vector.ciphertext()
        ours = vector.size() == SLOTS and len(inside) == 1 and inside[0].size() == 2
        ours = ours and not inside[0].is_transparent() and inside[0].scale == SCALE
    except (ValueError, RuntimeError, TypeError):
        vector, ours = None, False
    if not ours:
        raise WireError("A ciphertext of an encrypted sum is none, or of other settings.")
    return vector
