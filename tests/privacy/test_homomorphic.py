"""Sums of ciphertexts come out exactly up to the bound, and what is none of them is refused."""

from __future__ import annotations

import numpy as np
import pytest
import tenseal
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import ConfigError, PrivacyError, WireError
from hansa.privacy.homomorphic import (
    BLOCK,
    KEY,
    LARGEST,
    SCALE,
    SLOTS,
    Adder,
    Lock,
    check_parties,
    error_bound,
    most_parties,
)


@pytest.fixture(scope="module")
def lock():
    return Lock.fresh()


def summed(lock, rows):
    adder, total = Adder.new(), None
    for row in rows:
        came = adder.read(lock.encrypt(row))
        total = came if total is None else adder.add(total, came)
    return adder.written(total)


@pytest.mark.parametrize("n", [1, 5, 100, most_parties()])
@pytest.mark.parametrize("value", [LARGEST, -LARGEST, None])
def test_a_sum_of_as_many_as_there_may_be_is_exact_at_both_ends(lock, n, value):
    rng = np.random.default_rng(n)
    rows = [
        np.full(SLOTS, value) if value is not None else rng.integers(-LARGEST, LARGEST, SLOTS, endpoint=True)
        for _ in range(n)
    ]
    assert (lock.decrypt(summed(lock, rows), SLOTS, n) == np.sum(rows, axis=0)).all()


@pytest.mark.parametrize("n", [1, 20, most_parties()])
def test_before_it_is_rounded_a_sum_is_off_by_less_than_the_bound_and_by_more_than_nothing(lock, n):
    rows = [np.random.default_rng(i).integers(-LARGEST, LARGEST, SLOTS) for i in range(n)]
    raw = [tenseal.ckks_vector_from(lock.context, one).decrypt() for one in summed(lock, rows)]
    off = np.abs(np.array(raw[0]) - np.sum(rows, axis=0))
    assert off.max() < error_bound(n) < 1 / 4
    spread = 3.2 * np.sqrt(8192 * n / 2) / SCALE  # the real half of a slot's error
    assert np.sqrt(np.mean(off**2)) == pytest.approx(spread, rel=0.15)


def test_one_more_party_would_be_silently_wrong_and_is_refused(lock):
    assert most_parties() == 255
    raw = tenseal.ckks_vector(lock.context, np.full(SLOTS, float(LARGEST)))
    total = raw.copy()
    for _ in range(most_parties() + 2):
        total += raw
    assert min(total.decrypt()) < 0 < LARGEST  # what the library says of a sum that left the modulus
    with pytest.raises(ConfigError, match="room for 255 parties"):
        check_parties(most_parties() + 1)
    with pytest.raises(ConfigError, match="room for 255 parties"):
        lock.decrypt([bytes(total.serialize())], SLOTS, most_parties() + 3)


@settings(max_examples=10)
@given(st.lists(st.integers(-LARGEST, LARGEST), min_size=1, max_size=9))
def test_any_numbers_come_back(numbers):
    lock = Lock.fresh()
    row = np.array(numbers, np.int64)
    assert (Lock.read(lock.key).decrypt(summed(lock, [row, -row, row]), len(row), 3) == row).all()


def test_a_number_beyond_the_largest_is_refused_before_it_is_encrypted(lock):
    for number in (LARGEST + 1, -LARGEST - 1):
        with pytest.raises(PrivacyError, match="beyond 2,147,483,648"):
            lock.encrypt(np.array([0, number]))


def test_no_two_ciphertexts_of_one_number_are_alike(lock):
    one, two = (lock.encrypt(np.zeros(3, np.int64))[0] for _ in range(2))
    same = np.mean(np.frombuffer(one[200:], np.uint8) == np.frombuffer(two[200:], np.uint8))
    assert same < 0.05  # 3 of 64 bytes are of the prime's own, the rest as likely as any other


def test_with_another_key_nothing_opens(lock):
    made = lock.encrypt(np.arange(5))
    with pytest.raises(PrivacyError, match="none of this key's"):
        Lock.fresh().decrypt(made, 5, 3)


def other(bits, degree=8192, scale=float(SCALE)):
    context = tenseal.context(tenseal.SCHEME_TYPE.CKKS, degree, coeff_mod_bit_sizes=bits)
    context.global_scale = scale
    return context


def test_ciphertexts_of_other_settings_are_refused(lock):
    ours = lock.encrypt(np.arange(5))[0]
    zeros = [0.0] * SLOTS
    wrong = {
        "degree": tenseal.ckks_vector(other([60, 60], 16384), zeros).serialize(),
        "moduli": tenseal.ckks_vector(other([50, 50]), zeros).serialize(),
        "levels": tenseal.ckks_vector(other([60, 40, 60]), zeros).serialize(),
        "scale": tenseal.ckks_vector(other([60, 60], scale=2.0**30), zeros).serialize(),
        "length": tenseal.ckks_vector(other([60, 60]), [0.0]).serialize(),
        "more than one": tenseal.ckks_vector(other([60, 60]), [0.0] * (SLOTS + 1)).serialize(),
        "cut": ours[:-1],
        "empty": b"",
        "long": ours + bytes(BLOCK),
    }
    for data in wrong.values():
        for read in (Adder.new().read, lambda one: lock.decrypt(one, SLOTS, 3)):
            with pytest.raises(WireError):
                read([bytes(data)])


def body(data):
    """What a ciphertext's bytes hold: its frame (RFC 8878) has raw blocks only, for nothing in it can be compressed."""
    at, found = data.index(bytes.fromhex("28b52ffda0")) + 9, b""
    while at < len(data):
        head = int.from_bytes(data[at : at + 3], "little")
        assert head >> 1 & 3 == 0
        found += data[at + 3 : at + 3 + (head >> 3)]
        at += 3 + (head >> 3)
        if head & 1:
            break
    return found


def whole(found):
    """A ciphertext of these contents, uncompressed, as the library writes one."""
    inside = bytes.fromhex("5ea1100403000000") + (16 + len(found)).to_bytes(8, "little") + found
    size = bytes([len(inside) & 127 | 128, len(inside) >> 7 & 127 | 128, len(inside) >> 14])
    return b"\n\x02\x80 \x12" + size + inside + b"\x19" + np.float64(SCALE).tobytes()


def test_what_hides_nothing_is_neither_read_nor_made(lock):
    adder, made = Adder.new(), lock.encrypt(np.arange(5))
    read, inside = adder.read(made), body(made[0])
    assert (lock.decrypt([whole(inside)], 5, 3) == np.arange(5)).all()  # so can anybody write one who knows how
    with pytest.raises(WireError, match="do not add up"):
        adder.add(read, [-one for one in read])
    second = len(inside) - 8192 * 8
    for shown in (inside[:second] + bytes(8192 * 8), inside[: second - 8192 * 8] + bytes(2 * 8192 * 8)):
        with pytest.raises(WireError, match="is none"):
            adder.read([whole(shown)])
        with pytest.raises(WireError, match="is none"):
            lock.decrypt([whole(shown)], 5, 3)


def test_the_wrong_number_of_ciphertexts_is_refused(lock):
    made = lock.encrypt(np.arange(5))
    for given_, count in ((made, SLOTS + 1), (made * 2, 5), ([], 5)):
        with pytest.raises(WireError, match="do not hold"):
            lock.decrypt(given_, count, 3)


def test_a_key_of_other_settings_or_without_its_secret_is_refused(lock):
    bare = Adder.new().context.serialize(save_secret_key=False)
    larger = other([60, 60], 16384)
    for key in (bytes(bare), b"", b"no key", lock.key[:-30], bytes(KEY + 1)):
        with pytest.raises(WireError):
            Lock.read(key)
    for context in (other([50, 50]), larger, other([60, 60], scale=2.0**10)):
        key = context.serialize(save_public_key=False, save_secret_key=True, save_galois_keys=False)
        with pytest.raises(WireError):
            Lock.read(bytes(key))


def test_damaged_bytes_are_refused_or_decrypt_to_nothing_that_passes(lock):
    sound = lock.encrypt(np.arange(SLOTS))[0]
    rng, adder, read = np.random.default_rng(0), Adder.new(), 0
    for i in range(600):
        data = np.frombuffer(sound, np.uint8).copy()
        if i % 3 == 0:
            data[rng.integers(0, 160, 3)] = rng.integers(0, 256, 3)
        elif i % 3 == 1:
            data = rng.integers(0, 256, rng.integers(0, 300), np.uint8)
        else:
            data[rng.integers(0, len(data), 2)] ^= np.uint8(1 << rng.integers(0, 8))
        try:
            adder.read([data.tobytes()])
        except WireError:
            continue
        read += 1
        if data.tobytes() != sound:
            try:
                found = lock.decrypt([data.tobytes()], SLOTS, 3)
            except (WireError, PrivacyError):
                continue
            assert (found == np.arange(SLOTS)).all()  # a header's byte that says nothing
    assert read > 50


def test_no_print_shows_a_key(lock):
    assert repr(lock) == "Lock()"
