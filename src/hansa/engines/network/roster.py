"""Who takes part in a job, and under which key each signs: pinned when the job opens, by names and certificates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, final

import msgpack
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hansa.engines.network.certificates import fingerprint, read
from hansa.engines.network.keys import WIRE, raw, verify
from hansa.engines.network.names import COORDINATOR
from hansa.errors import IdentityError

if TYPE_CHECKING:
    from hansa.engines.network.enrolment import Rotation
    from hansa.engines.network.identity import Trust


@final
@dataclass(frozen=True)
class Roster:
    """The members of a job, `{name: signing certificate}` (PEM), and the coordinator's.

    Example:
        >>> Roster({}, "").names
        ()
    """

    members: Mapping[str, str]
    coordinator: str

    @property
    def names(self) -> tuple[str, ...]:
        """The institutions, in the order of their names: their places."""
        return tuple(sorted(self.members))

    @property
    def digest(self) -> str:
        """SHA-256 over names and certificates, as hex."""
        rows = [[name, fingerprint(self.members[name])] for name in self.names]
        return sha256(msgpack.packb([rows, fingerprint(self.coordinator)])).hexdigest()

    def check(self, trust: Trust, at: datetime) -> None:
        """See that each certificate counts, and is its owner's.

        Raises:
            IdentityError: one does not, or is another's.
        """
        trust.signer(self.coordinator, "coordinator", at)
        for name, certificate in self.members.items():
            if trust.signer(certificate, "party", at) != name:
                raise IdentityError(f"The roster gives {name} another institution's certificate.")

    def verify(self, sender: str, digest: bytes, signature: bytes, tag: bytes = WIRE) -> None:
        """Hold a signature over a SHA-256, by default a frame's, against the key that is pinned for its sender.

        Raises:
            IdentityError: nobody of that name takes part, or it is not that member's signature.
        """
        try:
            verify(_public(self._certificate(sender)), tag, digest, signature)
        except IdentityError as error:
            raise IdentityError(f"Said to be from {sender}: {error.what}", error.why, error.mend) from None

    def key(self, member: str) -> bytes:
        """The public key that is pinned for an institution, 32 bytes.

        Raises:
            IdentityError: it does not take part.
        """
        if member not in self.members:
            raise IdentityError(f"'{member}' does not take part.")
        return raw(_public(self.members[member]))

    def following(self, rotation: Rotation, certificate: str, trust: Trust, at: datetime) -> Roster:
        """The same roster with a member's new signing certificate (PEM), for which the pinned key has asked.

        Raises:
            IdentityError: the pinned key has not, or the new certificate does not count, or is for another key.
        """
        rotation.check(self._certificate(rotation.name), certificate)
        if trust.signer(certificate, "party", at) != rotation.name:
            raise IdentityError(f"{rotation.name}: the new certificate is another institution's.")
        return replace(self, members={**self.members, rotation.name: certificate})

    def _certificate(self, sender: str) -> str:
        if sender == COORDINATOR:
            return self.coordinator
        if sender not in self.members:
            raise IdentityError("A message is from somebody who does not take part.")
        return self.members[sender]


@lru_cache(maxsize=1024)
def _public(certificate: str) -> Ed25519PublicKey:
    key = read(certificate).public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise IdentityError("A certificate of the roster is none for signing.")
    return key
