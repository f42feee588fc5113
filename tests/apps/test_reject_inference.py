"""Each remedy is judged against outcomes that the lenders never saw, and reads none of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.apps.reject_inference import METHODS, Judged, judge, market
from hansa.core.table import Column
from hansa.errors import ConfigError


@pytest.fixture(scope="module")
def lenders():
    return market(rows=2500)


@pytest.fixture(scope="module")
def found(lenders):
    return judge(lenders)


def test_policies_decline_the_shares_that_they_say_and_the_worse_risks(lenders):
    for lender, share in zip(lenders, (0.8, 0.65, 0.5), strict=True):
        bad = lender.applicants.y()
        assert lender.accepted.mean() == share
        assert bad[~lender.accepted].mean() > 1.3 * bad[lender.accepted].mean()


def test_no_remedy_gains_much_over_the_accepted_alone(found):
    assert tuple(found) == METHODS
    for method in METHODS[1:-1]:
        assert abs(found[method].auc - found["accepted only"].auc) < 0.03
    assert "The best remedy, " in Judged.table(found)


def test_only_the_truth_reads_outcomes_of_the_declined(lenders, found):
    lies = [
        replace(one, applicants=one.applicants.with_columns([Column.of("default", flipped(one))])) for one in lenders
    ]
    changed = judge(lies)
    truth = {m: found[m].told * declined_rate(lenders) for m in METHODS}
    told = {m: changed[m].told * declined_rate(lies) for m in METHODS}
    for method in METHODS[:-1]:
        np.testing.assert_allclose(told[method], truth[method], rtol=1e-9)
    assert told[METHODS[-1]] > 2 * truth[METHODS[-1]]


def flipped(lender):
    bad = lender.applicants.y().astype(np.int64)
    return np.where(lender.accepted, bad, 1 - bad)


def declined_rate(lenders):
    return np.concatenate([one.applicants.y()[~one.accepted] for one in lenders]).mean()


def test_a_gain_is_told_as_one():
    best = {"accepted only": Judged(0.7, 0.6, 1.0), "fuzzy": Judged(0.72, 0.65, 1.0)}
    assert "more than the accepted alone tell" in Judged.table(best)


def test_who_declines_nobody_is_refused():
    with pytest.raises(ConfigError, match="between 0 and 1"):
        market(rows=100, approve=(1.0,))
