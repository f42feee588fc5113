"""Noise on a grid: of the right size, and whole steps from end to end."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.errors import PolicyRefusal
from hansa.privacy.grid import in_steps, noised


def test_noise_has_its_variance_to_a_hundredth():
    drawn = noised(np.full(1_000_000, 3.0), sensitivity=0.25, noise_multiplier=2.0) - 3.0
    assert drawn.var() == pytest.approx(0.25, rel=0.01)
    assert abs(drawn.mean()) < 0.003


def test_geometric_noise_has_its_variance_to_a_hundredth():
    drawn = noised(np.full(1_000_000, 3.0), 0.25, 2.0, "geometric") - 3.0
    assert drawn.var() == pytest.approx(2 * 0.25, rel=0.015)  # twice its scale's square, and rounding of so many places
    assert np.abs(drawn).mean() == pytest.approx(0.5, rel=0.01)


def test_two_neighbours_come_out_on_one_grid():
    """Whatever was under the noise, the results are whole multiples of one power of two."""
    rng = np.random.default_rng(0)
    one, other = (noised(rng.normal(size=500), 1.0, 1.0) for _ in range(2))
    for drawn in (one, other):
        assert (np.ldexp(drawn, 30) == np.rint(np.ldexp(drawn, 30))).all()


def test_noise_grows_with_what_rounding_may_add():
    drawn = noised(np.zeros(200_000), sensitivity=1e-30, noise_multiplier=1.0)
    assert drawn.std() == pytest.approx(1e-30, rel=0.01)


def test_no_noise_is_the_vector_itself():
    assert noised(np.array([0.1], np.float32), 1.0, 0.0).tolist() == [np.float32(0.1)]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e30])
def test_what_the_grid_cannot_hold_is_refused(wrong):
    with pytest.raises(PolicyRefusal, match="not finite, or too large"):
        noised(np.array([wrong]), 1.0, 1.0)


@pytest.mark.parametrize("rows", [5e6, 1e8])
@pytest.mark.parametrize("multiplier", [0.1, 0.5])
def test_sums_of_large_banks_have_room_beside_little_noise(rows, multiplier):
    """Once refused beyond two to four million times the noise."""
    drawn = noised(np.full(20_000, rows), 1.0, multiplier) - rows
    assert drawn.std() == pytest.approx(multiplier, rel=0.03)
    assert abs(drawn.mean()) < 5 * multiplier / 20_000**0.5


def test_steps_are_the_nearest():
    assert in_steps(np.array([0.9, -0.6, 2.5], np.float32), 0.5).tolist() == [2, -1, 5]
