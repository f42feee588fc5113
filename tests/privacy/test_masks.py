"""Masks: unrelated whatever differs, uniform, and cancelling to the bit."""

from __future__ import annotations

import os
from itertools import product

import numpy as np
import pytest

from hansa.privacy.masks import Keys, Masker
from hansa.privacy.primitives import REAL


def stream(key, size=1 << 16):
    words = np.zeros(size, np.uint64)
    Masker(REAL).add(words, key)
    return words


def test_keys_differ_by_terms_transcript_purpose_direction_and_parties():
    a, b = os.urandom(32), os.urandom(32)
    made = []
    for terms, transcript in product((bytes(32), b"1" * 32), repeat=2):
        keys = Keys(REAL, terms, transcript)
        for one, other in (("bank-a", "bank-b"), ("bank-a", "bank-c"), ("bank", "-abank-b")):
            made.append(keys.mask(a, REAL.public(b), one, other))
            made += [keys.enc(a, REAL.public(b), one, other)[0], keys.enc(a, REAL.public(b), other, one)[0]]
        made.append(keys.own(a, "bank-a"))
    assert len(set(made)) == len(made) == 40


def test_no_label_reads_as_another():
    keys = Keys(REAL, bytes(32), bytes(32))
    names = ("a", "b", "a|1:b", "1:a", "", "|")
    labels = {keys.label(purpose, x, y) for purpose in ("enc", "mask", "self") for x in names for y in names}
    assert len(labels) == 3 * 36


def test_every_one_of_256_bits_of_a_seed_varies():
    """A hundred thousand keys, each from a fresh secret: no bit is fixed, and none is seen again."""
    keys = Keys(REAL, bytes(32), bytes(32))
    seeds = np.frombuffer(b"".join(keys.own(os.urandom(32), "bank-a") for _ in range(10_000)), np.uint8).reshape(-1, 32)
    drawn = np.frombuffer(REAL.random(32 * 100_000), np.uint8).reshape(-1, 32)
    for found in (seeds, drawn):
        ones = np.unpackbits(found, axis=1).sum(axis=0)
        assert len(ones) == 256
        assert np.abs(ones - len(found) / 2).max() < 6 * np.sqrt(len(found)) / 2
        assert len(np.unique(found, axis=0)) == len(found)


@pytest.mark.soak
def test_no_key_comes_twice_in_a_million_derivations():
    """Over parties, directions, purposes, terms and transcripts, from few secrets: what could repeat, if any could."""
    secrets, made = [bytes([i]) * 32 for i in range(1, 11)], set()
    for i in range(1000):
        keys = Keys(REAL, i.to_bytes(32, "big"), (i % 7).to_bytes(32, "big"))
        for j in range(1000):
            label = keys.label(("enc", "mask", "self")[j % 3], f"bank-{j % 31}", f"bank-{j // 31}")
            made.add(REAL.derive(secrets[j % 10], keys.transcript, label))
    assert len(made) == 1_000_000


def test_streams_of_related_rounds_have_no_simple_relation():
    """Keys of two rounds that differ by a known amount would give their masks away."""
    a, b = os.urandom(32), os.urandom(32)
    rounds = [Keys(REAL, bytes(32), bytes(31) + bytes([r])).mask(a, REAL.public(b), "x", "y") for r in range(64)]
    differences = {
        bytes(x ^ y for x, y in zip(one, other, strict=True)) for one in rounds for other in rounds if one != other
    }
    assert len(differences) == 64 * 63 // 2


def test_a_masked_vector_is_uniform_and_says_nothing_of_what_is_under_it():
    words = np.arange(1 << 16, dtype=np.uint64)
    hidden = words + stream(b"one and the same key in each run")
    counts = np.bincount(hidden.view(np.uint8), minlength=256)
    mean = counts.mean()
    assert ((counts - mean) ** 2 / mean).sum() < 255 + 5 * np.sqrt(2 * 255)
    signs = hidden.view(np.int64).astype(np.float64)
    assert abs(np.corrcoef(signs, words.astype(np.float64))[0, 1]) <= 4 / np.sqrt(len(words))


def test_the_test_that_finds_an_update_under_masks_of_floats_finds_nothing():
    """Masks that are whole floats leave the fraction of an update as it is, and the same statistic finds it there."""
    rng = np.random.default_rng(0)
    update = rng.normal(size=4096) / 20
    numbers = np.rint(update * 2**24).astype(np.int64).view(np.uint64)

    def statistic(fraction):
        return float((fraction - 0.5) @ update / np.linalg.norm(update)) / np.sqrt(1 / 12)

    found = [statistic((numbers + stream(bytes([i]) * 32, 4096)).astype(float) * 2.0**-64) for i in range(50)]
    assert max(map(abs, found)) <= 4
    assert abs(np.mean(found)) <= 4 / np.sqrt(50)
    floats = [statistic((update + rng.integers(-(10**7), 10**7, 4096) + rng.random()) % 1.0) for _ in range(50)]
    nothing = [statistic((rng.integers(-(10**7), 10**7, 4096) + rng.random(4096)) % 1.0) for _ in range(50)]
    assert abs(np.mean(floats)) > 4 / np.sqrt(50) > abs(np.mean(nothing))


@pytest.mark.parametrize("size", [1, 7, (1 << 14) - 1, 1 << 14, (1 << 14) + 1, 40_000])
def test_what_is_added_comes_off_again_whatever_the_length(size):
    words, key = np.arange(size, dtype=np.uint64), os.urandom(32)
    masker = Masker(REAL)
    masker.add(words, key)
    assert (words == np.arange(size, dtype=np.uint64) + stream(key, 40_001)[:size]).all()
    masker.subtract(words, key)
    assert (words == np.arange(size, dtype=np.uint64)).all()
