"""Paillier's scheme against the textbook's, and what is no ciphertext of ours, none of this key or not agreed on."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from math import gcd, lcm

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import ConfigError, PrivacyError, WireError
from hansa.privacy import paillier
from hansa.privacy.paillier import GUARD, Private, Public, Sealed, Slots

P = int(
    "fbc0be8bb4671dde4b32014668042f78e877073ffd61f9e4edfd7d7f84e151bf6bb8fea6920762b6b91e87e393ce47c0f109"
    "bc823a50b02097bd8ae00d298ffa950a020a2d8eaf96a8d562c6ffbaf4a4c7d610263c787608c800ad92c6ade7fb17a779d8"
    "95ad5aa5d07baf7c642ea0326fee00943b86285d790623dc3109e30b",
    16,
)
Q = int(
    "dcff0378851c33d41c0c59d80bbc854d77eb305876739a9890c74224a2c0ce8c52050e4c8d2e47ad01bcb309bd268284d976"
    "5d82ce993ed8d4e8572ed5c763a57e7a8aeb6939da5d8bcbf184d2450884e9daf2b8309607d7093a12fdd14e44664fda047a"
    "843773746eebf7c496fad8b4db43c5bc68dd02648ae276d1d49c3bd7",
    16,
)
N = P * Q
KEY = Private(P, Q, Public(N, pow(-4 % N, N, N * N)))
OPEN = Slots(count=3, bits=40, largest=10**6)
VECTORS = (
    ((0, 0, 0), 2, "55e3c997ac87231efd3bb7ed9a0f4adf65e765cebaafc81693ee5c9646b8a0a8"),
    ((1, -2, 3), 3, "d3aec7527231cd59405ae65093663fc0339581572d69e2ce49aa7ceffe972b6c"),
    ((10**6, -(10**6), 0), 2**1000 + 1, "d9e1ea5215035810dbce533ff60dc0a93340baf189b9f941df2ce3316ececebd"),
    ((-1, -1, -1), N - 2, "0800d433ad7db4819bb8313d093ad7c93377556dbf5f0d3dcbe8f25880c63abc"),
)


def textbook(p, q, g):
    """Paillier (1999), scheme 1, by its definition: powers of g and r, lambda and mu; nothing here is quick."""
    n = p * q
    power = lcm(p - 1, q - 1)

    def fraction(u):
        return (u - 1) // n

    mu = pow(fraction(pow(g, power, n * n)), -1, n)
    return (
        lambda m, r: pow(g, m % n, n * n) * pow(r, n, n * n) % (n * n),
        lambda c: fraction(pow(c, power, n * n)) * mu % n,
    )


def signed(m):
    return m - N if m > N // 2 else m


def test_the_textbook_gives_the_example_that_is_handed_around():
    encrypt, decrypt = textbook(7, 11, 5652)
    assert encrypt(42, 23) == 4624
    assert decrypt(4624) == 42


def test_fixed_ciphertexts_of_the_textbook_decrypt_to_what_is_in_them():
    encrypt, decrypt = textbook(P, Q, 1 + N)
    for numbers, r, digest in VECTORS:
        plain = sum(number << 40 * i for i, number in enumerate(numbers))
        c = encrypt(plain, r)
        assert sha256(c.to_bytes(512, "big")).hexdigest() == digest
        assert signed(decrypt(c)) == plain
        assert KEY.decrypt(KEY.public.read(c.to_bytes(512, "big"), OPEN), OPEN) == numbers


@settings(max_examples=20)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=3, max_size=3))
def test_what_is_encrypted_here_decrypts_by_the_textbook(numbers):
    (c,) = KEY.public.encrypt(numbers, OPEN).ciphertexts
    plain = textbook(P, Q, 1 + N)[1](c)
    assert signed(plain) == sum(number << 40 * i for i, number in enumerate(numbers))
    assert KEY.decrypt(KEY.public.encrypt(numbers, OPEN), OPEN) == tuple(numbers)


@pytest.mark.parametrize("count", [1, 48, 49, 50, 150])
def test_sums_and_products_of_packed_numbers_are_those_of_numpy(count):
    rng = np.random.default_rng(count)
    slots = Slots(count, 40, 10**6)
    assert KEY.public.per_ciphertext(40) == (2048 - 2 - GUARD) // 40 == 49
    a, b, c = (rng.integers(-(10**6), 10**6, count, endpoint=True) for _ in range(3))
    public = KEY.public
    total = public.add(public.times(public.encrypt(a, slots), -7), public.encrypt(b, slots))
    total = public.add_plain(public.times(total, 3), c, 10**6)
    agreed = replace(slots, largest=(7 + 1) * 3 * 10**6 + 10**6)
    assert total.slots == agreed
    assert KEY.decrypt(public.read(public.write(total), agreed), agreed) == tuple((3 * (b - 7 * a) + c).tolist())
    assert len(total.ciphertexts) == -(-count // 49)


def test_slots_hold_their_largest_numbers_side_by_side_to_the_last_bit():
    largest = (1 << 39) - 1
    slots = Slots(98, 40, largest)
    for pattern in ([largest] * 98, [-largest] * 98, [largest, -largest] * 49, [0, -1] * 49):
        assert KEY.decrypt(KEY.public.encrypt(pattern, slots), slots) == tuple(pattern)


def test_what_could_overflow_a_slot_is_refused_before_it_does():
    public, slots = KEY.public, Slots(2, 8, 60)
    one = public.encrypt([60, -60], slots)
    two = public.add(one, one)
    assert KEY.decrypt(two, slots.summed(2)) == (120, -120)
    for overflow in (
        lambda: public.add(two, one),
        lambda: public.times(one, 3),
        lambda: public.times(one, -3),
        lambda: public.add_plain(two, [8, 0], 8),
        lambda: slots.summed(3),
        lambda: Slots(2, 8, 128),
    ):
        with pytest.raises(ConfigError, match="do not hold"):
            overflow()
    with pytest.raises(PrivacyError, match="not as many or not as small"):
        public.encrypt([61, 0], slots)
    with pytest.raises(PrivacyError, match="not as many or not as small"):
        public.encrypt([1], slots)


def test_a_hostile_product_that_leaves_what_was_agreed_is_not_taken_for_numbers():
    slots = Slots(2, 8, 60)
    c = KEY.public.encrypt([60, 1], slots).ciphertexts[0]
    for factor in (3, 1 << 20, 1 << 2000):  # 180 in 8 bits reads as -76, and 2 beside it
        forged = Sealed(slots, KEY.public.digest, (pow(c, factor, N * N),))
        with pytest.raises(PrivacyError, match="no such numbers"):
            KEY.decrypt(forged, slots)


def test_a_sum_is_randomised_anew_whenever_it_is_written_and_no_sum_of_seen_parts():
    public = KEY.public
    one, two = (public.encrypt([1, 2, 3], OPEN) for _ in range(2))
    total = public.add(one, two)
    said = [public.write(total) for _ in range(3)]
    seen = one.ciphertexts[0] * two.ciphertexts[0] % (N * N)
    assert total.ciphertexts == (seen,)
    assert len({*said, seen.to_bytes(512, "big")}) == 4
    for data in said:
        assert KEY.decrypt(public.read(data, OPEN.summed(2)), OPEN.summed(2)) == (2, 4, 6)
    assert public.write(one) == one.ciphertexts[0].to_bytes(512, "big")
    nothing = public.times(one, 0)
    assert nothing.ciphertexts == (1,)
    assert KEY.decrypt(public.read(public.write(nothing), OPEN.summed(0)), OPEN.summed(0)) == (0, 0, 0)


def test_zero_is_no_more_to_be_seen_than_any_other_number():
    public = KEY.public
    made = {public.encrypt([0, 0, 0], OPEN).ciphertexts[0] for _ in range(40)}
    assert len(made) == 40
    for c in made:
        assert c % N != 1
        assert gcd(c, N) == 1


@pytest.mark.parametrize(
    ("c", "words"),
    [
        (0, "out of range"),
        (1, "hides nothing"),
        (1 + 5 * N, "hides nothing"),
        (1 + (N - 5) * N, "hides nothing"),
        (N, "out of range"),
        (P, "out of range"),
        (3 * Q * Q, "out of range"),
        (N * N, "out of range"),
        (N * N + 7, "out of range"),
        ((1 << 4096) - 1, "out of range"),
    ],
)
def test_what_is_no_ciphertext_is_refused(c, words):
    with pytest.raises(WireError, match=words):
        KEY.public.read(c.to_bytes(512, "big"), OPEN)


def test_only_what_was_agreed_on_is_read_and_decrypted():
    public = KEY.public
    sound = public.encrypt([1, 2, 3], OPEN)
    data = public.write(sound)
    for bad in (data[:-1], data + data, b"", data + b"\0"):
        with pytest.raises(WireError, match="not as many"):
            public.read(bad, OPEN)
    for other in (replace(OPEN, count=2), replace(OPEN, bits=41), replace(OPEN, largest=10**6 + 1)):
        with pytest.raises(PrivacyError, match="agreed on"):
            KEY.decrypt(sound, other)
    for read in (replace(OPEN, largest=2), replace(OPEN, count=2)):
        with pytest.raises(PrivacyError, match="no such numbers"):
            KEY.decrypt(public.read(data, read), read)


def test_nothing_of_another_key_is_added_or_decrypted():
    other = Private.fresh(2048)
    mine, theirs = (key.public.encrypt([1, 2, 3], OPEN) for key in (KEY, other))
    for say in (
        lambda: KEY.public.add(mine, theirs),
        lambda: KEY.public.times(theirs, 2),
        lambda: KEY.public.write(theirs),
        lambda: KEY.decrypt(theirs, OPEN),
    ):
        with pytest.raises(PrivacyError, match="another key"):
            say()
    (c,) = theirs.ciphertexts
    with pytest.raises(PrivacyError, match="no such numbers"):  # taken for ours, as a hostile sender would have it
        KEY.decrypt(Sealed(OPEN, KEY.public.digest, (c % (N * N),)), OPEN)
    with pytest.raises(PrivacyError, match="laid out differently"):
        KEY.public.add(mine, KEY.public.encrypt([1, 2], replace(OPEN, count=2)))


def test_a_key_whose_primes_are_not_fit_is_refused():
    for p, q in ((P, P), (7, 11), (P, Q + 2)):
        with pytest.raises((PrivacyError, WireError)):
            Private(p, q, Public(p * q, 4))
    with pytest.raises(PrivacyError, match="make no key"):
        Private(P, Q, Private.fresh(2048).public)
    with pytest.raises(ConfigError, match="1024 bits"):
        Private.fresh(1024)


def test_a_drawn_key_keeps_to_the_conditions_and_its_residue_is_one():
    key = Private.fresh(3072)
    p, q, n = key.p, key.q, key.public.n
    assert n.bit_length() == 3072
    assert p.bit_length() == q.bit_length() == 1536
    assert p % 4 == q % 4 == 3
    assert gcd(p - 1, q - 1) == 2
    assert all(pow(a, r - 1, r) == 1 for a in (2, 3, 5, 7, 11, 13) for r in (p, q))
    root = pow(key.public.residue, pow(n, -1, (p - 1) * (q - 1)), n)  # whose n-th power it is
    assert pow(root, n, n * n) == key.public.residue
    assert [pow(root, (r - 1) // 2, r) for r in (p, q)] == [p - 1, q - 1]  # -x^2: of Jacobi symbol 1, and no square


def test_only_the_public_key_travels_and_what_is_none_is_refused():
    told = KEY.public.told()
    assert Public.of(told) == KEY.public
    for secret in (P, Q):
        assert secret.to_bytes(128, "big") not in told
        assert hex(secret)[2:20] not in repr(KEY)
        assert str(secret)[:20] not in repr(KEY)
    even = (N - 1).to_bytes(256, "big") + told[256:]
    for bad in (b"", told[:-1], told + b"\0", bytes(768), even, told[:256] + bytes(512), told[:256] + b"\xff" * 512):
        with pytest.raises(WireError, match="none, or of another size"):
            Public.of(bad)


def test_a_slot_that_is_wider_than_a_ciphertext_is_refused():
    with pytest.raises(ConfigError, match="does not fit"):
        KEY.public.encrypt([1], Slots(1, 2000, 1))
    with pytest.raises(ConfigError):
        Slots(0, 40, 1)


def test_without_gmpy2_the_numbers_are_the_same(monkeypatch):
    quick = KEY.public.encrypt([1, -2, 3], OPEN)
    monkeypatch.setattr(paillier, "_powers", lambda: (pow, pow))
    assert KEY.decrypt(quick, OPEN) == (1, -2, 3)
    plain = KEY.public.times(KEY.public.encrypt([1, -2, 3], OPEN), -5)
    monkeypatch.undo()
    assert KEY.decrypt(plain, OPEN.summed(5)) == (-5, 10, -15)
