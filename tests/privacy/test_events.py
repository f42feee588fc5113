"""Events are data: checked when they are made, and counted as a tree."""

from __future__ import annotations

import pytest

from hansa.errors import ConfigError
from hansa.privacy.events import (
    Composed,
    DistributedGaussian,
    Gaussian,
    Infinite,
    Laplace,
    Protects,
    SampledGaussian,
    leaves,
)

RECORD = Protects("record")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Protects("household"),
        lambda: Protects("record", "alike"),
        lambda: Gaussian(-1.0, RECORD),
        lambda: Gaussian(float("nan"), RECORD),
        lambda: SampledGaussian(0.0, 1.0, RECORD),
        lambda: SampledGaussian(1.5, 1.0, RECORD),
        lambda: DistributedGaussian(0.0, 1.0, 1, 1, RECORD),
        lambda: DistributedGaussian(1.0, 1.0, 1, 0, RECORD),
        lambda: Laplace(0.0, RECORD),
        lambda: Laplace(float("inf"), RECORD),
        lambda: Composed((), -1),
    ],
)
def test_what_no_accountant_could_read_is_refused(make):
    with pytest.raises(ConfigError):
        make()


def test_leaves_multiply_down_the_tree():
    a, b = Gaussian(1.0, RECORD), Infinite("x", "because")
    assert leaves([Composed((a, Composed((b, a), times=4)), times=3), b]) == [(a, 3), (b, 12), (a, 12), (b, 1)]


def test_equal_events_are_equal_and_hashable():
    assert len({Gaussian(1.0, RECORD), Gaussian(1.0, Protects("record"))}) == 1
