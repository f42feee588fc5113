"""Calls: every role, call and owner; what cannot be read, is of another or is forged is refused in plain words."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from hansa.core.job import Job
from hansa.core.wire import read
from hansa.engines.network.calls import Caller, Office
from hansa.engines.network.diary import Doorbook
from hansa.engines.network.hub import Hub
from hansa.engines.network.jobs import Jobs
from hansa.engines.network.passes import give
from hansa.engines.network.sayings import plainly
from hansa.engines.network.store import Store
from hansa.errors import ConfigError, HansaError, IdentityError, JobError, PolicyRefusal, TooFewParties, WireError
from tests.engines.network.banks import NOW, consortium
from tests.engines.network.federation import UNSIGNED, believe
from tests.engines.network.test_passes import ALLOWED, CALLS

NAMES = ("bank-a", "bank-b", "bank-c")


def job(name="scores"):
    return Job.from_toml(Job.from_toml(f'name = "{name}"\nsteps = ["prepare", "rounds"]').to_toml())


class House:
    """An office over a store, and people with passes; nothing is listened at."""

    def __init__(self, folder):
        self.org = consortium(folder / "org")
        self.store = Store(folder / "store")
        self.loop = asyncio.new_event_loop()
        self.hub = self.loop.run_until_complete(self.made())
        self.jobs = Jobs(self.store, self.hub, lambda: dict.fromkeys(NAMES, ""), folder / "jobs")
        self.office = Office(self.jobs, self.org, Doorbook(self.store))
        self.cards = {}

    async def made(self):
        return Hub(self.store, lambda digest: UNSIGNED, believe)

    def calls(self, name, role, peer=""):
        if name not in self.cards:
            self.cards[name] = give(self.org, name, role, NOW)
        return Caller(self.cards[name], lambda data: self.ask(data, peer or name))

    def ask(self, data, peer):
        return self.loop.run_until_complete(self.office.answer(data, peer))

    def close(self):
        self.loop.run_until_complete(self.jobs.close())
        self.hub.stop()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.store.close()
        self.loop.close()


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()


def tried(calls, call, mine):
    """What comes of a call: its error, or None."""
    does = {
        "Submit": lambda: calls.submit(mine),
        "Status": lambda: calls.status(mine.digest),
        "Logs": lambda: calls.log(mine.digest),
        "Notes": lambda: calls.notes(mine.digest),
        "Stop": lambda: calls.stop(mine.digest),
        "Resume": lambda: calls.resume(mine.digest),
        "Readmit": lambda: calls.readmit(mine.digest, "bank-a"),
        "Result": lambda: calls.result(mine),
    }
    try:
        does[call]()
    except HansaError as error:
        return error
    return None


@pytest.mark.parametrize("role", ["operator", "scientist", "auditor"])
def test_every_role_call_and_owner(house, role):
    caller = house.calls("me", role)
    for own in (True, False):
        made = job(f"{role} {own}")
        house.store.submit(made.to_toml(), "me" if own else "somebody", NAMES)
        for call in CALLS:
            error = tried(caller, call, made)
            if (role, call, own) in ALLOWED:  # what is left to say is about the job, never about who asks
                about_it = ("under way", "no result", "not set aside")
                assert error is None or any(words in error.what for words in about_it), (call, error)
            elif call == "Submit" and role == "scientist":
                assert "by somebody else" in error.what
            elif (role, call, True) in ALLOWED:
                assert "no such job" in error.what, call
            else:
                assert isinstance(error, PolicyRefusal), call


def test_of_another_scientists_job_not_even_its_being_is_told(house):
    theirs, nobodys = job("theirs"), job("nobody's")
    house.store.submit(theirs.to_toml(), "anna", NAMES)
    bo = house.calls("bo", "scientist")
    assert bo.status() == ()
    said = {str(tried(bo, call, which)) for call in CALLS[1:] for which in (theirs, nobodys)}
    assert len(said) == 1


def test_a_forged_withdrawn_or_other_name_is_refused_at_every_call(house):
    anna, mine = house.calls("anna", "scientist"), job()
    house.store.submit(mine.to_toml(), "anna", NAMES)
    stolen = house.calls("anna", "scientist", peer="bo")  # her file's words over his line
    forged = house.calls("anna", "scientist")
    forged.token = "00" * 32
    for caller in (stolen, forged):
        for call in CALLS:
            assert isinstance(tried(caller, call, mine), IdentityError), call
    assert tried(anna, "Status", mine) is None


def test_a_pass_that_has_expired_is_refused(house):
    house.cards["old"] = give(house.org, "old", "operator", NOW - timedelta(days=3), days=1)
    assert isinstance(tried(house.calls("old", "operator"), "Status", job()), IdentityError)


@pytest.mark.parametrize(
    "data", [b"", b"no frame", bytes(42), b"HNSA" + bytes(2000), b"".join(plainly("Status", "x", "y", body=7).frame())]
)
def test_bytes_that_are_no_call_are_answered_and_do_nothing(house, data):
    said = read(house.ask(data, "anna"))
    assert said.kind == "No"
    assert said.body["error"][0] in {"WireError", "IdentityError"}


def test_a_call_brings_no_tensors_and_no_more_than_its_limit(house):
    token = house.calls("anna", "scientist").token
    frame = plainly("Submit", "anna", "coordinator", body={"token": token, "toml": "x" * (2 << 20)}).frame()
    assert "too large" in read(house.ask(b"".join(frame), "anna")).body["error"][1]


@pytest.mark.parametrize("body", [{}, {"job": 7}, {"job": ["a"]}, {"job": "abcd", "known": -1}, {"job": "ab"}])
def test_a_call_with_other_words_is_one_clear_error(house, body):
    token = house.calls("anna", "scientist").token
    for kind in ("Logs", "Result", "Stop", "Resume"):
        frame = plainly(kind, "anna", "coordinator", body={"token": token, **body}).frame()
        assert read(house.ask(b"".join(frame), "anna")).body["error"][0] in {"WireError", "ConfigError"}


def test_a_job_that_cannot_run_is_refused_before_anybody_is_asked(house):
    anna = house.calls("anna", "scientist")
    few = Job.from_toml(Job.from_toml('name = "few"\nmin_parties = 4\nsteps = ["rounds"]').to_toml())
    with pytest.raises(TooFewParties, match="at least 4"):
        anna.submit(few)
    assert anna.status() == ()
    for text in ("no = toml =", 'name = "x"\nsteps = ["nothing"]'):
        frame = plainly("Submit", "anna", "coordinator", body={"token": anna.token, "toml": text}).frame()
        assert read(house.ask(b"".join(frame), "anna")).body["error"][0] == "ConfigError"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"jobs": 7},
        {"jobs": float("nan")},
        {"entries": [7]},
        {"notes": {"a": 1}},
        {"job": None, "size": 9, "data": b""},
    ]
    + [{"size": size, "data": data} for size in ("9", -1, None, 1 << 63, 9) for data in (b"", "text", 7, [1], None)],
)
def test_an_answer_that_lacks_something_or_holds_something_else_is_one_clear_error(body):
    caller = Caller(None, lambda data: b"".join(plainly("Done", "coordinator", "anna", body=body).frame()))
    for ask in (caller.status, lambda: caller.log("abcd"), caller.notes, lambda: caller.result(job())):
        with pytest.raises(HansaError):
            ask()


def test_an_answer_that_cannot_be_read_is_said(house):
    del house
    for body in (None, {"error": [1, 2, 3, 4]}, {"error": ["No"]}):
        caller = Caller(None, lambda data, body=body: b"".join(plainly("No", "coordinator", "anna", body=body).frame()))
        with pytest.raises(WireError, match="cannot be read"):
            caller.status()
    for name, kind in (("JobError", JobError), ("SystemExit", HansaError), ("ConfigError", ConfigError)):
        words = [name, "What.", "Why.", "Mend."]
        frame = plainly("No", "coordinator", "anna", body={"error": words}).frame()
        with pytest.raises(HansaError) as told:
            Caller(None, lambda data, frame=frame: b"".join(frame)).status()
        assert type(told.value) is kind


def test_who_was_sent_away_is_noted_and_read_by_those_who_may(house):
    mine, theirs = job("mine"), job("theirs")
    house.store.submit(mine.to_toml(), "anna", NAMES)
    house.store.submit(theirs.to_toml(), "bo", NAMES)
    anna, carl = house.calls("anna", "scientist"), house.calls("carl", "auditor")
    tried(carl, "Submit", mine)
    tried(anna, "Stop", theirs)
    house.cards["old"] = give(house.org, "old", "operator", NOW - timedelta(days=3), days=1)
    tried(house.calls("old", "operator"), "Status", mine)
    forged = house.calls("anna", "scientist")
    forged.token = "00" * 32
    tried(forged, "Result", mine)
    house.ask(b"no call at all", "bo")
    said = [(note.party, note.what) for note in carl.notes()]
    assert [party for party, _ in said] == ["carl", "anna", "old", "anna", "bo"]
    assert "Submit: PolicyRefusal, A pass of the role 'auditor'" in said[0][1]
    assert f"Stop: job {theirs.digest[:12]} is somebody else's" in said[1][1]
    assert all("pass does not count" in what for _, what in said[2:4])
    assert forged.token not in repr(said)
    with pytest.raises(PolicyRefusal, match="operators and auditors"):
        anna.notes()
    assert anna.notes(mine.digest) == ()


def test_a_flood_of_refused_calls_fills_no_disk(house):
    carl = house.calls("carl", "auditor")
    for _ in range(200):
        tried(carl, "Submit", job())
    assert len(carl.notes()) == 20


def test_a_job_that_failed_brings_the_kind_of_its_error(house):
    mine, anna = job(), house.calls("anna", "scientist")
    digest = house.store.submit(mine.to_toml(), "anna", NAMES)
    house.store.mark(digest, "failed")
    assert anna.log(digest)[1].exit_code == 1  # written by a version that did not tell
    for kind, what in (("error", "TooFewParties"), ("failed", "2 of 3 parties answered.")):
        house.store.note(kind, what, job=digest)
    assert anna.log(digest)[1] == ("failed", "2 of 3 parties answered.", "TooFewParties")
    (one,) = anna.status(digest)
    assert (one.stands.exit_code, one.why) == (5, "2 of 3 parties answered.")


def test_a_long_job_is_read_beside_the_loop_that_serves_everybody(house, monkeypatch):
    here, readers, read_job = threading.get_ident(), [], house.jobs.read

    def watched(toml):
        readers.append(threading.get_ident())
        return read_job(toml)

    monkeypatch.setattr(house.jobs, "read", watched)
    caller = house.calls("anna", "scientist")
    digest = caller.submit(job())
    assert caller.status(digest)[0].name == "scores"
    caller.stop(digest)
    while digest in house.jobs.running:
        house.loop.run_until_complete(asyncio.sleep(0.01))
    caller.resume(digest)
    assert len(readers) == 2
    assert here not in readers


def test_a_call_to_somebody_else_is_refused(house):
    card = give(house.org, "anna", "scientist", NOW)
    said = read(house.ask(b"".join(plainly("Status", "anna", "bank-a", body={"token": card.token}).frame()), "anna"))
    assert said.body["error"][1] == "A call is for somebody else than the coordinator."
