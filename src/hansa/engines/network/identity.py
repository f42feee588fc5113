"""Who one is, and who the other is: the certificates and keys of an institution, and the check of its peers'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, final

from hansa.engines.network.certificates import Use, checked, read, subject_of
from hansa.engines.network.files import load, save
from hansa.engines.network.keys import WIRE, public_half, sign, signing_key
from hansa.engines.network.names import COORDINATOR, Role
from hansa.engines.network.own_authority import vouched
from hansa.engines.network.revocation import Revocations
from hansa.errors import IdentityError

IDENTITY: Final = "identity.toml"
"""The file of an institution's keys and certificates; it never leaves."""


@final
@dataclass(frozen=True)
class Identity:
    """An institution's, or the coordinator's, certificates and keys (PEM), and the certificates of whom it trusts.

    `authority` certifies all members; `coordinator` is the certificate under which the coordinator signs. No `repr`
    shows a key.

    Example:
        >>> nobody = Identity("bank-a", "", "", "", "", "SECRET", "SECRET")
        >>> "SECRET" in repr(nobody)
        False
    """

    name: str
    tls: str
    signing: str
    authority: str
    coordinator: str
    tls_key: str = field(repr=False)
    signing_key: str = field(repr=False)

    @classmethod
    def read(cls, folder: Path) -> Identity:
        """Read it from its folder.

        Raises:
            ConfigError: it is not there, damaged, or others can read it.
        """
        found = load(cls, folder / IDENTITY, private=True)
        signing_key(found.signing_key)
        public_half(found.tls_key)
        return found

    def write(self, folder: Path) -> None:
        """Write it to its folder, whole, for its owner alone."""
        save(folder / IDENTITY, self)

    @property
    def role(self) -> Role:
        """Institution or coordinator."""
        return "coordinator" if self.name == COORDINATOR else "party"

    def sign(self, digest: bytes, tag: bytes = WIRE) -> bytes:
        """Sign a SHA-256, by default a frame's: 64 bytes."""
        return sign(signing_key(self.signing_key), tag, digest)


@final
@dataclass(frozen=True)
class Trust:
    """Whom to believe: the authority's certificate (PEM) and the list of what it has revoked.

    `accepted`: the bundles of banks' own authorities by the banks' names; each speaks for that bank's TLS alone.

    Example:
        >>> from datetime import UTC
        >>> from hansa.engines.network.certificates import public_of, request, self_signed
        >>> from hansa.engines.network.keys import new_tls_key
        >>> from hansa.engines.network.names import Subject
        >>> now = datetime(2026, 11, 21, tzinfo=UTC)
        >>> authority, bank, key = self_signed("Three banks", new_tls_key(), now), Subject("bank-a"), new_tls_key()
        >>> text = authority.issue(public_of(request(bank, key), bank, "tls"), bank, "tls", (), now)
        >>> trust = Trust(authority.certificate, Revocations().signed(authority))
        >>> trust.peer(text, "party", now)
        'bank-a'
        >>> trust.revoking(trust.revocations.adding("bank-a", [text], "left", now).signed(authority)).peer(
        ...     text, "party", now
        ... )
        Traceback (most recent call last):
            ...
        hansa.errors.IdentityError: bank-a: its certificate was revoked. Ask the consortium's operator for a new \
invitation.
    """

    authority: str
    revocations: Revocations
    accepted: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Hold the list against the authority."""
        self.revocations.check(self.authority)

    @property
    def roots(self) -> str:
        """All authorities (PEM) whose certificates may open a connection to the coordinator; `peer` says whose."""
        return "".join((self.authority, *self.accepted.values()))

    def revoking(self, newer: Revocations) -> Trust:
        """The same with a newer list.

        Raises:
            IdentityError: it is older, or not the authority's.
        """
        return replace(self, revocations=newer.after(self.revocations.number))

    def peer(self, tls: str, role: Role, at: datetime) -> str:
        """The name of whoever opened a connection with this TLS certificate (PEM): at each handshake and heartbeat.

        Raises:
            IdentityError: another authority's, not valid now, revoked, or not a certificate of that role's TLS.
        """
        if role == "party" and self.accepted and read(tls).issuer != read(self.authority).subject:
            return self._counted(tls, vouched(tls, self.accepted, at))
        return self._counting(tls, role, "tls", at)

    def signer(self, signing: str, role: Role, at: datetime) -> str:
        """The name of whoever signs under this certificate (PEM).

        Raises:
            IdentityError: as for `peer`.
        """
        return self._counting(signing, role, "signing", at)

    def _counting(self, text: str, role: Role, use: Use, at: datetime) -> str:
        return self._counted(text, subject_of(checked(text, self.authority, role, use, at)).name)

    def _counted(self, text: str, name: str) -> str:
        if self.revocations.covers(text):
            raise IdentityError(
                f"{name}: its certificate was revoked.", mend="Ask the consortium's operator for a new invitation."
            )
        return name
