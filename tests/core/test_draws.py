"""The same name, the same bits, on every machine and for ever."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws, system_normal

GOLDEN = Draws(seed=7, party="bank-a", round=3)


def test_bits_are_pinned():
    wanted = [0x6DD115F858C2D1B6, 0x20619F1A89F876C5, 0xD7C178E2A42F15B1, 0x068D9B04BCE56BE6]
    assert GOLDEN.raw("order", 4).tolist() == wanted
    assert GOLDEN.permutation("order", 8).tolist() == [3, 1, 4, 0, 6, 7, 2, 5]
    assert GOLDEN.uniform("order", 3).tolist() == [0.42897164643433006, 0.12648958585666192, 0.8427959016154853]
    assert GOLDEN.normal("order", 3) == pytest.approx([0.5828392532834883, 0.5133554137309305, -0.8837031367976561])


@pytest.mark.parametrize(
    "other", [Draws(8, "bank-a", 3), Draws(7, "bank-b", 3), Draws(7, "bank-a", 4), Draws(7, "bank-a", 3, "2. ")]
)
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


def test_the_two_halves_of_the_normals_are_independent():
    one, two = np.split(GOLDEN.normal("n", 100_000), 2)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02
    assert not np.array_equal(one, two)
