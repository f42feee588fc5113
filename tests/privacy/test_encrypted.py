"""The key of an encrypted sum reaches its parties alone, and nothing is opened but the sum of what they have said."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from hansa.core.codec import pack, unpack
from hansa.errors import HansaError, IdentityError, PolicyRefusal, PrivacyError, WireError
from hansa.privacy.encrypted import PRIME, Holder, Letter, begin, decrypt, encrypt, give, halves, joined, take
from hansa.privacy.homomorphic import Adder
from hansa.privacy.primitives import REAL, made_for
from hansa.privacy.sum_words import Terms, Tools

NAMES = ("a", "b", "c", "d")
ABOUT = sha256(b"the model").digest()
TERMS = Terms("4f2a", 0, NAMES, ABOUT, b"")
MADE = made_for(NAMES)
TOOLS = {name: Tools(REAL, MADE[name]) for name in NAMES}
WORDS = {name: np.array([i, 2**64 - 1 - i, 2**63 - i, 2**31 - 1 + i], np.uint64) for i, name in enumerate(NAMES)}


def offered(terms=TERMS):
    said = {name: begin(Holder(name), terms, TOOLS[name]) for name in NAMES}
    return {n: holder for n, (holder, _) in said.items()}, {n: offer for n, (_, offer) in said.items()}


@pytest.fixture(scope="module")
def added():
    """Everybody has encrypted; the holders, and each one's ciphertexts."""
    holders, offers = offered()
    holders["a"], letters = give(holders["a"], offers, TOOLS["a"])
    for name in NAMES[1:]:
        holders[name] = take(holders[name], "a", letters[name], TOOLS[name])
    made = {}
    for name in NAMES:
        holders[name], made[name] = encrypt(holders[name], WORDS[name], ABOUT, TOOLS[name])
    return holders, made


def summed(made, names, times=1):
    adder = Adder.new()
    parts = [adder.read(made[name]) for name in names for _ in range(times)]
    total = parts[0]
    for part in parts[1:]:
        total = adder.add(total, part)
    return adder.written(total)


@pytest.mark.parametrize("names", [NAMES, ("a", "b", "c"), ("d", "b", "c")])
def test_whoever_came_the_sum_is_theirs_modulo_two_to_the_64_and_then_the_key_is_gone(added, names):
    holders, made = added
    after, words = decrypt(holders[names[0]], summed(made, names), 4, names, TOOLS[names[0]])
    assert (words == sum(WORDS[name] for name in names)).all()
    assert after == Holder(names[0])
    with pytest.raises(PolicyRefusal, match="out of its turn"):
        decrypt(after, summed(made, names), 4, names, TOOLS[names[0]])


def test_nothing_is_opened_but_the_sum_of_the_parties_that_are_said_to_be_in_it(added):
    holders, made = added
    three = ("a", "b", "c")
    wrong = {
        "one alone": summed(made, ("a",)),
        "one, three times": summed(made, ("b",), times=3),
        "two, one of them twice": summed(made, ("a", "b", "b")),
        "others": summed(made, ("b", "c", "d")),
        "one too many": summed(made, NAMES),
    }
    for data in wrong.values():
        with pytest.raises(PrivacyError, match=r"no sum of these|none of this key"):
            decrypt(holders["a"], data, 4, three, TOOLS["a"])
    adder = Adder.new()
    moved = [one + [float(k == 1) for k in range(4096)] for one in adder.read(summed(made, three))]
    with pytest.raises(PrivacyError, match=r"no sum of these|none of this key"):
        decrypt(holders["a"], adder.written(moved), 4, three, TOOLS["a"])
    turned = [-one for one in adder.read(summed(made, three))]
    with pytest.raises(PrivacyError, match=r"no sum of these|none of this key"):
        decrypt(holders["a"], adder.written(turned), 4, three, TOOLS["a"])


@pytest.mark.parametrize(
    "names", [("a", "b"), ("a",), ("a", "a", "b"), ("a", "b", "b"), ("b", "c", "d"), ("a", "b", "e"), ()]
)
def test_too_few_parties_one_twice_strangers_and_sums_of_others_are_not_opened(added, names):
    holders, made = added
    with pytest.raises(PolicyRefusal, match="3 parties or more"):
        decrypt(holders["a"], summed(made, [n for n in names if n in made] or ["a"]), 4, names, TOOLS["a"])


@pytest.mark.parametrize("count", [0, 3, 5, 4096])
def test_only_as_many_elements_are_opened_as_were_agreed(added, count):
    holders, made = added
    with pytest.raises((PrivacyError, WireError)):
        decrypt(holders["a"], summed(made, NAMES), count, NAMES, TOOLS["a"])


def test_ciphertexts_of_another_sum_with_the_same_parties_are_not_opened(added):
    holders, _ = added
    again, offers = offered()
    again["a"], _ = give(again["a"], offers, TOOLS["a"])
    _, theirs = encrypt(again["a"], WORDS["a"], ABOUT, TOOLS["a"])
    with pytest.raises(PrivacyError, match="none of this key's"):
        decrypt(holders["a"], theirs, 4, NAMES, TOOLS["a"])


def test_the_key_is_given_to_offers_that_their_parties_have_signed_and_to_nobody_else():
    holders, offers = offered()
    mine = MADE["b"].sign(b"other tag", offers["b"].digest)
    bad = {
        "another's name": {**offers, "b": replace(offers["c"], party="b")},
        "another's key": {**offers, "b": replace(offers["b"], public=offers["c"].public)},
        "another purpose": {**offers, "b": replace(offers["b"], signature=mine)},
        "no signature": {**offers, "b": replace(offers["b"], signature=b"")},
        "two only": {name: offers[name] for name in ("a", "b")},
        "not one's own": {name: offers[name] for name in ("b", "c", "d")},
        "one's own changed": {**offers, "a": replace(offers["a"], public=offers["b"].public)},
        "a stranger": {**offers, "e": replace(offers["b"], party="e")},
        "other terms": {**offers, "b": offered(replace(TERMS, about=bytes(32)))[1]["b"]},
        "a key of low order": {**offers, "b": signed(replace(offers["b"], public=bytes(32)))},
    }
    for said in bad.values():
        with pytest.raises((PolicyRefusal, IdentityError)):
            give(holders["a"], said, TOOLS["a"])
    assert give(holders["a"], {n: offers[n] for n in ("a", "c", "d")}, TOOLS["a"])[1].keys() == {"c", "d"}


def signed(offer):
    return replace(offer, signature=MADE[offer.party].sign(b"hansa/encrypted/v1/keys", offer.digest))


def test_a_letter_is_opened_by_its_receiver_from_its_giver_and_as_it_was_sealed():
    holders, offers = offered()
    _, letters = give(holders["a"], offers, TOOLS["a"])
    _, others = give(holders["b"], offers, TOOLS["b"])
    one = unpack(Letter, letters["c"])
    flipped = one.sealed[:-1] + bytes([one.sealed[-1] ^ 1])
    bad = {
        "another's": ("a", letters["d"]),
        "another giver": ("b", letters["c"]),
        "under another giver's offer": ("b", pack(Letter(offers["b"], one.sealed))),
        "changed": ("a", pack(Letter(one.giver, flipped))),
        "from itself": ("c", letters["c"]),
        "no letter": ("a", b"no letter"),
    }
    for giver, letter in bad.values():
        with pytest.raises(HansaError):
            take(holders["c"], giver, letter, TOOLS["c"])
    fresh, _ = begin(Holder("c"), TERMS, TOOLS["c"])
    with pytest.raises(IdentityError):  # a letter of an earlier attempt opens with no later key
        take(fresh, "a", letters["c"], TOOLS["c"])
    keys = [take(holders["c"], *said, TOOLS["c"]).trust for said in (("a", letters["c"]), ("b", others["c"]))]
    assert keys[0].key != keys[1].key
    assert keys[0].secret != keys[1].secret
    assert len(letters["c"]) < 140_000


def test_messages_out_of_turn_are_refused(added):
    holders, made = added
    idle, offers = Holder("a"), offered()[1]
    for say in (
        lambda: give(idle, offers, TOOLS["a"]),
        lambda: take(idle, "b", b"", TOOLS["a"]),
        lambda: encrypt(idle, WORDS["a"], ABOUT, TOOLS["a"]),
        lambda: decrypt(idle, made["a"], 4, NAMES, TOOLS["a"]),
        lambda: encrypt(holders["a"], WORDS["a"], ABOUT, TOOLS["a"]),
    ):
        with pytest.raises(PolicyRefusal, match="out of its turn"):
            say()


def test_nothing_else_is_encrypted_than_what_was_agreed():
    holders, offers = offered()
    holder, _ = give(holders["a"], offers, TOOLS["a"])
    with pytest.raises(PolicyRefusal, match="Something else is asked"):
        encrypt(holder, WORDS["a"], bytes(32), TOOLS["a"])
    with pytest.raises(PolicyRefusal, match="does not name this party"):
        begin(Holder("a"), replace(TERMS, names=("b", "c", "d")), TOOLS["a"])
    with pytest.raises(IdentityError):
        begin(Holder("a"), replace(TERMS, names=("a", "b", "e")), TOOLS["a"])


def test_tags_are_uniform_and_bind_every_element(added):
    holders, _ = added
    holder = holders["a"]
    from hansa.privacy.encrypted import _pads, _tags  # the lines that a forger would have to beat

    limbs = halves(np.arange(40_000, dtype=np.uint64))
    base = _tags(limbs, holder.trust, TERMS, TOOLS["a"])
    for k in (0, 1, 39_999, 79_999):
        changed = limbs.copy()
        changed[k] += 1
        assert all(a != b for a, b in zip(base, _tags(changed, holder.trust, TERMS, TOOLS["a"]), strict=True))
    textbook = np.frombuffer(keystream(holder, 8 * len(limbs)), "<u4").reshape(-1, 2)
    for i in range(2):
        exact = sum((int(r) & PRIME) * int(x) for r, x in zip(textbook[:, i], limbs, strict=True)) % PRIME
        assert exact == base[i]
    pads = np.array([_pads(holder.trust, replace(TERMS, step=k), "a", TOOLS["a"]) for k in range(600)]).ravel()
    assert len(set(pads.tolist())) == 1200
    counts = np.bincount((pads * 10 // PRIME).astype(int), minlength=10)
    assert ((counts - 120) ** 2 / 120).sum() < 33.7  # chi-squared, 9 degrees, 1e-4


def keystream(holder, size):
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = REAL.derive(holder.trust.secret, TERMS.digest, b"hansa/encrypted/v1/tags")
    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(size))


def test_halves_hold_every_element_and_sums_of_255_of_them():
    rng = np.random.default_rng(0)
    edges = [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**63 + 2**31]
    words = np.concatenate([np.array(edges, np.uint64), rng.integers(0, 2**64, 1000, np.uint64)])
    limbs = halves(words)
    assert np.abs(limbs).max() <= 2**31
    assert (joined(limbs) == words).all()
    assert (joined(limbs * 255) == words * np.uint64(255)).all()


def test_no_print_shows_a_secret(added):
    for holder in added[0].values():
        for secret in (holder.trust.key, holder.trust.secret):
            assert repr(secret)[2:40] not in repr(holder) + repr(holder.trust)
    assert "secret" not in repr(Holder("a", secret=b"secret"))
