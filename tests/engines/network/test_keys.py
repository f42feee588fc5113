"""Keys and signatures: each speaks for one purpose, and none is shown."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hansa.engines.network import keys
from hansa.engines.network.keys import (
    SIGNATURE,
    key_text,
    new_signing_key,
    new_tls_key,
    raw,
    sign,
    signing_key,
    tls_key,
    verify,
)
from hansa.errors import ConfigError, IdentityError

DIGEST = bytes(range(32))


def test_a_signature_is_for_one_key_one_purpose_and_one_digest():
    key, other = new_signing_key(), new_signing_key()
    signature = sign(key, keys.WIRE, DIGEST)
    assert len(signature) == SIGNATURE
    verify(key.public_key(), keys.WIRE, DIGEST, signature)
    wrong = [
        (other.public_key(), keys.WIRE, DIGEST, signature),
        (key.public_key(), keys.ROTATE, DIGEST, signature),
        (key.public_key(), keys.WIRE, DIGEST[::-1], signature),
        (key.public_key(), keys.WIRE, DIGEST, signature[:-1] + bytes([signature[-1] ^ 1])),
        (key.public_key(), keys.WIRE, DIGEST, signature[:-1]),
        (key.public_key(), keys.WIRE, DIGEST, b""),
    ]
    for case in wrong:
        with pytest.raises(IdentityError, match="not of the key"):
            verify(*case)


def test_every_flipped_bit_is_seen():
    key = new_signing_key()
    signature = sign(key, keys.WIRE, DIGEST)
    for bit in range(8 * SIGNATURE):
        bad = bytearray(signature)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IdentityError):
            verify(key.public_key(), keys.WIRE, DIGEST, bytes(bad))


def test_nothing_but_a_digest_is_signed():
    for text in (b"", DIGEST + b"x"):
        with pytest.raises(IdentityError, match="32 bytes"):
            sign(new_signing_key(), keys.WIRE, text)


def test_the_vectors_of_rfc_8032():
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert raw(key.public_key()).hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def test_keys_read_back_and_a_damaged_one_is_not_quoted():
    for make, read in ((new_signing_key, signing_key), (new_tls_key, tls_key)):
        text = key_text(make())
        assert key_text(read(text)) == text
        with pytest.raises(ConfigError) as told:
            read(text.replace("M", "!", 1))
        assert text.splitlines()[1][:12] not in str(told.value)
    with pytest.raises(ConfigError, match="no Ed25519"):
        signing_key(key_text(new_tls_key()))
    with pytest.raises(ConfigError, match=r"no P-256"):
        tls_key(key_text(new_signing_key()))
