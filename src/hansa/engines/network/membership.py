"""Who belongs to a consortium, as the folder at its coordinator says: invited, certified, revoked.

    consortium.toml    its title, where banks reach it, the names of its server
    authority.toml     the authority's key and certificate: whoever has it can admit members, so keep it apart
    coordinator/       the coordinator's own identity
    invitations/       of each invitation: for whom, until when, and the SHA-256 that a request must show
    authorities/       banks' own authorities, each for that bank's TLS alone
    members/           of each certified request: whose, and the certificates
    passes/            of each person's pass: whose, which role, until when, and the SHA-256 of its token
    revoked.toml       the signed list

Each file is written whole; what changes several is done under a lock, and begins with the one that counts.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from hansa.engines.network.certificates import Authority, self_signed
from hansa.engines.network.disk import Disk, LocalDisk
from hansa.engines.network.enrolment import (
    DAYS,
    Expected,
    Grant,
    Invitation,
    Request,
    Rotation,
    answer,
    invite,
    opened,
    renew,
)
from hansa.engines.network.files import load, locked, of_text, remove, save, to_text
from hansa.engines.network.identity import Identity, Trust
from hansa.engines.network.keys import key_text, new_signing_key, new_tls_key, tls_key
from hansa.engines.network.names import COORDINATOR, Subject
from hansa.engines.network.own_authority import bundle
from hansa.engines.network.revocation import Revocations, keep_list, read_list
from hansa.engines.network.roster import Roster
from hansa.errors import ConfigError, IdentityError, nearest
from hansa.own_parts import check_digests

CHARTER: Final = "consortium.toml"
_AUTHORITY, _REVOKED = "authority.toml", "revoked.toml"


@final
@dataclass(frozen=True)
class Charter:
    """A consortium's title, the address that banks reach its coordinator at, and its server's names.

    `parts`: the parts of one's own that jobs may name, each with the SHA-256 of its module's file; they run at the
    coordinator too.

    Raises:
        ConfigError: an address without a port, no name of a server, or a part without a SHA-256.

    Example:
        >>> Charter("Three banks", "hansa.example:7443").servers
        ('hansa.example',)
    """

    title: str
    coordinator: str
    servers: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the server's name off the address where none is given."""
        check_digests(self.parts, "parts")
        host, _, port = self.coordinator.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise ConfigError(
                "A coordinator's address is HOST:PORT.", mend="Name it as the banks reach it, as in hansa.example:7443."
            )
        object.__setattr__(self, "servers", tuple(self.servers) or (host.strip("[]"),))


@final
@dataclass(frozen=True)
class Member:
    """One certified request: whose, its SHA-256, since when, the certificates (PEM), and its number.

    `voucher`: the SHA-256 of the invitation that it used; or `rotation`, as TOML: what the old key has signed.

    Example:
        >>> Member("bank-a", "00", "2026-11-21T00:00:00+00:00", "", "", 1).voucher
        ''
    """

    name: str
    asked: str
    since: str
    tls: str
    signing: str
    number: int
    voucher: str = ""
    rotation: str = ""


@final
@dataclass(frozen=True)
class _Keeper:
    certificate: str
    key: str = field(repr=False)


@final
@dataclass(frozen=True)
class _Accepted:
    name: str
    certificates: str


@final
@dataclass(frozen=True)
class Membership:
    """The members of a consortium, by its folder.

    Example:
        >>> from datetime import UTC
        >>> from hansa.engines.network.enrolment import accept, ask
        >>> now, place = datetime(2026, 11, 21, tzinfo=UTC), Path(tempfile.mkdtemp())
        >>> members = Membership.create(place / "three", Charter("Three banks", "hansa.example:7443"), now)
        >>> invitation = members.invite("bank-a", now)
        >>> grant = members.admit(ask(invitation, place / "bank-a", now), now)
        >>> bank = accept(grant, place / "bank-a", now)
        >>> members.trust().peer(bank.tls, "party", now), members.roster(now).names
        ('bank-a', ('bank-a',))
    """

    folder: Path
    disk: Disk = field(default_factory=LocalDisk, repr=False, compare=False)

    @classmethod
    def create(cls, folder: Path, charter: Charter, now: datetime) -> Membership:
        """Make a consortium with an authority and a coordinator of its own; all of the folder, or nothing.

        Raises:
            ConfigError: the folder is there and not empty, or cannot be made.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(f"'{folder}' is not empty.", "Nothing is overwritten.", "Name a new folder.")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
        except OSError as error:
            raise ConfigError(f"'{folder}' cannot be made.", f"{error.strerror}.") from None
        try:
            authority = self_signed(charter.title, new_tls_key(), now)
            save(made / _AUTHORITY, _Keeper(authority.certificate, key_text(authority.key)))
            _coordinator(authority, charter, now).write(made / "coordinator")
            for name in ("authorities", "invitations", "members"):
                (made / name).mkdir(mode=0o700)
            keep_list(made / _REVOKED, Revocations().signed(authority))
            save(made / CHARTER, charter)
            made.replace(folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return cls(folder)

    @property
    def charter(self) -> Charter:
        """Its title, address and servers; ConfigError where the folder is no consortium's."""
        path = self.folder / CHARTER
        if not path.is_file():
            raise ConfigError(
                f"'{self.folder}' is no consortium's folder.", mend="Make one: hansa consortium init DIR."
            )
        return load(Charter, path)

    @property
    def identity(self) -> Identity:
        """The coordinator's own keys and certificates."""
        return Identity.read(self.folder / "coordinator")

    @property
    def admits(self) -> bool:
        """Whether the authority's key is here; else whoever keeps it admits, by files."""
        return (self.folder / _AUTHORITY).is_file()

    def invite(self, name: str, now: datetime, days: float = DAYS) -> Invitation:
        """Invite an institution: the token is in what this returns, and nowhere else.

        Raises:
            ConfigError: a name that nobody may bear, or that differs from a member's in capitals alone.
        """
        with locked(self.folder):
            for one in self.members():
                if one.name != name and one.name.casefold() == name.casefold():
                    raise ConfigError(f"There is a member '{one.name}'.", mend="Names differ in more than capitals.")
            invitation, expected = invite(name, self.charter.coordinator, self.identity.authority, now, days)
            save(self._file("invitations", expected.voucher), expected, disk=self.disk)
            return opened(invitation, self._authority(), now, days) if self.admits else invitation

    def accept(self, name: str, text: str) -> None:
        """Let a bank's own authority (PEM) issue its TLS certificates; it can speak for nobody else.

        Raises:
            ConfigError: a name that nobody may bear, or no certificates of an authority.
        """
        Subject(name)
        with locked(self.folder):
            save(self._own(name), _Accepted(name, bundle(text)), disk=self.disk)

    def admit(self, asked: Request, now: datetime) -> Grant:
        """Certify an invited institution, once; the very same request again gets the same answer.

        Raises:
            IdentityError: a token of no invitation, used already, expired or for another name; or keys that the sender
                does not have.
        """
        with locked(self.folder):
            path = self._file("invitations", asked.voucher_digest)
            if not path.is_file():
                raise IdentityError(
                    "The request does not show the token of an invitation.",
                    "It is another consortium's, or was withdrawn.",
                    "Invite the institution.",
                )
            done = self._file("members", asked.voucher_digest)
            if done.is_file():
                return self._again(load(Member, done), asked.digest.hex(), asked.name)
            expected, own = load(Expected, path), asked.name in self._accepted()
            grant = answer(asked, expected, self._authority(), self.identity.signing, now, own=own)
            save(done, self._member(grant, asked, now), disk=self.disk)
        return grant

    def rotate(self, asked: Rotation, now: datetime) -> Grant:
        """Certify a member's new keys while its old certificate counts; the same request gets the same answer.

        Raises:
            IdentityError: no member of this name whose certificate counts has signed.
        """
        with locked(self.folder):
            old = self._signer_of(asked, now)
            done = self._file("members", asked.digest.hex())
            if done.is_file():
                return self._again(load(Member, done), asked.digest.hex(), asked.name)
            own = asked.name in self._accepted()
            grant = renew(asked, old.signing, self._authority(), self.identity.signing, now, own=own)
            save(done, self._member(grant, asked, now), disk=self.disk)
        return grant

    def revoke(self, name: str, reason: str, now: datetime) -> Revocations:
        """Revoke all certificates of an institution, and withdraw its invitations and its own authority.

        It is cut at the next heartbeat.

        Raises:
            ConfigError: nobody of this name is a member or was invited.
        """
        with locked(self.folder):
            members = self.members()
            theirs = [text for one in members if one.name == name for text in (one.tls, one.signing) if text]
            others = [path for path, one in self._invitations() if one.name == name]
            if name in self._accepted():
                others.append(self._own(name))
            if not theirs and not others:
                names = {one.name for one in members}
                mend = nearest(name, names) if names else "Nobody is a member yet."
                raise ConfigError(f"Nobody called '{name}' is a member.", mend=mend)
            found = self._list().adding(name, theirs, reason, now).signed(self._authority())
            keep_list(self.folder / _REVOKED, found, self.disk)
            for path in others:
                remove(path)
        return found

    def certify(self, person: str, public: EllipticCurvePublicKey, now: datetime) -> str:
        """A TLS certificate (PEM) for somebody who asks the coordinator about jobs, and is no institution."""
        return self._authority().issue(public, Subject(person, "person"), "tls", (), now)

    def renew_own(self, now: datetime) -> Identity:
        """New keys and certificates for the coordinator itself; nodes take them on its authority's word."""
        with locked(self.folder):
            made = _coordinator(self._authority(), self.charter, now)
            made.write(self.folder / "coordinator")
        return made

    def members(self) -> tuple[Member, ...]:
        """All certified requests, oldest first."""
        found = [load(Member, path) for path in sorted((self.folder / "members").glob("*.toml"))]
        return tuple(sorted(found, key=lambda one: one.number))

    def verify(self, sender: str, digest: bytes, signature: bytes, now: datetime) -> None:
        """Hold a frame's signature against every certificate of its sender that counts: keys may be rotating.

        Raises:
            IdentityError: it is of none of them.
        """
        trust, refused = self.trust(), IdentityError("A message is from somebody who is no member.")
        for one in reversed(self.members()):
            if one.name != sender:
                continue
            try:
                trust.signer(one.signing, "party", now)
                Roster({sender: one.signing}, self.identity.signing).verify(sender, digest, signature)
            except IdentityError as error:
                refused = error
            else:
                return
        raise refused

    def rotations(self, name: str) -> tuple[tuple[Rotation, str], ...]:
        """How an institution's keys have changed: each request that its old key has signed, and the new certificate."""
        mine = [one for one in self.members() if one.name == name and one.rotation]
        return tuple((of_text(Rotation, one.rotation, "rotation"), one.signing) for one in mine)

    def trust(self) -> Trust:
        """Whom to believe now: read anew at each handshake and heartbeat."""
        return Trust(self.identity.authority, self._list(), self._accepted())

    def roster(self, now: datetime, names: tuple[str, ...] = ()) -> Roster:
        """These members, or all whose certificates count, each with its newest.

        Raises:
            IdentityError: one that was named is no member, or its certificates do not count any more.
        """
        trust, found = self.trust(), dict[str, str]()
        for one in self.members():
            with suppress(IdentityError):
                found[trust.signer(one.signing, "party", now)] = one.signing
        for name in names:
            if name not in found:
                raise IdentityError(f"'{name}' is no member, or its certificates do not count any more.")
        return Roster({name: found[name] for name in names or found}, self.identity.signing)

    def _again(self, member: Member, asked: str, name: str) -> Grant:
        """The answer that was given before, to the same request alone."""
        if member.asked != asked or member.name != name:
            raise IdentityError(
                "This invitation was used already.",
                "A token admits once; if it was not the bank itself, revoke that name.",
                "Invite the institution anew.",
            )
        return Grant(member.name, member.tls, member.signing, self.identity.authority, self.identity.signing)

    def _member(self, grant: Grant, asked: Request | Rotation, now: datetime) -> Member:
        number = len(self.members()) + 1  # clocks may jump: an order does not rest on them
        made = Member(grant.name, asked.digest.hex(), now.isoformat(), grant.tls, grant.signing, number)
        if isinstance(asked, Rotation):
            return replace(made, rotation=to_text(asked))
        return replace(made, voucher=asked.voucher_digest)

    def _signer_of(self, asked: Rotation, now: datetime) -> Member:
        """The member whose signing key, as long as it counts, has signed a request for new ones."""
        trust, theirs = self.trust(), [one for one in self.members() if one.name == asked.name]
        refused = IdentityError("New certificates are asked for by nobody who is a member.")
        for one in reversed(theirs):
            try:
                trust.signer(one.signing, "party", now)
                asked.check(one.signing)
            except IdentityError as error:
                refused = error
            else:
                return one
        raise refused

    def _invitations(self) -> list[tuple[Path, Expected]]:
        return [(path, load(Expected, path)) for path in sorted((self.folder / "invitations").glob("*.toml"))]

    def _accepted(self) -> dict[str, str]:
        """The bundles of banks' own authorities, by the banks' names."""
        found = [load(_Accepted, path) for path in sorted((self.folder / "authorities").glob("*.toml"))]
        return {one.name: one.certificates for one in found}

    def _own(self, name: str) -> Path:
        return self._file("authorities", sha256(name.encode()).hexdigest())

    def _list(self) -> Revocations:
        return read_list(self.folder / _REVOKED, self.identity.authority)

    def _authority(self) -> Authority:
        if not self.admits:
            raise ConfigError("The authority's key is kept apart.", "It signs this.", f"Put {_AUTHORITY} back for it.")
        kept = load(_Keeper, self.folder / _AUTHORITY, private=True)
        return Authority(tls_key(kept.key), kept.certificate)

    def _file(self, room: str, digest: str) -> Path:
        """A file by a SHA-256 in hex: no name that somebody chose is part of a path."""
        return self.folder / room / f"{bytes.fromhex(digest).hex()}.toml"


def _coordinator(authority: Authority, charter: Charter, now: datetime) -> Identity:
    """Fresh keys and certificates for the coordinator."""
    own, tls, signing = Subject(COORDINATOR, "coordinator"), new_tls_key(), new_signing_key()
    server = authority.issue(tls.public_key(), own, "tls", charter.servers, now)
    signs = authority.issue(signing.public_key(), own, "signing", (), now)
    return Identity(COORDINATOR, server, signs, authority.certificate, signs, key_text(tls), key_text(signing))
