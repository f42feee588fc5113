"""Masks: a key for each purpose, pair and sum, and a keystream that is added to a vector in Z/2^64.

Keys come from HKDF-SHA256 (RFC 5869) with the transcript of the sum as salt and a label that says purpose and parties,
so that no two masks are related, whatever round, attempt or direction. The keystream is read as little-endian 64-bit
integers: the modulus is a power of two, so that each value is as likely as any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TAG: Final = "hansa/secagg/v1"

Purpose: TypeAlias = Literal["enc", "mask", "self"]

_CHUNK: Final = 1 << 14
"""Elements masked at a time: 128 KiB of keystream stay in the processor's cache."""


class Stream(Protocol):
    """A keystream that writes its next bytes into a buffer."""

    def fill(self, buffer: bytearray, size: int) -> None:
        """Write the next `size` bytes to the buffer's beginning; it has 16 bytes to spare behind them."""
        ...


class Crypto(Protocol):
    """What the protocol needs of cryptography; tests of hostile schedules bring their own, which is quick."""

    def random(self, size: int) -> bytes:
        """So many bytes that nobody can predict."""
        ...

    def public(self, secret: bytes) -> bytes:
        """The public half, 32 bytes, of a secret key of 32 bytes."""
        ...

    def shared(self, secret: bytes, public: bytes) -> bytes:
        """What two parties alone can compute: 32 bytes.

        Raises:
            IdentityError: a public key of low order, which would make it known to everybody.
        """
        ...

    def derive(self, secret: bytes, salt: bytes, label: bytes) -> bytes:
        """A key of 32 bytes for one purpose."""
        ...

    def seal(self, key: bytes, plain: bytes, about: bytes) -> bytes:
        """Encrypt and authenticate one message; a key seals one message only."""
        ...

    def open(self, key: bytes, sealed: bytes, about: bytes) -> bytes:
        """Open a sealed message.

        Raises:
            IdentityError: it is not of this key, or about something else.
        """
        ...

    def stream(self, key: bytes) -> Stream:
        """The keystream of a key, from its beginning; a key masks one vector only."""
        ...


@final
@dataclass(frozen=True)
class Keys:
    """The keys of one sum, from its terms (job, step, what is asked) and the transcript of its keys, 32 bytes each.

    Example:
        >>> from hansa.privacy.primitives import REAL
        >>> keys = Keys(REAL, terms=bytes(32), transcript=bytes(32))
        >>> a, b = REAL.random(32), REAL.random(32)
        >>> ours = keys.mask(a, REAL.public(b), "bank-a", "bank-b")
        >>> ours == keys.mask(b, REAL.public(a), "bank-b", "bank-a") != keys.own(a, "bank-a")
        True
    """

    crypto: Crypto
    terms: bytes
    transcript: bytes

    def mask(self, secret: bytes, public: bytes, one: str, other: str) -> bytes:
        """The key of the mask that two parties share: the same from either side."""
        low, high = sorted((one, other))
        return self._key(self.crypto.shared(secret, public), "mask", low, high)

    def enc(self, secret: bytes, public: bytes, sender: str, receiver: str) -> tuple[bytes, bytes]:
        """The key of the one letter from a sender to a receiver, whoever of them asks, and what the letter is about.

        `secret` is one's own, `public` the other's.
        """
        key = self._key(self.crypto.shared(secret, public), "enc", sender, receiver)
        return key, self.label("enc", sender, receiver) + self.transcript

    def own(self, seed: bytes, party: str) -> bytes:
        """The key of a party's own mask."""
        return self._key(seed, "self", party, party)

    def label(self, purpose: Purpose, one: str, other: str) -> bytes:
        """Purpose, terms and parties, each with its length: no two read the same."""
        words = (TAG, purpose, self.terms.hex(), one, other)
        return "|".join(f"{len(word)}:{word}" for word in words).encode()

    def _key(self, secret: bytes, purpose: Purpose, one: str, other: str) -> bytes:
        return self.crypto.derive(secret, self.transcript, self.label(purpose, one, other))


@final
class Masker:
    """Adds keystreams to vectors through one buffer that is used again and again.

    Example:
        >>> from hansa.privacy.primitives import REAL
        >>> total, masker = np.arange(3, dtype=np.uint64), Masker(REAL)
        >>> masker.add(total, bytes(32))
        >>> masker.subtract(total, bytes(32))
        >>> total.tolist()
        [0, 1, 2]
    """

    def __init__(self, crypto: Crypto) -> None:
        """Make the buffer."""
        self.crypto = crypto
        self._buffer = bytearray(8 * _CHUNK + 16)
        self._words: NDArray[np.uint64] = np.frombuffer(self._buffer, "<u8", _CHUNK)

    def add(self, total: NDArray[np.uint64], key: bytes) -> None:
        """Add a key's stream to `total` `[k]`, in place, modulo 2^64."""
        stream = self.crypto.stream(key)
        for start in range(0, len(total), _CHUNK):
            part = total[start : start + _CHUNK]
            stream.fill(self._buffer, 8 * len(part))
            np.add(part, self._words[: len(part)], out=part)

    def subtract(self, total: NDArray[np.uint64], key: bytes) -> None:
        """Take a key's stream off again."""
        stream = self.crypto.stream(key)
        for start in range(0, len(total), _CHUNK):
            part = total[start : start + _CHUNK]
            stream.fill(self._buffer, 8 * len(part))
            np.subtract(part, self._words[: len(part)], out=part)
