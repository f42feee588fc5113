"""A secure Rounds is the plain one within the bound, whoever is lost and wherever it runs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hansa.core.bodies import ask_body, ask_of
from hansa.core.carry import near
from hansa.core.codec import pack, unpack
from hansa.core.digest import digest_of_ask
from hansa.core.job import Job
from hansa.core.message import Envelope, Masked, Name, Refusal
from hansa.core.party import AT_ONCE, Party
from hansa.core.plan import Everyone
from hansa.core.post import in_process, seats_of
from hansa.core.table import Table
from hansa.core.work import Work
from hansa.engines.simulation import Simulation
from hansa.errors import ChainError, ConfigError, JobError, TooFewParties
from hansa.horizontal.evaluate import Verdict
from hansa.horizontal.rounds import Check, Learning, Rounds, Train
from hansa.links import by_examples, coordinate_median, fixed, norm_bound, secure_sum, weighted_mean
from hansa.links.secure import Adverted, Invited, Listed, Opened
from hansa.privacy.primitives import made_for
from hansa.privacy.sum_words import Advert, Client
from tests.core.test_carry import Memoir, finish

KEPT = f"{AT_ONCE}secure sum"
TEXT = (
    'name = "scores"\n{}steps = ["prepare", {{use = "rounds", rounds = 3, chain = ["by_examples", "{}"]}}, "evaluate"]'
)


def books(n=4, rows=160):
    made = []
    for i in range(n):
        rng = np.random.default_rng(i)
        x = rng.normal(size=(rows + 10 * i, 3))
        y = (rng.random(len(x)) < 1 / (1 + np.exp(-x @ [1.0, -1.0, 0.5]))).astype(float)
        made.append(Party(f"bank-{i}", {"t": Table.from_matrix(x, y)}))
    return made


def run(job, parties=None, **settings):
    with Simulation(parties or books(), workers=1, **settings).session(job) as session:
        return session.run()


def rounds(link, n=1, **settings):
    return Job("scores", (Rounds(chain=(by_examples(), link), rounds=n, check_every=0),), **settings)


def test_a_secure_job_is_the_plain_one_within_the_bound_from_the_first_count_to_the_last():
    plain, secure = (run(Job.from_toml(TEXT.format("", link))) for link in ("weighted_mean", "secure_sum"))
    assert np.abs(plain.last(Learning).params - secure.last(Learning).params).max() < 3 * 2**-24
    assert [p.counted for p in plain.last(Learning).history] == [p.counted for p in secure.last(Learning).history]
    for name in ("low", "high"):
        assert (getattr(plain.last(Verdict), name) == getattr(secure.last(Verdict), name)).all()
    assert plain.last(Verdict).sums == pytest.approx(secure.last(Verdict).sums, abs=1e-6)


def test_bits_depend_neither_on_the_masks_nor_on_the_order_of_the_parties_nor_on_processes():
    job = rounds(secure_sum(), n=2)
    found = [run(job).last(Learning).params.tobytes() for _ in range(2)]
    with Simulation(books(), workers=2).session(job) as session:
        found.append(session.run().last(Learning).params.tobytes())
    shuffled = Job("scores", (Rounds(chain=(by_examples(), secure_sum()), rounds=2, check_every=0, start="zero"),))
    orders = {run(shuffled, members).last(Learning).params.tobytes() for members in (books(), books()[::-1])}
    assert len(set(found)) == len(orders) == 1


@pytest.mark.parametrize("point", range(5))
def test_who_is_lost_at_any_message_is_out_of_the_sum_or_in_it_and_never_half(point):
    first = 5  # `Shape` is a sum of five messages before that of the updates

    def clock(party, name):
        return None if party == "bank-1" and name.turn == first + point else 1.0

    kept = run(rounds(secure_sum(), quorum=3, deadline=5.0), clock=clock).last(Learning)
    there = [party for party in books() if party.name != "bank-1" or point > 2]
    start = Learning(width=3, params=np.zeros(4))
    plain = run(rounds(weighted_mean()), there).last(Learning)
    assert kept.history[0].counted == len(there)
    assert kept.width == start.width
    assert np.abs(kept.params - plain.params).max() < 2**-24


def test_fewer_than_the_threshold_end_the_job_by_name():
    def clock(party, name):
        return None if party in {"bank-1", "bank-2"} and name.turn == 7 else 1.0

    with pytest.raises(TooFewParties, match="bank-1, bank-2"):
        run(rounds(secure_sum(), quorum=3, deadline=5.0), clock=clock)


def asked(seat, compute, turn, ask, *, counted=()):
    """Ask a seat as an engine does, with only such word on what has counted as the coordinator likes to give."""
    envelope = Envelope(Name(0, 0, turn), ask, counted)
    said = seat.open(envelope)
    if said is None:
        outcome = compute(Work(0, (seat.party.name,), (0,), (ask,), (seat.memory,), (0,)))
        memory = outcome.memories[0]
        said = seat.close(envelope, outcome.answers[0], seat.memory if memory is None else memory)
    return said


def masked_by_all(steady="any", quorum=3):
    """Four seats whose masked vectors a coordinator has, which has told none of them that anything counted."""
    made = made_for([f"bank-{i}" for i in range(4)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books()]
    job = rounds(secure_sum(cohorts=steady), n=5, quorum=quorum)
    seats, compute, ask = seats_of(job, banks), in_process(job, banks), Check(np.zeros(4))
    letters = under_way(seats, compute, ask)
    return seats, compute, ask, letters


def test_a_party_signs_one_list_though_the_coordinator_says_that_nothing_counted():
    seats, compute, ask, letters = masked_by_all()
    for name, seat in seats.items():
        assert not isinstance(asked(seat, compute, 2, Masked(ask, letters[name])), Refusal)
    one = seats["bank-0"]
    signature = asked(one, compute, 3, Listed(("bank-0", "bank-1", "bank-2")))
    assert signature.load["signature"].shape == (1, 64)
    again = asked(one, compute, 3, Listed(("bank-0", "bank-1", "bank-3")))  # the same name gets the same answer
    assert (again.load["signature"] == signature.load["signature"]).all()
    assert "out of its turn" in asked(one, compute, 4, Listed(("bank-0", "bank-1", "bank-3"))).what
    assert "out of its turn" in asked(one, compute, 5, Opened({})).what  # the refusal ended it, and that holds too


@pytest.mark.parametrize("quorum", [0, 3])
def test_a_party_signs_no_list_that_lacks_somebody_where_the_job_waits_for_all(quorum):
    """The sum of all less the sum without one, both of the very same ask, would be that one's part."""
    seats, compute, ask, letters = masked_by_all(quorum=quorum)
    for name, seat in seats.items():
        asked(seat, compute, 2, Masked(ask, letters[name]))
    said = asked(seats["bank-0"], compute, 3, Listed(("bank-0", "bank-1", "bank-2")))
    assert isinstance(said, Refusal) == (not quorum)
    assert quorum or "the job's sums wait for all" in said.what


@pytest.mark.parametrize(("steady", "quorum", "other"), [("any", 0, True), ("steady", 3, True), ("any", 3, False)])
def test_a_party_that_was_in_a_sum_is_in_none_of_other_parties_where_they_may_not_change(steady, quorum, other):
    """It need not have signed the first: whoever picks the signers would let it sign the second alone."""
    seats, compute, ask, _ = masked_by_all(steady, quorum)
    said = asked(seats["bank-0"], compute, 7, Invited(("bank-0", "bank-1", "bank-2"), digest_of_ask(ask)))
    assert isinstance(said, Refusal) == other
    assert not other or "of other parties than the job's sums before it" in said.what
    again = asked(seats["bank-0"], compute, 8, Invited(tuple(seats)[::-1], digest_of_ask(ask)))
    assert not isinstance(again, Refusal)


@pytest.mark.parametrize("least", [3, 4])
def test_a_sum_of_fewer_parties_than_the_job_promises_is_not_begun(least):
    made = made_for([f"bank-{i}" for i in range(4)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books()]
    job = rounds(secure_sum(), min_parties=least)
    seats, compute = seats_of(job, banks), in_process(job, banks)
    said = asked(seats["bank-0"], compute, 0, Invited(("bank-0", "bank-1", "bank-2"), bytes(32)))
    assert isinstance(said, Refusal) == (least > 3)
    assert least == 3 or "the job promises 4" in said.what


def test_a_party_masks_nothing_but_what_the_sum_was_agreed_for():
    seats, compute, ask, letters = masked_by_all()
    other = dataclasses.replace(ask, params=np.array([0.0, 0.0, 0.0, 1e-9]))
    said = asked(seats["bank-0"], compute, 2, Masked(other, letters["bank-0"]))
    assert "Something else is asked" in said.what
    assert "out of its turn" in asked(seats["bank-0"], compute, 3, Masked(ask, letters["bank-0"])).what


def under_way(seats, compute, ask, turn=0):
    """The letters of a sum of this ask, begun at a turn."""
    invited = Invited(tuple(seats), digest_of_ask(ask))
    said = {name: asked(seat, compute, turn, invited) for name, seat in seats.items()}
    adverts = {name: unpack(Advert, one.load["advert"].tobytes()) for name, one in said.items()}
    mail = {name: asked(seat, compute, turn + 1, Adverted(adverts)).mail for name, seat in seats.items()}
    return {name: {of: post[name].data for of, post in mail.items() if of != name} for name in seats}


def test_what_keeps_an_update_at_home_ends_the_sum_and_erases_its_secrets():
    made = made_for([f"bank-{i}" for i in range(4)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books()]
    job = Job("scores", (Rounds(chain=(by_examples(), norm_bound(1e-9), secure_sum())),))
    seats, compute = seats_of(job, banks), in_process(job, banks)
    ask = Train(np.zeros(4), 0, Rounds().local, ({}, {}, {}))
    letters = under_way(seats, compute, ask)
    assert "longer than the job's norm_bound" in asked(seats["bank-0"], compute, 2, Masked(ask, letters["bank-0"])).what
    client = unpack(Client, seats["bank-0"].memory[KEPT].tobytes())
    assert (client.phase, client.secrets, client.held) == ("idle", (), {})


def test_no_message_of_a_sum_travels_inside_one():
    seats, compute, _, _ = masked_by_all()
    for turn, said in ((7, Invited(tuple(seats), bytes(32))), (17, Opened({}))):
        letters = under_way(seats, compute, said, turn)
        with pytest.raises(JobError, match="no handler"):
            asked(seats["bank-0"], compute, turn + 2, Masked(said, letters["bank-0"]))


def test_every_attempt_has_fresh_keys_and_the_same_ask_the_same_answer():
    seats, compute, ask, _ = masked_by_all()
    invited = Invited(tuple(seats), digest_of_ask(ask))
    said = [asked(seats["bank-0"], compute, turn, invited) for turn in (7, 8, 8)]
    first, second, third = (unpack(Advert, one.load["advert"].tobytes()) for one in said)
    assert second == third
    assert (first.number, second.number) == (2, 3)
    assert len({first.enc, first.mask, second.enc, second.mask}) == 4


def test_parties_that_are_asked_from_different_parameters_are_never_summed():
    asks = {f"bank-{i}": Check(np.full(4, float(i == 2))) for i in range(4)}
    with pytest.raises(JobError, match="asked different things"):
        next(secure_sum().gather(asks, Everyone()))


def test_memory_that_holds_at_once_needs_no_word_of_the_coordinators_and_is_no_secret_when_over():
    with Simulation(books(), workers=1).session(rounds(secure_sum())) as session:
        session.run()
        for memory in session.memories().values():
            held = memory[KEPT].tobytes()
            assert len(held) < 600
            assert b"secrets" not in held
            assert b"held" not in held


def test_a_chain_with_it_says_what_it_needs():
    for links, words in (
        ((fixed(2), secure_sum()), "needs at least 3 parties"),
        ((fixed(3), secure_sum(cohorts="steady")), "secure_sum needs the same parties in every round"),
        ((secure_sum(), coordinate_median), "coordinate_median must see each .* or use secure_groups"),
    ):
        with pytest.raises(ChainError, match=words):
            Rounds(chain=links)
    with pytest.raises(ChainError, match="needs at least 3 parties"):
        run(rounds(secure_sum(), min_parties=2), books(2))
    with pytest.raises(ChainError, match="needs at least 5 parties"):
        run(rounds(secure_sum(colluders=3)), books(4))
    with pytest.raises(ChainError, match=r"has room for 3 parties.* at least 4"):
        run(rounds(secure_sum(parties=3)), books(4))
    with pytest.raises(ChainError, match="bits are missing"):
        secure_sum(bits=40)
    with pytest.raises(ConfigError):
        secure_sum(colluders=0)


def test_nobody_signs_without_an_identity():
    job = rounds(secure_sum())
    with pytest.raises(ConfigError, match="no identity"):
        near(job, seats_of(job, books()), in_process(job, books())).run()


def test_every_message_of_a_sum_travels_between_institutions_as_it_was_said():
    advert = Advert("bank-0", 1, bytes(32), b"e" * 32, b"m" * 32, b"s" * 32, (b"o",), (b"p",), b"signed")
    kinds = {kind.__name__: kind for kind in rounds(secure_sum()).handlers(0)}
    for ask in (
        Invited(("bank-0", "bank-1"), bytes(32)),
        Adverted({"bank-0": advert}),
        Masked(Check(np.ones(2)), {"bank-1": b"letter"}),
        Listed(("bank-0",)),
        Opened({"bank-0": b"signature"}),
    ):
        assert repr(ask_of(ask_body(ask), kinds)) == repr(ask)


def test_how_much_was_cut_is_told_from_inside_the_sum():
    cut = [run(rounds(secure_sum(clip=clip))).last(Learning).history[0].measures["cut"] for clip in (16.0, 1e-9)]
    assert cut == [0.0, 1.0]


@pytest.mark.parametrize("cohorts", ["any", "steady"])
def test_a_bank_that_is_lost_once_is_named_and_no_sum_goes_on_without_it_where_cohorts_are_steady(cohorts):
    def clock(party, name):
        return None if party == "bank-1" and name.turn == 7 else 1.0

    job = rounds(secure_sum(cohorts=cohorts), quorum=3, deadline=5.0)
    if cohorts == "any":
        assert run(job, clock=clock).last(Learning).history[0].counted == 3
    else:
        with pytest.raises(TooFewParties, match="Missing: bank-1"):
            run(job, clock=clock)


@pytest.mark.parametrize("after", [False, True])
def test_a_coordinator_stopped_at_every_write_opens_the_same_sums_and_no_keys_are_drawn_again(after):
    made = made_for([f"bank-{i}" for i in range(3)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books(3)]
    job, whole = rounds(secure_sum()), Memoir()
    wanted = finish(job, banks, whole, None)[0].last(Learning).params.tobytes()
    assert whole.writes > 2 * 5 * 3
    for stop in range(1, whole.writes + 1):
        done, seats = finish(job, banks, Memoir(stop, after), None)
        assert done.last(Learning).params.tobytes() == wanted
        clients = [unpack(Client, seat.memory[KEPT].tobytes()) for seat in seats.values()]
        assert [(client.number, client.secrets, client.held) for client in clients] == [(2, (), {})] * 3


def test_no_coordinator_gets_an_update_in_clear_by_asking_for_it_plainly():
    seats, compute, ask, letters = masked_by_all()
    one = seats["bank-0"]
    for plain in (ask, Train(np.zeros(4), 0, Rounds().local, ({}, {}))):
        assert "asked for in clear" in asked(one, compute, 20, plain).what
        one.given.clear()
    assert not isinstance(asked(one, compute, 2, Masked(ask, letters["bank-0"])), Refusal)


@pytest.mark.parametrize("odd", [0, 1, 2])
def test_a_sum_of_vectors_of_two_forms_is_opened_by_nobody_who_has_put_in_the_rarer_one(odd):
    """What each signs with the survivors holds the form of its own vector: so many agree on one, or nothing opens."""
    seats, compute, ask, letters = masked_by_all()
    for name, seat in seats.items():
        assert not isinstance(asked(seat, compute, 2, Masked(ask, letters[name])), Refusal)
        client = unpack(Client, seat.memory[KEPT].tobytes())
        assert len(client.form) == 32
        if name in tuple(seats)[:odd]:  # as a bank of another version has it
            seat.hold_at_once({KEPT: np.frombuffer(pack(dataclasses.replace(client, form=b"other")), np.uint8)})
    said = {name: asked(seat, compute, 3, Listed(tuple(seats))) for name, seat in seats.items()}
    signed = {name: one.load["signature"].tobytes() for name, one in said.items()}
    opened = {name: asked(seat, compute, 4, Opened(signed)) for name, seat in seats.items()}
    refused = [name for name, one in opened.items() if isinstance(one, Refusal)]
    assert refused == list(seats)[: {0: 0, 1: 1, 2: 4}[odd]]
    assert all("another form" in opened[name].why for name in refused)
