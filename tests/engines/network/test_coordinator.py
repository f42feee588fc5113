"""A coordinator over real TLS: jobs go on by themselves, and a member that was revoked is cut."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hansa.engines.network.calls import Caller
from hansa.engines.network.channel import caller
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.coordinator import Coordinator
from hansa.engines.network.identity import Identity
from hansa.engines.network.store import Store
from hansa.errors import ConfigError, IdentityError, TooFewParties
from hansa.horizontal.rounds import Learning
from tests.engines.network.federation import TEXT, alone, chosen, job_of, members
from tests.engines.network.town import Town, inhabited


@pytest.fixture
def town(tmp_path):
    with inhabited(tmp_path) as made:
        yield made


def follow(town, job, watch=None):
    path, _ = town.card("anna", "scientist")
    with Consortium(path, patience=20).session(job) as visit:
        return visit.run(watch)


def until(true, patience=15.0):
    end = time.monotonic() + patience
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    assert true()


def test_a_job_that_was_handed_over_gives_the_bits_of_one_process(town):
    job, rounds = job_of(), []
    done = follow(town, job, lambda keep: rounds.append((keep.state.step, keep.state.state.round)))
    assert chosen(done) == alone(job, town.parties)
    assert [round_ for step, round_ in rounds if step == 1 and round_] == [1, 2, 3, 4]
    (standing,) = town.calls("anna", "scientist").status()
    assert (standing.state, standing.parties) == ("done", ("bank-0", "bank-1", "bank-2"))
    assert chosen(follow(town, job)) == alone(job, town.parties)  # the same job again is the same


def test_what_ran_when_the_coordinator_ended_goes_on_when_it_begins_again(town):
    job, calls = job_of(TEXT.replace("rounds = 4", "rounds = 30")), town.calls("anna", "scientist")
    digest = calls.submit(job)
    until(lambda: len(calls.log(digest)[0]) >= 4)
    town.shut()
    town.open()
    assert calls.status(digest[:8])[0].state in {"running", "done"}
    assert chosen(follow(town, job)) == alone(job, town.parties)
    places = [entry.place for entry in calls.log(digest)[0]]
    assert places == sorted(set(places))


def test_a_job_is_stopped_and_goes_on_to_the_same_bits(town):
    job, calls = job_of(TEXT.replace("rounds = 4", "rounds = 40")), town.calls("anna", "scientist")
    digest = calls.submit(job)
    until(lambda: len(calls.log(digest)[0]) >= 3)
    calls.stop(digest)
    until(lambda: calls.status(digest)[0].state == "stopped")
    with pytest.raises(ConfigError, match="has no result: it is stopped"):
        calls.result(job)
    with pytest.raises(ConfigError, match="not under way"):
        calls.stop(digest)
    calls.resume(digest)
    assert chosen(follow(town, job)) == alone(job, town.parties)


def test_a_job_that_fails_says_why_and_can_be_resumed(town):
    town.leave("bank-1")
    job = job_of("deadline = 0.5\n" + TEXT)
    with pytest.raises(TooFewParties, match=r"is failed.*bank-1"):
        follow(town, job)
    town.join(town.parties[1])
    calls = town.calls("anna", "scientist")
    calls.resume(job.digest)
    assert chosen(follow(town, job)) == alone(job, town.parties)


def test_a_line_that_somebody_else_signs_is_cut_and_noted(town):
    town.leave("bank-1")
    town.join(town.parties[1], sign=lambda digest: bytes(64))
    carl = town.calls("carl", "auditor")
    until(carl.notes)
    assert {note.party for note in carl.notes()} == {"bank-1"}
    assert all(note.what.startswith("a line: IdentityError") for note in carl.notes())


def test_a_certificate_that_is_not_for_that_is_turned_away_and_noted(town):
    identity = Identity.read(town.folder / "bank-1" / "keys")
    card = replace(town.card("anna", "scientist")[1], tls=identity.tls, tls_key=identity.tls_key)
    with pytest.raises(IdentityError, match="does not take this certificate"):
        Caller(card, caller(card)).status()  # a bank's certificate, and a person's token
    (note,) = town.calls("carl", "auditor").notes()
    assert (note.party, note.what) == ("bank-1", "a line: its certificate does not count for that.")


def test_a_revoked_member_is_cut_at_a_heartbeat_and_the_round_goes_on_with_the_rest(tmp_path):
    town = Town(tmp_path, members(4))
    town.open()
    for party in town.parties:
        town.join(party)
    try:
        job = job_of("quorum = 3\ndeadline = 30\n" + TEXT.replace("rounds = 4", "rounds = 100"))
        calls = town.calls("anna", "scientist")
        digest = calls.submit(job)
        until(lambda: len(calls.log(digest)[0]) >= 3)
        town.org.revoke("bank-2", "keys were lost", datetime.now(UTC))
        counted = [point.counted for point in follow(town, job).last(Learning).history]
        assert (counted[0], counted[-1]) == (4, 3)
        assert calls.status(digest)[0].state == "done"
    finally:
        town.close()


def test_a_bank_that_was_away_when_a_job_ended_leaves_it_when_it_is_back(town):
    job, calls = job_of(TEXT.replace("rounds = 4", "rounds = 60")), town.calls("anna", "scientist")
    digest = calls.submit(job)
    until(lambda: len(calls.log(digest)[0]) >= 3)
    town.shut()
    store = Store(town.org.folder / "store")
    store.mark(digest, "stopped")
    store.close()
    assert all(digest in node.desks for _, _, node in town.nodes.values())
    town.open()
    until(lambda: not any(node.desks for _, _, node in town.nodes.values()))


def test_one_process_at_a_time_has_a_folder(town):
    second = Coordinator(town.org.folder)
    with pytest.raises(ConfigError):
        town.on(second.serve("127.0.0.1:0", lambda port: None, town.stop))


def test_a_folder_that_is_no_consortiums_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no consortium's folder"):
        Coordinator(tmp_path)
