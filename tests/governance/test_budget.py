"""A budget is the most that a unit of a table gives to all jobs: composed by the accountant, held once approved."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from math import inf

import pytest

from hansa.core.message import Name
from hansa.errors import ConfigError
from hansa.governance.budget import Budget, cost, overspent
from hansa.privacy.accounting import epsilon
from hansa.privacy.events import Composed, DistributedGaussian, Gaussian, Infinite, Protects, SampledGaussian
from hansa.privacy.released import Part
from hansa.privacy.spending import Account, Given, Plan

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RECORD = Protects("record")
STEPS = Composed((Gaussian(40.0, RECORD),), 50)
CHECK = Part(0, "Check", (Infinite("Check", "It leaves as it is."),))


def train(times=4, events=(STEPS,)):
    return Part(0, "Train", events, times)


def job(digest, *parts, given=0, at=NOW, open_=True, table="loans"):
    answers = tuple(Given(at.timestamp(), parts[0], Name(0, i, 0)) for i in range(given))
    return Account(digest, "", 0.0, Plan(digest, "anna", table, parts), open=open_, given=answers)


def says(epsilon_=1.6, since="2026-01-01", unbounded=()):
    return {"record": Budget(epsilon_, 1e-5, since, unbounded)}


def exact(steps):
    return epsilon(noise_multiplier=40.0, steps=steps, delta=1e-5)


def test_jobs_are_composed_by_the_accountant_and_not_by_adding_epsilons():
    both, _ = cost(says()["record"], "record", [job("a", train(4)), job("b", train(8))])
    assert both == pytest.approx(exact(600), abs=2e-6)
    assert both >= exact(600)
    assert both < exact(200) + exact(400)


def test_a_job_that_would_overspend_is_told_what_it_costs_what_is_left_and_the_mend():
    cap = says(exact(400) + 1e-3)
    assert overspent(cap, job("b", train(4)), [job("a", train(4))], NOW) is None
    no = overspent(cap, job("b", train(5)), [job("a", train(4))], NOW)
    assert no.error == "BudgetSpent"
    assert f"epsilon = {exact(450):.3g} (by pld)" in no.what
    assert f"the budget is {cap['record']}" in no.what
    assert f"costs {exact(250):.3g}; {exact(200):.3g} of the budget is spent, or held" in no.why
    assert "[privacy.loans.record]" in no.mend


def test_what_a_closed_job_did_not_take_is_free_and_what_it_took_is_not():
    cap = says(exact(400) + 1e-3)
    assert overspent(cap, job("b", train(5)), [job("a", train(8), given=3, open_=False)], NOW) is None
    assert overspent(cap, job("b", train(5)), [job("a", train(8), given=4, open_=False)], NOW) is not None
    assert overspent(cap, job("b", train(5)), [job("a", train(8), given=3)], NOW) is not None


def test_another_table_is_another_matter_and_a_renewal_leaves_what_was_given_before():
    cap, long_ago = says(exact(250) + 1e-3), NOW - timedelta(days=400)
    assert overspent(cap, job("b", train(5)), [job("a", train(50), given=50, table="cards")], NOW) is None
    assert overspent(cap, job("b", train(5)), [job("a", train(50), given=50, at=long_ago, open_=False)], NOW) is None
    assert overspent(cap, job("b", train(5)), [job("a", train(50), given=50, open_=False)], NOW) is not None
    open_one = job("a", train(51), given=50, at=long_ago)
    assert overspent(cap, job("b", train(4)), [open_one], NOW) is None, "one answer is still to come"
    assert overspent(cap, job("b", train(5)), [open_one], NOW) is not None
    early = overspent(says(since="2027-01-01"), job("b", train(1)), [], NOW)
    assert "begins on 2027-01-01" in early.what


def test_what_leaves_without_a_bound_is_refused_unless_it_is_listed():
    no = overspent(says(9.0), job("a", train(), CHECK), [], NOW)
    assert "'Check' would leave without a bound" in no.what
    assert "add 'Check' to unbounded in [privacy.loans.record]" in no.mend
    assert overspent(says(9.0, unbounded=("Check",)), job("a", train(), CHECK), [], NOW) is None
    other = job("a", train(events=(Gaussian(9.0, Protects("customer")),)))
    assert "protects a customer, not a record" in overspent(says(9.0), other, [], NOW).why


def test_a_listed_part_counts_for_what_of_it_can_be_counted():
    """Row counts beside a private update leave as they are; the update is counted all the same."""
    both = train(4, (STEPS, Infinite("figures beside the update", "They leave as they are: rows.")))
    found, _ = cost(says(unbounded=("Train",))["record"], "record", [job("a", both)])
    assert found == pytest.approx(exact(200), abs=2e-6)


def test_what_left_without_a_bound_before_closes_the_budget_until_it_is_renewed():
    before = job("old", CHECK, given=1, open_=False)
    no = overspent(says(9.0), job("b", train()), [before], NOW)
    assert "No accountant can state an epsilon" in no.what
    assert cost(says()["record"], "record", [before]) == (inf, "none")
    assert overspent(says(9.0, since="2026-11-21"), job("b", train()), [job("old", CHECK, given=1, open_=False,
                     at=NOW - timedelta(days=1))], NOW) is None  # fmt: skip


def test_events_that_only_one_accountant_knows_are_accounted_by_it_and_none_by_none():
    shares = DistributedGaussian(1000.0, 250.0, 100, 4, RECORD)
    assert cost(says()["record"], "record", [job("a", train(events=(shares,)))])[1] == "rdp"
    replaced = train(events=(SampledGaussian(0.1, 2.0, Protects("record", "replace_one")), shares))
    assert overspent(says(99.0), job("a", replaced), [], NOW).error == "BudgetSpent"


def test_without_the_library_a_bounded_job_is_refused_by_the_name_of_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    monkeypatch.setitem(sys.modules, "dp_accounting.rdp", None)
    with pytest.raises(ConfigError, match=r"pip install 'hansa\[dp\]'"):
        overspent(says(), job("a", train()), [], NOW)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"epsilon": 0.0}, "epsilon above 0"),
        ({"epsilon": inf}, "epsilon above 0"),
        ({"delta": 1.0}, "delta between 0 and 1"),
        ({"since": "yesterday"}, "cannot begin on 'yesterday'"),
        ({"since": "2026-02-30"}, "2026-02-30"),
    ],
)
def test_a_budget_outside_its_range_is_refused(wrong, what):
    with pytest.raises(ConfigError, match=what):
        Budget(**{"epsilon": 1.0, "delta": 1e-5, "since": "2026-01-01", **wrong})
