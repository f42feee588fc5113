"""Who is not who they say gets no answer to any call, and a crowd of strangers stops no job."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hansa.core.message import Envelope, Name, Refusal
from hansa.core.wire import Parcel
from hansa.engines.network.admission import root_of
from hansa.engines.network.certificates import self_signed
from hansa.engines.network.channel import SERVICE, Way, _grpc
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.identity import Identity
from hansa.engines.network.keys import key_text, new_tls_key
from hansa.engines.network.names import COORDINATOR, Subject
from hansa.engines.network.passes import give
from hansa.engines.network.sayings import VERSION, ask_parcel, plainly, word_parcel
from hansa.engines.network.stream import Ends, Inbox, Line, Tube
from hansa.horizontal.shape import Shape
from hansa.running.verb import run
from tests.engines.network.banks import DAY, NOW, consortium, enrolled
from tests.engines.network.federation import TEXT, alone, believe, chosen, job_of, members
from tests.engines.network.storm import storm
from tests.engines.network.test_coordinator import follow
from tests.engines.network.town import Town
from tests.engines.network.trial import Trial

METHODS = ("Talk", "Call", "Apply", "Other")
LET_IN = {("party", "Talk"), ("person", "Call"), ("guest", "Apply"), ("party", "Apply")}
KINDS = ("party", "person", "guest", "nobody", "self-signed", "expired", "revoked", "stranger")
PATIENCE = 20.0


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    made = Town(tmp_path_factory.mktemp("town"), members()[:2])
    made.open()
    yield made
    made.close()


@pytest.fixture(scope="module")
def ways(town, tmp_path_factory):
    """By kind: how each of them comes."""
    folder, at = tmp_path_factory.mktemp("ways"), f"localhost:{town.port}"
    bank = Identity.read(town.folder / "bank-0" / "keys")
    invitation, card = town.org.invite("guest", NOW), give(town.org, "anna", "scientist", NOW)
    own, key = self_signed("bank-0", new_tls_key(), NOW), new_tls_key()
    expired = town.org._authority().issue(key.public_key(), Subject("bank-0"), "tls", (), NOW - 2 * DAY, DAY)
    revoked = enrolled(town.org, "bank-gone", folder / "gone")
    town.org.revoke("bank-gone", "left", NOW)
    stranger = enrolled(consortium(folder / "others", "Others"), "bank-0", folder / "stranger")
    return {
        "party": Way(at, bank.authority, bank.tls, bank.tls_key),
        "person": Way(at, card.authority, card.tls, card.tls_key),
        "guest": Way(at, root_of(invitation), invitation.tls, invitation.tls_key),
        "nobody": Way(at, bank.authority, "", ""),
        "self-signed": Way(at, bank.authority, own.certificate, key_text(own.key)),
        "expired": Way(at, bank.authority, expired, key_text(key)),
        "revoked": Way(at, bank.authority, revoked.tls, revoked.tls_key),
        "stranger": Way(at, bank.authority, stranger.tls, stranger.tls_key),
    }


def messages(identity, *parcels):
    """What a node of this identity writes for these parcels."""

    async def written():
        there = Tube()
        line = Line(Ends(there, Tube()), identity.name, COORDINATOR, identity.sign, Inbox(believe))
        for parcel in parcels:
            await line.send(parcel)
        return [there.queue.get_nowait() for _ in range(there.queue.qsize())]

    return asyncio.run(written())


def hello(name):
    return plainly("Hello", name, COORDINATOR, body={"version": VERSION, "holds": {}, "jobs": []})


def answer_of(way, method, sent):
    """The first message that comes back, and how the call ended where none does."""
    grpc = _grpc()
    pair = (way.key.encode(), way.certificate.encode()) if way.key else (None, None)
    credentials = grpc.ssl_channel_credentials(way.authority.encode(), *pair)
    with grpc.secure_channel(way.address, credentials) as channel:
        try:
            if method == "Talk":
                return next(channel.stream_stream(f"/{SERVICE}/Talk")(iter(sent), timeout=PATIENCE)), ""
            return channel.unary_unary(f"/{SERVICE}/{method}")(sent[0], timeout=PATIENCE), ""
        except grpc.RpcError as error:
            return b"", error.code().name
        except StopIteration:
            return b"", "ended"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_caller_and_every_call(town, ways, kind, method):
    """Whoever is let in is answered; nobody else hears a word, and all hang up on them at once."""
    bank = Identity.read(town.folder / "bank-0" / "keys")
    said, end = answer_of(ways[kind], method, messages(bank, hello("bank-0")))
    assert bool(said) == ((kind, method) in LET_IN), end
    assert said or end in {"UNAUTHENTICATED", "UNAVAILABLE", "UNIMPLEMENTED"}


def frames(name, job):
    """All that could be said on a stream, by one of this name."""
    word = word_parcel(job, Name(0, 0, 0), "Describe", Refusal("No."), name, COORDINATOR)
    return {
        "Hello": hello(name),
        "Word": word,
        "Shut": plainly("Shut", name, COORDINATOR, job=job, body={"refusal": ["No.", "", ""]}),
        "Beat": plainly("Beat", name, COORDINATOR),
        "Ask": ask_parcel(job, Envelope(Name(0, 1, 0), Shape()), name, COORDINATOR),
        "Close": plainly("Close", name, COORDINATOR, job=job),
        "Other": Parcel("Other", job, Name(0, 0, 0), name, COORDINATOR, 1, {}),
    }


@pytest.fixture(scope="module")
def job(town):
    """A job that waits for its banks."""
    return town.calls("ben", "scientist").submit(job_of())


def how_it_ends(way, sent):
    """How the coordinator ends a stream on which this is said."""
    grpc = _grpc()
    credentials = grpc.ssl_channel_credentials(way.authority.encode(), way.key.encode(), way.certificate.encode())
    with grpc.secure_channel(way.address, credentials) as channel:
        try:
            for _ in channel.stream_stream(f"/{SERVICE}/Talk")(iter(sent), timeout=PATIENCE):
                pass
        except grpc.RpcError as error:
            return error.code().name, error.details()
    return "ended", ""


SAID = ("Hello", "Word", "Shut", "Beat", "Ask", "Close", "Other")
HOW = ("another's, as it was", "another's name", "another's key", "for another")
FORGED = [(how, kind) for how in HOW for kind in SAID]


@pytest.mark.parametrize(("how", "kind"), [*FORGED, *(("twice", kind) for kind in ("Word", "Ask", "Close", "Other"))])
def test_nothing_that_is_forged_or_comes_again_is_taken(town, job, how, kind):
    """On a member's own line: messages of another member, in its name, under its key, for it, or the same again."""
    mine, theirs = (Identity.read(town.folder / name / "keys") for name in ("bank-1", "bank-0"))
    forged = {
        "another's, as it was": lambda: messages(theirs, frames("bank-0", job)[kind]),
        "another's name": lambda: messages(mine, frames("bank-0", job)[kind]),
        "another's key": lambda: messages(replace(theirs, name="bank-1"), frames("bank-1", job)[kind]),
        "for another": lambda: messages(mine, replace(frames("bank-1", job)[kind], receiver="bank-0")),
        "twice": lambda: 2 * messages(mine, frames("bank-1", job)[kind]),
    }[how]()
    way = Way(f"localhost:{town.port}", mine.authority, mine.tls, mine.tls_key)
    code, said = how_it_ends(way, [*messages(mine, hello("bank-1")), *forged])
    assert code == "PERMISSION_DENIED", (code, said)
    words = town.on(asyncio.to_thread(words_of, town, job))
    assert [party for party in words if party == "bank-0"] == []


def words_of(town, job):
    """Whose words the coordinator's database holds."""
    with sqlite3.connect(f"file:{town.org.folder / 'store' / 'coordinator.db'}?mode=ro", uri=True) as connection:
        return [party for (party,) in connection.execute("SELECT party FROM words WHERE job = ?", (job,))]


def raging(port, count, work):
    """Do some work while so many strangers knock; what came of it, and how often one knocked."""
    met, over, loop = [0], asyncio.Event(), asyncio.new_event_loop()

    async def until_over():
        crowd = asyncio.create_task(storm(port, count, met))
        await over.wait()
        crowd.cancel()
        await asyncio.wait({crowd})

    thread = threading.Thread(target=loop.run_until_complete, args=(until_over(),))
    thread.start()
    try:
        while met[0] < count:
            time.sleep(0.01)
        return work(), met[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def test_a_crowd_of_strangers_changes_no_bit(tmp_path):
    made = Town(tmp_path, members())
    made.open()
    for party in made.parties:
        made.join(party)
    try:
        job = job_of(TEXT.replace("rounds = 4", "rounds = 20"))
        done, met = raging(made.port, 40, lambda: follow(made, job))
        assert chosen(done) == alone(job, made.parties)
        assert met >= 40
    finally:
        made.close()


@pytest.mark.soak
def test_500_strangers_at_once_cost_no_more_than_as_much_time_again(tmp_path, tell):
    trial = Trial(tmp_path, rounds=200)
    with trial.rig:
        trial.rig.start_all()

        def timed(name):
            begun = time.monotonic()
            found = run(trial.job(name), on=Consortium(trial.rig.card, patience=120), baselines=False)
            return time.monotonic() - begun, found.model.parameters_sha256

        timed("warm")
        calm, wanted = timed("calm")
        before = memory(trial.rig.processes["coordinator"].pid)
        (raged, found), met = raging(trial.rig.port, 500, lambda: timed("raging"))
        grown = memory(trial.rig.processes["coordinator"].pid) - before
    tell(
        f"flood: {met:,} connections; {calm:.1f} s without, {raged:.1f} s with; {grown:.0f} MB more at the coordinator"
    )
    assert found == wanted
    assert raged <= 2 * calm + 2.0
    assert grown < 200


def memory(process):
    """The memory that a process has ever held, in MB."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024
