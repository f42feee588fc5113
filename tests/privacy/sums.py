"""A secure sum from hand to hand, and quick cryptography for schedules by the thousand: it binds, and hides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256, shake_256

import numpy as np

from hansa.core.message import Refusal
from hansa.errors import IdentityError
from hansa.privacy.masks import Masker
from hansa.privacy.primitives import REAL, made_for
from hansa.privacy.secagg import hear, unmask
from hansa.privacy.sum_words import Adverts, Announced, Client, Invite, Letters, Signed, Survivors, Terms, Tools

_PRIME = 2**61 - 1
ABOUT = sha256(b"the model").digest()


@dataclass
class Quick:
    """Cryptography in name only: the same seam, microseconds instead of a hundred of them."""

    drawn: int = 0

    def random(self, size):
        self.drawn += 1
        return shake_256(self.drawn.to_bytes(8, "big")).digest(size)

    def public(self, secret):
        return pow(3, int.from_bytes(secret[:8], "big"), _PRIME).to_bytes(32, "big")

    def shared(self, secret, public):
        number = int.from_bytes(public, "big")
        if number <= 1:
            raise IdentityError("A key of low order.")
        return pow(number, int.from_bytes(secret[:8], "big"), _PRIME).to_bytes(32, "big")

    def derive(self, secret, salt, label):
        return sha256(secret + salt + label).digest()

    def seal(self, key, plain, about):
        return plain + sha256(key + plain + about).digest()

    def open(self, key, sealed, about):
        plain, tag = sealed[:-32], sealed[-32:]
        if sha256(key + plain + about).digest() != tag:
            raise IdentityError("A sealed letter cannot be opened.")
        return plain

    def stream(self, key):
        return Sponge(key)


@dataclass
class Sponge:
    key: bytes

    def fill(self, buffer, size):
        buffer[:size] = shake_256(self.key).digest(size)


@dataclass
class Seal:
    """A signature that anybody could make, if anybody in the test did."""

    party: str
    names: tuple[str, ...]

    def key(self, party):
        if party not in self.names:
            raise IdentityError(f"Nobody knows '{party}'.")
        return party.encode()

    def sign(self, tag, digest):
        return sha256(b"secret of " + self.party.encode() + tag + digest).digest()

    def check(self, party, tag, digest, signature):
        self.key(party)
        if sha256(b"secret of " + party.encode() + tag + digest).digest() != signature:
            raise IdentityError(f"A signature is not of {party}.")


def named(n):
    return tuple(f"bank-{chr(97 + i)}" for i in range(n))


def tools_for(names, crypto=None):
    if crypto is None:
        return {name: Tools(REAL, one) for name, one in made_for(names).items()}
    return {name: Tools(crypto, Seal(name, tuple(names))) for name in names}


def terms_for(names, colluders=1, about=ABOUT):
    return Terms("4f2a", 1, tuple(names), about, b"", colluders)


def masked(vector, pads, crypto):
    total, masker = vector.copy(), Masker(crypto)
    for key in pads.plus:
        masker.add(total, key)
    for key in pads.minus:
        masker.subtract(total, key)
    return total


@dataclass
class Sum:
    """An honest coordinator and honest parties, of whom some are lost at each of four points."""

    names: tuple[str, ...]
    vectors: dict
    lost: dict = field(default_factory=dict)  # point 0..3 -> names
    colluders: int = 1
    quick: bool = True

    def __post_init__(self):
        self.crypto = Quick() if self.quick else REAL
        self.tools = tools_for(self.names, self.crypto if self.quick else None)
        self.clients = {name: Client(name) for name in self.names}
        self.said = {}

    def say(self, name, message):
        self.clients[name], word = hear(self.clients[name], message, self.tools[name])
        if isinstance(word, Refusal):
            raise Refusing(name, word)
        return word

    def here(self, names, point):
        return [name for name in names if name not in self.lost.get(point, ())]

    def run(self):
        """The total over the survivors, and who they are."""
        terms = terms_for(self.names, self.colluders)
        adverts = {name: self.say(name, Invite(terms)) for name in self.here(self.names, 0)}
        letters = {name: self.say(name, Adverts(adverts)) for name in self.here(adverts, 1)}
        pads = {}
        for name in self.here(letters, 2):
            mine = {sender: sealed[name] for sender, sealed in letters.items() if sender != name}
            pads[name] = self.say(name, Letters(mine, ABOUT))
        survivors = tuple(pads)
        total = sum((masked(self.vectors[name], pads[name], self.crypto) for name in pads), np.zeros(1, np.uint64))
        signed = {name: self.say(name, Survivors(survivors)) for name in survivors}
        reveals = {name: self.say(name, Signed(signed)) for name in self.here(survivors, 3)}
        self.said = {"adverts": adverts, "pads": pads, "reveals": reveals, "letters": letters}
        announced = Announced(self.names, terms.threshold, survivors)
        unmask(total, announced, adverts, tuple(letters), reveals, self.crypto)
        return total, survivors


class Refusing(Exception):
    def __init__(self, name, word):
        super().__init__(f"{name}: {word.what}")
        self.name, self.word = name, word
