"""An encrypted Rounds is the secure one to the bit, whoever is lost and wherever it runs; the rest is refused."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hansa.core.bodies import ask_body, ask_of, word_body, word_of
from hansa.core.carry import near
from hansa.core.codec import unpack
from hansa.core.digest import digest_of_ask
from hansa.core.job import Job
from hansa.core.load import Load
from hansa.core.message import Answer, Masked, Name, Refusal
from hansa.core.party import AT_ONCE
from hansa.core.plan import Everyone, First
from hansa.core.post import in_process, seats_of
from hansa.core.wire import Parcel, read
from hansa.engines.simulation import Simulation
from hansa.errors import ChainError, ConfigError, JobError, PrivacyError, TooFewParties, WireError
from hansa.governance.sums import Sums, against
from hansa.horizontal.evaluate import Verdict
from hansa.horizontal.rounds import Check, Learning, Rounds
from hansa.links import clip_l2, coordinate_median, encrypted_sum, fixed, secure_sum, weighted_mean
from hansa.links.encrypted import Added, Keyed, Keying, _agreed
from hansa.privacy.cipher_sum import Form
from hansa.privacy.encrypted import Holder, Offer
from hansa.privacy.homomorphic import Adder
from hansa.privacy.primitives import made_for
from tests.core.test_carry import Memoir, finish
from tests.engines.network import federation
from tests.links.test_secure import TEXT, asked, books, rounds, run


def test_an_encrypted_job_is_the_secure_one_to_the_bit_from_the_first_count_to_the_last():
    secure, encrypted = (run(Job.from_toml(TEXT.format("", link))) for link in ("secure_sum", "encrypted_sum"))
    assert (secure.last(Learning).params == encrypted.last(Learning).params).all()
    assert [p.measures for p in secure.last(Learning).history] == [p.measures for p in encrypted.last(Learning).history]
    for name in ("low", "high", "sums"):
        assert (getattr(secure.last(Verdict), name) == getattr(encrypted.last(Verdict), name)).all()


def test_bits_depend_neither_on_the_keys_nor_on_processes():
    job = rounds(encrypted_sum(), n=2)
    found = [run(job).last(Learning).params.tobytes() for _ in range(2)]
    with Simulation(books(), workers=2).session(job) as session:
        found.append(session.run().last(Learning).params.tobytes())
    assert len(set(found)) == 1


@pytest.mark.parametrize("lost", ["bank-0", "bank-1", "bank-3"])
@pytest.mark.parametrize("point", range(4))
def test_who_is_lost_at_any_message_is_out_of_the_sum_or_in_it_and_never_half(point, lost):
    first = 4  # `Shape` is a sum of four messages before that of the updates

    def clock(party, name):
        return None if party == lost and name.turn == first + point else 1.0

    kept = run(rounds(encrypted_sum(), quorum=3, deadline=5.0), clock=clock).last(Learning)
    out = point in {0, 2}  # who is lost as it deals or opens is in the sum all the same
    plain = run(rounds(weighted_mean()), [party for party in books() if party.name != lost or not out]).last(Learning)
    assert kept.history[0].counted == 4 - out
    assert np.abs(kept.params - plain.params).max() < 2**-24


@pytest.mark.parametrize(("turn", "words"), [(4, "bank-1, bank-2"), (6, "bank-[12], bank-[12]")])
def test_fewer_than_three_end_the_job_by_name(turn, words):
    def clock(party, name):
        return None if party in {"bank-1", "bank-2"} and name.turn == turn else 1.0

    with pytest.raises(TooFewParties, match=words):
        run(rounds(encrypted_sum(), quorum=3, deadline=5.0), clock=clock)


@pytest.mark.parametrize(("turn", "words"), [(5, "0 of 1 parties"), (7, "Nobody is left who opens")])
def test_where_both_who_deal_or_both_who_open_are_lost_the_sum_is(turn, words):
    def clock(party, name):
        return None if party in {"bank-0", "bank-1"} and name.turn == turn else 1.0

    with pytest.raises(TooFewParties, match=words):
        run(rounds(encrypted_sum(), quorum=3, deadline=5.0), clock=clock)


def encrypted_by_all():
    """Four seats and their ciphertexts, in the hands of a coordinator that may say what it likes."""
    made = made_for([f"bank-{i}" for i in range(4)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books()]
    job = rounds(encrypted_sum())
    seats, compute, ask = seats_of(job, banks), in_process(job, banks), Check(np.zeros(4))

    def say(name, turn, what):
        return asked(seats[name], compute, turn, what)

    keying = Keying(tuple(seats), digest_of_ask(ask))
    offers = {name: unpack(Offer, say(name, 0, keying).load["offer"].tobytes()) for name in seats}
    mail = say("bank-0", 1, Keyed(offers)).mail
    letters = {name: {"bank-0": mail[name].data} if name in mail else {} for name in seats}
    return seats, say, ask, letters


def added(names, load):
    return Added(names, unpack(Form, load["form"].tobytes()).count, load["sizes"][0], load["cipher"][0])


def test_a_coordinator_has_nobody_open_a_single_partys_numbers():
    seats, say, ask, letters = encrypted_by_all()
    words = {name: say(name, 2, Masked(ask, letters[name])) for name in seats}
    names = tuple(seats)
    for opener, said, victim in (
        ("bank-0", names, "bank-1"),
        ("bank-1", ("bank-1",), "bank-1"),
        ("bank-2", ("bank-0", "bank-1", "bank-2"), "bank-2"),
    ):
        assert isinstance(say(opener, 3, added(said, words[victim].load)), Refusal)
        assert "out of its turn" in say(opener, 4, added(names, words[victim].load)).what  # its key is gone


def test_a_party_encrypts_nothing_but_what_the_sum_was_agreed_for():
    _, say, ask, letters = encrypted_by_all()
    other = dataclasses.replace(ask, params=np.array([0.0, 0.0, 0.0, 1e-9]))
    assert "Something else is asked" in say("bank-1", 2, Masked(other, letters["bank-1"])).what
    assert "out of its turn" in say("bank-1", 3, Masked(ask, letters["bank-1"])).what


def test_numbers_that_are_not_finite_or_too_large_do_not_leave_the_party():
    for value in (np.nan, np.inf, 1e300):
        _, say, ask, letters = encrypted_by_all()
        said = say("bank-1", 2, Masked(dataclasses.replace(ask, params=np.full(4, value)), letters["bank-1"]))
        assert isinstance(said, Refusal)
        assert "e+" not in said.what


def test_who_opens_it_otherwise_than_the_other_does_is_not_believed():
    link, asks = encrypted_sum(), {f"bank-{i}": Check(np.zeros(4)) for i in range(3)}
    right, wrong = (Load({"words": np.array([[5, n]], np.uint64)}) for n in (6, 7))
    assert _agreed([("bank-0", right), ("bank-1", right)], 2).tolist() == [5, 6]
    with pytest.raises(PrivacyError, match="differently by bank-0, bank-1"):
        _agreed([("bank-0", right), ("bank-1", wrong)], 2)
    for said, count in ((right, 3), (Load({"forgotten": np.ones((1, 1), np.int64)}), 2)):
        with pytest.raises(WireError, match="something else"):
            _agreed([("bank-0", right), ("bank-1", said)], count)
    plan = link.gather(asks, Everyone())
    assert set(next(plan).to) == set(asks)


def test_it_asks_everybody_the_same_and_does_not_go_on_with_the_first_few():
    asks = {f"bank-{i}": Check(np.full(4, float(i == 2))) for i in range(4)}
    with pytest.raises(JobError, match="asked different things"):
        next(encrypted_sum().gather(asks, Everyone()))
    with pytest.raises(ConfigError, match="first few"):
        next(encrypted_sum().gather(dict.fromkeys(asks, asks["bank-0"]), First(3)))


def test_a_chain_with_it_says_what_it_needs():
    for links, words in (
        ((fixed(2), encrypted_sum()), "needs at least 3 parties"),
        ((encrypted_sum(), coordinate_median), "must see each party's update, and encrypted_sum hides them"),
        ((encrypted_sum(), secure_sum()), "Two links say"),
    ):
        with pytest.raises(ChainError, match=words):
            Rounds(chain=links)
    assert Rounds(chain=(clip_l2(1.0), encrypted_sum())).links().combine.guarantees.hides_each
    with pytest.raises(ChainError, match="needs at least 3 parties"):
        run(rounds(encrypted_sum(), min_parties=2), books(2))
    with pytest.raises(ChainError, match="bits are missing"):
        encrypted_sum(bits=40)
    with pytest.raises(ConfigError, match="room for 255"):
        encrypted_sum(parties=256)
    with pytest.raises(ConfigError, match="at least 3 parties"):
        encrypted_sum(parties=2)
    with pytest.raises(ChainError, match=r"room for 3 parties\. There are 4\."):
        run(rounds(encrypted_sum(parties=3)))


def test_a_party_takes_no_part_in_a_sum_of_more_parties_than_there_is_room_for():
    made = made_for([f"bank-{i}" for i in range(4)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books(3)]
    job = rounds(encrypted_sum(parties=3))
    seats, compute = seats_of(job, banks), in_process(job, banks)
    assert "room for 3 parties, not 4" in asked(seats["bank-0"], compute, 0, Keying(tuple(made), bytes(32))).what


def test_nobody_signs_without_an_identity():
    job = rounds(encrypted_sum())
    with pytest.raises(ConfigError, match="no identity"):
        near(job, seats_of(job, books()), in_process(job, books())).run()


def test_no_key_stays_when_the_job_is_over():
    with Simulation(books(), workers=1).session(rounds(encrypted_sum())) as session:
        session.run()
        for name, memory in session.memories().items():
            assert unpack(Holder, memory[f"{AT_ONCE}encrypted sum"].tobytes()) == Holder(name)


def test_every_message_of_a_sum_travels_between_institutions_as_it_was_said():
    kinds = {kind.__name__: kind for kind in rounds(encrypted_sum()).handlers(0)}
    offer, data = Offer("bank-0", bytes(32), b"p" * 32, b"signed"), np.arange(9, dtype=np.uint8)
    for ask in (
        Keying(("bank-0", "bank-1"), bytes(32)),
        Keyed({"bank-0": offer}),
        Masked(Check(np.ones(2)), {"bank-1": b"letter" * 30_000}),
        Added(("bank-0",), 3, np.array([4, 5]), data),
    ):
        frame = b"".join(Parcel("Ask", "", Name(0, 0, 0), "a", "b", 1, ask_body(ask)).frame())
        assert repr(ask_of(read(frame).body, kinds)) == repr(ask)
    seats, say, ask, letters = encrypted_by_all()
    for word in (say("bank-0", 2, Masked(ask, letters["bank-0"])), say("bank-1", 2, Masked(ask, letters["bank-1"]))):
        frame = b"".join(Parcel("Word", "", Name(0, 0, 0), "a", "b", 1, word_body(word)).frame())
        back = word_of(read(frame).body)
        assert isinstance(back, Answer)
        assert Adder.new().read([back.load["cipher"].tobytes()])
    assert len(seats) == 4


@pytest.mark.parametrize("after", [False, True])
def test_a_coordinator_stopped_at_every_write_opens_the_same_sums(after):
    made = made_for([f"bank-{i}" for i in range(3)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in books(3)]
    job, whole = rounds(encrypted_sum()), Memoir()
    wanted = finish(job, banks, whole, None)[0].last(Learning).params.tobytes()
    assert whole.writes > 2 * 4
    for stop in range(1 + after, whole.writes + 1, 2):
        assert finish(job, banks, Memoir(stop, after), None)[0].last(Learning).params.tobytes() == wanted


def test_between_institutions_it_gives_the_bits_of_one_process(tmp_path):
    job = federation.job_of(federation.TEXT.replace("trainer =", 'chain = ["by_examples", "encrypted_sum"]\ntrainer ='))
    made = made_for([f"bank-{i}" for i in range(3)])
    banks = [dataclasses.replace(bank, identity=made[bank.name]) for bank in federation.members()]

    async def carried():
        fed = federation.Federation(tmp_path, job, banks)
        await fed.start()
        try:
            return federation.chosen(await asyncio.wait_for(fed.run(), 60))
        finally:
            await fed.stop()

    assert asyncio.run(carried()) == federation.alone(job, banks)


def test_a_site_that_asks_for_colluders_refuses_it_and_one_that_asks_for_none_may_take_it():
    job = rounds(encrypted_sum())
    assert [one.what for one in against(job, Sums(steady=False))] == [
        "encrypted_sum holds against 0 colluding parties; at least 1 are asked for."
    ]
    assert not list(against(job, Sums(colluders=0, steady=False)))


WITHOUT = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.partition(".")[0] == "tenseal" else find(name, *rest)

from hansa.errors import ConfigError
from tests.links.test_secure import TEXT, Job, run

try:
    run(Job.from_toml(TEXT.format("", "encrypted_sum")))
except ConfigError as error:
    print(error)
"""


def test_where_the_library_is_missing_one_sentence_names_the_extra():
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=root, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout == "bank-0: This needs 'tenseal', which is not installed. pip install 'hansa[he]'\n", done.stderr
