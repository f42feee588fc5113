"""The protocol: exact with whoever is lost, and no hostile schedule that gets both kinds of share of anybody."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.message import Refusal
from hansa.errors import PartyFailed, TooFewParties
from hansa.privacy.secagg import SIGN_KEYS, apart, hear, unmask
from hansa.privacy.sum_words import Adverts, Announced, Client, Invite, Letters, Reveal, Signed, Survivors, Terms
from tests.privacy.hostile import Coordinator
from tests.privacy.sums import ABOUT, Quick, Refusing, Sum, masked, named, terms_for, tools_for


def vectors(names, size=3):
    rng = np.random.default_rng(len(names))
    return {name: rng.integers(0, 2**64, size, np.uint64) for name in names}


def lost_at(pattern, names):
    return {point: {name for name, at in zip(names, pattern, strict=True) if at == point} for point in range(4)}


def outcome(names, pattern, *, quick=True, colluders=1, size=3):
    """Whether the sum over who survived is exact; where too few are left, that nothing comes out."""
    terms, made = terms_for(names, colluders), vectors(names, size)
    enough, survivors = max(terms.threshold, terms.least), [n for n, at in zip(names, pattern, strict=True) if at > 2]
    total = Sum(names, made, lost_at(pattern, names), colluders, quick)
    if len(survivors) < enough or sum(at > 3 for at in pattern) < terms.threshold:
        with pytest.raises((Refusing, TooFewParties)):
            total.run()
        return
    got, who = total.run()
    assert list(who) == survivors
    assert (got == sum(made[name] for name in survivors)).all()


@pytest.mark.parametrize("n", [3, 4])
def test_every_pattern_of_who_is_lost_at_which_message(n):
    for pattern in product(range(5), repeat=n):
        outcome(named(n), pattern)


@pytest.mark.parametrize("first", range(5))
def test_every_pattern_of_five_parties(first):
    for pattern in product(range(5), repeat=4):
        outcome(named(5), (first, *pattern), size=1)


def random_patterns(count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n = int(rng.integers(6, 13))
        some = rng.random(n) < 0.7 * rng.random()
        yield named(n), tuple(np.where(some, rng.integers(0, 4, n), 4).tolist()), int(rng.integers(1, n // 3 + 1))


def test_random_patterns_of_more_parties():
    for names, pattern, colluders in random_patterns(60, 0):
        outcome(names, pattern, colluders=colluders)


@pytest.mark.soak
def test_two_thousand_random_patterns_of_more_parties():
    for names, pattern, colluders in random_patterns(2000, 1):
        outcome(names, pattern, colluders=colluders)


@pytest.mark.parametrize("pattern", [(4, 4, 4), (4, 0, 4, 4, 4), (4, 4, 1, 4, 4), (2, 4, 4, 4, 4), (4, 4, 4, 4, 3)])
def test_with_the_cryptography_that_is_used(pattern):
    outcome(named(len(pattern)), pattern, quick=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern",
    [(0, 1, 2, 3, 2, 1, 0, *[4] * 93), (*[4] * 60, *[2] * 40), (*[3] * 44, *[4] * 56), (*[3] * 45, *[4] * 55)],
)
def test_a_hundred_parties_of_whom_some_are_lost_everywhere(pattern):
    """The last two: as many shares as are needed, and one fewer."""
    outcome(tuple(f"bank-{i:03}" for i in range(100)), pattern, colluders=10)


def test_nothing_is_left_of_the_secrets():
    total = Sum(named(3), vectors(named(3)))
    total.run()
    for name, client in total.clients.items():
        assert client == Client(name, 1, client.seen, (named(3),))


def test_the_secret_keys_are_gone_once_the_vector_is_masked():
    _, clients = masked_by_all()
    assert all(client.secrets == client.dealt == () for client in clients.values())


# ---- what a hostile coordinator tries, move by move ------------------------------------------------------------------


def begun(n=5, names=None, colluders=1):
    """Parties that have sent keys, and their adverts."""
    names = names or named(n)
    tools = tools_for(names, Quick())
    said = {name: hear(Client(name), Invite(terms_for(names, colluders)), tools[name]) for name in names}
    return tools, {name: client for name, (client, _) in said.items()}, {name: word for name, (_, word) in said.items()}


def masked_by_all(n=5):
    tools, clients, adverts = begun(n)
    said = {name: hear(client, Adverts(adverts), tools[name]) for name, client in clients.items()}
    mail = {name: letters for name, (_, letters) in said.items()}
    after = {}
    for name, (client, _) in said.items():
        mine = {of: letters[name] for of, letters in mail.items() if of != name}
        after[name], _ = hear(client, Letters(mine, ABOUT), tools[name])
    return tools, after


def refused(client, message, tools, words):
    after, word = hear(client, message, tools[client.party])
    assert isinstance(word, Refusal)
    assert words in word.what
    assert after == client.over()


def resigned(advert, tools, **changes):
    changed = replace(advert, **changes)
    return replace(changed, signature=tools[advert.party].identity.sign(SIGN_KEYS, changed.digest))


def test_keys_that_the_coordinator_swaps_are_refused():
    tools, clients, adverts = begun()
    fake = tools["bank-b"].crypto.public(b"7" * 32)
    for changed, words in (
        ({"mask": fake}, "A signature is not of bank-b"),
        ({"enc": fake}, "A signature is not of bank-b"),
        ({"party": "bank-c"}, "is in a sum of other terms"),
        ({"terms": bytes(32)}, "is in a sum of other terms"),
    ):
        swapped = {**adverts, "bank-b": replace(adverts["bank-b"], **changed)}
        refused(clients["bank-a"], Adverts(swapped), tools, words)
    for changed, words in (
        ({"mask": adverts["bank-c"].mask}, "stands there twice"),
        ({"mask": adverts["bank-b"].enc}, "stands there twice"),
        ({"mask": bytes(31) + b"\1"}, ""),
        ({"own": adverts["bank-b"].own[:2]}, "has not committed"),
        ({"number": 0}, "played back"),
    ):
        signed = {**adverts, "bank-b": resigned(adverts["bank-b"], tools, **changed)}
        if words:
            refused(clients["bank-a"], Adverts(signed), tools, words)
    own = {**adverts, "bank-a": resigned(adverts["bank-a"], tools, mask=fake)}
    refused(clients["bank-a"], Adverts(own), tools, "bank-a's own keys were changed")
    refused(clients["bank-a"], Adverts({k: v for k, v in adverts.items() if k != "bank-a"}), tools, "own keys")


def test_made_up_parties_and_too_few_of_them_are_refused():
    tools, clients, adverts = begun()
    refused(clients["bank-a"], Adverts({**adverts, "bank-z": adverts["bank-b"]}), tools, "Somebody unknown")
    few = {name: adverts[name] for name in named(3)}
    refused(clients["bank-a"], Adverts(few), tools, "needs 4 parties, and has 3")
    refused(Client("bank-a"), Invite(terms_for((*named(3), "bank-z"))), tools, "Nobody knows 'bank-z'")
    refused(Client("bank-a"), Invite(terms_for(named(5)[1:])), tools, "does not name this party")


def test_an_old_advert_played_back_is_refused():
    tools, clients, old = begun(3)
    sharing = {name: hear(client, Adverts(old), tools[name])[0] for name, client in clients.items()}
    again = {name: hear(client, Invite(terms_for(named(3))), tools[name]) for name, client in sharing.items()}
    adverts = {name: word for name, (_, word) in again.items()}
    refused(again["bank-a"][0], Adverts({**adverts, "bank-b": old["bank-b"]}), tools, "old advert of bank-b")


def test_another_model_for_one_party_ends_the_sum_before_anything_is_revealed():
    """Pasquini et al. 2022: from another model, the others' updates vanish. The keys here are agreed for one."""
    tools, clients, adverts = begun()
    other, advert = hear(Client("bank-a"), Invite(terms_for(named(5), about=bytes(32))), tools["bank-a"])
    refused(clients["bank-b"], Adverts({**adverts, "bank-a": advert}), tools, "bank-a is in a sum of other terms")
    refused(other, Adverts({**adverts, "bank-a": advert}), tools, "is in a sum of other terms")
    shared, _ = hear(clients["bank-a"], Adverts(adverts), tools["bank-a"])
    refused(shared, Letters(dict.fromkeys(named(5)[1:], b""), bytes(32)), tools, "Something else is asked")


def test_letters_that_were_changed_swapped_or_kept_back_are_refused():
    tools, clients, adverts = begun()
    said = {name: hear(client, Adverts(adverts), tools[name]) for name, client in clients.items()}
    one, mine = said["bank-a"][0], {of: letters["bank-a"] for of, (_, letters) in said.items() if of != "bank-a"}
    cannot = "cannot be opened"
    refused(one, Letters({**mine, "bank-b": mine["bank-c"]}, ABOUT), tools, cannot)
    refused(one, Letters({**mine, "bank-b": said["bank-b"][1]["bank-c"]}, ABOUT), tools, cannot)
    refused(one, Letters({**mine, "bank-b": said["bank-a"][1]["bank-b"]}, ABOUT), tools, cannot)
    refused(one, Letters({**mine, "bank-a": mine["bank-b"]}, ABOUT), tools, "its own receiver")
    refused(one, Letters({"bank-b": mine["bank-b"], "bank-c": mine["bank-c"]}, ABOUT), tools, "needs 4 parties")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("bank-a", "bank-b", "bank-b", "bank-c", "bank-d"), "stands twice among the survivors"),
        (("bank-b", "bank-c", "bank-d", "bank-e"), "is told that it was lost"),
        (("bank-a", "bank-b", "bank-c"), "needs 4 parties"),
        (("bank-a", "bank-b", "bank-c", "bank-z"), "Somebody unknown"),
        ((), "is told that it was lost"),
    ],
)
def test_lists_of_survivors_that_are_none_are_refused(names, words):
    tools, clients = masked_by_all()
    refused(clients["bank-a"], Survivors(names), tools, words)


def test_a_sum_with_less_noise_than_is_claimed_is_not_signed():
    tools, clients = masked_by_all()
    refused(clients["bank-a"], Survivors(named(5)[:4], fewest=5), tools, "4 parties left, and the job's links need 5")
    _, word = hear(clients["bank-a"], Survivors(named(5)[:4], fewest=4), tools["bank-a"])
    assert isinstance(word, bytes)


def test_a_split_view_of_who_survived_gets_no_share_from_anybody():
    """Two lists that overlap: with one colluder, who signs both, four of five signatures never come together."""
    tools, clients = masked_by_all()
    lists = {"bank-a": named(5)[:4], "bank-b": named(5)[:4], "bank-c": named(5)[:4]}
    lists |= {"bank-d": (*named(5)[:1], *named(5)[2:]), "bank-e": (*named(5)[:1], *named(5)[2:])}
    said = {name: hear(clients[name], Survivors(lists[name]), tools[name]) for name in named(5)}
    colluders, _ = hear(clients["bank-c"], Survivors(lists["bank-e"]), tools["bank-c"])
    assert colluders.phase == "agreed"  # what it says to the others, it can say twice
    both = hear(clients["bank-c"], Survivors(lists["bank-e"]), tools["bank-c"])[1]
    first = {name: word for name, (_, word) in said.items() if name in "bank-a bank-b bank-c"}
    second = {name: word for name, (_, word) in said.items() if name in "bank-d bank-e"} | {"bank-c": both}
    for name, signatures in (("bank-a", first), ("bank-b", first), ("bank-d", second), ("bank-e", second)):
        refused(said[name][0], Signed(signatures), tools, "have signed the same survivors, and 4 are needed")


def test_one_signature_is_not_counted_for_two_parties():
    tools, clients = masked_by_all()
    said = {name: hear(client, Survivors(named(5)), tools[name]) for name, client in clients.items()}
    one = dict.fromkeys(named(5), said["bank-a"][1])
    refused(said["bank-a"][0], Signed(one), tools, "1 parties have signed")


def test_what_is_revealed_is_one_kind_for_each_and_only_once():
    tools, clients = masked_by_all()
    survivors = named(5)[:4]
    said = {name: hear(clients[name], Survivors(survivors), tools[name]) for name in survivors}
    signed = Signed({name: word for name, (_, word) in said.items()})
    after, word = hear(said["bank-a"][0], signed, tools["bank-a"])
    assert (set(word.own), set(word.pair)) == (set(survivors), {"bank-e"})
    refused(after, signed, tools, "out of its turn")


def test_a_cohort_that_differs_by_one_bank_is_refused_where_it_must_be_steady():
    tools, clients = masked_by_all()
    four = {name: hear(client, Survivors(named(5)), tools[name])[0] for name, client in clients.items()}
    assert four["bank-a"].cohorts == (named(5),)
    one = replace(masked_by_all()[1]["bank-a"], cohorts=(named(5), named(3)))
    refused(one, Survivors(named(5)[:4], steady=True), tools, "differ by fewer than 3")
    assert not isinstance(hear(one, Survivors(named(5)[:4]), tools["bank-a"])[1], Refusal)
    same = replace(one, cohorts=(named(5),))
    assert not isinstance(hear(same, Survivors(named(5), steady=True), tools["bank-a"])[1], Refusal)
    full = replace(one, cohorts=tuple((*named(4), str(i)) for i in range(256)))
    refused(full, Survivors(named(5), steady=True), tools, "differ by fewer than 3")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sets(st.integers(0, 8), min_size=3), min_size=1, max_size=5), st.integers(2, 4))
def test_lists_that_stand_apart_are_combined_to_tell_of_no_fewer_parties(lists, least):
    """Sums can be added with any factors: what comes out stands on `least` parties or more, or on nobody."""
    accepted = []
    for one in lists:
        if apart((*accepted, tuple(one)), least):
            accepted.append(tuple(one))
    rows = np.array([[float(name in one) for name in range(9)] for one in accepted]).reshape(-1, 9)
    rank = np.linalg.matrix_rank(rows) if len(rows) else 0
    for few in combinations(range(9), least - 1):
        rest = np.delete(rows, few, axis=1)  # a combination that is zero outside of the few is zero there as well
        assert (np.linalg.matrix_rank(rest) if len(rows) else 0) == rank


def test_lists_that_differ_by_two_each_time_would_tell_of_one_and_are_refused():
    """All, all but 1 and 2, all but 2 and 3, all but 1 and 3: half of what the last three lack is a single bank."""
    lists = [tuple(name for name in range(9) if name not in out) for out in ((), (1, 2), (2, 3), (1, 3))]
    rows = np.array([[float(name in one) for name in range(9)] for one in lists])
    assert (rows.T @ [0.5, -0.5, 0.5, -0.5]).nonzero()[0].tolist() == [1]
    assert not apart(lists[:2], 3)


# ---- what parties try ------------------------------------------------------------------------------------------------


def test_a_dealer_whose_shares_are_not_what_it_committed_to_is_named():
    tools, clients, adverts = begun(3)
    wrong = resigned(adverts["bank-b"], tools, own=tuple(reversed(adverts["bank-b"].own)))
    cheat = replace(clients["bank-b"], advert=wrong.digest)
    all_of = {**adverts, "bank-b": wrong}
    said = {name: hear(cheat if name == "bank-b" else clients[name], Adverts(all_of), tools[name]) for name in clients}
    mine = {of: letters["bank-a"] for of, (_, letters) in said.items() if of != "bank-a"}
    refused(said["bank-a"][0], Letters(mine, ABOUT), tools, "bank-b sent other shares")


def finished(n=5):
    total = Sum(named(n), vectors(named(n)), {2: {"bank-b"}})
    total.run()
    parts = (masked(total.vectors[name], pads, total.crypto) for name, pads in total.said["pads"].items())
    survivors = tuple(total.said["pads"])
    return sum(parts, np.zeros(3, np.uint64)), Announced(named(n), 4, survivors), total


def test_a_false_share_is_left_out_and_its_giver_named_where_it_is_missed():
    got, announced, total = finished()
    reveals = dict(total.said["reveals"])
    share = reveals["bank-a"].own["bank-c"]
    reveals["bank-a"] = Reveal({**reveals["bank-a"].own, "bank-c": share[:-1] + bytes([share[-1] ^ 1])}, {})
    with pytest.raises(TooFewParties, match="False shares from: bank-a"):
        unmask(got, announced, total.said["adverts"], tuple(total.said["letters"]), reveals, total.crypto)


def test_a_dealer_whose_shares_make_another_secret_is_named():
    got, announced, total = finished()
    adverts = {**total.said["adverts"]}
    for name, changes in (("bank-c", {"seed": bytes(32)}), ("bank-b", {"mask": adverts["bank-a"].enc})):
        changed = {**adverts, name: replace(adverts[name], **changes)}
        letters, reveals = tuple(total.said["letters"]), total.said["reveals"]
        with pytest.raises(PartyFailed, match=name):
            unmask(got.copy(), announced, changed, letters, reveals, total.crypto)


# ---- hostile schedules by the thousand -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 4, 5])
@settings(max_examples=1700, deadline=None)
@given(st.binary(min_size=24, max_size=100))
def test_no_schedule_of_a_hostile_coordinator_gets_both_kinds_of_share(n, moves):
    Coordinator(n).play(moves).check()


@pytest.mark.soak
@settings(max_examples=100_000, deadline=None)
@given(st.binary(min_size=24, max_size=400))
def test_no_schedule_of_a_hundred_thousand_does(moves):
    Coordinator(3 + moves[0] % 3).play(moves[1:]).check()


def test_the_schedules_reach_the_end_and_find_a_threshold_that_is_too_low(monkeypatch):
    """The same schedules against parties with half the threshold: they do find what they look for."""
    rng = np.random.default_rng(0)
    schedules = [rng.bytes(100) for _ in range(200)]
    reached = sum(len(Coordinator(5).play(moves).reveals) > 0 for moves in schedules)
    assert reached > 20
    monkeypatch.setattr(Terms, "threshold", property(lambda terms: len(terms.names) // 2))
    with pytest.raises(AssertionError, match="both kinds"):
        [Coordinator(5).play(moves).check() for moves in schedules]
