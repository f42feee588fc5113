"""What is written down for people: once, bounded, and of use after a restart."""

from __future__ import annotations

import pytest

from hansa.core.attendance import Change
from hansa.core.job import Job
from hansa.core.message import Name
from hansa.engines.network.diary import Diary, Doorbook
from hansa.engines.network.store import Store
from hansa.errors import ConfigError

JOB = Job.from_toml(Job.from_toml('name = "scores"\nsteps = ["prepare", "rounds"]').to_toml())


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def diary(store):
    return Diary(store, store.submit(JOB.to_toml(), "anna", ["bank-a", "bank-b"]), JOB)


def kinds(diary):
    return [(note.party, note.kind) for note in diary.store.notes(diary.digest)]


def test_a_replay_tells_the_same_and_it_is_written_once(diary):
    lost = [Change("bank-a", "lost", "It did not answer in time.")]
    for _ in range(3):
        diary.tell(Name(1, 2, 0), lost)
    diary.tell(Name(1, 3, 0), lost)
    assert kinds(diary) == [("bank-a", "lost")] * 2


def test_a_party_comes_back_once_for_each_time_that_it_is_let_in(diary):
    with pytest.raises(ConfigError, match="not set aside"):
        diary.readmit("bank-a")
    diary.tell(Name(1, 2, 0), [Change("bank-a", "set aside", "It gave no answer in 3 rounds in a row.")])
    diary.readmit("bank-a", "olga")
    assert diary.readmitted() == ("bank-a",)
    with pytest.raises(ConfigError, match="not set aside"):
        diary.readmit("bank-a")
    diary.tell(Name(1, 5, 0), [Change("bank-a", "let back in", "It is asked again.")])
    diary.tell(Name(1, 8, 0), [Change("bank-a", "set aside", "It gave no answer in 3 rounds in a row.")])
    assert diary.readmitted() == ()
    assert [note.what for note in diary.store.notes(diary.digest) if note.kind == "readmitted"] == ["By olga."]


def test_a_flood_at_the_desk_fills_no_disk_and_hides_nobody(store):
    now = [0.0]
    book = Doorbook(store, most=5, clock=lambda: now[0])
    for _ in range(10_000):
        book.sent_away("carl", "Submit", "his role does not allow it")
    book.sent_away("bo", "Stop", "the job is somebody else's")
    assert [note.party for note in store.notes("")] == ["carl"] * 5 + ["bo"]
    now[0] = 3600.0
    book.sent_away("bo", "Stop", "the job is somebody else's")
    assert [note.what for note in store.notes("")][-2:] == [
        "9,995 times more in an hour.",
        "Stop: the job is somebody else's.",
    ]


def test_a_reason_that_is_a_sentence_ends_once(store):
    Doorbook(store).sent_away("carl", "Submit", "WireError, A call lacks its token.")
    assert [note.what for note in store.notes("")] == ["Submit: WireError, A call lacks its token."]


def test_a_flood_of_made_up_names_fills_no_disk(store):
    book = Doorbook(store, most=2)
    for number in range(500):
        book.sent_away(f"bank-{number}" * 50, "a line", "no")
    notes = store.notes("")
    assert len(notes) == 202
    assert {note.party for note in notes[-2:]} == {"others"}
    assert max(len(note.party) for note in notes) == 100
