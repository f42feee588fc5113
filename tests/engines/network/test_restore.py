"""F12: the coordinator's machine is lost; a copy of its folder goes on at another address, with the same members."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hansa.engines.network.consortium import Consortium
from hansa.engines.network.membership import Membership
from hansa.engines.network.passes import Pass
from hansa.engines.network.site_store import SiteStore
from tests.engines.network.federation import TEXT, alone, chosen, job_of
from tests.engines.network.test_coordinator import until
from tests.engines.network.town import inhabited


@pytest.fixture
def town(tmp_path):
    with inhabited(tmp_path) as made:
        yield made


def moved(town, copy):
    """End everything, and begin again from a copy, at another port; the nodes are told of it."""
    town.shut()
    for party in town.parties:
        town.leave(party.name)
    shutil.rmtree(town.org.folder)
    town.org, town.port = Membership(copy), 0
    town.open()
    for party in town.parties:
        town.join(party)


def ledgers_whole(town):
    for party in town.parties:
        town.leave(party.name)
        store = SiteStore(town.folder / party.name / "state")
        try:
            assert store.verify() is None
        finally:
            store.close()


@pytest.mark.parametrize("more", [0, 1, 5])
def test_a_copy_goes_on_at_another_address_to_the_same_bits(town, tmp_path, more):
    """`more`: how many rounds the lost machine was ahead of its copy."""
    job, calls = job_of(TEXT.replace("rounds = 4", "rounds = 40")), town.calls("anna", "scientist")
    digest = calls.submit(job)
    until(lambda: len(calls.log(digest)[0]) >= 6)
    town.shut()
    copy = Path(shutil.copytree(town.org.folder, tmp_path / "copy"))
    town.open()
    ahead = len(calls.log(digest)[0]) + more
    until(lambda: len(calls.log(digest)[0]) >= ahead)
    moved(town, copy)
    path, card = town.card("anna", "scientist")
    assert card.name == "anna"
    path.unlink()
    path, _ = town.card("anna", "scientist")  # a pass says where the coordinator is
    assert Pass.read(path).coordinator.endswith(str(town.port))
    with Consortium(path, patience=20).session(job) as visit:
        assert chosen(visit.run()) == alone(job, town.parties)
    ledgers_whole(town)
