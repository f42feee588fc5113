"""LiRA: its ratio is the best there is for normals, and chance where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from hansa.privacy.attacks.membership import rates, ratios


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_it_is_as_good_as_two_normals_allow(shift):
    rng = np.random.default_rng(0)
    inside = rng.random((64, 400)) < 0.5
    easy = 10 * rng.normal(size=400)  # how easy a point is says nothing of its membership
    found = rates(ratios(rng.normal(size=(64, 400)) + shift * inside + easy, inside), inside)
    assert found.auc == pytest.approx(norm.cdf(shift / np.sqrt(2)), abs=0.02)
    assert found.at_one_in_100 == pytest.approx(norm.sf(norm.isf(0.01) - shift), abs=0.04)
    assert found.at_one_in_1000 == pytest.approx(norm.sf(norm.isf(0.001) - shift), abs=0.03)


def test_ties_are_no_finds():
    found = rates(np.zeros((4, 50)), np.tile(np.arange(50) % 2 == 0, (4, 1)))
    assert found == (0.5, 0.0, 0.0)
