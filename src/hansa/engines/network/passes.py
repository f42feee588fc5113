"""Passes of people who ask a coordinator about jobs, and the one table of what each role may.

A pass is a file for one person: where the coordinator is, a certificate that opens the line, and a token that says who
asks. The coordinator keeps no more than the token's SHA-256. A pass that is withdrawn or expired counts no more.

Example:
    >>> import tempfile
    >>> from datetime import UTC
    >>> from hansa.engines.network.membership import Charter
    >>> now = datetime(2026, 11, 21, tzinfo=UTC)
    >>> members = Membership.create(Path(tempfile.mkdtemp()) / "three", Charter("Three", "hansa.example:7443"), now)
    >>> anna: Pass = give(members, "anna", "scientist", now)
    >>> role_of(members, "anna", anna.token, now), anna.token in repr(anna)
    ('scientist', False)
    >>> withdraw(members, "anna")
    >>> role_of(members, "anna", anna.token, now)
    Traceback (most recent call last):
        ...
    hansa.errors.IdentityError: This pass does not count here. It was withdrawn, has expired, or is another's. Ask the \
consortium's operator for a new one.
    >>> may("auditor", "Stop", own=True), may("scientist", "Stop", own=True), may("scientist", "Stop", own=False)
    (False, True, False)
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, TypeAlias, final

from hansa.engines.network.files import load, locked, remove, save
from hansa.engines.network.keys import key_text, new_tls_key
from hansa.engines.network.membership import Membership
from hansa.engines.network.names import Subject
from hansa.errors import ConfigError, IdentityError

Duty: TypeAlias = Literal["operator", "scientist", "auditor"]
"""What a person does in a consortium."""

Call: TypeAlias = Literal["Submit", "Status", "Logs", "Notes", "Stop", "Resume", "Readmit", "Result"]
"""What can be asked of a coordinator."""

DUTIES: Final[Mapping[str, Duty]] = {"operator": "operator", "scientist": "scientist", "auditor": "auditor"}
"""The roles by their names."""

RIGHTS: Final[Mapping[Duty, Mapping[Call, Literal["own", "any"]]]] = {
    "operator": {"Status": "any", "Logs": "any", "Notes": "any", "Stop": "any", "Resume": "any", "Readmit": "any"},
    "scientist": {
        "Submit": "own",
        "Status": "own",
        "Logs": "own",
        "Notes": "own",
        "Stop": "own",
        "Resume": "own",
        "Readmit": "own",
        "Result": "own",
    },
    "auditor": {"Status": "any", "Logs": "any", "Notes": "any"},
}
"""Who may ask what of whose jobs. What does not stand here is refused."""

DAYS: Final = 90
"""How long a pass holds, unless it says otherwise."""


@final
@dataclass(frozen=True)
class Pass:
    """One person's way to a coordinator; whoever has the file is that person, so it is private. No `repr` shows keys.

    `token`: 32 random bytes as hex.
    """

    name: str
    role: Duty
    coordinator: str
    expires: str
    authority: str
    tls: str
    tls_key: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Pass:
        """Read it from its file; ConfigError where it is none, or others can read it."""
        return load(cls, path, "pass", private=True)


@final
@dataclass(frozen=True)
class _Issued:
    name: str
    role: Duty
    digest: str
    expires: str


def may(role: Duty, call: Call, *, own: bool) -> bool:
    """Whether a role may ask this of a job, its own or another's."""
    held = RIGHTS.get(role, {}).get(call)
    return held == "any" or (held == "own" and own)


def give(members: Membership, name: str, role: Duty, now: datetime, days: float = DAYS) -> Pass:
    """Make a person's pass, in the place of an older one; its token is in what this returns, and nowhere else.

    Raises:
        ConfigError: a name that nobody may bear.
    """
    Subject(name, "person")
    key, token = new_tls_key(), secrets.token_bytes(32)
    expires = (now + timedelta(days=days)).isoformat()
    with locked(members.folder):
        tls = members.certify(name, key.public_key(), now)
        save(_place(members, name), _Issued(name, role, sha256(token).hexdigest(), expires), disk=members.disk)
    charter, authority = members.charter, members.identity.authority
    return Pass(name, role, charter.coordinator, expires, authority, tls, key_text(key), token.hex())


def withdraw(members: Membership, name: str) -> None:
    """Let a person's pass count no more, from the next call on.

    Raises:
        ConfigError: nobody of this name has one.
    """
    place = _place(members, name)
    if not place.is_file():
        raise ConfigError(f"Nobody called '{name}' has a pass.")
    remove(place)


def role_of(members: Membership, name: str, token: str, now: datetime) -> Duty:
    """The role of whoever shows this token under this name.

    Raises:
        IdentityError: it is not the token of that name, has expired, or was withdrawn; the same words for each.
    """
    refused = IdentityError(
        "This pass does not count here.",
        "It was withdrawn, has expired, or is another's.",
        "Ask the consortium's operator for a new one.",
    )
    try:
        held = load(_Issued, _place(members, name))
        shown = sha256(bytes.fromhex(token)).hexdigest()
        fresh = now < datetime.fromisoformat(held.expires)
    except (ConfigError, ValueError):
        raise refused from None
    if not (hmac.compare_digest(shown, held.digest) and held.name == name and fresh):
        raise refused
    return held.role


def _place(members: Membership, name: str) -> Path:
    return members.folder / "passes" / f"{sha256(name.encode()).hexdigest()[:32]}.toml"
