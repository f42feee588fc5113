"""One program serves all rounds, and what is padded is not computed."""

from __future__ import annotations

import numpy as np

from hansa.core.draws import Draws
from hansa.core.trainer import Design, Local
from hansa.trainers.on_jax import Jax
from hansa.trainers.on_jax.program import margins, program


def test_nothing_is_compiled_again_from_round_to_round():
    trainer = Jax(hidden=(7,))
    params = trainer.init(3, "random", Draws(0, "start"))
    rng = np.random.default_rng(0)
    data = [Design(rng.normal(size=(n, 3)), (rng.random(n) < 0.5) * 1.0) for n in rng.integers(97, 112, 40)]
    held = program(trainer, 3, "sgd")
    for round_ in range(6):
        who = rng.choice(40, 17 + 2 * round_, replace=False)  # the cohort changes, its bucket does not
        local = Local(epochs=1, batch=10, learning_rate=0.1 / (1 + round_))
        held.fit(params, [data[i] for i in who], local, [Draws(0, f"bank-{i}", round_) for i in who])
        if round_ == 0:
            warm = held.traced
    assert held.traced == warm <= 2


def test_rows_are_scored_alike_however_many_there_are():
    trainer = Jax(hidden=(5,))
    params = trainer.init(3, "random", Draws(0, "start"))
    X = np.random.default_rng(0).normal(size=(20_000, 3)).astype("float32")
    whole = margins(trainer, params, X)
    assert np.allclose(whole[:7], margins(trainer, params, X[:7]), atol=1e-6)
    assert margins(trainer, params, X[:0]).shape == (0, 1)
