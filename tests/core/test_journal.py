"""What a run writes down reads as values, and is written in order: a turn's closing before what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

from hansa.core.carry import near
from hansa.core.job import At, Job
from hansa.core.journal import Closing, Flight, Snapshot
from hansa.core.message import Name
from hansa.core.post import in_process, seats_of
from hansa.core.step import Done
from tests.core.memoir import Memoir
from tests.core.test_carry import parties
from tests.core.toys import Toy, mask


def test_a_snapshot_begins_without_flights_and_counts():
    snapshot = Snapshot(2, At(0, Done()))
    assert (snapshot.counted, snapshot.flying, snapshot.now) == ({}, (), 0.0)


def test_closings_and_flights_are_values():
    name = Name(0, 1, 0)
    assert Closing((("a", name),), (), (), (), 1.0) == Closing((("a", name),), (), (), (), 1.0)
    assert Flight(1.0, "a", name, None, "Train") != Flight(2.0, "a", name, None, "Train")


@dataclass
class Steps:
    """A journal that tells in which order it is written to."""

    memoir: Memoir
    said: list

    def __getattr__(self, name):
        return getattr(self.memoir, name)

    def close(self, name, closing):
        self.said.append(f"close {name.turn}")
        self.memoir.close(name, closing)

    def save(self, snapshot, closed=None, *, may_wait=False):
        self.said.append("save" if closed is None else f"save with {closed[0].turn}")
        self.memoir.save(snapshot, closed, may_wait=may_wait)


def test_a_turn_is_closed_before_the_next_is_asked_or_with_the_snapshot_that_follows():
    job, members = Job("toys", (Toy(rounds=2, chain=(mask(),)),)), parties(4, 1)
    journal = Steps(Memoir(), [])
    near(job, seats_of(job, members), in_process(job, members), journal).run()
    assert journal.said == [*2 * ["close 0", "save with 1"], "save"]
    assert len(journal.closings) == 4
