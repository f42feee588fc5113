"""Exact recovery: to the last bits where nothing defends, and nothing under noise."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.core.pytree import unravel
from hansa.core.trainer import Design, Local
from hansa.horizontal.training import layout_of
from hansa.privacy.attacks.rows import likeness, row_in
from hansa.trainers import Linear, Tabular


@pytest.mark.parametrize("trainer", [Linear(), Tabular(dtype="float64"), Tabular(), Tabular((8,), activation="tanh")])
@pytest.mark.parametrize("steps", [1, 5])
def test_a_trainers_own_step_gives_its_row_away(trainer, steps):
    draws, row = Draws(0, "bank-a"), np.random.default_rng(3).normal(size=(1, 30))
    params = trainer.init(30, "random", draws)
    data = Design(row.astype(trainer.dtype), np.ones(1, trainer.dtype))
    delta = trainer.fit(params, data, Local(steps=steps, learning_rate=0.1), draws)["delta"][0]
    moved = unravel(layout_of(trainer, 30), delta)
    first = (moved["coef"], moved["intercept"]) if isinstance(trainer, Linear) else tuple(moved[0].values())
    found = row_in(*sorted(first, key=np.ndim, reverse=True))
    assert np.abs(found - row[0]).max() < (1e-9 if trainer.dtype == "float64" else 1e-3)


def test_nothing_is_found_where_nothing_moved():
    assert row_in(np.zeros((4, 3)), np.zeros(3)).tolist() == [0] * 4


def test_likeness_does_not_count_what_is_usual():
    usual = np.array([5.0, 5.0, 0.0, 0.0])
    rows = usual + np.random.default_rng(3).normal(size=(2000, 4))
    alike = [likeness(a, b, usual) for a, b in zip(rows[:1000], rows[1000:], strict=True)]
    assert abs(np.mean(alike)) < 0.1
    assert likeness(rows[0], rows[0], usual) == 1
