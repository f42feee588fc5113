"""What a party tells to a preparation: sums and counts of its training rows, and only what it was asked first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.party import at_once, site_of
from hansa.errors import PolicyRefusal
from hansa.horizontal.columns import Coding, Scaled
from hansa.horizontal.fitter import Adopt, Below, Count, Describe, Fitter, Spread
from hansa.horizontal.fitting import Fit, Want
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.prepared import Prepared
from tests.horizontal.banks import book, divided, job_of

RARE = Coding("standardise", winsorise=0.1, special_codes=(-9.0,))
STEP = Prepare(columns={"income": Coding("bins"), "arrears": RARE}, drop=("home",))
INCOME, AGE = Want("income", "bins"), Want("age", "standardise")
ARREARS = Want("arrears", "standardise", winsorise=0.1, special_codes=(-9.0,))
WANTS = (INCOME, AGE, ARREARS)


def site(step, rows=400, **settings):
    """A bank's view of a job of one preparation."""
    return site_of(divided(book(rows), [])[0], job_of(step, **settings))


def below(edges, codes=()):
    return Below({"income": np.array(edges)}, {"income": codes})


def fit(want, low=-np.inf, high=np.inf, centre=0.0):
    return Fit(want, np.zeros(0), 10, low=low, high=high, centre=centre)


def test_a_party_with_few_training_rows_adds_nothing():
    step = Prepare()
    for least, rows in ((20, 100), (101, 0)):
        here = site(step, 150, min_rows=least)
        counted, memory = Fitter(step).answer(Count(WANTS[:2]), here, {})
        assert bool(counted.load["counts"].any()) == bool(rows)
        assert (Fitter(step).answer(below([1e9]), here, memory)[0].load["below"].sum() > 0) == bool(rows)


HONEST = (
    Describe(),
    Count(WANTS),
    below([1e4, 1e5]),
    below([2e4]),
    Count(WANTS),
    below([1e4, 2e4, 1e5]),
    Spread((fit(AGE), fit(ARREARS, 0, 3))),
    Spread((fit(AGE, centre=40), fit(ARREARS, 0, 3, centre=1.0))),
    Count(WANTS),
    Spread((fit(AGE), fit(ARREARS, 0, 3))),
    Adopt(Prepared((Scaled("age", 40.0),))),
    Adopt(Prepared((Scaled("age", 40.0),))),
)
HOSTILE = {
    "a column that the job leaves out": (1, Count((INCOME, AGE, ARREARS, Want("home", "onehot", levels=("own",))))),
    "what tells customers apart": (1, Count((INCOME, AGE, ARREARS, Want("who", "none")))),
    "codes that the job does not name": (1, Count((replace(INCOME, special_codes=(12345.5,)), AGE, ARREARS))),
    "a value taken out by name": (5, Count((replace(INCOME, special_codes=(12345.5,)), AGE, ARREARS))),
    "a column taken out": (5, Count((INCOME, AGE))),
    "edges under other codes": (5, below([2e4], (12345.5,))),
    "edges of a column whose values were summed": (5, Below({"age": np.array([30.0])}, {"age": ()})),
    "edges after sums": (7, below([2e4])),
    "other ends": (7, Spread((fit(AGE), fit(ARREARS, 0, 3 + 1e-9)))),
    "one column less": (7, Spread((fit(AGE),))),
    "ends of a column whose whole sum was told": (6, Spread((fit(AGE, high=60.0), fit(ARREARS, 0, 3)))),
    "sums of a binned column": (6, Spread((fit(AGE), fit(ARREARS, 0, 3), fit(INCOME)))),
    "sums by another want": (6, Spread((fit(replace(AGE, signed_log=True)), fit(ARREARS, 0, 3)))),
    "another preparation": (11, Adopt(Prepared((Scaled("age", 41.0),)))),
    "counts after the fit": (11, Count(WANTS)),
    "edges after the fit": (11, below([1e4])),
    "sums after the fit": (11, Spread((fit(AGE), fit(ARREARS, 0, 3)))),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_another_question_than_the_first_is_refused_whether_the_answers_counted_or_not(what):
    here, (after, ask), memory = site(STEP), HOSTILE[what], {}
    for asked in HONEST[:after]:
        _, memory = Fitter(STEP).answer(asked, here, memory)
        memory = at_once(memory)  # the coordinator says of no answer that it counted
    with pytest.raises(PolicyRefusal, match=r"asks for other [\w ]+ than its job, or than at first") as caught:
        Fitter(STEP).answer(ask, here, memory)
    assert "12345" not in str(caught.value)
    for asked in HONEST[after:]:
        _, memory = Fitter(STEP).answer(asked, here, memory)
    assert set(memory) == {"prepared", "at once/prepare"}


def test_what_is_remembered_is_small_for_every_party():
    here = site(STEP)
    memory = Fitter(STEP).answer(Count(WANTS), here, {})[1]
    assert Fitter(STEP).answer(Count(WANTS), here, {})[1]["at once/prepare"] is memory["at once/prepare"]
