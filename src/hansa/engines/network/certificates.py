"""Certificates: asked for, issued and checked. The common name and a URI among the alternative names are the name.

Each serves one purpose. An institution's TLS certificate cannot serve as a server's, so that no member can play the
coordinator; a signing certificate cannot open a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, Literal, TypeAlias, final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hansa.engines.network.keys import PrivateKey
from hansa.engines.network.names import Role, Subject
from hansa.errors import ConfigError, IdentityError

Use: TypeAlias = Literal["tls", "signing"]

BACKDATED: Final = timedelta(hours=2)
"""How much earlier than its making a certificate begins: so far may the clocks of institutions differ."""
YEAR: Final = timedelta(days=365)
AUTHORITY_YEARS: Final = 10

_SIGNING = x509.ObjectIdentifier("2.25.197837284312963147029163841762983156427")  # an arc that needs no registration
_PURPOSES = {
    ("tls", "party"): ExtendedKeyUsageOID.CLIENT_AUTH,
    ("tls", "coordinator"): ExtendedKeyUsageOID.SERVER_AUTH,
    ("tls", "person"): ExtendedKeyUsageOID.CLIENT_AUTH,
    ("tls", "guest"): ExtendedKeyUsageOID.CLIENT_AUTH,
    ("signing", "party"): _SIGNING,
    ("signing", "coordinator"): _SIGNING,
}
_ODD: Final = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
)
"""What the library says of bytes that are not as they should be, now or when a part of them is looked at."""
_ROLES: Final[tuple[Role, ...]] = ("party", "coordinator", "person", "guest")


@final
@dataclass(frozen=True)
class Authority:
    """Who certifies: a key that stays in its folder, and a certificate that everybody knows.

    Example:
        >>> from datetime import UTC
        >>> from hansa.engines.network.keys import new_tls_key
        >>> now = datetime(2026, 11, 21, tzinfo=UTC)
        >>> authority = self_signed("Three banks", new_tls_key(), now)
        >>> bank, key = Subject("bank-a"), new_tls_key()
        >>> asked = request(bank, key)
        >>> text = authority.issue(public_of(asked, bank, "tls"), bank, "tls", (), now)
        >>> certificate = checked(text, authority.certificate, bank.role, "tls", now)
        >>> subject_of(certificate), len(fingerprint(text_of(certificate)))
        (Subject(name='bank-a', role='party'), 64)
        >>> key_of(authority.certificate) == authority.key.public_key()
        True
    """

    key: EllipticCurvePrivateKey
    certificate: str

    def issue(
        self,
        public: EllipticCurvePublicKey | Ed25519PublicKey,
        subject: Subject,
        use: Use,
        servers: tuple[str, ...],
        now: datetime,
        term: timedelta = YEAR,
    ) -> str:
        """Certify a key for one purpose, for a time, as PEM; `servers`: host names or addresses of a TLS server."""
        own = read(self.certificate)
        until = min(now + term, own.not_valid_after_utc)
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(subject.uri), *map(_host, servers)]
        made = (
            _builder(_name(subject.name), own.subject, public, now - BACKDATED, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certifies=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([_PURPOSES[use, subject.role]]), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, SHA256())
        )
        return text_of(made)


def self_signed(title: str, key: EllipticCurvePrivateKey, now: datetime) -> Authority:
    """A consortium's own authority, for ten years; it certifies institutions and no further authorities."""
    name = _name(title)
    made = (
        _builder(name, name, key.public_key(), now - BACKDATED, now + AUTHORITY_YEARS * YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certifies=True), critical=True)
        .sign(key, SHA256())
    )
    return Authority(key, text_of(made))


def request(subject: Subject, key: PrivateKey) -> str:
    """A signing request, as PEM: the name and the public key, signed by the private one."""
    builder = x509.CertificateSigningRequestBuilder(_name(subject.name)).add_extension(
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier(subject.uri)]), critical=False
    )
    hashed = SHA256() if isinstance(key, EllipticCurvePrivateKey) else None
    return builder.sign(key, hashed).public_bytes(Encoding.PEM).decode("ascii")


def public_of(text: str, subject: Subject, use: Use) -> EllipticCurvePublicKey | Ed25519PublicKey:
    """The public key of a signing request, once it is shown that whoever asks has the private one.

    Raises:
        IdentityError: it is no signing request, not of this name, not signed by its own key, or of another kind of key.
    """
    try:
        asked = x509.load_pem_x509_csr(text.encode())
        proven = asked.is_signature_valid
        named = _subject(asked.subject, asked.extensions)
    except (*_ODD, ConfigError):
        raise IdentityError("A signing request cannot be read.") from None
    if not proven:
        raise IdentityError("A signing request is not signed by its own key.", "Its sender does not have that key.")
    if named != subject:
        raise IdentityError("A signing request is for another name than its sender's.")
    return _of_kind(asked, use)


def checked(text: str, authority: str, role: str, use: Use, at: datetime) -> x509.Certificate:
    """A certificate that this authority has issued for this role and purpose, and that is valid at a moment.

    Raises:
        IdentityError: says which of these it is not.
    """
    certificate, issuer = read(text), read(authority)
    try:
        certificate.verify_directly_issued_by(issuer)
    except _ODD:
        raise IdentityError(
            "A certificate was not issued by this consortium's authority.", mend="Enrol with this consortium."
        ) from None
    for one in (certificate, issuer):
        if not one.not_valid_before_utc <= at <= one.not_valid_after_utc:
            early = at < one.not_valid_before_utc
            raise IdentityError(
                f"A certificate is {'not valid yet' if early else 'no longer valid'}.",
                "This clock is wrong, or the other's was." if early else "",
                "Set the clock." if early else "Ask for a new one: hansa enroll --rotate, or a new invitation.",
            )
    try:
        subject = subject_of(certificate)
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        authorised = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except _ODD:
        raise IdentityError("A certificate does not say what it is for.") from None
    if subject.role != role or authorised or list(purposes) != [_PURPOSES.get((use, subject.role))]:
        raise IdentityError("A certificate is used for what it was not issued for.")
    _of_kind(certificate, use)
    return certificate


def subject_of(certificate: x509.Certificate) -> Subject:
    """Whom a certificate speaks of; its common name and its URI must agree.

    Raises:
        IdentityError: they do not, or it has another form.
    """
    try:
        return _subject(certificate.subject, certificate.extensions)
    except (*_ODD, ConfigError):
        raise IdentityError("A certificate does not bear a name as this consortium writes them.") from None


@lru_cache(maxsize=1024)
def read(text: str) -> x509.Certificate:
    """Read one certificate from PEM; raises IdentityError where it is none.

    Example:
        >>> read("no certificate")
        Traceback (most recent call last):
            ...
        hansa.errors.IdentityError: A certificate cannot be read.
    """
    try:
        certificate = x509.load_pem_x509_certificate(text.encode())
        if certificate.serial_number > 0:
            return certificate
    except (*_ODD, Warning):  # a warning, where those are errors
        pass
    raise IdentityError("A certificate cannot be read.")


def key_of(authority: str) -> EllipticCurvePublicKey:
    """The public key of an authority's certificate (PEM); IdentityError where it is none of this house's."""
    key = _of_kind(read(authority), "tls")
    if not isinstance(key, EllipticCurvePublicKey):
        raise IdentityError("An authority's certificate holds another kind of key than this house uses.")
    return key


def text_of(certificate: x509.Certificate) -> str:
    """A certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def fingerprint(text: str) -> str:
    """SHA-256 over a certificate, as hex: what people read to each other on the telephone."""
    return read(text).fingerprint(SHA256()).hex()


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: EllipticCurvePublicKey | Ed25519PublicKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(common: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    except ValueError:
        raise ConfigError("A name has 1 to 64 characters.", "A certificate holds no more.") from None


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    if not name.isascii() or not name.replace("-", "a").replace(".", "a").isalnum():
        raise ConfigError(f"'{name}' is no host name.", mend="Name the host as the banks reach it.")
    return x509.DNSName(name)


def _subject(name: x509.Name, extensions: x509.Extensions) -> Subject:
    """The name that common name and URI agree on."""
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    alternatives = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = alternatives.get_values_for_type(x509.UniformResourceIdentifier)
    if len(common) != 1 or len(name.rdns) != 1 or len(uris) != 1:
        raise ValueError
    value = str(common[0].value)
    for role in _ROLES:
        if uris[0].startswith(f"urn:hansa:{role}:") and (subject := Subject(value, role)).uri == uris[0]:
            return subject
    raise ValueError


def _usage(*, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certifies,
        key_cert_sign=certifies,
        crl_sign=certifies,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _of_kind(
    holder: x509.Certificate | x509.CertificateSigningRequest, use: Use
) -> EllipticCurvePublicKey | Ed25519PublicKey:
    try:
        key = holder.public_key()
    except _ODD:
        key = None
    if use == "tls" and isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    if use == "signing" and isinstance(key, Ed25519PublicKey):
        return key
    raise IdentityError(f"A certificate for {use} holds another kind of key than this house uses.")
