"""An account counts what was given, and of an open job what it may still ask for; nothing twice."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.message import Name
from hansa.privacy.events import Composed, Infinite, Laplace, Protects, SampledGaussian, leaves
from hansa.privacy.released import Part
from hansa.privacy.spending import Account, Given, Plan, bounded, merged

STEP = SampledGaussian(0.1, 2.0, Protects("record"))
TRAIN = Part(1, "Train", (Composed((STEP,), 10),), times=5)
CHECK = Part(1, "Check", (Infinite("Check", "It leaves as it is."),), times=5)


def account(given=(), *, open_=True, parts=(TRAIN, CHECK)):
    answers = tuple(Given(float(at), part, Name(1, at, 0)) for at, part in given)
    return Account("5e1f", "", 0.0, Plan("scores", "anna", "loans", parts), open=open_, given=answers)


def count(found, what="Train"):
    return sum(times for _, times in leaves(found.get(what, ())))


@settings(max_examples=50)
@given(st.integers(0, 9), st.booleans(), st.integers(0, 9))
def test_an_open_job_counts_for_its_plan_or_what_it_gave_beyond_and_a_closed_one_for_what_it_gave(n, open_, since):
    one = account([(at, TRAIN) for at in range(n)], open_=open_)
    late = len([at for at in range(n) if at >= since])
    assert count(one.spent(since)) == 10 * late
    assert count(one.counts(since)) == 10 * (late + (max(5 - n, 0) if open_ else 0))
    assert one.given_of(TRAIN) == n


def test_what_is_called_alike_is_added_up_and_nothing_is_lost():
    both = merged([account([(1, TRAIN), (2, CHECK)]).counts(), account([(1, TRAIN)], open_=False).counts()])
    assert both == {"Train": (Composed(TRAIN.events, 6),), "Check": (Composed(CHECK.events, 5),)}


def test_what_protects_another_unit_or_nobody_is_without_a_bound_for_a_unit():
    private, why = bounded([TRAIN.whole, CHECK.whole], "record")
    assert leaves(private) == [(STEP, 50)]
    assert why == {"Check": "It leaves as it is."}
    private, why = bounded([TRAIN.whole, Laplace(1.0, Protects("customer"))], "customer")
    assert len(private) == 1
    assert why == {"SampledGaussian": "It protects a record, not a customer."}


def test_a_plan_grows_by_one_part_and_never_shrinks():
    plan = account().plan
    assert plan.at_least(TRAIN, 7).parts == (Part(1, "Train", TRAIN.events, 7), CHECK)
    assert plan.at_least(TRAIN, 3) == plan
