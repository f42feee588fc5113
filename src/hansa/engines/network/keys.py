"""Keys of one's own: P-256 for TLS, Ed25519 for what is said. They are made here and written into private files only.

What is signed is always a tag and a SHA-256: a signature made for one purpose is none for another.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from hansa.errors import ConfigError, IdentityError

WIRE: Final = b"hansa/wire/v1"
"""The tag of frames on a stream; the digest is the frame's own, see `hansa.core.wire`."""
ENROL: Final = b"hansa/enrol/v1"
"""The tag of a request for certificates, signed by the invitation's token."""
ROTATE: Final = b"hansa/rotate/v1"
"""The tag of a request for new certificates, signed by the old key."""
REVOKE: Final = b"hansa/revoke/v1"
"""The tag of a list of revoked certificates."""

SIGNATURE: Final = 64
"""Bytes of a signature."""

PrivateKey: TypeAlias = EllipticCurvePrivateKey | Ed25519PrivateKey


def new_tls_key() -> EllipticCurvePrivateKey:
    """A fresh P-256 key.

    Example:
        >>> new_tls_key().curve.name
        'secp256r1'
    """
    return generate_private_key(SECP256R1())


def new_signing_key() -> Ed25519PrivateKey:
    """A fresh Ed25519 key.

    Example:
        >>> key = new_signing_key()
        >>> verify(key.public_key(), WIRE, bytes(32), sign(key, WIRE, bytes(32)))
    """
    return Ed25519PrivateKey.generate()


def sign(key: Ed25519PrivateKey, tag: bytes, digest: bytes) -> bytes:
    """Sign a SHA-256 for one purpose: 64 bytes (RFC 8032).

    Raises:
        IdentityError: the digest is not of 32 bytes.
    """
    return key.sign(tag + _whole(digest))


def verify(key: Ed25519PublicKey, tag: bytes, digest: bytes, signature: bytes) -> None:
    """Hold a signature against a key, a purpose and a SHA-256.

    Raises:
        IdentityError: it is not of this key, or speaks of something else.

    Example:
        >>> verify(new_signing_key().public_key(), WIRE, bytes(32), bytes(64))
        Traceback (most recent call last):
            ...
        hansa.errors.IdentityError: A signature is not of the key that it should be of. What it stands under was \
changed on its way, or somebody else wrote it.
    """
    try:
        key.verify(signature, tag + _whole(digest))
    except InvalidSignature:
        raise IdentityError(
            "A signature is not of the key that it should be of.",
            "What it stands under was changed on its way, or somebody else wrote it.",
        ) from None


def raw(key: Ed25519PublicKey) -> bytes:
    """A public signing key as its 32 bytes.

    Example:
        >>> len(raw(new_signing_key().public_key()))
        32
    """
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_text(key: PrivateKey) -> str:
    """A private key as PEM, for a file that only its owner can read.

    Example:
        >>> signing_key(key_text(new_signing_key())).public_key() is not None
        True
        >>> tls_key(key_text(new_tls_key())).key_size
        256
    """
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


@lru_cache(maxsize=8)
def signing_key(text: str) -> Ed25519PrivateKey:
    """Read a signing key from PEM.

    Raises:
        ConfigError: it is none.
    """
    key = _key(text)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError("A file of keys holds no Ed25519 key where one should be.")
    return key


def tls_key(text: str) -> EllipticCurvePrivateKey:
    """Read a TLS key from PEM.

    Raises:
        ConfigError: it is none of P-256.
    """
    key = _key(text)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ConfigError("A file of keys holds no P-256 key where one should be.")
    return key


def public_half(text: str) -> object:
    """The public half of a private key of any kind (PEM), to be compared.

    Raises:
        ConfigError: it is none.

    Example:
        >>> key = new_tls_key()
        >>> public_half(key_text(key)) == key.public_key()
        True
    """
    return _key(text).public_key()


def _key(text: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):  # what the parser says may quote the key
        raise ConfigError("A file of keys is damaged.", mend="Restore it, or enrol anew.") from None


def _whole(digest: bytes) -> bytes:
    if len(digest) != 32:
        raise IdentityError("What is signed is a SHA-256, of 32 bytes.")
    return digest
