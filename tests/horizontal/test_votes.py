"""Votes on the new model: counted where they can be, and replayed as they were given."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.load import Load
from hansa.core.plan import Reply
from hansa.core.step import Roster
from hansa.errors import DataError
from hansa.horizontal.votes import Tally, Vote, voted
from hansa.links import by_examples, holdout_vote, secure_sum
from tests.core.test_carry import Memoir, finish
from tests.links.test_checks import parted
from tests.links.test_groups import Lies, books, job_of, run

ROSTER = Roster(tuple("abcde"))


def counted(yes, votes, came=5):
    """What `voted` makes of a reply."""
    plan = voted(holdout_vote(), ROSTER, np.zeros(2), np.ones(2), 0.5)
    asks = next(plan)
    assert {type(ask) for ask in asks.to.values()} == {Vote}
    assert set(asks.to) == set("abcde")
    load = Load({"yes": np.array([[yes]]), "votes": np.array([[votes]])})
    with pytest.raises(StopIteration) as end:
        plan.send(Reply(load, tuple("abcde"[:came])))
    return end.value.value


@pytest.mark.parametrize(
    ("yes", "votes", "kept"),
    [(5, 5, True), (3, 5, True), (2, 5, False), (1, 2, True), (6, 5, False), (5, 6, False), (-1, 5, False)],
)
def test_enough_votes_keep_the_model_and_counts_that_cannot_be_keep_nothing(yes, votes, kept):
    assert counted(yes, votes) == Tally(yes, votes, kept)


def test_nobody_is_asked_where_nothing_has_changed_and_nobody_votes():
    assert list(voted(None, ROSTER, np.zeros(2), np.ones(2), 0.0)) == []
    assert list(voted(holdout_vote(), ROSTER, np.ones(2), np.ones(2), 0.0)) == []


def test_without_validation_rows_nobody_can_vote_and_that_is_said():
    with pytest.raises(DataError, match="Nobody can vote on the new model"):
        run(job_of(by_examples(), secure_sum(), holdout_vote()), books(4))


@pytest.mark.parametrize("times", [1.0, -100.0])
def test_a_coordinator_that_stops_at_any_write_counts_the_same_votes(times):
    """Kept or dropped: what is replayed is what was, to the bit."""
    import dataclasses

    from hansa.horizontal.rounds import Learning
    from hansa.privacy.primitives import made_for

    made = made_for([f"bank-{i:02}" for i in range(3)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in parted(3)]
    job = job_of(by_examples(), Lies(("bank-01",), times), secure_sum(clip=1e4, weight=2**12), holdout_vote())
    whole = Memoir()
    wanted = finish(job, banks, whole, None)[0].last(Learning)
    assert wanted.history[0].measures["kept"] == (1.0 if times == 1.0 else 0.0)
    for stop in range(1, whole.writes + 1, 3):
        done = finish(job, banks, Memoir(stop, False), None)[0].last(Learning)
        assert done.params.tobytes() == wanted.params.tobytes()
        assert done.history == wanted.history
