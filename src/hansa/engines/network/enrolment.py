"""How an institution comes to its certificates, and to new ones; both halves on this page.

The operator hands an invitation to the bank by a way of their own. Its token is the seed of an Ed25519 key (RFC 8032)
that signs the bank's request: the token itself never travels back, and the coordinator keeps no more than the SHA-256
of the public key, from which nobody can make a request. The bank makes its own keys; the request holds their public
halves. The grant holds certificates, and is taken only from the authority whose fingerprint the invitation states.

Example:
    >>> import tempfile
    >>> from datetime import UTC
    >>> from hansa.engines.network.certificates import self_signed
    >>> from hansa.engines.network.keys import new_tls_key
    >>> now = datetime(2026, 11, 21, tzinfo=UTC)
    >>> authority = self_signed("Three banks", new_tls_key(), now)
    >>> made: tuple[Invitation, Expected] = invite("bank-a", "hansa.example:7443", authority.certificate, now)
    >>> invitation, expected = made
    >>> opened(invitation, authority, now).root == authority.certificate
    True
    >>> folder = Path(tempfile.mkdtemp())
    >>> asked: Request = ask(invitation, folder, now)  # at the bank
    >>> expected == Expected("bank-a", asked.voucher_digest, expected.expires)
    True
    >>> grant: Grant = answer(asked, expected, authority, "", now)  # at the coordinator
    >>> accept(grant, folder, now).name  # at the bank
    'bank-a'
    >>> again: Rotation = rotate(folder)
    >>> renewed = renew(again, grant.signing, authority, "", now)
    >>> accept(renewed, folder, now).signing == renewed.signing != grant.signing
    True
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias, final

import msgpack
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hansa.engines.network.certificates import (
    Authority,
    Use,
    checked,
    fingerprint,
    public_of,
    read,
    request,
    subject_of,
)
from hansa.engines.network.files import load, remove, save
from hansa.engines.network.identity import IDENTITY, Identity
from hansa.engines.network.keys import (
    ENROL,
    ROTATE,
    key_text,
    new_signing_key,
    new_tls_key,
    public_half,
    raw,
    sign,
    signing_key,
    verify,
)
from hansa.engines.network.names import Subject
from hansa.engines.network.own_authority import OwnTls
from hansa.errors import ConfigError, IdentityError

DAYS: Final = 7
"""How long an invitation holds, unless it says otherwise."""

_PENDING = "requested.toml"


@final
@dataclass(frozen=True)
class Invitation:
    """What the operator hands to one bank: where to go, whom to believe there, and the token that speaks for it once.

    `authority`: the SHA-256 of the authority's certificate, as hex. `token`: 32 random bytes as hex, in no `repr`.
    `root`: that certificate, and `tls`, `tls_key`: a guest's, which open a line for one call (`admission`); all three
    are PEM, or empty where requests are passed on by hand.
    """

    name: str
    coordinator: str
    authority: str
    expires: str
    token: str = field(repr=False)
    root: str = ""
    tls: str = ""
    tls_key: str = field(default="", repr=False)


@final
@dataclass(frozen=True)
class Expected:
    """What the coordinator keeps of an invitation: for whom, the SHA-256 that the request must show, until when."""

    name: str
    voucher: str
    expires: str


@final
@dataclass(frozen=True)
class Request:
    """What a bank asks with: signing requests (PEM) for its two keys, signed by the token's key.

    `tls` is empty where the bank's own authority issues its TLS certificates.

    `voucher`: the public half of the token's key, as hex.
    """

    name: str
    tls: str
    signing: str
    voucher: str
    signature: str

    @property
    def digest(self) -> bytes:
        """SHA-256 over all that is asked."""
        return _digest(self.name, self.tls, self.signing)

    @property
    def voucher_digest(self) -> str:
        """SHA-256 over the public half of the token's key, as hex."""
        return sha256(_hex(self.voucher)).hexdigest()


@final
@dataclass(frozen=True)
class Rotation:
    """What a member asks for new certificates with: signing requests for new keys, signed by its old signing key."""

    name: str
    tls: str
    signing: str
    signature: str

    @property
    def digest(self) -> bytes:
        """SHA-256 over all that is asked."""
        return _digest(self.name, self.tls, self.signing)

    def check(self, old: str, certificate: str = "") -> None:
        """See that the owner of an old signing certificate (PEM) asks; and that a new one is what was asked for.

        Raises:
            IdentityError: somebody else asks, or the new certificate is for another key or name.
        """
        key, owner = read(old).public_key(), subject_of(read(old))
        if not isinstance(key, Ed25519PublicKey) or owner != Subject(self.name):
            raise IdentityError("New certificates are asked for under a name that is not the old one's.")
        verify(key, ROTATE, self.digest, _hex(self.signature))
        asked = public_of(self.signing, owner, "signing")
        if certificate and (read(certificate).public_key() != asked or subject_of(read(certificate)) != owner):
            raise IdentityError(f"{self.name}: the new certificate is not for the key that was asked for.")


@final
@dataclass(frozen=True)
class Grant:
    """What the coordinator answers: the bank's certificates, the authority's, and the one that it signs with itself."""

    name: str
    tls: str
    signing: str
    authority: str
    coordinator: str


Asked: TypeAlias = Request | Rotation


@final
@dataclass(frozen=True)
class _Pending:
    """What a bank keeps until its grant comes; `authority` is the fingerprint that it must come from.

    `own`: the TLS certificate of the bank's own authority, where it asks for none.
    """

    name: str
    authority: str
    tls: str
    signing: str
    tls_key: str = field(repr=False)
    signing_key: str = field(repr=False)
    own: str = ""
    signature: str = ""
    voucher: str = ""


def invite(
    name: str, coordinator: str, authority: str, now: datetime, days: float = DAYS
) -> tuple[Invitation, Expected]:
    """Make an invitation, and what the coordinator keeps of it; the certificate of the authority is PEM.

    Raises:
        ConfigError: a name that nobody may bear.
    """
    Subject(name)
    token = secrets.token_bytes(32)
    until = (now + timedelta(days=days)).isoformat(timespec="seconds")
    voucher = sha256(raw(_voucher(token).public_key())).hexdigest()
    return Invitation(name, coordinator, fingerprint(authority), until, token.hex()), Expected(name, voucher, until)


def opened(invitation: Invitation, authority: Authority, now: datetime, days: float = DAYS) -> Invitation:
    """The same invitation with a guest's certificate for as many days: a line to the coordinator, for one call."""
    guest, key = Subject(invitation.name, "guest"), new_tls_key()
    tls = authority.issue(key.public_key(), guest, "tls", (), now, timedelta(days=days))
    return replace(invitation, root=authority.certificate, tls=tls, tls_key=key_text(key))


def ask(invitation: Invitation, folder: Path, now: datetime, own: OwnTls | None = None) -> Request:
    """At the bank: make keys, keep them, and ask for certificates. Asked again, the same request comes.

    `own`: TLS certificate and key of the bank's own authority; then it asks for a signing certificate alone.

    Raises:
        ConfigError: the folder has an identity already, or cannot be written.
        IdentityError: the invitation has expired, or its token is none.
    """
    if (folder / IDENTITY).exists():
        raise ConfigError(f"'{folder}' holds an identity already.", mend="Name another folder, or rotate its keys.")
    if _moment(invitation.expires) < now:
        raise IdentityError("The invitation has expired.", mend="Ask the consortium's operator for a new one.")
    token = _hex(invitation.token)
    if len(token) != 32:
        raise IdentityError("The invitation holds no token.", mend="Pass it on as it was written.")
    voucher = raw(_voucher(token).public_key()).hex()
    if (folder / _PENDING).exists():
        kept = load(_Pending, folder / _PENDING, private=True)
        if kept.voucher == voucher:
            return Request(kept.name, kept.tls, kept.signing, kept.voucher, kept.signature)
    made = _fresh(invitation.name, invitation.authority, own)
    said = Request(made.name, made.tls, made.signing, voucher, "")
    said = replace(said, signature=sign(_voucher(token), ENROL, said.digest).hex())
    save(folder / _PENDING, replace(made, voucher=voucher, signature=said.signature))
    return said


def answer(
    asked: Request, expected: Expected, authority: Authority, coordinator: str, now: datetime, *, own: bool = False
) -> Grant:
    """At the coordinator: certify an institution that was invited; `coordinator` is the certificate that it signs with.

    `own`: its own authority was accepted for its TLS. Whoever calls sees to it that an invitation is answered once.

    Raises:
        IdentityError: not the token of this invitation, another name, too late, or keys that the sender does not have.
    """
    if not hmac.compare_digest(asked.voucher_digest, expected.voucher):
        raise IdentityError("The request does not show the token of an invitation.", mend="Invite the institution.")
    if asked.name != expected.name:
        raise IdentityError("The request uses an invitation that was made for another name.")
    if _moment(expected.expires) < now:
        raise IdentityError(f"The invitation of {expected.name} has expired.", mend="Invite the institution anew.")
    verify(Ed25519PublicKey.from_public_bytes(_hex(asked.voucher)), ENROL, asked.digest, _hex(asked.signature))
    return _granted(asked, authority, coordinator, now, own=own)


def accept(grant: Grant, folder: Path, now: datetime) -> Identity:
    """At the bank: take the certificates, if they are from the invitation's authority and for one's own keys.

    Raises:
        IdentityError: a false coordinator, or certificates for another name or other keys.
        ConfigError: nothing was asked for.
    """
    if not (folder / _PENDING).exists():
        raise ConfigError(f"Nothing was asked for from '{folder}'.", mend="Make a request first.")
    kept = load(_Pending, folder / _PENDING, private=True)
    if not hmac.compare_digest(fingerprint(grant.authority), kept.authority):
        raise IdentityError(
            "The certificates come from another authority than the invitation states.",
            "Somebody may stand in for the coordinator.",
            "Ask the consortium's operator for the authority's fingerprint, by telephone.",
        )
    issued: list[tuple[str, str, Use]] = [(grant.signing, kept.signing_key, "signing")]
    if not kept.own:
        issued.append((grant.tls, kept.tls_key, "tls"))
    for text, key, use in issued:
        found = checked(text, grant.authority, "party", use, now)
        if found.public_key() != public_half(key) or subject_of(found) != Subject(kept.name):
            raise IdentityError("The certificates are for other keys, or for another name, than was asked.")
    if grant.coordinator:
        checked(grant.coordinator, grant.authority, "coordinator", "signing", now)
    keys = (kept.tls_key, kept.signing_key)
    made = Identity(kept.name, kept.own or grant.tls, grant.signing, grant.authority, grant.coordinator, *keys)
    made.write(folder)
    remove(folder / _PENDING)
    return made


def rotate(folder: Path, own: OwnTls | None = None, *, same: bool = False) -> Rotation:
    """At the bank: make new keys beside the old ones, which stay in use until the grant is accepted.

    `own`: as for `ask`; where the old certificate is of the bank's own authority and none is given, it stays. `same`:
    the signing key stays, which others may have pinned; its certificate is new.

    Raises:
        ConfigError: the folder has no identity yet.
    """
    old = Identity.read(folder)
    authority = fingerprint(old.authority)
    if (folder / _PENDING).exists():
        kept = load(_Pending, folder / _PENDING, private=True)
        said = Rotation(kept.name, kept.tls, kept.signing, kept.signature)
        if not kept.voucher and own is None and _is_by(said, old.signing):
            return said
    if own is None and not _issued_by(old.tls, old.authority):
        own = OwnTls(old.tls, old.tls_key)
    made = _fresh(old.name, authority, own, signing_key(old.signing_key) if same else None)
    said = Rotation(made.name, made.tls, made.signing, "")
    said = replace(said, signature=old.sign(said.digest, ROTATE).hex())
    save(folder / _PENDING, replace(made, signature=said.signature))
    return said


def renew(
    asked: Rotation, old: str, authority: Authority, coordinator: str, now: datetime, *, own: bool = False
) -> Grant:
    """At the coordinator: certify a member's new keys. Whoever calls sees to it that the old certificate counts.

    Raises:
        IdentityError: the old signing key did not sign, or keys that the sender does not have.
    """
    asked.check(old)
    return _granted(asked, authority, coordinator, now, own=own)


def _granted(asked: Asked, authority: Authority, coordinator: str, now: datetime, *, own: bool) -> Grant:
    bank = Subject(asked.name)
    if not asked.tls and not own:
        raise IdentityError(
            f"{asked.name} has TLS certificates of its own authority, which was not accepted.",
            mend=f"Accept it: hansa consortium accept {asked.name} FILE.",
        )
    tls = public_of(asked.tls, bank, "tls") if asked.tls else None
    signing = authority.issue(public_of(asked.signing, bank, "signing"), bank, "signing", (), now)
    opened = "" if tls is None else authority.issue(tls, bank, "tls", (), now)
    return Grant(asked.name, opened, signing, authority.certificate, coordinator)


def _fresh(name: str, authority: str, own: OwnTls | None, kept: Ed25519PrivateKey | None = None) -> _Pending:
    """New keys, but for one that is kept, and signing requests for them; none for TLS where the bank has its own."""
    bank, tls, signing = Subject(name), new_tls_key(), kept or new_signing_key()
    asked, text = request(bank, signing), key_text(signing)
    if own is None:
        return _Pending(name, authority, request(bank, tls), asked, key_text(tls), text)
    own.check(name)
    return _Pending(name, authority, "", asked, own.key, text, own.certificate)


def _issued_by(certificate: str, authority: str) -> bool:
    return read(certificate).issuer == read(authority).subject


def _is_by(said: Rotation, old: str) -> bool:
    try:
        said.check(old)
    except IdentityError:
        return False
    return True


def _voucher(token: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(token)


def _digest(*texts: str) -> bytes:
    return sha256(msgpack.packb(list(texts))).digest()


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise IdentityError("An invitation does not say until when it holds.", mend="Pass it on as it was written.")
    return found


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise IdentityError("A token or a signature is not written in hex.") from None
