"""`hansa ledger wire`: what has left a bank, read by the bank, and held against the job that it approved."""

from __future__ import annotations

import json
import sqlite3

import pytest

from hansa.core.message import Name
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.privacy_ledger import uncapped
from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.wire_ledger import Line, Shape
from hansa.privacy.spending import Plan
from tests.engines.network.federation import TEXT, job_of, members
from tests.engines.network.town import Town

NODE = 'name = "bank-0"\ncoordinator = "hansa.example:7443"\n[tables]\n'


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    made = Town(tmp_path_factory.mktemp("town"), members())
    made.open()
    for party in made.parties:
        made.join(party)
    path, _ = made.card("anna", "scientist")
    with Consortium(path).session(job_of()) as visit:
        visit.run(None)
    (made.folder / "bank-0" / "node.toml").write_text(NODE)
    yield made
    made.close()


@pytest.fixture
def home(town, tmp_path):
    """A copy of a bank's folder, to be tampered with."""
    source = sqlite3.connect(town.folder / "bank-0" / "state" / "site.db")
    (tmp_path / "state").mkdir()
    copy = sqlite3.connect(tmp_path / "state" / "site.db")
    source.backup(copy)
    copy.execute("PRAGMA journal_mode = WAL")
    for connection in (source, copy):
        connection.close()
    (tmp_path / "node.toml").write_text(NODE)
    (tmp_path / "state" / "sheets").mkdir()
    return tmp_path


def test_it_is_read_while_the_node_is_at_work_and_each_line_is_explained(hansa, town, tmp_path):
    digest, out = job_of().digest, tmp_path / "out.json"
    said = hansa("ledger", "wire", town.folder / "bank-0", "--json", out)
    assert "rounds     round   4 turn" in said
    assert "All of it is explained by 'net'." in said
    assert "4 Train" in said
    found = json.loads(out.read_text())
    assert found["chain"]["whole"]
    assert found["chain"]["lines"] == len(found["lines"])
    assert {"kind", "size", "shapes", "digest", "protection", "job", "name", "hash"} <= set(found["lines"][0])
    job = tmp_path / "job.toml"
    job.write_text(TEXT)
    node = town.folder / "bank-0" / "node.toml"
    assert hansa("ledger", "wire", node, "--against", job, "--job", digest[:8]).count("Train") == 5
    assert "Left: nothing." in hansa("ledger", "wire", node, "--job", "ffff")
    assert "Left: nothing." in hansa("ledger", "wire", node, "--since", "2999-01-01")
    assert "4 Train" in hansa("ledger", "wire", node, "--since", "2020-01-01 00:00:00")


def test_a_payload_that_the_job_does_not_explain_is_named_with_exit_4(hansa, home):
    store = SiteStore(home / "state")
    shapes = (Shape("rows", "<f8", (1, 5000)),)
    number = store.left(Line(0.0, job_of().digest, Name(1, 9, 0), "Dump", 40_000, shapes, "00" * 32, "none"))
    store.left(Line(0.0, "ab" * 32, Name(1, 9, 0), "Train", 8, (), "00" * 32, "none"))
    store.close()
    said = hansa("ledger", "wire", home, code=4)
    assert f"line {number}: Its step asks no 'Dump'." in said
    assert f"line {number + 1}: Its job is not known here." in said
    assert "as it was written" in said


def test_another_job_than_the_approved_one_does_not_explain_it(hansa, home, tmp_path):
    job = tmp_path / "job.toml"
    job.write_text(TEXT.replace("rounds = 4", "rounds = 40"))
    assert "Nothing has left for the job" in hansa("ledger", "wire", home, "--against", job, code=2)


def test_a_ledger_that_was_changed_is_named_with_exit_3(hansa, home):
    connection = sqlite3.connect(home / "state" / "site.db")
    connection.execute("DROP TRIGGER ledger_stays")
    connection.execute("UPDATE ledger SET size = size + 1 WHERE sequence = 5")
    connection.commit()
    connection.close()
    said = hansa("ledger", "wire", home, code=3)
    assert "NOT as it was written from line 5 on" in said
    assert "last backup" in said


def test_what_the_node_has_noted_is_read_by_the_bank(hansa, home):
    assert f"job approved  {job_of().digest[:12]}" in hansa("ledger", "notes", home)
    store = SiteStore(home / "state")
    store.note("job refused", "Not at this hour.", job="ab" * 32)
    store.close()
    said = hansa("ledger", "notes", home / "node.toml", "--job", "abab")
    assert "job refused   abababababab  Not at this hour." in said
    assert "approved" not in said
    assert "Nothing was noted" in hansa("ledger", "notes", home, "--job", "cdcd")


def test_a_folder_without_a_node_and_a_node_without_a_store_are_said(hansa, tmp_path):
    assert "cannot be read" in hansa("ledger", "wire", tmp_path, code=2)
    (tmp_path / "node.toml").write_text(NODE)
    assert "no site's store" in hansa("ledger", "wire", tmp_path, code=2)


def test_what_the_tables_gave_of_their_privacy_is_read_while_the_node_is_at_work(hansa, town, tmp_path):
    out = tmp_path / "privacy.json"
    said = hansa("ledger", "privacy", town.folder / "bank-0", "--json", out)
    assert "t, no unit: no budget, recorded alone" in said
    assert "'net' of anna, closed: " in said
    assert "Train 4 of 4" in said
    assert "without a bound: Check, Train, evaluate, prepare" in said
    assert "The privacy ledger is as it was written" in said
    told = json.loads(out.read_text())
    assert told["chain"]["whole"]
    assert told["uncharged"] == []
    assert told["tables"][0]["jobs"][0]["given"]["Train"] == 4


def test_a_job_that_holds_a_budget_for_ever_is_released_while_the_node_rests(hansa, town, home):
    why = ("--why", "The consortium has dissolved.")
    busy = " ".join(hansa("ledger", "release", "abab", town.folder / "bank-0", *why, code=2).split())
    assert "is open in another process" in busy
    assert "Stop the other one first" in busy
    store = SiteStore(home / "state")
    store.privacy.approve("ab" * 32, Plan("scores", "anna", "t", ()), uncapped)
    store.close()
    assert "'scores' of anna, open" in hansa("ledger", "privacy", home)
    assert "without a reason" in hansa("ledger", "release", "abab", home, "--why", "", code=2)
    assert "abababab  'scores' of anna holds nothing now" in hansa("ledger", "release", "abab", home, *why)
    assert "'scores' of anna, released (The consortium has dissolved.)" in hansa("ledger", "privacy", home)
    assert "No open job" in hansa("ledger", "release", "abab", home / "node.toml", *why, code=2)


def test_a_privacy_ledger_that_was_changed_or_cut_short_is_named_with_exit_3(hansa, home):
    connection = sqlite3.connect(home / "state" / "site.db")
    for statement in ("DROP TRIGGER privacy_stays", "DROP TRIGGER privacy_keeps"):
        connection.execute(statement)
    (last,) = connection.execute("SELECT max(sequence) FROM privacy").fetchone()
    connection.execute("DELETE FROM privacy WHERE sequence > ?", (last - 2,))
    connection.commit()
    assert "1 line of the wire ledger cost privacy, uncharged" in hansa("ledger", "privacy", home, code=3)
    connection.execute("UPDATE privacy SET told = '{}' WHERE sequence = 2")
    connection.commit()
    connection.close()
    assert "privacy ledger" in hansa("ledger", "privacy", home, code=3)
