"""Words are kept once: the same again is fine, another one is refused and noted, whatever fails on the way."""

from __future__ import annotations

import errno
import struct
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.load import Load
from hansa.core.message import Answer, Name, Refusal
from hansa.engines.network.sayings import word_parcel
from hansa.engines.network.sheet import lay_out, raw
from hansa.engines.network.store import Store
from hansa.engines.network.words import Word, tree_of
from hansa.errors import ConfigError, DataError
from tests.engines.network.disks import DIGEST, TOML, Dead, Disk, files, opened

NAMES = ["bank-a", "bank-b"]


def word(value, turn=0, party="bank-a", size=100):
    return Word(Name(0, 0, turn), party, "Train", Answer(Load({"delta": np.full((1, size), float(value))})))


def value_of(store, one):
    said = store.word(DIGEST, one.name, one.party)
    return None if said is None else float(said.load["delta"][0, 0])


def test_jobs_are_taken_in_once_and_read_again(tmp_path):
    store = Store(tmp_path, Disk(), lambda: 7.0)
    digest = store.submit(TOML, "anna", NAMES)
    assert digest == sha256(TOML.encode()).hexdigest() == store.submit(TOML, "ben", NAMES)
    with pytest.raises(ConfigError, match="other parties"):
        store.submit(TOML, "anna", NAMES[::-1])
    with pytest.raises(ConfigError, match="not submitted here"):
        store.job("ab" * 32)
    store.mark(digest, "running")
    store.close()
    again = Store(tmp_path, Disk())
    entry = again.job(digest)
    assert (entry.toml, entry.state, entry.submitter, entry.roster) == (TOML, "running", "anna", tuple(NAMES))
    assert entry.submitted == 7.0
    again.database._connection.execute("UPDATE jobs SET toml = 'another'")
    with pytest.raises(DataError, match=r"damaged.*backup"):
        again.job(digest)
    again.close()


@pytest.mark.parametrize("inline", [0, 1 << 20])
def test_a_word_is_new_then_the_same_then_a_clash_and_the_first_one_stands(tmp_path, inline):
    store = opened(tmp_path, NAMES, inline=inline)
    assert store.put(DIGEST, [word(1), word(2, 1)]) == ("new", "new")
    assert store.put(DIGEST, [word(1), word(3, 1), word(4, 2), word(4, 2)]) == ("same", "clash", "new", "same")
    assert [value_of(store, word(0, turn)) for turn in range(4)] == [1.0, 2.0, 4.0, None]
    (conflict,) = store.database.rows("SELECT party, held != came FROM conflicts")
    assert conflict == ("bank-a", 1)
    (note,) = store.notes(DIGEST)
    assert (note.kind, note.party) == ("conflict", "bank-a")
    assert len(files(tmp_path)) == (3 if inline == 0 else 0), "what clashes leaves no file"
    store.close()


def test_ten_thousand_duplicates_and_conflicts_are_counted_once(tmp_path):
    """100 histories of 100 words each: whatever comes again, the first word under a name is the one that is there."""
    cases = []

    @settings(max_examples=100)
    @given(
        st.lists(st.tuples(st.integers(0, 5), st.sampled_from(NAMES), st.integers(0, 2)), min_size=100, max_size=100)
    )
    def history(sent):
        with TemporaryDirectory(dir=tmp_path) as folder:
            store = opened(Path(folder), NAMES)
            first, clashed = {}, set()
            for start in range(0, len(sent), 5):
                batch = sent[start : start + 5]
                verdicts = store.put(DIGEST, [word(value, turn, party, 1) for turn, party, value in batch])
                for (turn, party, value), verdict in zip(batch, verdicts, strict=True):
                    held = first.setdefault((turn, party), value) if verdict == "new" else first[turn, party]
                    assert verdict == "new" or (verdict == "same") == (held == value)
                    clashed |= {(turn, party)} if verdict == "clash" else set()
            assert {key: value_of(store, word(0, *key)) for key in first} == first
            assert store.database.rows("SELECT count(*) FROM conflicts") == [(len(clashed),)], "noted once"
            assert len(store.notes(DIGEST)) == len(clashed)
            assert store.database.rows("SELECT count(*) FROM words") == [(len(first),)]
            cases.append(len(sent))
            store.close()

    history()
    assert sum(cases) >= 10_000


@pytest.mark.parametrize("power", [False, True])
@pytest.mark.parametrize(("inline", "incoming"), [(0, False), (0, True), (1 << 20, False)])
def test_a_death_at_any_call_keeps_all_words_of_a_batch_or_none(tmp_path, inline, incoming, power):
    for how in ("die", "torn"):
        for n in range(1, 60):
            folder, image = tmp_path / f"{n}{how}", tmp_path / f"{n}{how} after"
            opened(folder, NAMES).close()
            disk = Disk(folder, image, 0, how, power)
            store = opened(folder, NAMES, disk, inline)
            disk.n = disk.calls + n
            try:
                batch = [word(1), word(2, 1)]
                store.put(DIGEST, [come(store, one) for one in batch] if incoming else batch)
            except Dead:
                store.close()
            else:
                store.close()
                break
            again = opened(image, NAMES, inline=inline)
            found = [value_of(again, word(0, turn)) for turn in range(2)]
            assert found in ([None, None], [1.0, 2.0])
            assert len(files(image)) == (2 if inline == 0 and found[0] else 0)
            assert again.put(DIGEST, [word(1), word(2, 1)]) in (("new", "new"), ("same", "same"))
            again.close()
        assert n >= 4


def expected(store, one):
    digests = lay_out(tree_of(DIGEST, one)).digests()
    return store.room_for(word_parcel(DIGEST, one.name, one.kind, one.said, one.party, "coordinator", digests))


def come(store, one):
    """The same word, as it comes over the network: straight into the file that it will lie in."""
    incoming = expected(store, one)
    incoming.write(raw(one.said.load["delta"]))
    (delta,) = incoming.tensors()
    return replace(one, said=Answer(Load({"delta": delta})), incoming=incoming)


def test_words_that_come_in_their_file_are_new_then_the_same_then_a_clash(tmp_path):
    store = opened(tmp_path, NAMES, inline=0)
    assert store.put(DIGEST, [come(store, word(1)), word(2, 1)]) == ("new", "new")
    assert store.put(DIGEST, [word(1), come(store, word(2, 1))]) == ("same", "same")
    batch = [come(store, word(value, turn)) for value, turn in ((3, 1), (4, 2), (4, 2), (5, 2))]
    assert store.put(DIGEST, batch) == ("clash", "new", "same", "clash")
    del batch
    assert [value_of(store, word(0, turn)) for turn in range(3)] == [1.0, 2.0, 4.0]
    assert len(files(tmp_path)) == 3
    store.close()
    again = opened(tmp_path, NAMES, inline=0)
    assert [value_of(again, word(0, turn)) for turn in range(3)] == [1.0, 2.0, 4.0]
    again.close()


def test_a_word_that_was_cut_off_leaves_no_file_and_one_of_a_crash_is_swept_away(tmp_path):
    store = opened(tmp_path, NAMES, inline=0)
    half = expected(store, word(1))
    half.write(raw(word(1).said.load["delta"])[:100])
    assert len(files(tmp_path)) == 1
    (left,) = (tmp_path / "sheets").iterdir()
    data = left.read_bytes()
    del half
    assert files(tmp_path) == []
    left.write_bytes(data)  # as if the process had been killed
    store.close()
    again = opened(tmp_path, NAMES, inline=0)
    assert files(tmp_path) == []
    again.close()


def test_words_of_a_store_of_version_1_are_read_and_still_the_same(tmp_path):
    """Rows whose sheets are of version 1, as hansa wrote them before: in a row, in a file, and gone."""
    store = opened(tmp_path, NAMES, inline=0)
    first = [first_sheet(tree_of(DIGEST, word(1, turn))) for turn in range(3)]
    for turn, body in enumerate(first):
        digest = sha256(body).hexdigest()
        place = ("row", "file", "gone")[turn]
        row = (DIGEST, *word(1, turn).name, "bank-a", "Train", digest, len(body), place, body if not turn else None, 0)
        store.database._connection.execute("INSERT INTO words VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        if place == "file":
            (tmp_path / "sheets" / digest).write_bytes(body)
    store.close()
    again = opened(tmp_path, NAMES, inline=0)
    assert [value_of(again, word(0, turn)) for turn in range(3)] == [1.0, 1.0, None]
    assert again.put(DIGEST, [word(1, turn) for turn in range(3)]) == ("same", "same", "same")
    assert again.put(DIGEST, [come(again, word(1, turn)) for turn in range(3)]) == ("same", "same", "same")
    assert again.put(DIGEST, [word(2, turn) for turn in range(3)]) == ("clash", "clash", "clash")
    again.close()


def first_sheet(tree):
    """A sheet of version 1, by its definition."""
    layout = lay_out(tree)
    listed = [[array.dtype.str, list(array.shape)] for array in layout.arrays]
    packed = msgpack.packb({"tree": layout.tree, "arrays": listed})
    data = struct.pack("<4sHQ", b"HNSS", 1, len(packed)) + packed
    for array in layout.arrays:
        data += bytes(-len(data) % 64) + array.tobytes()
    return data


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("inline", [0, 1 << 20])
def test_whichever_call_fails_it_is_one_clear_error_and_the_store_goes_on(tmp_path, inline, code):
    disk = Disk()
    store = opened(tmp_path, NAMES, disk, inline)
    for n in range(1, 60):
        disk.n, disk.how = disk.calls + n, code
        told = ""
        try:
            store.put(DIGEST, [word(1, n), word(2, n, "bank-b")])
        except DataError as error:
            told = str(error)
        if not told:
            break
        assert "nothing is lost" in told
        assert value_of(store, word(0, n)) is None
        assert store.put(DIGEST, [word(1, n)]) == ("new",), "as soon as there is room again"
        assert value_of(store, word(0, n)) == 1.0
    assert n >= 4
    store.close()
    again = opened(tmp_path, NAMES, inline=inline)
    assert all(value_of(again, word(0, turn)) == 1.0 for turn in range(1, n))
    again.close()


def test_a_torn_end_of_the_log_is_the_state_before(tmp_path):
    """SQLite's log is cut or overwritten at any byte of the last commit: that commit is not there, all others are."""
    store = opened(tmp_path, NAMES)
    store.put(DIGEST, [word(1)])
    log = tmp_path / "coordinator.db-wal"
    whole = log.stat().st_size
    store.put(DIGEST, [word(2, 1)])
    data, base = log.read_bytes(), (tmp_path / "coordinator.db").read_bytes()
    sheets = {path.name: path.read_bytes() for path in (tmp_path / "sheets").iterdir()}
    store.close()
    assert len(data) > whole
    for i, cut in enumerate(range(whole, len(data), 997)):
        torn = tmp_path / f"torn {i}"
        (torn / "sheets").mkdir(parents=True)
        (torn / "coordinator.db").write_bytes(base)
        (torn / "coordinator.db-wal").write_bytes(data[:cut] + (b"\x5a" * (len(data) - cut) if i % 2 else b""))
        for name, body in sheets.items():
            (torn / "sheets" / name).write_bytes(body)
        again = opened(torn, NAMES)
        assert [value_of(again, word(0, turn)) for turn in range(2)] == [1.0, None]
        assert len(files(torn)) == 1
        again.close()


@pytest.mark.parametrize("inline", [0, 1 << 20])
def test_a_damaged_word_is_a_data_error_that_names_the_mend(tmp_path, inline):
    store = opened(tmp_path, NAMES, inline=inline)
    store.put(DIGEST, [word(1), word(1, party="bank-b")])
    if inline:
        store.database._connection.execute("UPDATE words SET body = x'00' WHERE party = 'bank-a'")
    else:
        for name in files(tmp_path):
            (tmp_path / "sheets" / name).write_bytes(b"something else")
    with pytest.raises(DataError, match=r"damaged.*bank-a.*backup"):
        store.word(DIGEST, Name(0, 0, 0), "bank-a")
    store.close()


def test_rows_that_were_swapped_are_told(tmp_path):
    store = opened(tmp_path, NAMES, inline=1 << 20)
    store.put(DIGEST, [word(1), word(2, 1)])
    a, b = store.database.rows("SELECT digest, size, body FROM words ORDER BY turn")
    for turn, row in enumerate((b, a)):
        store.database._connection.execute(
            "UPDATE words SET digest = ?, size = ?, body = ? WHERE turn = ?", (*row, turn)
        )
    with pytest.raises(DataError, match="damaged"):
        store.word(DIGEST, Name(0, 0, 0), "bank-a")
    store.close()


def test_the_state_tells_histories_apart_and_not_their_order(tmp_path):
    states = []
    for i, words in enumerate(([word(1), word(2, 1)], [word(2, 1), word(1)], [word(1), word(3, 1)])):
        store = opened(tmp_path / str(i), NAMES)
        for one in words:
            store.put(DIGEST, [one])
        states.append(store.state(DIGEST))
        store.close()
    assert states[0] == states[1] != states[2]


def test_refusals_are_words_and_notes_are_kept_in_order(tmp_path):
    store = opened(tmp_path, NAMES)
    no = Word(Name(0, 0, 0), "bank-b", "Train", Refusal("Not on a Sunday.", "It is one.", "Ask on Monday."))
    store.put(DIGEST, [no])
    assert store.word(DIGEST, no.name, "bank-b") == no.said
    store.note("job refused", "bank-b has another text.", job=DIGEST, party="bank-b")
    assert [(one.kind, one.party) for one in store.notes(DIGEST)] == [("job refused", "bank-b")]
    store.close()
