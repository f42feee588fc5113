"""What is said in a secure sum, message by message, and what a party keeps while one is under way.

Example:
    >>> after = Client("bank-a", number=3, phase="masked", secrets=(bytes(32),)).over()
    >>> after.number, after.phase, after.secrets
    (3, 'idle', ())
    >>> advert = Advert("bank-a", 1, bytes(32), b"enc", b"mask", b"seed", own=(b"o",), pair=(b"p",))
    >>> peer = Peer(advert.enc, advert.mask, advert.own[0], advert.pair[0])
    >>> len(Adverts({"bank-a": advert}).adverts["bank-a"].digest), Letters({}, about=bytes(32)).letters
    (32, {})
    >>> Survivors(("bank-a",)).steady, Signed({"bank-a": bytes(64)}).signatures.keys()
    (False, dict_keys(['bank-a']))
    >>> Pads(plus=(bytes(32),), minus=()).minus, Reveal(own={"bank-a": bytes(33)}, pair={}).pair
    ((), {})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Literal, TypeAlias, final

from hansa.errors import PolicyRefusal
from hansa.privacy.masks import TAG, Crypto

if TYPE_CHECKING:
    from hansa.core.party import Identity

Phase: TypeAlias = Literal["idle", "keyed", "shared", "masked", "agreed"]
Shares: TypeAlias = Mapping[str, bytes]
Kind: TypeAlias = Literal["own", "pair"]


@final
@dataclass(frozen=True)
class Terms:
    """What the parties of one sum agree on.

    Each makes it from its own approved job; only `names` and `about` are told.
    `about`: SHA-256 of what everybody is asked, parameters among it. `settings`: of how numbers become ring elements.
    `colluders`: so many parties may be in league with the coordinator.

    Raises:
        PolicyRefusal: a name twice, or so few parties that a sum would show a single one's numbers.

    Example:
        >>> [Terms("4f2a", 0, tuple("abcdefghij"[:n]), bytes(32), b"", k).threshold for n, k in ((3, 1), (10, 3))]
        [3, 7]
    """

    job: str
    step: int
    names: tuple[str, ...]
    about: bytes
    settings: bytes
    colluders: int = 1

    def __post_init__(self) -> None:
        """Refuse what would hide nobody."""
        if len(set(self.names)) < len(self.names):
            raise PolicyRefusal("A party stands twice in a secure sum.", "It would be counted twice.")
        if len(self.names) < self.least or self.colluders < 0:
            raise PolicyRefusal(
                f"A secure sum of {len(self.names)} parties hides nobody where {self.colluders} may collude.",
                "At least 3 must be in it, and 2 of them honest.",
                "Ask more parties.",
            )

    @property
    def threshold(self) -> int:
        """How many must agree: the least t with 2 t > n + colluders."""
        return threshold_of(len(self.names), self.colluders)

    @property
    def least(self) -> int:
        """The fewest survivors of whom a sum is told."""
        return least_of(self.colluders)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over all of it."""
        names = (name.encode() for name in self.names)
        numbers = (str(number).encode() for number in (self.step, self.colluders, len(self.names)))
        return digest_of("terms", self.job.encode(), *numbers, self.about, self.settings, *names)


@final
@dataclass(frozen=True)
class Advert:
    """M1: a party's fresh public keys, a hash of its own mask's seed, and a commitment to every share by place.

    `number`: how many sums the party has begun in the job; one that does not rise is an old one, played back.
    """

    party: str
    number: int
    terms: bytes
    enc: bytes
    mask: bytes
    seed: bytes
    own: tuple[bytes, ...]
    pair: tuple[bytes, ...]
    signature: bytes = b""

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over all but the signature."""
        number = str(self.number).encode()
        parts = (self.party.encode(), number, self.terms, self.enc, self.mask, self.seed)
        return digest_of("keys", *parts, *self.own, *self.pair)


@final
@dataclass(frozen=True)
class Peer:
    """What a party keeps of another's advert: its keys, and the commitments to the two shares that it will be sent."""

    enc: bytes
    mask: bytes
    own: bytes
    pair: bytes


@final
@dataclass(frozen=True)
class Pads:
    """M3, for the party alone: keys of the streams to add to its vector and to take from it."""

    plus: tuple[bytes, ...]
    minus: tuple[bytes, ...]


@final
@dataclass(frozen=True)
class Reveal:
    """M5: shares of survivors' own masks, and shares of the pair masks' keys of those that were lost; never both."""

    own: Shares
    pair: Shares


@final
@dataclass(frozen=True)
class Client:
    """A party's half, durable before anything leaves; without a sum under way it holds no secret.

    `seen`: the highest number in each other party's adverts. `cohorts`: survivors that it has signed in this job.
    `among`: with whom it is in all sums of this job, where those may not change.
    `form`: a hash of its masked vectors' names and sizes, which it signs with the survivors: all of theirs are alike.
    """

    party: str
    number: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)
    cohorts: tuple[tuple[str, ...], ...] = ()
    phase: Phase = "idle"
    terms: Terms | None = None
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    dealt: tuple[tuple[bytes, ...], ...] = field(default=(), repr=False)
    advert: bytes = b""
    transcript: bytes = b""
    peers: Mapping[str, Peer] = field(default_factory=dict)
    held: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict, repr=False)
    survivors: tuple[str, ...] = ()
    form: bytes = b""
    among: tuple[str, ...] = ()

    def over(self) -> Client:
        """Without the sum: its secrets erased, what must never be done again still known."""
        return Client(self.party, self.number, self.seen, self.cohorts, among=self.among)


@final
@dataclass(frozen=True)
class Invite:
    """M0, as the party has read it with its own job at hand; `same`: all sums of the job are of the same parties.

    Example:
        >>> Invite(Terms("4f2a", 0, ("a", "b", "c"), bytes(32), b"")).terms.least
        3
    """

    terms: Terms
    same: bool = False


@final
@dataclass(frozen=True)
class Adverts:
    """Everybody's keys: those who are in the sum from here on."""

    adverts: Mapping[str, Advert]


@final
@dataclass(frozen=True)
class Letters:
    """The sealed shares that the others have sent to this party, and the digest of what it is asked now."""

    letters: Mapping[str, bytes]
    about: bytes


@final
@dataclass(frozen=True)
class Survivors:
    """Whose vectors came.

    `steady`: refuse a list that, with those signed before, would tell of too few. `whole`: refuse one that lacks any;
    `fewest`: one that is shorter, because the noise of so many is promised.
    """

    names: tuple[str, ...]
    steady: bool = False
    whole: bool = False
    fewest: int = 0


@final
@dataclass(frozen=True)
class Signed:
    """The survivors' signatures of their lists."""

    signatures: Mapping[str, bytes]


Message: TypeAlias = Invite | Adverts | Letters | Survivors | Signed
Word: TypeAlias = Advert | Shares | Pads | bytes | Reveal


@final
@dataclass(frozen=True)
class Announced:
    """What the coordinator knows of a sum: who was invited, how many must agree, and whose vectors came.

    Example:
        >>> Announced(("a", "b", "c"), threshold=3, survivors=("a", "b", "c")).threshold
        3
    """

    names: tuple[str, ...]
    threshold: int
    survivors: tuple[str, ...]


@final
@dataclass(frozen=True)
class Tools:
    """Cryptography, and who one is.

    Example:
        >>> from hansa.privacy.primitives import REAL, made_for
        >>> Tools(REAL, made_for(["bank-a"])["bank-a"]).identity.party
        'bank-a'
    """

    crypto: Crypto
    identity: Identity


def threshold_of(n: int, colluders: int) -> int:
    """How many of `n` parties must agree before a sum is opened: the least t with 2 t > n + colluders.

    Two lists of survivors that each have t signatures would need more honest signers than there are.

    Example:
        >>> [threshold_of(n, colluders) for n, colluders in ((3, 1), (5, 1), (10, 3))]
        [3, 4, 7]
    """
    return (n + colluders) // 2 + 1


def least_of(colluders: int) -> int:
    """The fewest survivors of whom a sum is told: 3, and 2 of them honest.

    Example:
        >>> [least_of(colluders) for colluders in (1, 3)]
        [3, 5]
    """
    return max(3, colluders + 2)


def digest_of(tag: str, *parts: bytes) -> bytes:
    """SHA-256 of a purpose and its parts, each with its length: no two rows of parts read the same.

    Example:
        >>> digest_of("terms", b"ab", b"c") == digest_of("terms", b"a", b"bc")
        False
    """
    whole = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return sha256(f"{TAG}/{tag}|{len(parts)}|".encode() + whole).digest()
