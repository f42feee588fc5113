"""The published vectors, and what must be refused."""

from __future__ import annotations

import pytest

from hansa.errors import IdentityError
from hansa.privacy.primitives import REAL, Signer, made_for


def raw(text):
    return bytes.fromhex(text)


X25519 = (
    (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
)


@pytest.mark.parametrize(("secret", "public", "shared"), X25519)
def test_x25519_as_in_rfc_7748_section_5_2(secret, public, shared):
    assert REAL.shared(raw(secret), raw(public)) == raw(shared)


def test_x25519_over_and_over_as_in_rfc_7748_section_5_2():
    k = u = raw("09" + 31 * "00")
    found = []
    for _ in range(1000):
        k, u = REAL.shared(k, u), k
        found.append(k)
    assert found[0] == raw("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079")
    assert found[-1] == raw("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51")
    assert REAL.public(raw("09" + 31 * "00")) == found[0]


@pytest.mark.parametrize(
    "public",
    [
        "00" * 32,
        "01" + "00" * 31,
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "00",
    ],
)
def test_a_public_key_of_low_order_or_of_no_length_is_refused(public):
    with pytest.raises(IdentityError, match="low order"):
        REAL.shared(b"1" * 32, raw(public))


RFC_5869 = (
    (
        "0b" * 22,
        bytes(range(13)).hex(),
        bytes(range(0xF0, 0xFA)).hex(),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c",
    ),
    ("0b" * 22, "", "", "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"),
)


@pytest.mark.parametrize(("secret", "salt", "label", "key"), RFC_5869)
def test_hkdf_sha256_as_in_rfc_5869_appendix_a(secret, salt, label, key):
    assert REAL.derive(raw(secret), raw(salt), raw(label)) == raw(key)


def test_the_keystream_is_aes_256_of_the_block_numbers():
    buffer = bytearray(48 + 16)
    REAL.stream(bytes(32)).fill(buffer, 48)
    assert buffer[:16] == raw("dc95c078a2408989ad48a21492842087")  # FIPS 197, all zeros
    assert buffer[32:48] == raw("cea7403d4d606b6e074ec5d3baf39d18")  # block 2 is the first that GCM uses


def test_letters_are_sealed_as_in_the_gcm_specification_test_case_14():
    sealed = REAL.seal(bytes(32), bytes(16), b"")
    assert sealed == raw("cea7403d4d606b6e074ec5d3baf39d18" + "d0d1c8a799996bf0265b98b5d48ab919")
    for changed in (sealed[:-1] + b"\0", b"\0" + sealed[1:], b""):
        with pytest.raises(IdentityError):
            REAL.open(bytes(32), changed, b"")
    with pytest.raises(IdentityError):
        REAL.open(bytes(32), sealed, b"something else")


RFC_8032 = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
            "55141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb0"
            "0d291612bb0c00"
        ),
    ),
)


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_signatures_as_in_rfc_8032_section_7_1(seed, public, message, signature):
    signer = Signer("bank-a", raw(seed), {"bank-a": raw(public)})
    assert signer.sign(b"", raw(message)) == raw(signature)
    signer.check("bank-a", b"", raw(message), raw(signature))
    with pytest.raises(IdentityError, match="not of bank-a"):
        signer.check("bank-a", b"x", raw(message), raw(signature))


def test_nobody_is_known_whom_the_house_has_not_pinned():
    made = made_for(["bank-a", "bank-b"])
    with pytest.raises(IdentityError, match="knows no party 'bank-c'"):
        made["bank-a"].check("bank-c", b"tag", bytes(32), bytes(64))
    assert made["bank-a"].seed.hex() not in repr(made["bank-a"])
