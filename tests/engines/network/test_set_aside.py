"""A bank that does not answer is set aside, stays so over a restart, and is asked again once it is let back in."""

from __future__ import annotations

import time

import pytest

from hansa.engines.network.consortium import Consortium
from hansa.engines.network.site_store import read_ledger
from hansa.running.verb import run
from tests.engines.network.federation import TEXT, job_of, members
from tests.engines.network.town import inhabited

SETTINGS = "quorum = 3\ndeadline = 0.3\n"


@pytest.fixture
def town(tmp_path):
    with inhabited(tmp_path, members(4)) as made:
        yield made


def until(true, patience=20.0):
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def answered(town, name):
    """To how many asks a bank has said something."""
    ledger = read_ledger(town.folder / name / "state")
    try:
        return len(ledger.lines())
    finally:
        ledger.database.close()


def test_it_is_not_asked_after_a_restart_and_comes_back_when_it_is_let_in(town):
    calls = town.calls("anna", "scientist")
    digest = calls.submit(job_of(SETTINGS + TEXT.replace("rounds = 4", "rounds = 100000")))
    kinds = lambda: [note.kind for note in calls.notes(digest) if note.party == "bank-3"]  # noqa: E731
    rounds = lambda: len(calls.log(digest)[0])  # noqa: E731
    until(lambda: rounds() > 3)
    town.leave("bank-3")
    until(lambda: "set aside" in kinds())
    town.shut()
    town.open()
    town.join(town.parties[3])
    before, said = rounds(), answered(town, "bank-3")
    until(lambda: rounds() > before + 20)
    assert answered(town, "bank-3") <= said + 1  # what it had still to say when it left
    assert kinds() == ["lost", "set aside"]
    calls.readmit(digest, "bank-3")
    until(lambda: "let back in" in kinds())
    until(lambda: answered(town, "bank-3") > said + 10)
    calls.stop(digest)
    assert kinds()[:4] == ["lost", "set aside", "readmitted", "let back in"]
    assert "set aside" not in kinds()[3:]


def test_it_is_named_in_the_result(town):
    path, _ = town.card("anna", "scientist")
    town.leave("bank-3")
    found = run(job_of(SETTINGS + TEXT), on=Consortium(path))
    (said,) = [line for line in found.warnings if line.startswith("bank-3")]
    assert "lost once, set aside once" in said
    assert said in found.page().replace("&#x27;", "'")
    assert said in found.to_json()
