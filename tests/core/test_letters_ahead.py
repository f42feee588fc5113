"""Letters that leave before what they follow from is durable: when they may, and that no crash then changes a bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import pytest

from hansa.core.carry import Carrier
from hansa.core.job import Job
from hansa.core.link import Guarantees, Link
from hansa.core.post import Near, in_process, seats_of
from tests.core.memoir import Memoir, Stop
from tests.core.test_carry import params, parties
from tests.core.toys import Toy, control, mean


@final
@dataclass(frozen=True)
class noise(Link):  # noqa: N801 - links are named as a job file names them
    """Noise at the coordinator: another one whenever it is drawn."""

    stage: ClassVar = "coordinator"

    @property
    def guarantees(self):
        return Guarantees(draws=True)


class Far:
    """A post whose letters travel: the parties have answered before what is to be done meanwhile is done."""

    def __init__(self, job, members, journal, clock=None):
        self.near, self.journal = Near(job, seats_of(job, members), in_process(job, members), clock), journal
        self.ahead = []

    def bring(self, name, letters, known, now, wait, meanwhile):
        saved = 0 if self.journal.snapshot is None else self.journal.snapshot.keep
        self.ahead.append(name.keep - saved)  # of how many keeps that are not durable the letters tell
        come = self.near.bring(name, letters, known, now, wait, lambda: None)
        meanwhile()
        return come

    def settle(self, counted):
        self.near.settle(counted)


def ahead(journal, links=(), clock=None, **settings):
    """Of how many keeps each turn's letters were ahead, and what was found; begun again where it stops."""
    job = Job("toys", (Toy(rounds=4, chain=(control(), mean(), *links)),), min_parties=1, **settings)
    post = Far(job, parties(3), journal, clock)
    while True:
        try:
            return post.ahead, params(Carrier(job, ["bank-0", "bank-1", "bank-2"], post, journal).run())
        except Stop:
            journal.stop_at = None


def test_letters_leave_while_what_they_follow_from_is_written():
    told, found = ahead(Memoir())
    assert set(told[2:]) == {1}
    assert found == ahead(Memoir(), clock=lambda party, name: 0.5)[1]


def test_noise_leaves_only_when_it_is_kept():
    assert set(ahead(Memoir(), (noise(),))[0]) == {0}


def test_what_another_closing_would_change_leaves_only_when_it_is_kept():
    told, _ = ahead(Memoir(), clock=lambda party, name: None if (party, name.keep) == ("bank-1", 2) else 0.5, quorum=2)
    assert told[2:4] == [1, 0]  # bank-1 might be found to have answered, when the coordinator begins again


def test_a_snapshot_is_left_out_where_others_soon_follow_and_the_last_is_written():
    journal = Memoir(sparing=3)
    told, found = ahead(journal)
    assert max(told) == 3
    assert found == ahead(Memoir())[1]
    assert journal.snapshot.at.state is None


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("sparing", "at"), [*((1, at) for at in range(1, 17)), *((3, at) for at in range(1, 14))])
def test_a_run_that_stops_with_letters_ahead_goes_on_to_the_same_bits(sparing, at, after):
    journal = Memoir(at, after, sparing)
    assert ahead(journal)[1] == ahead(Memoir())[1]
    assert journal.stop_at is None  # it did stop
