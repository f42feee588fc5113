"""How a node signs what other banks check, and whose signature is whose: its own key, and a job's roster.

The roster comes with the job and is believed because the consortium's authority has certified each name: see
`Roster.check`, which a node calls before it takes a job in. A coordinator cannot make up a bank.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from hansa.engines.network.keys import sign, signing_key

if TYPE_CHECKING:
    from hansa.engines.network.identity import Identity
    from hansa.engines.network.roster import Roster


@final
@dataclass(frozen=True)
class Signing:
    """A bank at one job, as `hansa.core.party.Identity` has it: for `Party.identity`.

    Example:
        >>> from hansa.engines.network.identity import Identity
        >>> from hansa.engines.network.roster import Roster
        >>> Signing.of(Identity("bank-a", "", "", "", "", "TLS", "SECRET"), Roster({}, ""))
        Signing(party='bank-a', roster=Roster(members={}, coordinator=''))
    """

    party: str
    secret: str = field(repr=False)
    roster: Roster

    @classmethod
    def of(cls, identity: Identity, roster: Roster) -> Signing:
        """The bank of an identity among a job's members, whose roster was checked."""
        return cls(identity.name, identity.signing_key, roster)

    def key(self, party: str) -> bytes:
        """The public key that a member signs with, 32 bytes.

        Raises:
            IdentityError: nobody of this name takes part.
        """
        return self.roster.key(party)

    def sign(self, tag: bytes, digest: bytes) -> bytes:
        """Sign a SHA-256 for one purpose: 64 bytes."""
        return sign(signing_key(self.secret), tag, digest)

    def check(self, party: str, tag: bytes, digest: bytes, signature: bytes) -> None:
        """Hold a signature against the member's key.

        Raises:
            IdentityError: nobody of this name takes part, or it is not that member's signature.
        """
        self.roster.verify(party, digest, signature, tag)
