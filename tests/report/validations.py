"""A small but whole run whose scorecard was validated, as `result.json` holds it: three banks, hostile names."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np

import hansa as hs
from hansa.horizontal.binning import Binning
from hansa.horizontal.fairness import Fairness
from hansa.horizontal.glm import Glm
from hansa.horizontal.scorecard import MakeCard
from hansa.horizontal.validation import Validate

BANKS = ("Nordhaven <Savings>", "上海浦江城市商业银行", "tiny & co")


def book(rows, seed):
    """Loans of three years; one sex earns less."""
    rng = np.random.default_rng(seed)
    sex, year = rng.integers(0, 2, rows), rng.integers(2021, 2024, rows)
    income, debt = rng.normal(size=(2, rows))
    income = income - 0.4 * sex
    late = (rng.random(rows) < 1 / (1 + np.exp(1.2 + income - 0.7 * debt))).astype(int)
    named = {"income": income, "debt": debt, "year": year, "sex": np.where(sex, "f", "m").tolist(), "late": late}
    return {"who": np.arange(rows) + 10_000 * seed, **named}


@lru_cache(maxsize=1)
def summary():
    """The run; nobody may change it."""
    sizes = dict(zip(BANKS, (2400, 1500, 60), strict=True))
    banks = [
        hs.Party(name, book(rows, seed), target="late", id="who") for seed, (name, rows) in enumerate(sizes.items())
    ]
    tests = (Fairness(("sex",), reference={"sex": "m"}), Validate("year", known_until=2023), hs.Evaluate())
    job = hs.Job("card", (Binning(drop=("sex", "year")), Glm(), MakeCard(gain=1.0, loss=6.0), *tests))
    return json.loads(hs.run(job, on=hs.Simulation(banks, workers=1), baselines=False).to_json())
