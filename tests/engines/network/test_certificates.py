"""Certificates: real handshakes, and every way to show the wrong one."""

from __future__ import annotations

import ssl
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from hansa.engines.network import certificates
from hansa.engines.network.certificates import (
    Authority,
    checked,
    fingerprint,
    public_of,
    read,
    request,
    self_signed,
    subject_of,
)
from hansa.engines.network.identity import Identity
from hansa.engines.network.keys import key_text, new_signing_key, new_tls_key
from hansa.engines.network.membership import Membership
from hansa.engines.network.names import Subject
from hansa.errors import ConfigError, IdentityError
from tests.engines.network.banks import DAY, NOW, consortium, context, enrolled, shake

BANK = Subject("bank-a")
YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def authority():
    return self_signed("Three banks", new_tls_key(), NOW)


def issued(authority, use="tls", subject=BANK, now=NOW):
    key = new_tls_key() if use == "tls" else new_signing_key()
    return authority.issue(key.public_key(), subject, use, (), now)


@pytest.mark.parametrize("name", ["bank-a", "甲银行"])
def test_a_member_and_the_coordinator_shake_hands_over_tls_1_3(first, tmp_path, name):
    coordinator, bank = Membership(first / "three").identity, Identity.read(first / name)
    done = shake(context(tmp_path, coordinator, True), context(tmp_path, bank, False))
    assert done.version == "TLSv1.3"
    assert subject_of(x509.load_der_x509_certificate(done.client)) == Subject(name)


def test_a_server_of_another_name_is_not_the_coordinator(first, tmp_path):
    coordinator, bank = Membership(first / "three").identity, Identity.read(first / "bank-a")
    with pytest.raises(ssl.SSLCertVerificationError, match="match"):
        shake(context(tmp_path, coordinator, True), context(tmp_path, bank, False), name="elsewhere.example")


def test_a_member_cannot_play_the_coordinator(first, tmp_path):
    server, bank = context(tmp_path, Identity.read(first / "bank-b"), True), Identity.read(first / "bank-a")
    client = context(tmp_path, bank, False)
    client.check_hostname = False  # its certificate names no host; it is refused even so
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        shake(server, client)


def test_nobody_comes_in_without_a_certificate_of_this_consortium(first, tmp_path):
    coordinator = Membership(first / "three").identity
    server = context(tmp_path, coordinator, True)
    nobody = ssl.create_default_context(cadata=coordinator.authority)
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shake(server, nobody)
    others = consortium(tmp_path / "others", "Other banks")
    stranger = enrolled(others, "bank-a", tmp_path / "stranger")
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        shake(server, context(tmp_path, stranger, False, authority=coordinator.authority))


def test_tls_1_2_is_not_spoken(first, tmp_path):
    coordinator, bank = Membership(first / "three").identity, Identity.read(first / "bank-a")
    old = context(tmp_path, bank, False)
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        shake(context(tmp_path, coordinator, True), old)


def test_a_certificate_is_checked_for_its_issuer(authority):
    assert subject_of(checked(issued(authority), authority.certificate, "party", "tls", NOW)) == BANK
    twin = self_signed("Three banks", new_tls_key(), NOW)  # the same title, another key
    other = self_signed("Other banks", new_tls_key(), NOW)
    for stranger in (twin, other):
        with pytest.raises(IdentityError, match="not issued by"):
            checked(issued(stranger), authority.certificate, "party", "tls", NOW)
    own = self_signed("bank-a", new_tls_key(), NOW).certificate
    with pytest.raises(IdentityError, match="not issued by"):
        checked(own, authority.certificate, "party", "tls", NOW)


@pytest.mark.parametrize(("at", "what"), [(NOW - DAY, "not valid yet"), (NOW + YEAR + DAY, "no longer valid")])
def test_a_certificate_is_checked_for_its_time(authority, at, what):
    text = issued(authority)
    for fine in (NOW - timedelta(hours=1), NOW + timedelta(hours=1), NOW + YEAR - DAY):
        checked(text, authority.certificate, "party", "tls", fine)  # clocks may differ by an hour
    with pytest.raises(IdentityError, match=what):
        checked(text, authority.certificate, "party", "tls", at)


def test_no_certificate_outlives_its_authority(authority):
    late = NOW + 10 * YEAR - DAY
    assert read(issued(authority, now=late)).not_valid_after_utc == read(authority.certificate).not_valid_after_utc


def test_a_certificate_serves_what_it_was_issued_for(authority):
    coordinator = Subject("coordinator", "coordinator")
    wrong = [
        (issued(authority, "signing"), "party", "tls"),
        (issued(authority, "tls"), "party", "signing"),
        (issued(authority, "tls"), "coordinator", "tls"),
        (issued(authority, "signing"), "coordinator", "signing"),
        (issued(authority, "tls", coordinator), "party", "tls"),
    ]
    for text, role, use in wrong:
        with pytest.raises(IdentityError, match="not issued for"):
            checked(text, authority.certificate, role, use, NOW)
    mixed = authority.issue(new_signing_key().public_key(), BANK, "tls", (), NOW)
    with pytest.raises(IdentityError, match="another kind of key"):
        checked(mixed, authority.certificate, "party", "tls", NOW)


def test_a_member_certifies_nobody(authority):
    key = new_tls_key()
    text = authority.issue(key.public_key(), BANK, "tls", (), NOW)
    forged = Authority(key, text).issue(new_tls_key().public_key(), Subject("bank-b"), "tls", (), NOW)
    with pytest.raises(IdentityError, match="not issued by"):
        checked(forged, authority.certificate, "party", "tls", NOW)


def test_a_request_shows_that_its_sender_has_the_key():
    bank, key = Subject("bank-a"), new_tls_key()
    good = request(bank, key)
    assert public_of(good, bank, "tls") == key.public_key()
    with pytest.raises(IdentityError, match="another name"):
        public_of(good, Subject("bank-b"), "tls")
    with pytest.raises(IdentityError, match="another kind of key"):
        public_of(good, bank, "signing")
    der = bytearray(x509.load_pem_x509_csr(good.encode()).public_bytes(certificates.Encoding.DER))
    der[-4] ^= 1
    damaged = x509.load_der_x509_csr(bytes(der)).public_bytes(certificates.Encoding.PEM).decode()
    with pytest.raises(IdentityError, match="not signed by its own key"):
        public_of(damaged, bank, "tls")
    for text in ("", "no request", key_text(key)):
        with pytest.raises(IdentityError, match="cannot be read"):
            public_of(text, bank, "tls")


def test_common_name_and_uri_must_agree(authority):
    template = read(issued(authority))
    uri = x509.UniformResourceIdentifier(Subject("bank-b").uri)
    forged = (
        certificates._builder(template.subject, template.issuer, new_tls_key().public_key(), NOW, NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        .sign(authority.key, SHA256())
    )
    with pytest.raises(IdentityError, match="does not bear a name"):
        subject_of(forged)


@pytest.mark.parametrize("host", ["hansa example", "a/b", "*.example.org", "银行.example", ""])
def test_a_server_has_a_host_name_or_an_address(authority, host):
    own = Subject("coordinator", "coordinator")
    authority.issue(new_tls_key().public_key(), own, "tls", ("10.0.0.1", "::1", "hansa.example.org"), NOW)
    with pytest.raises(ConfigError, match="no host name"):
        authority.issue(new_tls_key().public_key(), own, "tls", (host,), NOW)


def test_a_fingerprint_is_what_openssl_says(authority):
    text = issued(authority)
    der = ssl.PEM_cert_to_DER_cert(text)
    assert fingerprint(text) == sha256(der).hexdigest()


VERSION_3 = b"\xa0\x03\x02\x01\x02"


@pytest.mark.parametrize("version", [3, 82, 127])
def test_a_certificate_of_an_odd_version_or_number_is_one_clear_error(version):
    good = self_signed("Three banks", new_tls_key(), NOW).certificate
    der = read(good).public_bytes(Encoding.DER)
    at = der.index(VERSION_3) + len(VERSION_3)
    number = der[at : at + 2 + der[at + 1]]
    odd = [
        der.replace(VERSION_3, VERSION_3[:-1] + bytes([version])),
        der.replace(number, number[:2] + bytes([0x80 | number[2]]) + number[3:]),
    ]
    for one in odd:
        text = "-----BEGIN CERTIFICATE-----\n" + b64encode(one).decode() + "\n-----END CERTIFICATE-----\n"
        with pytest.raises(IdentityError, match="cannot be read"):
            read(text)
