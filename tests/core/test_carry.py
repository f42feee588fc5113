"""Replay: wherever a run is stopped, it goes on to the same bits; and who waits for whom."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, final

import numpy as np
import pytest

from hansa.core.carry import near, run_alone
from hansa.core.chain import Chain
from hansa.core.fold import Sum
from hansa.core.job import Job
from hansa.core.load import Load
from hansa.core.message import Answer, Refusal
from hansa.core.party import Party
from hansa.core.plan import Asks, Everyone, First, Keep, Quorum
from hansa.core.post import in_process, seats_of
from hansa.core.table import Table
from hansa.errors import ConfigError, DataError, PolicyRefusal, TooFewParties
from tests.core.memoir import Memoir, Stop
from tests.core.toys import Buffered, Key, Nudge, Nudges, Readies, Toy, Walk, control, mask, mean


def parties(n, seed=0):
    rng = np.random.default_rng(seed)
    return [Party(f"bank-{i}", {"t": Table.of({"a": rng.normal(size=30), "b": rng.normal(size=30)})}) for i in range(n)]


def chance(*words):
    return int.from_bytes(sha256("|".join(map(str, words)).encode()).digest()[:4], "big") / 2**32


def dropping(seed, rate, sure=("bank-0",)):
    """Lose answers at random, the same ones whenever asked, and never those of whom it is sure."""

    def clock(party, name):
        lost = party not in sure and chance(seed, party, name) < rate
        return None if lost else chance(seed, "delay", party, name)

    return clock


def finish(job, members, journal, clock):
    """Run with a coordinator that starts again after every stop; the parties live on."""
    seats = seats_of(job, members)
    compute = in_process(job, members)
    while True:
        try:
            return near(job, seats, compute, journal, clock).run(), seats
        except Stop:
            journal.stop_at = None


def params(done):
    return done.last(Walk).params.tobytes()


def two_steps(quorum=1):
    return Job("toys", (Toy(rounds=3), Toy(rounds=2, chain=(control(), mean()))), quorum=quorum, min_parties=1)


@pytest.mark.parametrize("seed", range(12))
def test_a_run_stopped_at_every_write_goes_on_to_the_same_bits(seed):
    members, clock, job = parties(5, seed), dropping(seed, 0.3), two_steps()
    whole = Memoir()
    done, seats = finish(job, members, whole, clock)
    wanted, memories = params(done), {n: {k: v.tobytes() for k, v in s.memory.items()} for n, s in seats.items()}
    assert whole.writes > 20
    for stop in range(1, whole.writes + 1):
        for after in (False, True):
            done, seats = finish(job, members, Memoir(stop, after), clock)
            assert params(done) == wanted
            assert {n: {k: v.tobytes() for k, v in s.memory.items()} for n, s in seats.items()} == memories


@pytest.mark.parametrize("block", range(4))
def test_hundreds_of_seeds_of_lost_answers_replay_alike(block):
    job = two_steps()
    for seed in range(block * 60, block * 60 + 60):
        members, clock = parties(4, seed), dropping(seed, 0.4)
        whole = Memoir()
        wanted = params(finish(job, members, whole, clock)[0])
        stop = 1 + int(chance(seed, "stop") * whole.writes)
        assert params(finish(job, members, Memoir(stop, seed % 2 == 0), clock)[0]) == wanted


def test_memory_follows_what_counted_and_nothing_else():
    """The coordinator's control moves by half the parties' moves; a lost update leaves no trace at its owner."""
    job = Job("toys", (Toy(rounds=6),), quorum=1, min_parties=1)
    members = parties(4)
    never = lambda party, name: None if party == "bank-2" else 1.0  # noqa: E731
    _, seats = finish(job, members, Memoir(), never)
    assert not seats["bank-2"].memory
    done, seats = finish(job, members, Memoir(), None)
    exact = [seat.memory["step 0 link 0 control c"][0] for seat in seats.values()]
    assert np.allclose(0.5 * np.mean(exact, axis=0), done.last(Walk).links[0]["c"])


def test_a_links_memory_begins_anew_with_each_step_at_both_ends():
    """The second step's control is half the mean of its own parties', which began from nothing as it did."""
    job, members = Job("toys", (Toy(rounds=3), Toy(rounds=4)), min_parties=1), parties(4)
    done, seats = finish(job, members, Memoir(), None)
    for step in range(2):
        exact = [seat.memory[f"step {step} link 0 control c"][0] for seat in seats.values()]
        assert np.allclose(0.5 * np.mean(exact, axis=0), done.results[step].links[0]["c"])


def test_the_short_way_gives_the_bits_of_the_long_one():
    job, members = Job("toys", (Toy(rounds=4),), min_parties=1), parties(7)
    short = near(job, seats_of(job, members), in_process(job, members))
    assert short.quick is not None
    assert params(short.run()) == params(finish(job, members, Memoir(), None)[0])


@pytest.mark.parametrize("seed", range(30))
def test_a_sum_in_two_messages_is_the_plain_sum_also_when_parties_are_lost_between_them(seed):
    """Whoever is not ready is in nobody's masks; the masks are whole numbers, so that they cancel to a rounding."""
    members = parties(6, seed)
    lossy = dropping(seed, 0.3, sure=("bank-0", "bank-2", "bank-5"))
    late_key = lambda party, name: lossy(party, name) if name.turn == 0 else 1.0  # noqa: E731
    masked = Job("toys", (Toy(rounds=3, chain=(control(), mask())),), quorum=3)
    whole = Memoir()
    done, seats = finish(masked, members, whole, late_key)
    lost = {(name.keep, party) for name, closing in whole.closings.items() for party in closing.lost}
    plain = Job("toys", (Toy(rounds=3, chain=(control(), mean())),), quorum=1)
    same, others = finish(plain, members, Memoir(), lambda party, name: None if (name.keep, party) in lost else 1.0)
    assert np.allclose(done.last(Walk).params, same.last(Walk).params, atol=1e-9)
    for name, seat in seats.items():
        assert np.allclose(
            seat.memory.get("step 0 link 0 control c", 0.0),
            others[name].memory.get("step 0 link 0 control c", 0.0),
            atol=1e-9,
        )
    for stop in range(1, whole.writes + 1, 5):
        assert params(finish(masked, members, Memoir(stop), late_key)[0]) == params(done)


def test_the_first_k_answers_make_a_round_and_the_rest_come_later():
    speed = {"bank-0": 1.0, "bank-1": 1.0, "bank-2": 2.5, "bank-3": 9.0}
    job, members = Job("toys", (Buffered(k=2, rounds=12),), min_parties=1), parties(4)
    done, _ = finish(job, members, Memoir(), lambda party, name: speed[party])
    seen = done.last(Walk).links[0]["seen"]
    ages = [age for row in seen[::2] for age in row]
    assert all(len(row) == 2 for row in seen[::2])
    assert ("bank-3", 0) not in ages
    assert max(age for party, age in ages if party == "bank-3") >= 3
    assert max(age for party, age in ages if party == "bank-0") <= 1
    late = seen[1::2]
    assert any(late)
    assert all(name.keep < turn for turn, names in enumerate(late) for name in names.values())


@pytest.mark.parametrize("stop", range(1, 40, 3))
def test_buffered_rounds_replay_alike(stop):
    clock = lambda party, name: 0.5 + 4 * chance(party, name)  # noqa: E731
    job, members = Job("toys", (Buffered(k=2, rounds=7),), min_parties=1), parties(5)
    wanted = params(finish(job, members, Memoir(), clock)[0])
    assert params(finish(job, members, Memoir(stop), clock)[0]) == wanted


@final
@dataclass(frozen=True)
class Straggling:
    """Rounds of the first two answers, each followed by everybody's word: on the same kind of ask, or another."""

    until: Any
    same: bool
    title: str = "straggling"
    state: type = Walk

    def handlers(self):
        return {Nudge: Nudges(Chain((mean(),))), Key: Readies()}

    def events(self):
        return ()

    def plan(self, parties, kept, done):
        state = kept or Walk(np.zeros(2), ({"seen": []},))
        while state.round < 4:
            nudges = dict.fromkeys(parties, Nudge(state.params, ({},), state.round))
            first = yield Asks(nudges, Sum(), First(2, keep=True))
            word = yield Asks(nudges if self.same else dict.fromkeys(parties, Key()), Sum(), self.until)
            rows = word.value["weight" if self.same else "ready"].tolist()
            seen = [*state.links[0]["seen"], (word.counted, word.lost, dict(word.late), rows)]
            state = Walk(state.params + first.value["delta"][0], ({"seen": seen},), state.round + 1)
            yield Keep(state)
        return state


def straggling(party, name):
    return 5.0 if party in {"bank-2", "bank-3"} and name.turn == 0 else 1.0


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("until", [Everyone(), Quorum(4, 10.0)], ids=["everyone", "quorum"])
def test_late_answers_count_in_no_other_ask(until, same):
    """They stay in flight until the first few of their own kind are asked for again."""
    job, members = Job("toys", (Straggling(until, same),), min_parties=1), parties(4)
    names = tuple(f"bank-{i}" for i in range(4))
    whole = Memoir()
    done, _ = finish(job, members, whole, straggling)
    assert done.last(Walk).links[0]["seen"] == [(names, (), {}, [[4.0]])] * 4
    late = {party for name, closing in whole.closings.items() for party, asked in closing.counted if asked != name}
    assert late == {"bank-2", "bank-3"}
    for stop in range(1, whole.writes + 1, 3):
        assert params(finish(job, members, Memoir(stop), straggling)[0]) == params(done)


@final
@dataclass(frozen=True)
class Notes:
    """Remembers the round that was asked in, and says which one it remembered."""

    def answer(self, ask, site, memory):
        noted = memory.get("noted", np.full((1, 1), -1.0))
        return Answer(Load({"noted": noted})), {**memory, "noted": np.full((1, 1), float(ask.round))}


@final
@dataclass(frozen=True)
class Eager:
    """Everybody is asked in each round, also those whose last answer is still on its way."""

    title: str = "eager"
    state: type = Walk

    def handlers(self):
        return {Nudge: Notes()}

    def events(self):
        return ()

    def plan(self, parties, kept, done):
        state = kept or Walk(np.zeros(2))
        while state.round < 6:
            yield Asks({p: Nudge(None, (), state.round) for p in parties}, Sum(), First(2, keep=True))
            state = Walk(state.params, (), state.round + 1)
            yield Keep(state)
        return state


def test_memory_follows_the_newest_answer_that_counted_also_where_several_are_in_flight():
    job, members = Job("toys", (Eager(),), min_parties=1), parties(3)
    clock = lambda party, name: {"bank-0": 1.0, "bank-1": 1.5, "bank-2": 2.2}[party]  # noqa: E731
    whole = Memoir()
    _, seats = finish(job, members, whole, clock)
    counted = [pair for closing in whole.closings.values() for pair in closing.counted]
    wanted = {name: max(asked.keep for party, asked in counted if party == name) for name in seats}
    assert {name: seat.memory["noted"][0, 0] for name, seat in seats.items()} == wanted
    assert all(len(seat.pending) <= 4 for seat in seats.values())
    for stop in range(1, whole.writes + 1, 2):
        _, again = finish(job, members, Memoir(stop), clock)
        assert {name: seat.memory["noted"][0, 0] for name, seat in again.items()} == wanted


def test_what_is_in_flight_when_a_step_ends_is_let_go():
    job, members = Job("toys", (Buffered(k=2, rounds=3), Buffered(k=2, rounds=3)), min_parties=1), parties(4)
    whole = Memoir()
    finish(job, members, whole, straggling)
    assert all(asked.step == name.step for name, closing in whole.closings.items() for _, asked in closing.counted)


def test_the_same_name_gets_the_same_answer_without_new_work():
    job, members = Job("toys", (Toy(rounds=2),), min_parties=1), parties(3)
    calls = []
    seats, compute = seats_of(job, members), in_process(job, members)

    def counting(work):
        calls.extend(work.parties)
        return compute(work)

    journal = Memoir(stop_at=2, after=True)
    with pytest.raises(Stop):
        near(job, seats, counting, journal).run()
    assert len(calls) == 3
    journal.stop_at = None
    near(job, seats, counting, journal).run()
    assert len(calls) == 6


def test_a_quorum_is_waited_for_and_missing_parties_are_named():
    job, members = Job("toys", (Toy(rounds=2),), min_parties=1), parties(3)
    with pytest.raises(TooFewParties, match="bank-1"):
        finish(job, members, Memoir(), lambda party, name: None if party == "bank-1" else 1.0)
    lenient = Job("toys", (Toy(rounds=2),), min_parties=1, quorum=2)
    done, seats = finish(lenient, members, Memoir(), lambda party, name: None if party == "bank-1" else 1.0)
    assert not seats["bank-1"].memory
    assert done.last(Walk).round == 2


def test_a_deadline_loses_the_slow_but_a_quorum_waits_for_enough():
    job = Job("toys", (Toy(rounds=1),), min_parties=1, quorum=2, deadline=10.0)
    members = parties(3)
    journal = Memoir()
    finish(job, members, journal, lambda party, name: {"bank-0": 1.0, "bank-1": 30.0, "bank-2": 40.0}[party])
    (closing,) = journal.closings.values()
    assert [party for party, _ in closing.counted] == ["bank-0", "bank-1"]
    assert closing.lost == ("bank-2",)


class No:
    """A guard that admits nothing."""

    def admit(self, ask, job):
        return Refusal("Not on a Sunday.", mend="Ask on Monday.")

    def release(self, answer, ask, job):
        return answer


class Quiet:
    """A guard that lets nothing out."""

    def admit(self, ask, job):
        return None

    def release(self, answer, ask, job):
        return Refusal("This stays here.")


@pytest.mark.parametrize(("guard", "words"), [(No(), "Sunday"), (Quiet(), "stays here")])
def test_guards_at_the_door_have_the_last_word(guard, words):
    job, (one, two, three) = Job("toys", (Toy(rounds=2),), min_parties=1), parties(3)
    guarded = Party(two.name, two.tables, (guard,))
    with pytest.raises(PolicyRefusal, match=words):
        finish(job, [one, guarded, three], Memoir(), None)
    lenient = Job("toys", (Toy(rounds=2),), min_parties=1, quorum=2)
    _, seats = finish(lenient, [one, guarded, three], Memoir(), None)
    assert not seats[two.name].memory


def test_a_party_alone_runs_the_same_steps():
    job = Job("toys", (Toy(rounds=3),))
    assert run_alone(job, parties(1)[0]).last(Walk).round == 3


def test_rosters_are_checked():
    job = Job("toys", (Toy(),))
    with pytest.raises(TooFewParties, match="at least 3"):
        seats_of(job, parties(2))
    with pytest.raises(ConfigError, match="one name"):
        seats_of(job, [*parties(3), parties(1)[0]])


class Lame:
    """A guard that says which error keeps it from answering."""

    def admit(self, ask, job):
        return Refusal("The column 'age' is not there.", error="DataError")

    def release(self, answer, ask, job):
        return answer


def test_a_refusal_that_an_error_made_ends_the_job_with_that_kind():
    job, (one, two, three) = Job("toys", (Toy(rounds=2),), min_parties=1), parties(3)
    with pytest.raises(DataError, match="bank-1 refuses: The column 'age'"):
        finish(job, [one, Party(two.name, two.tables, (Lame(),)), three], Memoir(), None)
