"""Secure sums between institutions: whatever becomes of lines, disks and banks, no key serves twice, no sum is lost."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from hansa.core.codec import unpack
from hansa.core.digest import digest_of_ask
from hansa.core.load import Load
from hansa.core.message import Answer, Envelope, Masked, Name, Refusal
from hansa.core.plan import Everyone
from hansa.core.post import in_process
from hansa.engines.network.desk import Desk
from hansa.engines.network.seat_book import SeatBook
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.words import Word
from hansa.engines.simulation import Simulation
from hansa.errors import DataError, PartyLost, PolicyRefusal, TooFewParties
from hansa.horizontal.rounds import Check, Learning, Train
from hansa.links.secure import Adverted, Invited, Listed, Opened, secure_sum
from hansa.privacy import primitives
from hansa.privacy.primitives import made_for
from hansa.privacy.sum_words import Advert
from tests.engines.network.federation import TEXT, Federation, alone, chosen, job_of, members

SECURE = TEXT.replace("trainer =", 'chain = ["by_examples", "secure_sum"]\ntrainer =')
SMALL = """
name = "small"
data = {target = "late"}
steps = [{use = "rounds", rounds = 1, check_every = 0, chain = ["by_examples", "secure_sum"]}]
"""
NOISED = """
name = "noised"
data = {target = "late"}
quorum = 6
deadline = 20

[[steps]]
use = "rounds"
rounds = 1
check_every = 0
chain = [
    "uniform",
    {use = "clip_l2", bound = 1.0},
    {use = "distributed_noise", noise_multiplier = 1.0, parties = 5},
    "secure_sum",
]
"""
FIVE = ("Invited", "Adverted", "Train", "Listed", "Opened")


def banks(count=3, **guards):
    found = members(count)
    made = made_for([one.name for one in found])
    return [replace(one, identity=made[one.name], guards=guards.get(one.name[-1:], ())) for one in found]


def carried(fed, patience=60, find=chosen):
    """Carry the job; what the plan chose, and every advert that the coordinator has heard, by bank."""
    heard = defaultdict(list)

    async def whole():
        await fed.start()
        put = fed.store.put

        def listening(digest, words):
            for word in words:
                if word.kind == "Invited" and isinstance(word.said, Answer):
                    heard[word.party].append(unpack(Advert, word.said.load["advert"].tobytes()))
            return put(digest, words)

        fed.store.put = listening
        try:
            return find(await asyncio.wait_for(fed.run(), patience))
        finally:
            await fed.stop()

    return asyncio.run(whole()), heard


def once(heard):
    """Keys come again only in the very same advert; each bank's sums are numbered upwards, by one each."""
    for told in heard.values():
        fresh = {one.number: one for one in told}
        assert all(fresh[one.number] == one for one in told)
        assert sorted(fresh) == list(range(1, len(fresh) + 1))
        assert len({key for one in fresh.values() for key in (one.enc, one.mask, one.seed)}) == 3 * len(fresh)


def test_a_job_whose_sums_are_all_secure_gives_the_bits_of_one_process(tmp_path):
    found, heard = carried(Federation(tmp_path, job_of(SECURE), banks()))
    assert found == alone(job_of(SECURE), banks())
    once(heard)


@pytest.mark.parametrize("seed", range(2))
def test_lines_that_are_cut_at_any_message_lose_no_sum(tmp_path, seed):
    draw = random.Random(seed)
    found, heard = carried(Federation(tmp_path, job_of(SECURE), banks(), cuts=lambda: draw.randint(4, 60)))
    assert found == alone(job_of(SECURE), banks())
    once(heard)


@pytest.mark.parametrize("after", [False, True])
def test_a_bank_whose_disk_fails_at_each_word_of_a_sum_gives_one_word_and_one_set_of_keys(tmp_path, monkeypatch, after):
    """Before the word is durable another one may take its place, for nobody has seen it; afterwards none may."""
    real, wanted = SeatBook.give, alone(job_of(SMALL), banks())
    for nth in range(1, 11):
        calls = [0]

        def failing(book, *said, calls=calls, nth=nth, **named):
            calls[0] += book.party == "bank-1"
            due = book.party == "bank-1" and calls[0] == nth
            if due and not after:
                raise DataError("The disk fails.")
            given = real(book, *said, **named)
            if due:
                raise DataError("The disk fails.")
            return given

        monkeypatch.setattr(SeatBook, "give", failing)
        found, heard = carried(Federation(tmp_path / str(nth), job_of(SMALL), banks()))
        assert found == wanted
        assert calls[0] == 10 if after else 11
        once(heard)


@pytest.mark.parametrize("same", [True, False])
def test_a_masked_vector_that_comes_twice_counts_once_and_another_one_is_noted_and_not_counted(tmp_path, same):
    fed, noted = Federation(tmp_path, job_of(SMALL), banks()), []

    async def whole():
        await fed.start()
        put = fed.store.put

        def doubled(digest, words):
            verdicts = put(digest, words)
            for word in words:
                if word.kind == "Train" and word.party == "bank-1":
                    load = word.said.load if same else Load({n: v + 1 for n, v in word.said.load.vectors.items()})
                    noted.extend(put(digest, [Word(word.name, word.party, word.kind, Answer(load))]))
            return verdicts

        fed.store.put = doubled
        try:
            return chosen(await asyncio.wait_for(fed.run(), 60)), fed.store.notes(fed.board.digest)
        finally:
            await fed.stop()

    found, notes = asyncio.run(whole())
    assert found == alone(job_of(SMALL), banks())
    assert noted == ["same" if same else "clash"]
    assert ("conflict" in [note.kind for note in notes]) == (not same)


@dataclass
class Vanishing:
    """Stands at the door of a bank that is gone from one message of the second sum on, and back for the third."""

    kind: str
    sums: list = field(default_factory=list)
    gone: bool = False

    def admit(self, ask, job):
        if isinstance(ask, Invited) and ask.about not in self.sums:
            self.sums.append(ask.about)
            self.gone = False
        if len(self.sums) == 2 and type(ask).__name__ == self.kind:
            self.gone = True
        if self.gone:
            raise PartyLost("The bank is gone.")

    def release(self, answer, ask, job):
        return answer


@pytest.mark.parametrize("point", range(5))
def test_a_bank_that_is_gone_at_any_message_is_out_of_the_sum_or_in_it_and_back_in_the_next(tmp_path, point):
    text = "quorum = 3\ndeadline = 0.4\n" + SMALL.replace("rounds = 1", "rounds = 2")
    fed = Federation(tmp_path, job_of(text), banks(4, **{"3": (Vanishing(FIVE[point]),)}))
    learned, heard = carried(fed, find=lambda done: done.last(Learning))

    def clock(party, name):
        return None if party == "bank-3" and (name.keep, name.turn) == (0, 5 + point) else 0.1

    with Simulation(members(4), workers=1, clock=clock).session(job_of(text)) as session:
        wanted = session.run().last(Learning)
    assert [one.counted for one in learned.history] == [3 + (point > 2), 4]
    assert learned.params.tobytes() == wanted.params.tobytes()
    once(heard)


def test_a_steady_job_stops_where_a_bank_is_gone_and_goes_on_with_it(tmp_path):
    text = "deadline = 0.5\nquorum = 3\n" + SMALL.replace('"secure_sum"', '{use = "secure_sum", cohorts = "steady"}')
    there = banks(4, **{"3": (Vanishing("Train"),)})
    with pytest.raises(TooFewParties, match="Missing: bank-3"):
        carried(Federation(tmp_path, job_of(text), there))
    back = [replace(one, guards=()) for one in there]
    assert carried(Federation(tmp_path, job_of(text), back))[0] == alone(job_of(text), back)


def hostile(gather):
    """The coordinator's half of a secure sum, but five survivors are named where more updates came."""

    def going(link, asks, until):
        plan = gather(link, asks, until)
        updates, told = any(isinstance(ask, Train) for ask in asks.values()), next(plan)
        while True:
            if updates and any(isinstance(ask, Listed) for ask in told.to.values()):
                few = tuple(told.to)[:5]
                told = replace(told, to=dict.fromkeys(few, Listed(few)), until=Everyone())
            reply = yield told
            try:
                told = plan.send(reply)
            except StopIteration as end:
                return end.value

    return going


@pytest.mark.parametrize("drops", [False, True], ids=["honest", "hostile"])
def test_banks_open_no_noised_sum_from_which_a_coordinator_has_dropped_too_many(tmp_path, monkeypatch, drops):
    """Five of seven could open it, and would have the noise of four: one of them may be in league."""
    seven = banks(7)
    if drops:
        monkeypatch.setattr(secure_sum, "gather", hostile(secure_sum.gather))
        match = r"… parties left, and the job's links need …\. Noise in shares.*less than is claimed. Bring the others"
        with pytest.raises(PolicyRefusal, match=match):
            carried(Federation(tmp_path, job_of(NOISED), seven))
    else:
        carried(Federation(tmp_path, job_of(NOISED), seven))
    for place, bank in enumerate(seven):
        store = SiteStore(tmp_path / bank.name)
        left = [(one.line.kind, bool(one.line.shapes)) for one in store.ledger.lines()]
        store.close()
        assert left.count(("Train", True)) == 1, "its update left, masked"
        assert left.count(("Opened", True)) == 2 - drops, "no share of it has left"
        assert left.count(("Listed", False)) == (drops and place < 5)


class Banks:
    """Banks' desks on their disks, which are put down and taken up again between any two messages."""

    def __init__(self, folder, count=4):
        checked = "quorum = 3\n" + SMALL.replace("rounds = 1, check_every = 0", "rounds = 9")
        self.folder, self.job, self.parties = folder, job_of(checked), banks(count)
        self.names, self.ask, self.open = tuple(one.name for one in self.parties), Check(np.zeros(3)), {}
        self.begin()

    def begin(self):
        for party in self.parties:
            store = SiteStore(self.folder / party.name)
            digest = store.open(self.job.to_toml(), self.job.digest)
            self.open[party.name] = (store, Desk(store, self.job, digest, party, in_process(self.job, [party])))

    def end(self):
        for store, _ in self.open.values():
            store.close()

    def again(self):
        self.end()
        self.begin()

    def say(self, turn, asks, counted=()):
        """Put asks to banks; nobody but the coordinator says what has counted, and this one says what it likes."""
        envelopes = {name: Envelope(Name(0, 0, turn), ask, counted) for name, ask in asks.items()}
        return {name: self.open[name][1].answer(envelope).said for name, envelope in envelopes.items()}

    def masked(self):
        """A sum up to its masked vectors, with a stop after each message."""
        invited = Invited(self.names, digest_of_ask(self.ask))
        said = self.say(0, dict.fromkeys(self.names, invited))
        adverts = {name: unpack(Advert, one.load["advert"].tobytes()) for name, one in said.items()}
        self.again()
        mail = {name: one.mail for name, one in self.say(1, dict.fromkeys(self.names, Adverted(adverts))).items()}
        self.again()
        letters = {name: {of: post[name].data for of, post in mail.items() if of != name} for name in self.names}
        self.say(2, {name: Masked(self.ask, letters[name]) for name in self.names})
        self.again()
        return adverts


@pytest.fixture
def four(tmp_path):
    made = Banks(tmp_path)
    yield made
    made.end()


def test_a_bank_that_is_sent_another_model_is_found_out_before_anything_is_masked(tmp_path):
    """Five banks; a hostile coordinator would have one alone train from a model in which only its rows show."""
    five, other = Banks(tmp_path, 5), Check(np.array([0.0, 0.0, 1e-9]))
    try:
        names, about = five.names, dict.fromkeys(five.names, digest_of_ask(five.ask))
        for turn, told in ((0, about), (10, {**about, "bank-0": digest_of_ask(other)})):
            said = five.say(turn, {name: Invited(names, told[name]) for name in names})
            adverts = {name: unpack(Advert, one.load["advert"].tobytes()) for name, one in said.items()}
            dealt = five.say(turn + 1, dict.fromkeys(names, Adverted(adverts)))
            if turn:
                assert all("in a sum of other terms" in one.what for one in dealt.values())
                continue
            letters = {name: {of: dealt[of].mail[name].data for of in names if of != name} for name in names}
            masked = five.say(
                2, {name: Masked(other if name == "bank-0" else five.ask, letters[name]) for name in names}
            )
            assert "Something else is asked" in masked.pop("bank-0").what
            assert not any(isinstance(one, Refusal) for one in masked.values())
            listed = five.say(3, {"bank-0": Listed(names)})
            assert isinstance(listed["bank-0"], Refusal)
    finally:
        five.end()


@pytest.mark.parametrize("counted", [(), tuple(Name(0, 0, turn) for turn in range(9))])
def test_a_second_list_of_survivors_is_refused_for_ever_over_restarts(four, counted):
    four.masked()
    lists = [four.names[:3], (*four.names[:2], four.names[3])]
    signed = four.say(3, dict.fromkeys(four.names[:2], Listed(lists[0])), counted)
    four.again()
    again = four.say(3, dict.fromkeys(four.names[:2], Listed(lists[1])), counted)
    assert [one.load["signature"].tobytes() for one in again.values()] == [
        one.load["signature"].tobytes() for one in signed.values()
    ]
    for turn in (4, 5):
        other = four.say(turn, dict.fromkeys(four.names[:2], Listed(lists[1])), counted)
        assert all(isinstance(one, Refusal) for one in other.values())
        four.again()
    forged = {name: one.load["signature"].tobytes() for name, one in signed.items()}
    opened = four.say(6, dict.fromkeys(four.names[:2], Opened(forged)), counted)
    assert all("out of its turn" in one.what for one in opened.values())


def test_each_invitation_draws_keys_of_a_higher_number_over_restarts_and_the_same_one_the_same(four):
    first = four.masked()
    invited = Invited(four.names, digest_of_ask(four.ask))
    for number in (2, 3):
        said = four.say(10 + number, {"bank-0": invited})["bank-0"]
        fresh = unpack(Advert, said.load["advert"].tobytes())
        four.again()
        same = four.say(10 + number, {"bank-0": invited})["bank-0"]
        assert unpack(Advert, same.load["advert"].tobytes()) == fresh
        assert fresh.number == number
        assert not {fresh.enc, fresh.mask, fresh.seed} & {first["bank-0"].enc, first["bank-0"].mask}
    assert "out of its turn" in four.say(20, {"bank-0": Listed(four.names)})["bank-0"].what


@pytest.fixture
def secrets(monkeypatch):
    """All that the operating system's generator has given for keys and seeds."""
    drawn, real = [], primitives.urandom

    def recorded(size):
        drawn.append(real(size))
        return drawn[-1]

    monkeypatch.setattr(primitives, "urandom", recorded)
    return drawn


def files_with(secrets, folder):
    """How many of a folder's files hold a key or a seed."""
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert contents
    return sum(any(one in content for one in secrets if len(one) == 32) for content in contents)


def test_when_a_job_is_over_no_file_of_a_bank_holds_a_secret_of_its_sums(tmp_path, secrets):
    carried(Federation(tmp_path, job_of(SMALL), banks()))
    assert len(secrets) > 3 * 3 * 2
    assert [files_with(secrets, tmp_path / party.name) for party in members()] == [0, 0, 0]


def test_when_a_sum_ends_before_its_time_no_file_holds_its_secrets(four, secrets):
    invited = Invited(four.names, digest_of_ask(four.ask))
    said = four.say(0, dict.fromkeys(four.names, invited))
    adverts = {name: unpack(Advert, one.load["advert"].tobytes()) for name, one in said.items()}
    four.say(1, dict.fromkeys(four.names, Adverted(adverts)))
    four.end()
    assert all(files_with(secrets, four.folder / name) for name in four.names)
    four.begin()
    assert all(isinstance(one, Refusal) for one in four.say(2, dict.fromkeys(four.names, Listed(four.names))).values())
    four.end()
    assert not any(files_with(secrets, four.folder / name) for name in four.names)
    four.begin()
