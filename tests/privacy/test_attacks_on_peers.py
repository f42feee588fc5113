"""What unmasks a bank elsewhere, and gets nothing here: overlapping lists, a share counted twice, a threshold of 1.

`Obliging` does as a widely used implementation did when it was read: it takes the threshold that it is told, hands out
the shares that it is asked for, whatever they are of, and takes everybody's keys as they come. The attacks work on it,
so that they are known to work; then the same coordinator tries them on `hear`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from hansa.core.message import Refusal
from hansa.errors import PrivacyError
from hansa.privacy.masks import Keys, Masker
from hansa.privacy.secagg import hear
from hansa.privacy.sharing import deal, join
from hansa.privacy.sum_words import Adverts, Client, Invite, Letters, Reveal, Signed, Survivors
from tests.privacy.sums import ABOUT, Quick, masked, named, terms_for, tools_for

VICTIM = "bank-c"
SECRET = np.array([12345, 2**63 + 9], np.uint64)


@dataclass
class Obliging:
    """A client that does what it is told."""

    place: int
    own: dict
    pair: dict

    def unmask(self, alive, dead):
        return [(self.place, self.own[name]) for name in alive], [(self.place, self.pair[name]) for name in dead]


def obliging(n, threshold):
    """Clients that hold shares of the victim's two secrets, its masked vector, and the others' public keys."""
    crypto, names = Quick(), named(n)
    pairs = {name: crypto.random(32) for name in names}
    seed, keys = crypto.random(32), Keys(crypto, bytes(32), bytes(32))
    shares = [deal(secret, n, threshold, crypto.random) for secret in (seed, pairs[VICTIM])]
    clients = [Obliging(at, {VICTIM: shares[0][at]}, {VICTIM: shares[1][at]}) for at in range(n)]
    public = {name: crypto.public(secret) for name, secret in pairs.items()}
    hidden, masker = SECRET.copy(), Masker(crypto)
    masker.add(hidden, keys.own(seed, VICTIM))
    for name in names:
        if name != VICTIM:
            way = masker.add if name < VICTIM else masker.subtract
            way(hidden, keys.mask(pairs[VICTIM], public[name], VICTIM, name))
    return clients, hidden, public, keys


def unmasked(hidden, own, pair, threshold, public, keys):
    """The victim's vector, from shares of both its secrets; PrivacyError where they are not enough."""
    seed, secret = join(dict(own), threshold), join(dict(pair), threshold)
    found, masker = hidden.copy(), Masker(keys.crypto)
    masker.subtract(found, keys.own(seed, VICTIM))
    for name in public:
        if name != VICTIM:
            way = masker.subtract if name < VICTIM else masker.add
            way(found, keys.mask(secret, public[name], VICTIM, name))
    return found


@pytest.mark.parametrize("threshold", [3, 1])
def test_a_victim_that_is_named_alive_and_dead_at_once_is_unmasked_by_clients_that_oblige(threshold):
    clients, hidden, public, keys = obliging(5, threshold)
    said = [client.unmask(alive=["bank-c"], dead=["bank-c"]) for client in clients[:threshold]]
    own, pair = ([share for shares in kind for share in shares] for kind in zip(*said, strict=True))
    assert (unmasked(hidden, own, pair, threshold, public, keys) == SECRET).all()


def test_one_share_short_even_obliging_clients_give_nothing():
    clients, hidden, public, keys = obliging(5, 3)
    own, pair = clients[0].unmask(["bank-c"] * 2, ["bank-c"] * 2)  # twice the same share is one
    with pytest.raises(PrivacyError):
        unmasked(hidden, own, pair, 3, public, keys)


# ---- the same coordinator, and ours ----------------------------------------------------------------------------------


def under_way(n=5):
    """Parties whose masked vectors the coordinator has."""
    names = named(n)
    tools, crypto = tools_for(names, Quick()), Quick()
    said = {name: hear(Client(name), Invite(terms_for(names)), tools[name]) for name in names}
    adverts = {name: word for name, (_, word) in said.items()}
    said = {name: hear(client, Adverts(adverts), tools[name]) for name, (client, _) in said.items()}
    mail, after, hidden = {name: letters for name, (_, letters) in said.items()}, {}, {}
    for name, (client, _) in said.items():
        mine = {of: letters[name] for of, letters in mail.items() if of != name}
        after[name], pads = hear(client, Letters(mine, ABOUT), tools[name])
        hidden[name] = masked(SECRET, pads, crypto)
    return tools, after, hidden


def shares_of_the_victim(words):
    """How many holders have told which kind of share."""
    told = [word for word in words if isinstance(word, Reveal)]
    return sum(VICTIM in word.own for word in told), sum(VICTIM in word.pair for word in told)


def played(lists, signatures_to, n=5):
    """Every party is shown its list of survivors, and then the signatures that `signatures_to` chooses for it."""
    tools, clients, _ = under_way(n)
    signed, said = {}, {}
    for name, client in clients.items():
        said[name], word = hear(client, Survivors(lists[name]), tools[name])
        if not isinstance(word, Refusal):
            signed[name] = word
    return [hear(said[name], Signed(signatures_to(name, signed)), tools[name])[1] for name in clients], signed


def test_lists_that_overlap_get_one_kind_of_share_at_most():
    """Alive to some and dead to the others, in every way to part five banks: never are both kinds enough."""
    names, without = named(5), tuple(name for name in named(5) if name != VICTIM)
    for parts in range(1 << 5):
        lists = {name: names if parts >> i & 1 else without for i, name in enumerate(names)}
        words, _ = played(lists, lambda name, signed: signed)
        own, pair = shares_of_the_victim(words)
        assert min(own, pair) == 0
        assert own in {0, 4, 5}  # 4 of 5 must have signed the same


def test_a_party_twice_in_the_list_is_refused_and_not_counted_twice():
    names = named(5)
    for twice in ((*names, VICTIM), (*names[:3], names[0], names[1]), (VICTIM,) * 5):
        words, signed = played(dict.fromkeys(names, twice), lambda name, signed: signed)
        assert not signed
        assert all(isinstance(word, Refusal) for word in words)


@pytest.mark.parametrize("enough", [1, 2, 3])
def test_a_threshold_is_nobodys_to_lower(enough):
    """As many signatures as the coordinator finds sufficient, and one of them under every name."""
    names = named(5)
    for choose in (
        lambda name, signed: dict(list(signed.items())[:enough]),
        lambda name, signed: dict.fromkeys(names, signed[name]),
    ):
        words, _ = played(dict.fromkeys(names, names), choose)
        assert shares_of_the_victim(words) == (0, 0)
        assert all("4 are needed" in word.what for word in words)


def test_keys_that_the_coordinator_puts_in_the_place_of_others_make_no_mask():
    """It would know every mask of the victim, had the victim masked anything."""
    names = named(5)
    tools = tools_for(names, Quick())
    said = {name: hear(Client(name), Invite(terms_for(names)), tools[name]) for name in names}
    ours = tools[VICTIM].crypto.public(b"8" * 32)
    swapped = {
        name: word if name == VICTIM else replace(word, mask=ours, enc=tools[VICTIM].crypto.public(name.encode() * 8))
        for name, (_, word) in said.items()
    }
    client, word = hear(said[VICTIM][0], Adverts(swapped), tools[VICTIM])
    assert isinstance(word, Refusal)
    assert isinstance(hear(client, Letters({}, ABOUT), tools[VICTIM])[1], Refusal)


def test_stale_words_of_an_earlier_sum_open_no_later_one():
    tools, clients, _ = under_way()
    names = named(5)
    first = {name: hear(client, Survivors(names), tools[name])[1] for name, client in clients.items()}
    again, _, _ = under_way()
    later = under_way()[1]
    other = {name: hear(client, Survivors(names), again[name])[0] for name, client in later.items()}
    changed = {name: replace(client, transcript=b"later" * 6) for name, client in other.items()}
    for name, client in changed.items():
        assert isinstance(hear(client, Signed(first), again[name])[1], Refusal)
