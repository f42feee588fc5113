"""The same name, the same bits, on every machine and for ever."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws, system_normal

GOLDEN = Draws(seed=7, party="bank-a", round=3)


def test_bits_are_pinned():
    from hashlib import sha256

    words = np.frombuffer(sha256(b"7\x1fbank-a\x1f3\x1forder").digest(), "<u8")
    again = np.random.Philox(key=words[:2], counter=words[2:].repeat(2)).random_raw(4)
    assert GOLDEN.raw("order", 4).tolist() == again.tolist()
    assert GOLDEN.permutation("order", 8).tolist() == np.argsort(GOLDEN.raw("order", 8)).tolist()


@pytest.mark.parametrize("other", [Draws(8, "bank-a", 3), Draws(7, "bank-b", 3), Draws(7, "bank-a", 4)])
def test_every_part_of_the_name_counts(other):
    assert not np.array_equal(GOLDEN.raw("order", 4), other.raw("order", 4))
    assert not np.array_equal(GOLDEN.raw("order", 4), GOLDEN.raw("else", 4))


def test_uniforms_and_normals_are_what_they_say():
    uniform, normal = GOLDEN.uniform("u", 100_000), GOLDEN.normal("n", 100_001)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert uniform.mean() == pytest.approx(0.5, abs=0.005)
    assert (normal.mean(), normal.std()) == (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.01))
    assert len(normal) == 100_001


def test_a_permutation_is_one():
    assert sorted(GOLDEN.permutation("p", 1000).tolist()) == list(range(1000))


def test_the_operating_systems_noise_never_repeats():
    one, two = system_normal(50_001), system_normal(50_001)
    assert not np.array_equal(one, two)
    assert one.std() == pytest.approx(1, abs=0.02)
