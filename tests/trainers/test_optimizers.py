from __future__ import annotations

import numpy as np
import pytest

from hansa.core.trainer import Local
from hansa.trainers.memory import Memory
from hansa.trainers.optimizers import optimizer


def path(name, gradients):
    w = np.zeros((2, 1))
    moves = optimizer(Local(optimizer=name, learning_rate=0.1, momentum=0.5), 2, 1, Memory("float64"))
    for step, g in enumerate(gradients):
        moves.move(w, np.full((2, 1), g), slice(0, 2), step)
    return w[0, 0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("sgd", -0.1 * (1 + 2)), ("momentum", -0.1 * (1 + (2 + 0.5)))],
)
def test_two_steps_by_hand(name, expected):
    assert path(name, [1.0, 2.0]) == pytest.approx(expected, rel=1e-12)


def test_adams_first_step_has_the_length_of_the_rate():
    assert path("adam", [1e-3]) == pytest.approx(-0.1, rel=1e-4)
    mean, square = (0.9 * 0.1 * 1 + 0.1 * 2) / (1 - 0.9**2), (0.999 * 0.001 * 1 + 0.001 * 4) / (1 - 0.999**2)
    assert path("adam", [1.0, 2.0]) == pytest.approx(-0.1 - 0.1 * mean / square**0.5, rel=1e-6)


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_what_memory_held_before_does_not_matter(name):
    memory, moved = Memory("float64"), []
    for _ in range(2):
        w = np.zeros((1, 1))
        optimizer(Local(optimizer=name), 1, 1, memory).move(w, np.ones((1, 1)), slice(0, 1), 0)
        moved.append(w.item())
    assert moved[0] == moved[1]
