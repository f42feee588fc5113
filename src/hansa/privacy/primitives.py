"""The one room of `cryptography` for secure sums: X25519, HKDF-SHA256, AES-256 in counter mode, AES-GCM, Ed25519."""

from __future__ import annotations

from dataclasses import dataclass
from os import urandom
from typing import TYPE_CHECKING, Final, final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hansa.errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.ciphers import CipherContext

_ONCE: Final = bytes(12)
"""The nonce of a key that seals one message only."""

_ZEROS: Final = memoryview(bytes(1 << 17))


@final
@dataclass(frozen=True)
class Real:
    """Cryptography as it is used between institutions; answers `hansa.privacy.masks.Crypto`.

    Example:
        >>> a, b = REAL.random(32), REAL.random(32)
        >>> REAL.shared(a, REAL.public(b)) == REAL.shared(b, REAL.public(a))
        True
        >>> key = REAL.derive(a, b"salt", b"label")
        >>> REAL.open(key, REAL.seal(key, b"a share", b"about"), b"about")
        b'a share'
    """

    def random(self, size: int) -> bytes:
        """Bytes of the operating system's generator."""
        return urandom(size)

    def public(self, secret: bytes) -> bytes:
        """The X25519 public key of 32 secret bytes (RFC 7748, section 5)."""
        return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()

    def shared(self, secret: bytes, public: bytes) -> bytes:
        """X25519 (RFC 7748, section 6.1).

        Raises:
            IdentityError: a public key of low order: the result would be all zeros.
        """
        try:
            return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise IdentityError(
                "A public key is of low order, or none at all.", "What it gives would be known to everybody."
            ) from None

    def derive(self, secret: bytes, salt: bytes, label: bytes) -> bytes:
        """HKDF-SHA256, 32 bytes (RFC 5869)."""
        return HKDF(SHA256(), 32, salt, label).derive(secret)

    def seal(self, key: bytes, plain: bytes, about: bytes) -> bytes:
        """AES-256-GCM under a key of one message (NIST SP 800-38D)."""
        return AESGCM(key).encrypt(_ONCE, plain, about)

    def open(self, key: bytes, sealed: bytes, about: bytes) -> bytes:
        """AES-256-GCM.

        Raises:
            IdentityError: the tag does not fit.
        """
        try:
            return AESGCM(key).decrypt(_ONCE, sealed, about)
        except (InvalidTag, ValueError):
            raise IdentityError(
                "A sealed letter cannot be opened.", "It was changed on its way, or is of another sum."
            ) from None

    def stream(self, key: bytes) -> Counter:
        """AES-256 in counter mode from block 0 (NIST SP 800-38A)."""
        return Counter(Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor())


@final
class Counter:
    """The keystream of one key, bytes after bytes.

    Example:
        >>> buffer = bytearray(8 + 16)
        >>> REAL.stream(b"1" * 32).fill(buffer, 8)
        >>> bytes(buffer[:8]) == bytes(8)
        False
    """

    def __init__(self, context: CipherContext) -> None:
        """Begin at block 0."""
        self._context = context

    def fill(self, buffer: bytearray, size: int) -> None:
        """Write the next `size` bytes, at most 128 KiB, to the buffer's beginning."""
        self._context.update_into(_ZEROS[:size], buffer)


REAL: Final = Real()


@final
@dataclass(frozen=True)
class Signer:
    """A party's Ed25519 identity and the keys that it holds as the others'; answers `hansa.core.party.Identity`.

    Example:
        >>> made = made_for(["bank-a", "bank-b"])
        >>> made["bank-b"].check("bank-a", b"tag", bytes(32), made["bank-a"].sign(b"tag", bytes(32)))
        >>> made["bank-a"]
        Signer(party='bank-a')
    """

    party: str
    seed: bytes
    peers: Mapping[str, bytes]

    def __repr__(self) -> str:
        """Whose it is, and no key."""
        return f"Signer(party={self.party!r})"

    def key(self, party: str) -> bytes:
        """The pinned public key of a party, 32 bytes.

        Raises:
            IdentityError: nobody of this name is known here.
        """
        try:
            return self.peers[party]
        except KeyError:
            raise IdentityError(f"{self.party} knows no party '{party}'.", mend="Approve the roster first.") from None

    def sign(self, tag: bytes, digest: bytes) -> bytes:
        """Sign a SHA-256 for one purpose (RFC 8032): 64 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(tag + digest)

    def check(self, party: str, tag: bytes, digest: bytes, signature: bytes) -> None:
        """Hold a signature against the party's pinned key.

        Raises:
            IdentityError: it is not of this key, or of something else.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.key(party)).verify(signature, tag + digest)
        except (InvalidSignature, ValueError):
            raise IdentityError(
                f"A signature is not of {party}.", "It was changed on its way, or somebody else wrote it."
            ) from None


def made_for(parties: Sequence[str]) -> dict[str, Signer]:
    """Identities for the parties of one simulated run, each pinned by all the others.

    Example:
        >>> sorted(made_for(["bank-a", "bank-b"]))
        ['bank-a', 'bank-b']
    """
    seeds = {party: urandom(32) for party in parties}
    public = {
        party: Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        for party, seed in seeds.items()
    }
    return {party: Signer(party, seed, public) for party, seed in seeds.items()}
