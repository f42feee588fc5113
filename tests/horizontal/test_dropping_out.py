"""Prepare with a quorum: a bank that drops out on the way is done without, and those who stay tell nothing new."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np
import pytest

from hansa.core.carry import near
from hansa.core.codec import pack
from hansa.core.message import Refusal
from hansa.core.post import in_process, seats_of
from hansa.errors import PolicyRefusal, TooFewParties
from hansa.horizontal.columns import Coding
from hansa.horizontal.fitter import Below, Count, Spread
from hansa.horizontal.prepare import Prepare
from tests.core.test_carry import Memoir, Stop
from tests.horizontal.banks import book, divided, figures, fitted, job_of

HOME = Coding("onehot", levels=("free", "own", "rent"))
STEPS = (
    Prepare(columns={"home": HOME}, winsorise=0.02, signed_log=True),
    Prepare(numeric="bins", columns={"home": dataclasses.replace(HOME, how="ordinal")}),
)


class Quits:
    """Hears every ask, and refuses one kind after the first few."""

    def __init__(self, kind="", after=0):
        self.kind, self.after, self.heard = kind, after, []

    def admit(self, ask, job):
        self.heard.append(ask)
        found = sum(type(one).__name__ == self.kind for one in self.heard) > self.after
        return Refusal("not today") if self.kind and found else None

    def release(self, answer, ask, job):
        return answer


LEAVES = [("Count", 0), ("Below", 0), ("Below", 2), ("Spread", 0), ("Spread", 1)]


def dropped(kind, after):
    """Four banks, of which the second drops out; what the first one hears."""
    parties, ear = divided(book(1600), [400, 700, 1200]), Quits()
    guards = (ear, Quits(kind, after))
    heard = [dataclasses.replace(party, guards=(guard,)) for party, guard in zip(parties, guards, strict=False)]
    return [*heard, *parties[2:]], ear


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("kind", "after"), LEAVES)
def test_a_quorum_does_without_a_bank_that_drops_out(step, kind, after):
    parties, ear = dropped(kind, after)
    if kind == "Spread" and step.numeric == "bins":
        step = dataclasses.replace(step, columns={**step.columns, "age": Coding("standardise", winsorise=0.02)})
    prepared, _ = fitted(step, parties, quorum=3)
    asks, rest = [*ear.heard], [parties[0], *parties[2:]]
    alone, _ = fitted(step, rest)
    assert (prepared.parties, prepared.rows, prepared.positive_rate) == (3, alone.rows, alone.positive_rate)
    if kind == "Count":
        for mine, theirs in zip(prepared.encodings, alone.encodings, strict=True):
            (moments, exact), (others, wanted) = figures(mine), figures(theirs)
            assert (exact, moments) == (wanted, pytest.approx(others, rel=1e-12))  # another place in the tree of sums
    books = [party.table("") for party in rest]
    train = np.concatenate([prepared.transform(book.take(step.split.codes(book) == 0)) for book in books])
    for place, name in enumerate(prepared.names):
        if name in {"age", "arrears"}:
            assert (train[:, place].mean(), train[:, place].std()) == pytest.approx((0, 1), abs=1e-9)
    asked = [{*ask.edges.get("income", np.empty(0)).tolist()} for ask in asks if type(ask) is Below]
    if kind == "Below" and after:  # counted anew at the same edges, so those who stay tell nothing new
        assert asked[after + 1] == set().union(*asked[:after])
    most = step.often()
    assert all(sum(type(ask) is kind for ask in asks) <= most[kind] for kind in most)
    ends = {(fit.name, fit.low, fit.high) for ask in asks if type(ask) is Spread for fit in ask.fits}
    assert len(ends) == len({name for name, _, _ in ends})  # or two sums would tell the values between two ends


@pytest.mark.parametrize(("leave", "passes"), [(6, 7), (8, 8)])
def test_a_preparation_counts_anew_a_few_times_and_then_ends(leave, passes):
    parties, ear = divided(book(2000), range(150, 1950, 150)), Quits()
    guards = [ear, *(Quits("Spread", 2 * place) for place in range(leave))]
    parties[: leave + 1] = [
        dataclasses.replace(party, guards=(guard,)) for party, guard in zip(parties, guards, strict=False)
    ]
    if leave < 8:
        assert fitted(STEPS[0], parties, quorum=3)[0].parties == len(parties) - leave
    else:
        with pytest.raises(TooFewParties, match="dropped out of the preparation 8 times"):
            fitted(STEPS[0], parties, quorum=3)
    assert sum(type(ask) is Count for ask in ear.heard) == passes
    most = STEPS[0].often()
    assert all(sum(type(ask) is kind for ask in ear.heard) <= most[kind] for kind in most)


@pytest.mark.parametrize(("kind", "after"), LEAVES)
def test_without_a_quorum_a_bank_that_drops_out_ends_the_job(kind, after):
    with pytest.raises(PolicyRefusal, match="bank-1 refuses: not today"):
        fitted(STEPS[0], dropped(kind, after)[0])


@pytest.mark.parametrize(("kind", "after"), LEAVES[1:4:2])
def test_one_that_goes_on_after_a_stop_counts_anew_to_the_same_bits(kind, after):
    whole, _ = fitted(STEPS[0], dropped(kind, after)[0], quorum=3)
    for stop_at in range(1, 400, 7):
        parties, job = dropped(kind, after)[0], job_of(STEPS[0], quorum=3)
        journal, seats = Memoir(stop_at), seats_of(job, parties)
        with contextlib.suppress(Stop):
            near(job, seats, in_process(job, parties), journal).run()
        done = near(job, seats, in_process(job, parties), journal).run()
        assert pack(done.results[0]) == pack(whole)
        if journal.writes < stop_at:
            break
    assert stop_at > 40
