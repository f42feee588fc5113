"""What a party tells to a preparation: sums and counts of its training rows, and only what it was asked first."""

from __future__ import annotations

import numpy as np

from hansa.core.party import site_of
from hansa.horizontal.fitter import Below, Count, Fitter
from hansa.horizontal.fitting import Want
from hansa.horizontal.prepare import Prepare
from tests.horizontal.banks import book, divided, job_of

WANTS = (Want("income", "bins"), Want("age", "standardise"))


def site(step, rows=400, **settings):
    """A bank's view of a job of one preparation."""
    return site_of(divided(book(rows), [])[0], job_of(step, **settings))


def test_a_party_with_few_training_rows_adds_nothing():
    step = Prepare()
    for least, rows in ((20, 100), (101, 0)):
        here = site(step, 150, min_rows=least)
        ask = Below({"age": np.array([1e9])}, {"age": ()})
        assert (Fitter(step).answer(ask, here, {})[0].load["below"].sum() > 0) == bool(rows)
        assert bool(Fitter(step).answer(Count(WANTS), here, {})[0].load["counts"].any()) == bool(rows)
