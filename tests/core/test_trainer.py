"""Local settings: ranges and schedules."""

from __future__ import annotations

import pytest

from hansa.core.trainer import Local
from hansa.errors import ConfigError


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 1, "steps": 1},
        {"epochs": 0},
        {"steps": 0},
        {"batch": -1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"momentum": 1.0},
        {"decay": 0.0},
        {"clip_norm": 0.0},
        {"prox": -1.0},
    ],
)
def test_ranges(wrong):
    with pytest.raises(ConfigError):
        Local(**wrong)


def test_schedules():
    assert Local(learning_rate=0.4).at(9, 10).learning_rate == 0.4
    assert Local(learning_rate=0.4, schedule="exponential", decay=0.5).at(2, 10).learning_rate == pytest.approx(0.1)
    cosine = [Local(learning_rate=0.4, schedule="cosine").at(r, 10).learning_rate for r in range(10)]
    assert cosine[0] == 0.4
    assert cosine == sorted(cosine, reverse=True)
    assert cosine[5] == pytest.approx(0.2)
