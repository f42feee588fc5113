"""How certificates come over the line: to a bank that was invited, and to a member that renews its own; both halves.

The port asks everybody for a certificate of this consortium, also those who have none of their own yet: an invitation
brings a guest's, made for that name and for as long as the invitation holds. It opens a line for this one call and for
nothing else. Nobody without an invitation, a pass or a membership gets as far as a byte that is parsed.

    guest    Enrol {request} -> {grant}         once: `hansa.engines.network.enrolment` says what a request must show
    party    Renew {rotation} -> {grant}        signed by its old key, while its old certificate counts
    party    Whose {} -> {coordinator}          under which certificate the coordinator signs now

Example:
    >>> import asyncio, tempfile
    >>> from hansa.engines.network.membership import Charter, Membership
    >>> now, place = datetime.now(UTC), Path(tempfile.mkdtemp())
    >>> members = Membership.create(place / "three", Charter("Three banks", "hansa.example:7443"), now)
    >>> reception, invitation = Reception(members), members.invite("bank-a", now)
    >>> send = lambda role: lambda data: asyncio.run(reception.answer(data, "bank-a", role))  # else over TLS
    >>> bank: Identity = enrol(invitation, place / "bank-a", send("guest"))
    >>> newer = renew(place / "bank-a", send("party"))
    >>> newer.name, newer.signing != bank.signing, look_again(place / "bank-a", send("party")) == newer
    ('bank-a', True, True)
    >>> enrol(invitation, place / "thief", send("guest"))
    Traceback (most recent call last):
        ...
    hansa.errors.IdentityError: This invitation was used already. A token admits once; if it was not the bank itself, \
revoke that name. Invite the institution anew.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, final

from hansa.core.codec import build, plain
from hansa.core.wire import Limits, Parcel, read
from hansa.engines.network.calls import error_in, refusal
from hansa.engines.network.certificates import checked, fingerprint
from hansa.engines.network.enrolment import Grant, Invitation, Request, Rotation, accept, ask, rotate
from hansa.engines.network.identity import Identity
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.sayings import plainly
from hansa.errors import ConfigError, HansaError, IdentityError, WireError

if TYPE_CHECKING:
    from hansa.engines.network.membership import Membership
    from hansa.engines.network.names import Role
    from hansa.engines.network.own_authority import OwnTls

T = TypeVar("T")
Send: TypeAlias = Callable[[bytes], bytes]
"""Brings a message to the coordinator, and its answer back: `hansa.engines.network.channel.applicant`."""

LOG: Final = logging.getLogger("hansa.network")
MOST_REFUSED: Final = 20
"""How many requests of one name are refused, lately, before the next are not read."""
_FORGOTTEN: Final = 180.0  # seconds after which one of them is
_ASKED: Final = Limits(head=64 << 10, tensors=0, payload=0)


@final
class Reception:
    """Answers those who want certificates, one at a time, on the coordinator's event loop.

    `clock`: seconds that never run backwards.
    """

    def __init__(self, members: Membership, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the folder that says who was invited and who is a member."""
        self.members, self.clock = members, clock
        self._guesses: dict[str, tuple[float, float]] = {}  # of a name: requests that may have been guesses, and when
        self._turn = asyncio.Lock()

    async def answer(self, data: bytes, peer: str, role: Role) -> bytes:
        """Answer one request of the name in the certificate that opened the line; never raises."""
        if self._lately(peer) > MOST_REFUSED - 1:
            why = "They may have been somebody's guesses at an invitation."
            mend = f"Wait {_FORGOTTEN / 60:g} minutes, and ask again."
            return refusal(peer, IdentityError("Too many requests under this name were refused.", why, mend))
        try:
            asked = read(data, _ASKED)
            _same(asked.sender, peer)
            _of_coordinator(asked.receiver)
            async with self._turn:
                body = await asyncio.to_thread(self._do, asked, peer, role)
        except HansaError as error:
            if isinstance(error, IdentityError | WireError):  # else it is nothing that who asks has done
                self._guesses[peer] = (self._lately(peer) + 1.0, self.clock())
            LOG.warning("a request of %s for certificates was refused: %s", peer, error.what, extra={"party": peer})
            return refusal(peer, error)
        except Exception as error:  # noqa: BLE001 - named, and no more
            return refusal(peer, HansaError(f"{type(error).__name__}: a fault in hansa."))
        return b"".join(plainly("Done", COORDINATOR, peer, body=body).frame())

    def _lately(self, peer: str) -> float:
        """How many of a name's requests were refused, less what is forgotten by now."""
        count, since = self._guesses.get(peer, (0.0, 0.0))
        return max(0.0, count - (self.clock() - since) / _FORGOTTEN)

    def _do(self, asked: Parcel, peer: str, role: Role) -> dict[str, Any]:
        now, body = datetime.now(UTC), asked.body if isinstance(asked.body, Mapping) else {}
        if (asked.kind, role) == ("Whose", "party"):
            return {"coordinator": self.members.identity.signing}
        if (asked.kind, role) not in {("Enrol", "guest"), ("Renew", "party")}:
            raise IdentityError("This certificate does not allow that.")
        if not self.members.admits:
            raise ConfigError(
                "The consortium admits by files alone.",
                "Its authority's key is kept apart from the coordinator.",
                "Make a request with --request FILE, and send it to the operator.",
            )
        if role == "guest":
            request = _of(Request, body.get("request"))
            _same(request.name, peer)
            grant = self.members.admit(request, now)
        else:
            rotation = _of(Rotation, body.get("rotation"))
            _same(rotation.name, peer)
            grant = self.members.rotate(rotation, now)
        LOG.info("%s has new certificates", peer, extra={"party": peer})
        return {"grant": plain(grant)}


def enrol(invitation: Invitation, folder: Path, send: Send, own: OwnTls | None = None) -> Identity:
    """At the bank: make keys, ask for certificates over the line, and take them. Cut off, it can be done again.

    Raises:
        IdentityError: the coordinator says no, or is not the one that the invitation states.
        ConfigError: the folder has an identity already.
        PartyLost: nobody answers.
    """
    request = ask(invitation, folder, datetime.now(UTC), own)
    body = {"request": plain(request)}
    return accept(_of(Grant, _asked("Enrol", invitation.name, body, send).get("grant")), folder, datetime.now(UTC))


def renew(folder: Path, send: Send, *, own: OwnTls | None = None, same: bool = False) -> Identity:
    """At a member: new keys, and certificates for them, over the line; the old ones count until they expire.

    `own`, `same`: as for `rotate`.

    Raises:
        IdentityError: the coordinator says no.
        PartyLost: nobody answers; asked again, the same request goes out.
    """
    rotation = rotate(folder, own, same=same)
    body = {"rotation": plain(rotation)}
    return accept(_of(Grant, _asked("Renew", rotation.name, body, send).get("grant")), folder, datetime.now(UTC))


def look_again(folder: Path, send: Send) -> Identity:
    """At a member: take the certificate under which the coordinator signs now, if the authority has issued it.

    Raises:
        IdentityError: it has not.
        PartyLost: nobody answers.
    """
    mine = Identity.read(folder)
    text = _asked("Whose", mine.name, {}, send).get("coordinator")
    if not isinstance(text, str):
        raise WireError("The coordinator does not say who it is.")
    checked(text, mine.authority, "coordinator", "signing", datetime.now(UTC))
    found = replace(mine, coordinator=text)
    if found != mine:
        found.write(folder)
    return found


def root_of(invitation: Invitation) -> str:
    """The authority's certificate (PEM) in an invitation, once it is seen to be the one whose fingerprint it states.

    Raises:
        IdentityError: it is another, or there is none.

    Example:
        >>> root_of(Invitation("bank-a", "hansa.example:7443", "00", "", "SECRET"))
        Traceback (most recent call last):
            ...
        hansa.errors.IdentityError: The invitation brings no way over the line. Make a request with --request FILE, \
and send it to the operator.
    """
    if not (invitation.root and invitation.tls and invitation.tls_key):
        raise IdentityError(
            "The invitation brings no way over the line.",
            mend="Make a request with --request FILE, and send it to the operator.",
        )
    if not hmac.compare_digest(fingerprint(invitation.root), invitation.authority):
        raise IdentityError(
            "The invitation holds another authority than its fingerprint says.",
            "It was changed on its way.",
            "Ask the consortium's operator for a new one.",
        )
    return invitation.root


def _asked(kind: str, name: str, body: Mapping[str, Any], send: Send) -> Mapping[str, Any]:
    said = read(send(b"".join(plainly(kind, name, COORDINATOR, body=body).frame())), _ASKED)
    if said.kind != "Done" or not isinstance(said.body, Mapping):
        raise error_in(said.body)
    return said.body


def _of(kind: type[T], tree: Any) -> T:
    """A request or a grant of a message; no error quotes what it held."""
    try:
        value: T = build(kind, tree, "")
    except HansaError:
        raise WireError("A message about certificates cannot be read.") from None
    return value


def _of_coordinator(receiver: str) -> None:
    if receiver != COORDINATOR:
        raise IdentityError("Certificates are asked of somebody else than the coordinator.")


def _same(name: str, peer: str) -> None:
    if name != peer:
        raise IdentityError("Certificates are asked for under another name than that of the line.")
