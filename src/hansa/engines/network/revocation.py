"""Which certificates no longer count: a numbered list, signed by the authority, read at each handshake and heartbeat.

A list that is missing, changed, or older than one that was seen is an error: nobody is let in on an old list's word.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import final

import msgpack
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from hansa.engines.network.certificates import Authority, fingerprint, key_of
from hansa.engines.network.disk import Disk
from hansa.engines.network.files import load, save
from hansa.engines.network.keys import REVOKE
from hansa.errors import IdentityError


@final
@dataclass(frozen=True)
class Revoked:
    """A certificate that no longer counts: its SHA-256, whose it was, since when (ISO 8601), and why."""

    certificate: str
    name: str
    since: str
    reason: str = ""


@final
@dataclass(frozen=True)
class Revocations:
    """The list: its number, which grows with each change, what is revoked, and the authority's signature as hex.

    Example:
        >>> from datetime import UTC
        >>> from hansa.engines.network.certificates import self_signed
        >>> from hansa.engines.network.keys import new_tls_key
        >>> now = datetime(2026, 11, 21, tzinfo=UTC)
        >>> authority = self_signed("Three banks", new_tls_key(), now)
        >>> first = Revocations().signed(authority)
        >>> after = first.adding("bank-a", [authority.certificate], "left", now).signed(authority)
        >>> after.check(authority.certificate)
        >>> after.number, after.covers(authority.certificate), first.covers(authority.certificate)
        (1, True, False)
        >>> after.revoked[0] == Revoked(fingerprint(authority.certificate), "bank-a", now.isoformat(), "left")
        True
    """

    number: int = 0
    revoked: tuple[Revoked, ...] = ()
    signature: str = ""

    def adding(self, name: str, certificates: list[str], reason: str, now: datetime) -> Revocations:
        """The next list, not signed yet, with these certificates (PEM) of one institution as well."""
        known = {one.certificate for one in self.revoked}
        prints = [print_ for print_ in map(fingerprint, certificates) if print_ not in known]
        more = tuple(Revoked(print_, name, now.isoformat(), reason) for print_ in prints)
        return Revocations(self.number + 1, (*self.revoked, *more))

    def signed(self, authority: Authority) -> Revocations:
        """The same list with the authority's signature."""
        return replace(self, signature=authority.key.sign(REVOKE + self._digest, ECDSA(SHA256())).hex())

    def check(self, authority: str) -> None:
        """Hold the list against the authority's certificate (PEM); IdentityError where it did not sign it."""
        try:
            key_of(authority).verify(bytes.fromhex(self.signature), REVOKE + self._digest, ECDSA(SHA256()))
        except (ValueError, InvalidSignature):
            raise IdentityError(
                "The list of revoked certificates is not signed by this consortium's authority.",
                "It was changed, or is another consortium's.",
            ) from None

    def covers(self, certificate: str) -> bool:
        """Whether a certificate (PEM) no longer counts."""
        print_ = fingerprint(certificate)
        return any(one.certificate == print_ for one in self.revoked)

    def after(self, seen: int) -> Revocations:
        """This list, if it is none of before the number that was seen; IdentityError where it is."""
        if self.number < seen:
            raise IdentityError(
                f"The list of revoked certificates is number {self.number}, and number {seen} was seen.",
                "An old list would let those back in who were revoked since.",
            )
        return self

    @property
    def _digest(self) -> bytes:
        rows = [[one.certificate, one.name, one.since, one.reason] for one in self.revoked]
        return sha256(msgpack.packb([self.number, rows])).digest()


def keep_list(path: Path, found: Revocations, disk: Disk | None = None) -> None:
    """Write a list, whole; anybody may read it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     keep_list(Path(folder, "revoked.toml"), Revocations(number=3, signature="00"))
        ...     load(Revocations, Path(folder, "revoked.toml")).number
        3
    """
    save(path, found, 0o644, disk)


def read_list(path: Path, authority: str, seen: int = 0) -> Revocations:
    """Read a list and hold it against the authority's certificate (PEM) and the highest number that was seen.

    Raises:
        ConfigError: it cannot be read.
        IdentityError: it is not the authority's, or older than what was seen.

    Example:
        >>> read_list(Path("no such file"), "")
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: 'no such file' cannot be read. No such file or directory.
    """
    found = load(Revocations, path)
    found.check(authority)
    return found.after(seen)
