"""Any t shares give the secret, and t - 1 say nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import PrivacyError
from hansa.privacy.sharing import PRIME, at, commitment, deal, join, weights


def test_the_modulus_is_prime():
    odd, twos = PRIME - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71):
        x = pow(base, odd, PRIME)
        assert x in {1, PRIME - 1} or PRIME - 1 in (pow(x, 2**k, PRIME) for k in range(1, twos))
    assert all(pow(3, n - 1, n) != 1 for n in range(2**256 + 1, PRIME, 2))  # and none is nearer to 2^256


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(1, 12), st.data())
def test_any_t_shares_reconstruct(secret, holders, data):
    threshold = data.draw(st.integers(1, holders))
    shares = deal(secret, holders, threshold, os.urandom)
    places = data.draw(st.permutations(range(holders)))[: data.draw(st.integers(threshold, holders))]
    assert join({place: shares[place] for place in places}, threshold) == secret


def test_t_minus_1_shares_say_nothing_each_secret_fits_them_equally_often():
    prime, threshold = 11, 3
    for places in combinations(range(4), threshold - 1):
        seen = {}
        for secret, *rest in product(range(prime), repeat=threshold):
            view = tuple(at((secret, *rest), place + 1, prime) for place in places)
            seen.setdefault(view, []).append(secret)
        assert len(seen) == prime ** (threshold - 1)
        assert all(sorted(secrets) == list(range(prime)) for secrets in seen.values())


@pytest.mark.parametrize(("holders", "threshold"), [(3, 2), (5, 3), (7, 5), (12, 7)])
def test_t_minus_1_dealt_shares_fit_another_secret_as_well_as_their_own(holders, threshold):
    """What they give by themselves is not the secret; and for any other secret there is a last share that fits them."""
    secret, other = b"s" * 32, int.from_bytes(b"o" * 32, "big")
    shares = deal(secret, holders, threshold, os.urandom)
    for places in combinations(range(holders), threshold - 1):
        known = {place: int.from_bytes(shares[place], "big") for place in places}
        few = sum(w * known[place] for w, place in zip(weights(places), places, strict=True)) % PRIME
        assert few != int.from_bytes(secret, "big")
        last = next(place for place in range(holders) if place not in places)
        *_, share = weights((*places, last))
        short = sum(w * y for w, y in zip(weights((*places, last)), known.values(), strict=False))
        fitting = (other - short) * pow(share, -1, PRIME) % PRIME
        assert join({**{p: shares[p] for p in places}, last: fitting.to_bytes(33, "big")}, threshold) == b"o" * 32


def test_shares_of_one_secret_are_spread_evenly():
    """Chi-squared of the low bytes of t - 1 shares of one and the same secret; 255 degrees, p > 1e-6 by far."""
    counts = [0] * 256
    for _ in range(4096):
        for share in deal(bytes(32), 5, 3, os.urandom)[:2]:
            counts[share[-1]] += 1
    mean = sum(counts) / 256
    assert sum((count - mean) ** 2 / mean for count in counts) < 255 + 5 * (2 * 255) ** 0.5


@pytest.mark.parametrize("places", list(combinations(range(5), 3)))
def test_lagrange_weights_give_polynomials_back_at_0(places):
    assert (
        sum(w * at((7, 3, 5), place + 1, 101) for w, place in zip(weights(places, 101), places, strict=True)) % 101 == 7
    )


def test_a_wrong_share_is_not_what_was_committed_to_and_makes_another_secret():
    shares = deal(b"s" * 32, 3, 2, os.urandom)
    wrong = shares[1][:-1] + bytes([shares[1][-1] ^ 1])
    assert commitment("own", "bank-a", 1, wrong) != commitment("own", "bank-a", 1, shares[1])
    with suppress(PrivacyError):  # so large that it is no secret at all
        assert join({0: shares[0], 1: wrong}, 2) != b"s" * 32


def test_commitments_differ_by_purpose_dealer_and_place():
    made = {
        commitment(kind, dealer, place, bytes(33))
        for kind, dealer, place in product(("own", "pair"), ("a", "b", "a|1"), (0, 1))
    }
    assert len(made) == 12


@pytest.mark.parametrize("shares", [{0: bytes(32)}, {0: b"\xff" * 33}, {}])
def test_what_is_no_share_is_refused(shares):
    with pytest.raises(PrivacyError):
        join(shares, 1)


@pytest.mark.parametrize(("holders", "threshold", "size"), [(3, 4, 32), (3, 0, 32), (3, 2, 31)])
def test_what_cannot_be_shared_is_refused(holders, threshold, size):
    with pytest.raises(PrivacyError):
        deal(bytes(size), holders, threshold, os.urandom)
