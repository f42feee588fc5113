"""Who is set aside, when, and how they come back; the same after every restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hansa.core.attendance import Attendance, Limits, changes
from hansa.core.carry import Carrier
from hansa.core.job import Job
from hansa.core.message import Refusal
from hansa.core.party import Party
from hansa.core.post import Near, in_process, seats_of
from hansa.errors import ConfigError, TooFewParties
from tests.core.test_carry import Memoir, No, Stop, params, parties
from tests.core.toys import Buffered, Toy, Walk


class Book:
    """A witness that lets parties in once a keep is reached, and remembers what it was told."""

    def __init__(self, back=(), at=10**9):
        self.back, self.at, self.told, self.keep = back, at, [], 0

    def readmitted(self):
        return self.back if self.keep >= self.at else ()

    def tell(self, name, told):
        self.told += [(name.keep, one.party, one.kind) for one in told]


def carried(job, members, journal=None, clock=None, book=None, seats=None):
    """Run a job; who was asked in each turn, and what came of it. Seats that are given live on."""
    seats = seats or seats_of(job, members)
    near, asked = Near(job, seats, in_process(job, members), clock), []

    class Post:
        def bring(self, name, letters, known, now, wait, meanwhile):
            asked.extend((name, party) for party in letters if party not in known)
            if book is not None:
                book.keep = name.keep + 1
            return near.bring(name, letters, known, now, wait, meanwhile)

        def settle(self, counted):
            near.settle(counted)

    done = Carrier(job, tuple(seats), Post(), journal, book).run()
    return asked, done


def toys(rounds=8, **settings):
    return replace(Job("toys", (Toy(rounds=rounds),), quorum=2, min_parties=1, deadline=10.0), **settings)


def away(*names, until=10**9):
    """These never answer, or not before some keep."""
    return lambda party, name: None if party in names and name.keep < until else 1.0


def keeps_of(asked, party):
    return [name.keep for name, who in asked if who == party]


def test_after_three_rounds_without_an_answer_a_party_is_asked_no_more():
    asked, done = carried(toys(), parties(4), clock=away("bank-1"))
    assert keeps_of(asked, "bank-1") == [0, 1, 2]
    assert keeps_of(asked, "bank-0") == list(range(8))
    assert done.last(Walk).round == 8


def test_a_refusal_counts_as_well_and_zero_means_never():
    one, two, *others = parties(4)
    members = [one, Party(two.name, two.tables, (No(),)), *others]
    assert keeps_of(carried(toys(), members)[0], two.name) == [0, 1, 2]
    assert keeps_of(carried(toys(set_aside_after=0), members)[0], two.name) == list(range(8))
    assert keeps_of(carried(toys(set_aside_after=1), members)[0], two.name) == [0]
    with pytest.raises(ConfigError, match="set_aside_after must be at least 0"):
        toys(set_aside_after=-1)


def test_an_answer_between_begins_the_row_anew():
    def clock(party, name):
        return None if party == "bank-1" and name.keep % 3 else 1.0  # two of three are lost

    assert keeps_of(carried(toys(), parties(4), clock=clock)[0], "bank-1") == list(range(8))


def test_no_fewer_are_asked_than_the_job_promises():
    asked, _ = carried(toys(min_parties=3), parties(4), clock=away("bank-1", "bank-2"))
    assert keeps_of(asked, "bank-1") == [0, 1, 2]
    assert keeps_of(asked, "bank-2") == list(range(8))


def test_where_the_first_few_are_enough_the_slower_have_not_failed():
    job = Job("toys", (Buffered(k=2, rounds=8),), min_parties=1)
    book = Book()
    carried(job, parties(4), clock=lambda party, _: 9.0 if party == "bank-1" else 1.0, book=book)
    assert book.told == []


def test_the_quorum_still_decides_and_who_is_set_aside_is_named():
    def clock(party, name):
        return None if party == "bank-1" or (party == "bank-2" and name.keep > 4) else 1.0

    book = Book()
    with pytest.raises(TooFewParties, match=r"2 of 3 parties.*Missing: bank-2, bank-1"):
        carried(toys(quorum=3), parties(4), clock=clock, book=book)
    assert book.told == [(0, "bank-1", "lost"), (2, "bank-1", "set aside")]


def test_one_that_is_let_back_in_is_asked_again_and_begins_anew():
    book = Book(("bank-1", "bank-3"), at=5)
    asked, _ = carried(toys(), parties(4), clock=away("bank-1", until=6), book=book)
    assert keeps_of(asked, "bank-1") == [0, 1, 2, 5, 6, 7]
    kinds = [kind for _, _, kind in book.told]
    assert kinds == ["lost", "set aside", "let back in", "answers again"]


@pytest.mark.parametrize("after", [False, True])
def test_a_restart_sets_the_same_parties_aside(after):
    job, members, clock = toys(6), parties(4), away("bank-1", until=5)
    whole = Memoir()
    wanted = params(carried(job, members, whole, clock)[1])
    for stop in range(1, whole.writes + 1):
        journal, seats = Memoir(stop, after), seats_of(job, members)
        with pytest.raises(Stop):
            carried(job, members, journal, clock, seats=seats)
        journal.stop_at = None
        asked, done = carried(job, members, journal, clock, seats=seats)
        assert params(done) == wanted
        assert set(keeps_of(asked, "bank-1")) <= {0, 1, 2}


def test_who_was_let_back_in_is_a_fact_of_the_turn_and_not_of_the_replay():
    job, members, clock = toys(), parties(4), away("bank-1", until=6)
    whole = Memoir()
    wanted = params(carried(job, members, whole, clock, Book(("bank-1",), at=5))[1])
    whole.snapshot = None  # all turns again, from their closings; nobody is let in now
    asked, done = carried(job, members, whole, clock, Book())
    assert (asked, params(done)) == ([], wanted)


def test_what_became_of_a_party_is_told_with_the_reason_it_gave():
    limits = Limits(most=2, least=0, parties=2)
    first = Attendance().after(4, ("bank-a",), ("bank-a",), limits)
    (told,) = changes(Attendance(), first, {"bank-a": Refusal("Not on a Sunday.", "We rest.")})
    assert (told.kind, told.why) == ("refused", "Not on a Sunday. We rest.")
    assert first.after(4, ("bank-a",), ("bank-a",), limits) == first  # in the same round
    second = first.after(5, ("bank-a",), ("bank-a",), limits)
    (told,) = changes(first, second, {})
    assert (told.kind, told.why) == ("set aside", "It gave no answer in 2 rounds in a row.")
    assert "hansa readmit" in second.words()["bank-a"].mend
