"""Groups by lot that nobody chooses: everybody pledges a number that is hidden, then all show theirs.

    L1 Pledge   a signed hash of a fresh number of 32 bytes, drawn from the operating system
    L2 number   shown once everybody's pledges are there, and only for the list of pledges that this party then saw
    L3 Lots     all pledges and numbers: whoever holds them finds the same groups, and sits down in its own for good

Who has seen no number yet cannot know what it will do to the groups, and who has seen one can no longer change its own:
a single honest party makes the lot fair. Whoever carries the messages can stop a lot that it dislikes, so a party takes
part in a few and no more. A party that sits never sits elsewhere in the job: from sums of a few parties whose groups
change, single parts could be reckoned.

Example:
    >>> from hansa.privacy.primitives import REAL, made_for
    >>> from hansa.privacy.sum_words import Tools
    >>> names = tuple("abcdefghi")
    >>> tools = {name: Tools(REAL, one) for name, one in made_for(names).items()}
    >>> said = {name: pledge(Drawer(name), "4f2a", names, 8, tools[name]) for name in names}
    >>> pledges = {name: word for name, (_, word) in said.items()}
    >>> shown = {name: show(said[name][0], "4f2a", pledges, tools[name]) for name in names}
    >>> lots = Lots(pledges, {name: number for name, (_, number) in shown.items()})
    >>> seated = sit(shown["a"][0], lots, size=3)
    >>> seated.group in lots.groups(3), [len(group) for group in lots.groups(3)]
    (True, [3, 3, 3])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Final, final

from hansa.errors import PolicyRefusal
from hansa.privacy.masks import TAG
from hansa.privacy.sum_words import digest_of

if TYPE_CHECKING:
    from hansa.privacy.sum_words import Tools

SIGN_PLEDGE: Final = f"{TAG}/pledge".encode()
"""The tag under which a party signs its pledge."""

_NUMBER: Final = 32


@final
@dataclass(frozen=True)
class Pledge:
    """L1: SHA-256 of a party's number, in the `number`-th lot of a job that it takes part in, signed.

    Example:
        >>> len(Pledge("a", 1, bytes(32), b"").digest)
        32
    """

    party: str
    number: int
    hidden: bytes
    signature: bytes

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over all but the signature."""
        return digest_of("pledge", self.party.encode(), str(self.number).encode(), self.hidden)


@final
@dataclass(frozen=True)
class Lots:
    """L3: everybody's pledges and numbers, by name.

    Example:
        >>> Lots({}, {}).groups(3)
        ()
    """

    pledges: Mapping[str, Pledge]
    numbers: Mapping[str, bytes]

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over pledges and numbers: what the groups follow from."""
        parts = (self.numbers.get(name, b"") for name in sorted(self.pledges))
        return digest_of("lots", pledged(self.pledges), *parts)

    def groups(self, size: int) -> tuple[tuple[str, ...], ...]:
        """Groups of `size` parties, some of one or two more where their number does not divide; `()` of too few.

        Each is in the order of names, and so are the groups.
        """
        drawn = sorted(self.pledges, key=lambda name: digest_of("place", self.digest, name.encode()))
        count = len(drawn) // size
        return tuple(sorted(tuple(sorted(drawn[i::count])) for i in range(count)))


@final
@dataclass(frozen=True)
class Drawer:
    """A party's half, durable before anything leaves: lots begun, its number, lists it has shown numbers for, its seat.

    Example:
        >>> Drawer("a").group
        ()
    """

    party: str
    begun: int = 0
    secret: bytes = field(default=b"", repr=False)
    mine: bytes = b""
    shown: tuple[bytes, ...] = ()
    lots: Lots | None = None
    group: tuple[str, ...] = ()


def pledge(drawer: Drawer, job: str, names: tuple[str, ...], most: int, tools: Tools) -> tuple[Drawer, Pledge]:
    """L1: draw a number and pledge it; `most`: so many lots in a job, and then no other.

    Raises:
        PolicyRefusal: it sits already, it is not among the names, or the lot was begun too often.
        IdentityError: one of the names is pinned nowhere here.

    Example:
        >>> from hansa.privacy.primitives import REAL, made_for
        >>> from hansa.privacy.sum_words import Tools
        >>> pledge(Drawer("a", begun=8), "4f2a", ("a",), 8, Tools(REAL, made_for("a")["a"]))
        Traceback (most recent call last):
            ...
        hansa.errors.PolicyRefusal: Lots for groups were begun 8 times and never kept. Whoever stops them could go on \
until it likes the groups. Run the job anew, and ask why parties were lost in between.
    """
    if drawer.group:
        raise PolicyRefusal(f"{drawer.party} sits in its group already.", "In one job it sits in no other.")
    if drawer.party not in names or len(set(names)) < len(names):
        raise PolicyRefusal("A lot does not name this party, or one party twice.", "It would sit nowhere, or twice.")
    for name in names:
        tools.identity.key(name)
    if drawer.begun >= most:
        raise PolicyRefusal(
            f"Lots for groups were begun {drawer.begun} times and never kept.",
            "Whoever stops them could go on until it likes the groups.",
            "Run the job anew, and ask why parties were lost in between.",
        )
    secret = tools.crypto.random(_NUMBER)
    made = Pledge(drawer.party, drawer.begun + 1, sha256(secret).digest(), b"")
    made = replace(made, signature=tools.identity.sign(SIGN_PLEDGE, _about(job, made)))
    return replace(drawer, begun=made.number, secret=secret, mine=made.digest), made


def show(drawer: Drawer, job: str, pledges: Mapping[str, Pledge], tools: Tools) -> tuple[Drawer, bytes]:
    """L2: show the number, for this list of pledges.

    Raises:
        PolicyRefusal: the own pledge is not there as it was made, or a number was shown for another list of this lot.
        IdentityError: a pledge that its party has not signed for this job.
    """
    mine = pledges.get(drawer.party)
    if not drawer.secret or mine is None or mine.digest != drawer.mine:
        raise PolicyRefusal("A party's own pledge was changed or left out.", "The lot would be somebody else's choice.")
    for name, one in pledges.items():
        if one.party != name:
            raise PolicyRefusal(f"{name} did not pledge that.", "The lot would be somebody else's choice.")
        tools.identity.check(name, SIGN_PLEDGE, _about(job, one), one.signature)
    number = drawer.secret
    return replace(drawer, secret=b"", shown=(*drawer.shown, pledged(pledges))), number


def sit(drawer: Drawer, lots: Lots, size: int) -> Drawer:
    """L3: sit down in one's group, for good.

    Raises:
        PolicyRefusal: numbers that were not pledged, pledges that this party has shown no number for, or another seat.
    """
    if drawer.lots is not None and drawer.lots.digest != lots.digest:
        raise PolicyRefusal(f"{drawer.party} sits in its group already.", "In one job it sits in no other.")
    if pledged(lots.pledges) not in drawer.shown:
        raise PolicyRefusal("Groups do not follow from the pledges that this party has seen.", "Somebody chose them.")
    for name, one in lots.pledges.items():
        if sha256(lots.numbers.get(name, b"")).digest() != one.hidden:
            raise PolicyRefusal(f"{name}'s number is not the one that it has pledged.", "Somebody chose the groups.")
    groups = lots.groups(size)
    group = next((group for group in groups if drawer.party in group), ())
    if len(group) < size:
        raise PolicyRefusal(f"There are too few parties for groups of {size}.", "A smaller one hides too little.")
    if drawer.group not in {(), group}:
        raise PolicyRefusal(f"{drawer.party} sits in its group already.", "In one job it sits in no other.")
    return replace(drawer, lots=lots, group=group)


def pledged(pledges: Mapping[str, Pledge]) -> bytes:
    """SHA-256 over a list of pledges, in the order of names.

    Example:
        >>> pledged({}) == pledged({"a": Pledge("a", 1, bytes(32), b"")})
        False
    """
    return digest_of("pledges", *(pledges[name].digest for name in sorted(pledges)))


def _about(job: str, made: Pledge) -> bytes:
    return digest_of("pledged", job.encode(), made.digest)
