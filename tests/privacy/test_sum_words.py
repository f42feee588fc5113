"""What parties agree on, and who may be in a sum at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hansa.core.codec import pack, unpack
from hansa.errors import PolicyRefusal
from hansa.privacy.secagg import hear
from hansa.privacy.sum_words import Adverts, Client, Invite, Terms, digest_of
from tests.privacy.sums import named, terms_for, tools_for


def test_no_two_lists_of_survivors_can_both_have_enough_signatures():
    for n in range(3, 101):
        for colluders in range(1, n - 1):
            terms = Terms("job", 0, tuple(map(str, range(n))), bytes(32), b"", colluders)
            assert n + colluders < 2 * terms.threshold <= n + colluders + 2
            assert terms.threshold <= n
            assert terms.least - colluders >= 2


@pytest.mark.parametrize(("n", "colluders"), [(2, 1), (1, 1), (3, 2), (5, 4), (0, 0), (3, -1)])
def test_a_sum_that_hides_nobody_is_refused(n, colluders):
    with pytest.raises(PolicyRefusal, match="hides nobody"):
        terms_for(named(n), colluders)


def test_a_name_twice_is_refused():
    with pytest.raises(PolicyRefusal, match="stands twice"):
        terms_for(("a", "b", "b"))


def test_the_digest_covers_all_of_it():
    terms = terms_for(named(4))
    others = (
        {"job": "4f2b"},
        {"step": 2},
        {"names": named(5)},
        {"names": named(4)[::-1]},
        {"about": bytes(32)},
        {"settings": b"clip=1"},
        {"colluders": 2},
        {"job": "4f2a1", "step": 0},
    )
    assert len({terms.digest, *(replace(terms, **other).digest for other in others)}) == len(others) + 1
    assert digest_of("a", b"bc") != digest_of("ab", b"c") != digest_of("ab", b"", b"c")


def test_a_half_under_way_is_written_and_read_without_loss_and_prints_no_secret():
    names, tools = named(3), tools_for(named(3))
    begun = {name: hear(Client(name), Invite(terms_for(names)), tools[name]) for name in names}
    adverts = Adverts({name: advert for name, (_, advert) in begun.items()})
    shared, _ = hear(begun["bank-a"][0], adverts, tools["bank-a"])
    for client in (begun["bank-a"][0], shared):
        assert unpack(Client, pack(client)) == client
        for secret in (*client.secrets, *(share for shares in client.held.values() for share in shares)):
            assert repr(secret) not in repr(client)
    assert shared.over().secrets == () == shared.over().dealt
