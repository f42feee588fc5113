"""An encrypted sum: who gets its key, what a party adds to it, and what is opened; pure, over a seam of cryptography.

One party draws the key of one sum and sends it to the others, sealed to keys that they have signed; the coordinator
adds ciphertexts, and has no key. With its numbers each party encrypts two tags over them, linear in the numbers and
under a secret that comes with the key, so that the tags of a sum fit the sum of the numbers. Who opens it checks them:
what is no sum of what these parties have said is refused.

`links/encrypted.py` holds both halves of the conversation; `homomorphic.py` is the room of the ciphertexts.

Example:
    >>> from hansa.privacy.homomorphic import Adder
    >>> from hansa.privacy.primitives import REAL, made_for
    >>> from hansa.privacy.sum_words import Tools
    >>> names, about = ("a", "b", "c"), bytes(32)
    >>> tools = {name: Tools(REAL, made) for name, made in made_for(names).items()}
    >>> said = {name: begin(Holder(name), Terms("4f2a", 0, names, about, b""), tools[name]) for name in names}
    >>> offers = {name: offer for name, (_, offer) in said.items()}
    >>> giver, letters = give(said["a"][0], offers, tools["a"])
    >>> unpack(Letter, letters["b"]).giver == offers["a"]
    True
    >>> holders = {"a": giver, **{name: take(said[name][0], "a", letters[name], tools[name]) for name in letters}}
    >>> fives = {name: encrypt(holders[name], np.array([5], np.uint64), about, tools[name]) for name in names}
    >>> a, b, c = (Adder.new().read(made) for _, made in fives.values())
    >>> total = Adder.new().written(Adder.new().add(Adder.new().add(a, b), c))
    >>> decrypt(fives["b"][0], total, 1, names, tools["b"])[1].tolist()
    [15]
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final

import numpy as np

from hansa.core.codec import pack, unpack
from hansa.errors import PolicyRefusal, PrivacyError
from hansa.privacy.homomorphic import Lock
from hansa.privacy.masks import Keys
from hansa.privacy.sum_words import Terms, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hansa.privacy.sum_words import Tools

SIGN: Final = b"hansa/encrypted/v1/keys"
"""The tag under which a party signs its key of one encrypted sum."""
PRIME: Final = (1 << 31) - 1
"""Tags are taken modulo this prime: two of them let a changed sum pass with a chance of 2^-61."""
TAGS: Final = 2

_CHUNK: Final = 1 << 14

Stage: TypeAlias = Literal["idle", "keyed", "added"]


@final
@dataclass(frozen=True)
class Offer:
    """A party's fresh X25519 key for one sum, signed: where to send the sum's key to.

    Example:
        >>> len(Offer("bank-a", bytes(32), bytes(32)).digest)
        32
    """

    party: str
    terms: bytes
    public: bytes
    signature: bytes = b""

    @property
    def digest(self) -> bytes:
        """SHA-256 over all but the signature."""
        return digest_of("encrypted offer", self.party.encode(), self.terms, self.public)


@final
@dataclass(frozen=True)
class Letter:
    """What a party gets from the one that has drawn the key: that one's offer, and what only it can open."""

    giver: Offer
    sealed: bytes


@final
@dataclass(frozen=True)
class Trust:
    """What those who encrypt share and the coordinator does not: the sum's key, the tags' secret, who has both.

    Example:
        >>> Trust(key=b"...", secret=bytes(32), names=("bank-a",))
        Trust(names=('bank-a',))
    """

    key: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    names: tuple[str, ...]


@final
@dataclass(frozen=True)
class Holder:
    """A party's half, durable before anything leaves; without a sum under way it holds no secret.

    Example:
        >>> Holder("bank-a", stage="added", secret=bytes(32)).over()
        Holder(party='bank-a', stage='idle', terms=None, offer=None)
    """

    party: str
    stage: Stage = "idle"
    terms: Terms | None = None
    offer: Offer | None = None
    secret: bytes = field(default=b"", repr=False)
    trust: Trust | None = field(default=None, repr=False)

    def over(self) -> Holder:
        """Without the sum, its secrets erased."""
        return Holder(self.party)


def begin(holder: Holder, terms: Terms, tools: Tools) -> tuple[Holder, Offer]:
    """Draw a key to be written to; a sum that was under way is over.

    Raises:
        PolicyRefusal: a sum that does not name this party.
        IdentityError: a party whose identity is not pinned here.

    Example:
        >>> from hansa.privacy.primitives import REAL, made_for
        >>> from hansa.privacy.sum_words import Tools
        >>> made, terms = made_for("abc"), Terms("4f2a", 0, ("a", "b", "c"), bytes(32), b"")
        >>> holder, offer = begin(Holder("a"), terms, Tools(REAL, made["a"]))
        >>> holder.stage, offer.party, len(offer.public), len(offer.signature)
        ('keyed', 'a', 32, 64)
    """
    if holder.party not in terms.names:
        raise PolicyRefusal("An encrypted sum does not name this party.")
    for name in terms.names:
        tools.identity.key(name)  # everybody's is pinned here, or it is nobody whom this party has approved
    secret = tools.crypto.random(32)
    offer = Offer(holder.party, terms.digest, tools.crypto.public(secret))
    offer = replace(offer, signature=tools.identity.sign(SIGN, offer.digest))
    return Holder(holder.party, "keyed", terms, offer, secret), offer


def give(holder: Holder, offers: Mapping[str, Offer], tools: Tools) -> tuple[Holder, dict[str, bytes]]:
    """Draw the key of the sum, and seal it to each other party's offer.

    Raises:
        PolicyRefusal: out of turn, an offer of other terms, or too few of them.
        IdentityError: an offer that its party has not signed.
    """
    terms = _turn(holder, "keyed")
    names = tuple(name for name in terms.names if name in offers)
    if set(offers) != set(names) or offers.get(holder.party) != holder.offer or len(names) < terms.least:
        raise PolicyRefusal(
            f"An encrypted sum of {len(terms.names)} parties needs the keys of {terms.least} of them, one's own among"
            " them, and of nobody else.",
            "Whoever carries the messages does not keep to the protocol, or too many were lost.",
        )
    for name, offer in offers.items():
        _genuine(offer, name, terms, tools)
    trust = Trust(Lock.fresh().key, tools.crypto.random(32), names)
    own, plain = offers[holder.party], pack(trust)
    keys = Keys(tools.crypto, terms.digest, own.digest)
    letters: dict[str, bytes] = {}
    for name in names:
        if name != holder.party:
            key, about = keys.enc(holder.secret, offers[name].public, holder.party, name)
            letters[name] = pack(Letter(own, tools.crypto.seal(key, plain, about)))
    return replace(holder, trust=trust), letters


def take(holder: Holder, giver: str, letter: bytes, tools: Tools) -> Holder:
    """Open the letter with the sum's key; who has drawn one too, as a second that nobody needed, forgets its own.

    Raises:
        PolicyRefusal: out of turn, or a letter of other terms.
        IdentityError: it is not of its giver, or was changed.
        WireError: it is no letter.
    """
    terms, found = _turn(holder, "keyed"), unpack(Letter, letter)
    if giver == holder.party or not holder.secret:
        raise PolicyRefusal("A second key came for one encrypted sum, or a letter from its own receiver.")
    _genuine(found.giver, giver, terms, tools)
    keys = Keys(tools.crypto, terms.digest, found.giver.digest)
    key, about = keys.enc(holder.secret, found.giver.public, giver, holder.party)
    trust = unpack(Trust, tools.crypto.open(key, found.sealed, about))
    if holder.party not in trust.names or not set(trust.names) <= set(terms.names) or len(trust.names) < terms.least:
        raise PolicyRefusal("The key of an encrypted sum was given to others than are in it.")
    return replace(holder, secret=b"", trust=trust)


def encrypt(holder: Holder, words: NDArray[np.uint64], about: bytes, tools: Tools) -> tuple[Holder, list[bytes]]:
    """Elements of Z/2^64 `[k]` as ciphertexts, with their tags, for the sum that was agreed for `about`.

    Raises:
        PolicyRefusal: out of turn, or something else is asked.
    """
    terms, trust = _turn(holder, "keyed"), _trust(holder)
    if about != terms.about:
        raise PolicyRefusal("Something else is asked than what the encrypted sum was agreed for.")
    limbs = halves(words)
    pads = _pads(trust, terms, holder.party, tools)
    tags = [(tag + pad) % PRIME for tag, pad in zip(_tags(limbs, trust, terms, tools), pads, strict=True)]
    made = Lock.read(trust.key).encrypt(np.concatenate([limbs, np.array(tags, np.int64)]))
    return replace(holder, stage="added", secret=b""), made


def decrypt(
    holder: Holder, ciphertexts: Sequence[bytes], count: int, names: Sequence[str], tools: Tools
) -> tuple[Holder, NDArray[np.uint64]]:
    """Open the sum of these parties' `count` elements, once; the key is erased, whether it opens or not.

    Raises:
        PolicyRefusal: out of turn, too few parties, or others than have the key.
        PrivacyError: what is to be opened is no sum of what these parties have encrypted.
        WireError: no ciphertexts.
    """
    terms, trust = _turn(holder, "added"), _trust(holder)
    if len(set(names)) < max(len(names), terms.least) or not {holder.party, *names} <= {*trust.names} & {*names}:
        raise PolicyRefusal(
            f"An encrypted sum is opened for {terms.least} parties or more that have its key, each once, and by one"
            " of them.",
            "A sum of fewer would show a single party's numbers.",
        )
    limbs = Lock.read(trust.key).decrypt(ciphertexts, 2 * count + TAGS, len(names))
    pads = [sum(pads) for pads in zip(*(_pads(trust, terms, name, tools) for name in names), strict=True)]
    tags = _tags(limbs[:-TAGS], trust, terms, tools)
    if [(tag + pad) % PRIME for tag, pad in zip(tags, pads, strict=True)] != (limbs[-TAGS:] % PRIME).tolist():
        raise PrivacyError(
            "What was to be opened is no sum of these parties' numbers.",
            "It was changed on its way, or it is a sum of others, or of a single party.",
            "Look at who carries the sums.",
        )
    return holder.over(), joined(limbs[:-TAGS])


def halves(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Elements of Z/2^64 `[k]` as whole numbers of at most 2^31 either side of 0, `[2 k]`: low halves, then high ones.

    Example:
        >>> halves(np.array([5, 2**64 - 1, 2**31], np.uint64)).tolist()
        [5, -1, -2147483648, 0, 0, 1]
    """
    signed = words.view(np.int64)
    low = words.astype(np.uint32).view(np.int32).astype(np.int64)
    return np.concatenate([low, (signed >> 32) + (low < 0)])


def joined(limbs: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Sums of halves `[2 k]` as the sums of what was halved, in Z/2^64, `[k]`.

    Example:
        >>> joined(halves(np.array([7, 2**64 - 9], np.uint64)) * 3).view(np.int64).tolist()
        [21, -27]
    """
    low, high = np.split(limbs.view(np.uint64), 2)
    return low + (high << np.uint64(32))


def _turn(holder: Holder, stage: Stage) -> Terms:
    if holder.stage != stage or holder.terms is None:
        raise PolicyRefusal("A message of an encrypted sum came out of its turn.", "It is over for this party.")
    return holder.terms


def _trust(holder: Holder) -> Trust:
    if holder.trust is None:
        raise PolicyRefusal("A message of an encrypted sum came out of its turn.", "This party has no key of it.")
    return holder.trust


def _genuine(offer: Offer, name: str, terms: Terms, tools: Tools) -> None:
    if offer.party != name or offer.terms != terms.digest:
        raise PolicyRefusal(f"{name} is in an encrypted sum of other terms.")
    tools.identity.check(name, SIGN, offer.digest, offer.signature)


def _tags(limbs: NDArray[np.int64], trust: Trust, terms: Terms, tools: Tools) -> list[int]:
    """Two sums of the numbers times secret coefficients, modulo the prime (Carter and Wegman 1979, section 3)."""
    stream = tools.crypto.stream(tools.crypto.derive(trust.secret, terms.digest, b"hansa/encrypted/v1/tags"))
    buffer, totals = bytearray(8 * _CHUNK + 16), [0] * TAGS
    words = np.frombuffer(buffer, "<u8", _CHUNK)
    for start in range(0, len(limbs), _CHUNK):
        part = (limbs[start : start + _CHUNK] % PRIME).astype(np.uint64)
        stream.fill(buffer, 8 * len(part))
        for i in range(TAGS):
            by = (words[: len(part)] >> np.uint64(32 * i)) & np.uint64(PRIME)
            totals[i] = (totals[i] + int((by * part % np.uint64(PRIME)).sum())) % PRIME
    return totals


def _pads(trust: Trust, terms: Terms, name: str, tools: Tools) -> list[int]:
    """What hides a party's tags, and binds them to this sum and to it."""
    label = b"hansa/encrypted/v1/pad|" + name.encode()
    drawn = tools.crypto.derive(trust.secret, terms.digest, label)
    return [int.from_bytes(drawn[16 * i : 16 * i + 16], "big") % PRIME for i in range(TAGS)]
