"""Three small banks, and a job that is quick."""

from __future__ import annotations

import numpy as np

from hansa.core.job import Job
from hansa.core.trainer import Local
from hansa.data.frames import party
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.rounds import Rounds
from hansa.links import by_examples, perturb, weighted_mean
from hansa.trainers import Linear


def columns(i, rows=260, words=False):
    rng = np.random.default_rng(i)
    income, age = np.exp(rng.normal(10, 1, rows)), rng.integers(18, 80, rows)
    odds = 1.5 - 0.9 * (np.log(income) - 10) - 0.02 * (age - 40) + 0.4 * i
    bad = rng.random(rows) < 1 / (1 + np.exp(odds))
    return {
        "who": np.arange(rows) + 1000 * i,
        "收入": income,
        "age": age,
        "home": rng.choice(["own", "rent", "free"], rows).tolist(),
        "late": np.where(bad, "yes", "no").tolist() if words else bad.astype(int),
    }


def banks(n=3, words=False):
    return [party(f"bank-{i}", columns(i, words=words), target="late", id="who") for i in range(n)]


def job(trainer=None, rounds=4, noise=(), **settings):
    chain = (by_examples(), *noise, weighted_mean())
    step = Rounds(trainer or Linear(), Local(epochs=1, batch=32, learning_rate=0.3), chain, rounds)
    return Job("small", (Prepare(), step, Evaluate()), **settings)


def noisy(**settings):
    return job(noise=(perturb(0.1, **settings),))
