"""A coordinator that is in league with one party and does what a row of bytes says: mostly almost right."""

from __future__ import annotations

from dataclasses import replace

from hansa.core.message import Refusal
from hansa.privacy.secagg import SIGN_KEYS, SIGN_SURVIVORS, hear
from hansa.privacy.sum_words import (
    Advert,
    Adverts,
    Client,
    Invite,
    Letters,
    Pads,
    Reveal,
    Signed,
    Survivors,
    Terms,
    digest_of,
)
from tests.privacy.sums import ABOUT, Quick, named, tools_for

OTHER = bytes(32)


class Coordinator:
    """Knows all that was ever said to it, and signs as `bank-a` whatever it likes."""

    def __init__(self, n):
        self.names = named(n)
        self.tools = tools_for(self.names, Quick())
        self.clients = {name: Client(name) for name in self.names}
        self.honest = self.names[1:]
        self.adverts = {name: [] for name in self.names}
        self.mail, self.signatures, self.reveals, self.outputs = [], [], [], []

    def play(self, moves):
        """Go through the bytes, three for a move."""
        for at in range(0, len(moves) - 2, 3):
            self.move(moves[at], moves[at + 1], moves[at + 2])
        return self

    def move(self, who, what, how):
        """Bring a party, or all of them, the message that is due, or almost that."""
        to = self.names if who < 200 else (self.names[who % len(self.names)],)
        lie = what % 12 if what >= 100 else 0
        for name in to:
            client = self.clients[name]
            phase = client.phase if lie != 11 else ("idle", "keyed", "shared", "masked", "agreed")[how % 5]
            self.tell(name, getattr(self, phase)(name, client, lie, how))

    def tell(self, name, message):
        before = self.clients[name]
        self.clients[name], word = hear(before, message, self.tools[name])
        if isinstance(word, Refusal):
            assert self.clients[name] == before.over(), "a refusal kept a secret"
            return
        self.outputs.append((name, self.clients[name].number, type(word).__name__))
        if isinstance(word, Advert):
            self.adverts[name].append(word)
        elif isinstance(word, dict):
            self.mail += [(name, to, letter) for to, letter in word.items()]
        elif isinstance(word, bytes):
            self.signatures.append((name, word))
        elif isinstance(word, Reveal):
            self.reveals.append((name, before.number, before.transcript, word))
            assert not set(word.own) & set(word.pair), "both kinds of one party at once"
            assert name in word.own
        else:
            assert isinstance(word, Pads)

    def idle(self, name, client, lie, how):
        names = self.names
        if lie in {1, 2}:
            names = (*(one for i, one in enumerate(self.names) if i == 0 or how >> i & 1 or one == name),)
        if len(names) < 3:
            names = self.names
        return Invite(Terms("4f2a", 1 if lie != 3 else 2, names, OTHER if lie == 4 else ABOUT, b""))

    def keyed(self, name, client, lie, how):
        latest = {one: said[-1] for one, said in self.adverts.items() if said}
        if lie == 1:
            latest = {one: said[0] for one, said in self.adverts.items() if said}
        elif lie == 2:
            latest = {one: advert for i, (one, advert) in enumerate(latest.items()) if how >> i & 1 or one == name}
        elif lie == 3 and latest:
            victim = sorted(latest)[how % len(latest)]
            latest[victim] = replace(latest[victim], mask=self.tools[name].crypto.public(b"9" * 32))
        elif lie == 4 and self.names[0] in latest:
            changed = replace(latest["bank-a"], mask=self.tools[name].crypto.public(bytes([how]) * 32))
            signature = self.tools["bank-a"].identity.sign(SIGN_KEYS, changed.digest)
            latest["bank-a"] = replace(changed, signature=signature)
        return Adverts(latest)

    def shared(self, name, client, lie, how):
        mine = {of: letter for of, to, letter in self.mail if to == name}  # the latest of each
        if lie == 1:
            mine = {of: letter for i, (of, letter) in enumerate(mine.items()) if how >> i & 1}
        elif lie == 2:
            mine = {of: letter for of, to, letter in reversed(self.mail) if to == name}
        elif lie == 3 and mine:
            mine[sorted(mine)[how % len(mine)]] = self.mail[how % len(self.mail)][2]
        return Letters(mine, OTHER if lie == 4 else ABOUT)

    def masked(self, name, client, lie, how):
        key = (client.transcript, how % 3 if lie else 0)
        lost = self.names[1 + key[1] % len(self.honest)] if lie and key[1] else None
        names = tuple(one for one in self.names if one != lost and one in client.held)
        if lie == 1:
            names = tuple(one for i, one in enumerate(self.names) if how >> i & 1 or one == name)
        elif lie == 2:
            names = (*names[:-1], names[0])
        elif lie == 3:
            names = tuple(one for one in self.names if one != name)
        return Survivors(names)

    def agreed(self, name, client, lie, how):
        digest, signatures = self._digest(client), {}
        for one, signature in self.signatures[-3 * len(self.names) :]:
            if one in signatures and lie == 1 and how % 2:
                continue
            if one not in signatures or signature == self.tools[one].identity.sign(SIGN_SURVIVORS, digest):
                signatures[one] = signature
        if lie == 2:
            signatures = {one: signature for i, (one, signature) in enumerate(signatures.items()) if how >> i & 1}
        elif lie == 3 and signatures:
            signatures = dict.fromkeys(self.names, next(iter(signatures.values())))
        signatures["bank-a"] = self.tools["bank-a"].identity.sign(SIGN_SURVIVORS, digest)
        return Signed(signatures)

    def _digest(self, client):
        if client.terms is None:
            return bytes(32)
        sent, here = (tuple(one.encode() for one in names) for names in (sorted(client.held), client.survivors))
        about = (client.terms.digest, client.transcript, client.form)
        return digest_of("survivors", *about, str(len(sent)).encode(), *sent, *here)

    def check(self):
        """Nobody says a thing twice in a sum, and nobody's two secrets can both be put together."""
        assert len(set(self.outputs)) == len(self.outputs), "one word twice in a sum"
        kinds = {}
        for name, _, transcript, word in self.reveals:
            if name != "bank-a":
                for kind, shares in (("own", word.own), ("pair", word.pair)):
                    for dealer in shares:
                        kinds.setdefault((transcript, dealer), {"own": set(), "pair": set()})[kind].add(name)
        for (_, dealer), found in kinds.items():
            if dealer != "bank-a":
                known = {kind: len(givers | {"bank-a"}) for kind, givers in found.items()}
                least = Terms("", 0, self.names, ABOUT, b"").threshold
                assert min(known.values()) < least, f"both kinds of share of {dealer} can be put together"
