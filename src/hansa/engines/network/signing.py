"""How a bank signs what other banks check, and whose signature is whose: its own key, and the keys that it has pinned.

The pinned keys stand in the bank's own file, where people have put them who have read them to each other. Certificates
that come with a job are held against them: neither a coordinator nor whoever has the consortium's authority can put a
bank of their own making in another's place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hansa.engines.network.certificates import read
from hansa.engines.network.keys import raw, sign, signing_key, verify
from hansa.errors import ConfigError, IdentityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.engines.network.identity import Identity


@final
@dataclass(frozen=True)
class Signing:
    """A bank among others, as `hansa.core.party.Identity` has it: for `Party.identity`.

    `pins`: of each member the keys that it may sign with, 32 bytes each; several while a member changes its key.

    Example:
        >>> from hansa.engines.network.identity import Identity
        >>> from hansa.engines.network.keys import key_text, new_signing_key
        >>> mine = Identity("bank-a", "", "", "", "", "TLS", key_text(new_signing_key()))
        >>> one = Signing.of(mine, {"bank-b": ["d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"]})
        >>> sorted(one.pins), one.key("bank-a").hex() == own_key(mine), one.strangers({"bank-c": ""})
        (['bank-a', 'bank-b'], True, ('bank-c',))
    """

    party: str
    secret: str = field(repr=False)
    pins: Mapping[str, tuple[bytes, ...]]

    @classmethod
    def of(cls, identity: Identity, members: Mapping[str, Sequence[str]]) -> Signing:
        """The bank of an identity, with the others' keys as its file has them, in hex.

        Raises:
            ConfigError: a key that is none.
        """
        others = {name: tuple(_key(name, text) for text in keys) for name, keys in members.items()}
        own = bytes.fromhex(own_key(identity))
        mine = (*(key for key in others.get(identity.name, ()) if key != own), own)
        return cls(identity.name, identity.signing_key, {**others, identity.name: mine})

    def key(self, party: str) -> bytes:
        """The newest key that is pinned for a member, 32 bytes.

        Raises:
            IdentityError: none is.
        """
        if not self.pins.get(party):
            raise IdentityError(
                f"No key of '{party}' is pinned here.",
                "In a secure sum each bank believes only keys that its own people have put into its file.",
                f"Let {party} tell you its key, and put it under [members] in the node's file.",
            )
        return self.pins[party][-1]

    def sign(self, tag: bytes, digest: bytes) -> bytes:
        """Sign a SHA-256 for one purpose: 64 bytes."""
        return sign(signing_key(self.secret), tag, digest)

    def check(self, party: str, tag: bytes, digest: bytes, signature: bytes) -> None:
        """Hold a signature against the member's pinned keys.

        Raises:
            IdentityError: none is pinned, or it is of none of them.
        """
        newest = self.key(party)
        for key in self.pins[party][:-1]:
            try:
                return verify(Ed25519PublicKey.from_public_bytes(key), tag, digest, signature)
            except IdentityError:
                continue
        try:
            return verify(Ed25519PublicKey.from_public_bytes(newest), tag, digest, signature)
        except IdentityError as error:
            raise IdentityError(f"Said to be from {party}: {error.what}", error.why, error.mend) from None

    def strangers(self, roster: Mapping[str, str]) -> tuple[str, ...]:
        """Who of a roster, `{name: signing certificate}` (PEM), comes with a key that is not pinned here."""
        return tuple(name for name, text in roster.items() if _key_in(text) not in self.pins.get(name, ()))


def own_key(identity: Identity) -> str:
    """The public key that a bank signs with, as hex: what it tells the others, for their files."""
    return raw(signing_key(identity.signing_key).public_key()).hex()


def _key(name: str, text: str) -> bytes:
    try:
        return raw(Ed25519PublicKey.from_public_bytes(bytes.fromhex(text)))
    except ValueError:
        raise ConfigError(
            f"members.{name} is no key.",
            "A key has 64 digits of hex.",
            "Take it as that bank's `hansa node check` prints it.",
        ) from None


def _key_in(certificate: str) -> bytes:
    """The key of a certificate; none where it cannot be read."""
    try:
        key = read(certificate).public_key()
    except IdentityError:
        return b""
    return raw(key) if isinstance(key, Ed25519PublicKey) else b""
