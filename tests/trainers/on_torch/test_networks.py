"""The ready-made networks learn; one's own get the columns that they name."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.draws import Draws
from hansa.core.trainer import Design, Inputs, Local
from hansa.errors import ConfigError
from hansa.trainers.on_torch import Torch
from hansa.trainers.on_torch.ready import ft_transformer, lstm, mlp, resnet, tcn

MIXED = Inputs(("age", "home", "note [0]", "note [1]", "limit", "x"), (0, 4, 20, 20, 0, 0))
NUMBERS = Inputs(tuple(f"x{i}" for i in range(6)), (0,) * 6)


def rows(inputs, n=300):
    rng = np.random.default_rng(2)
    X = np.stack([rng.integers(0, k, n) if k else rng.normal(size=n) for k in inputs.sizes], 1).astype("float32")
    y = (X[:, 0] + (X[:, 1] > 1 if inputs.sizes[1] else X[:, 1]) > 0.3).astype("float32")
    return Design(X, y)


@pytest.mark.parametrize(
    ("module", "inputs", "stacked"),
    [
        (mlp(hidden=(16,)), MIXED, True),
        (mlp(hidden=(16,), activation="gelu"), NUMBERS, True),
        (resnet(width=16), MIXED, True),
        (ft_transformer(width=16), MIXED, True),
        (lstm(steps=3, width=16), NUMBERS, None),
        (tcn(steps=3, width=16), NUMBERS, True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_learns(module, inputs, stacked):
    trainer = Torch(module, device="cpu", dtype="float64").reading(inputs)
    params, data = trainer.init(6, "random", Draws(0, "start")), rows(inputs)
    if stacked is not None:
        assert (trainer.how(6) == "A stack of parties at once.") == stacked
    local = Local(epochs=15, batch=32, learning_rate=0.01, optimizer="adam")
    from hansa.core.pytree import ravel, unravel

    vector, layout = ravel(params)
    delta = trainer.fit(params, data, local, Draws(0, "a"))["delta"][0]
    learned = trainer.predict(unravel(layout, vector + delta), data.X)
    assert ((learned > 0.5) == data.y).mean() > 0.9


def test_a_series_needs_equal_groups_of_numbers():
    with pytest.raises(ConfigError, match="equal groups"):
        Torch(lstm(steps=4)).init(6, "random", Draws(0, "start"))


def test_a_gap_in_a_text_is_no_word():
    trainer = Torch(mlp(hidden=()), device="cpu").reading(Inputs(("note [0]", "note [1]"), (9, 9)))
    params = trainer.init(2, "random", Draws(0, "start"))
    one, padded = trainer.margin(params, np.array([[3.0, 3.0], [3.0, 0.0]], np.float32))
    assert one == pytest.approx(padded)
