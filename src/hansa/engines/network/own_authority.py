"""A bank's own authority: where it issues the bank's TLS certificates itself, and speaks for that bank alone.

The signing certificate comes from the consortium all the same, so that messages are held against one authority.

Example:
    >>> from datetime import UTC, timedelta
    >>> from hansa.engines.network.certificates import self_signed
    >>> from hansa.engines.network.keys import key_text, new_tls_key
    >>> from hansa.engines.network.names import Subject
    >>> now, key = datetime(2026, 11, 21, tzinfo=UTC), new_tls_key()
    >>> bank = self_signed("Bank A's authority", new_tls_key(), now)
    >>> text = bank.issue(key.public_key(), Subject("bank-a"), "tls", (), now)
    >>> vouched(text, {"bank-a": bundle(bank.certificate)}, now)
    'bank-a'
    >>> own = OwnTls(text, key_text(key))
    >>> own.check("bank-a")
    >>> own.check("bank-b")
    Traceback (most recent call last):
        ...
    hansa.errors.IdentityError: The certificate's common name is not 'bank-b'. Let your authority issue one for that \
name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hansa.engines.network.certificates import read, text_of
from hansa.engines.network.keys import public_half
from hansa.errors import ConfigError, IdentityError


@final
@dataclass(frozen=True)
class OwnTls:
    """A TLS certificate of a bank's own authority, with those between the two, and its key (PEM)."""

    certificate: str
    key: str = field(repr=False)

    def check(self, name: str) -> None:
        """See that the two belong together, and are this institution's.

        Raises:
            IdentityError: they are not.
        """
        certificate = read(self.certificate)
        if _common(certificate) != name:
            mend = "Let your authority issue one for that name."
            raise IdentityError(f"The certificate's common name is not '{name}'.", mend=mend)
        if certificate.public_key() != public_half(self.key):
            raise IdentityError("The certificate is for another key than was given.")


def bundle(text: str) -> str:
    """The certificates of an authority (PEM): what issues the bank's, and all up to the root.

    Raises:
        ConfigError: they are no certificates of an authority.
    """
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        found = []
    if not found or not all(map(_certifies, found)):
        raise ConfigError(
            "The file does not hold the certificates of an authority.",
            mend="Give the one that issues the bank's certificates, and those above it, as PEM.",
        )
    return "".join(map(text_of, found))


def vouched(text: str, authorities: Mapping[str, str], at: datetime) -> str:
    """The name of whose own authority has issued a TLS certificate (PEM); `authorities`: their bundles by name.

    Raises:
        IdentityError: none of them has, not for its own name, not valid now, or not for a client's TLS.
    """
    certificate = read(text)
    name = _common(certificate)
    issuer = _issuer(certificate, authorities.get(name, ""))
    if issuer is None:
        raise IdentityError(
            "A certificate was issued neither by this consortium's authority nor by the bank's own.",
            mend="Enrol with this consortium.",
        )
    if not all(one.not_valid_before_utc <= at <= one.not_valid_after_utc for one in (certificate, issuer)):
        raise IdentityError(f"{name}: the certificate of its own authority is not valid now.", mend="Issue a new one.")
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound):
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    if ExtendedKeyUsageOID.CLIENT_AUTH not in purposes or _certifies(certificate):
        raise IdentityError(f"{name}: the certificate of its own authority is not for a client's TLS.")
    return name


def _issuer(certificate: x509.Certificate, authority: str) -> x509.Certificate | None:
    for one in x509.load_pem_x509_certificates(authority.encode()) if authority else ():
        try:
            certificate.verify_directly_issued_by(one)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return one
    return None


def _certifies(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound):
        return False


def _common(certificate: x509.Certificate) -> str:
    """The common name; "" where there is none, or more than one."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else ""
