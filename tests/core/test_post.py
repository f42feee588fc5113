"""A post that really waits: parties answer in threads, in any order, some late, some never."""

from __future__ import annotations

import queue
import threading
import time

import numpy as np
import pytest

from hansa.core.carry import Carrier, near
from hansa.core.job import Job
from hansa.core.message import Masked, Name, Refusal
from hansa.core.plan import Asks, Everyone, First, Quorum
from hansa.core.post import Arrival, Near, in_process, kind_of, seats_of
from hansa.errors import PolicyRefusal, TooFewParties
from tests.core.test_carry import Memoir, params, parties
from tests.core.toys import Toy


class Pigeons:
    """Each party answers in a thread of its own after `delay(party, name)` seconds; None: never."""

    def __init__(self, job, members, delay):
        self.near = Near(job, seats_of(job, members), in_process(job, members))
        self.delay, self.loft, self.begun = delay, queue.Queue(), time.monotonic()

    def fly(self, name, letters, party):
        delay = self.delay(party, name)
        (arrival,) = self.near.bring(name, {party: letters[party]}, {}, 0.0, lambda come: None, lambda: None)
        if delay is not None:
            time.sleep(delay)
            self.loft.put(arrival)

    def bring(self, name, letters, known, now, wait, meanwhile):
        come = [Arrival(party, name, kind_of(letters[party].ask), word, now) for party, word in known.items()]
        for party in letters:
            if party not in known:
                threading.Thread(target=self.fly, args=(name, letters, party), daemon=True).start()
        meanwhile()
        begun = time.monotonic()
        while (until := wait(come)) is not None:
            try:
                arrival = self.loft.get(timeout=min(60.0, max(0.0, until - now - (time.monotonic() - begun))))
            except queue.Empty:
                break
            come.append(arrival._replace(at=now + time.monotonic() - begun))
        return come

    def settle(self, counted):
        self.near.settle(counted)


def fly(job, members, delay, journal=None):
    return Carrier(job, [party.name for party in members], Pigeons(job, members, delay), journal).run()


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_arrival_changes_no_bit(seed):
    job, members = Job("toys", (Toy(rounds=3),), min_parties=1), parties(5)
    rng = np.random.default_rng(seed)
    found = fly(job, members, lambda party, name: float(rng.uniform(0, 0.01)), Memoir())
    assert params(found) == params(near(job, seats_of(job, members), in_process(job, members), Memoir()).run())


def test_a_party_that_never_answers_ends_the_turn_at_its_deadline_and_is_named():
    job, members = Job("toys", (Toy(rounds=2),), min_parties=1, deadline=0.2), parties(4)
    with pytest.raises(TooFewParties, match="bank-2"):
        fly(job, members, lambda party, name: None if party == "bank-2" else 0.0)


def test_a_quorum_goes_on_without_the_slow_and_waits_for_enough():
    job, members = Job("toys", (Toy(rounds=3),), quorum=3, min_parties=1, deadline=0.1), parties(4)
    found = fly(job, members, lambda party, name: None if party == "bank-1" else 0.0)
    same = near(
        job,
        seats_of(job, members),
        in_process(job, members),
        None,
        lambda party, name: None if party == "bank-1" else 0.0,
    )
    assert params(found) == params(same.run())
    slow = fly(job, members, lambda party, name: 0.3 if party in {"bank-1", "bank-2"} else 0.0)  # three come after all
    assert np.isfinite(np.frombuffer(params(slow))).all()


def test_how_long_a_turn_is_waited_for():
    job, members = Job("toys", (Toy(rounds=1),), min_parties=1, deadline=9.0), parties(3)
    carrier = near(job, seats_of(job, members), in_process(job, members))
    ask, name = Masked(inner=None), Name(0, 0, 0)
    come = [Arrival(party, name, "NoneType", Refusal("no"), 1.0) for party in ("bank-0", "bank-1", "bank-2")]

    def wait(until, count):
        return carrier._wait(
            name, Asks(dict.fromkeys(("bank-0", "bank-1", "bank-2"), ask), until=until), 5.0, come[:count]
        )

    assert wait(Everyone(), 2) == 14.0
    assert wait(Everyone(), 3) is None
    assert wait(Quorum(2, 3.0), 1) == float("inf")
    assert wait(First(1), 0) == 14.0


def test_a_refusal_ends_a_turn_that_needs_everyone():
    class No:
        def admit(self, ask, job):
            return Refusal("Not today.")

        def release(self, answer, ask, job):
            return answer

    job, members = Job("toys", (Toy(rounds=1),), min_parties=1), parties(3)
    members[1] = type(members[1])(members[1].name, members[1].tables, (No(),))
    with pytest.raises(PolicyRefusal, match="bank-1 refuses: Not today"):
        fly(job, members, lambda party, name: 0.0)
