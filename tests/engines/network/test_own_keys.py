"""Keys of a node at work: renewed in mid-job without a stop, and a coordinator with new keys is believed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hansa.core.post import in_process
from hansa.engines.network.admission import renew
from hansa.engines.network.identity import Identity
from hansa.engines.network.node import Node
from hansa.engines.network.own_keys import OwnKeys
from hansa.engines.network.site_store import SiteStore
from hansa.errors import IdentityError
from tests.engines.network.federation import TEXT, alone, chosen, job_of, members
from tests.engines.network.test_coordinator import follow, until
from tests.engines.network.town import Town


class Living(Town):
    """A town whose nodes look after their own keys."""

    def join(self, party):
        async def joined():
            folder = self.folder / party.name
            keys = OwnKeys(folder / "keys", f"localhost:{self.port}")
            store = SiteStore(folder / "state")
            node = Node(party, store, keys.sign, keys.verify, lambda job: in_process(job, [party]), lambda *_: None)
            self.keys = {**getattr(self, "keys", {}), party.name: keys}
            self.nodes[party.name] = (self.loop.create_task(node.serve(keys.dial, self.soon)), store, node)

        self.on(joined())


@pytest.fixture
def town(tmp_path):
    made = Living(tmp_path, members())
    made.open()
    for party in made.parties:
        made.join(party)
    yield made
    made.close()


def long_job(rounds):
    return job_of(TEXT.replace("rounds = 4", f"rounds = {rounds}"))


def test_certificates_are_renewed_in_mid_job_and_no_line_ends(town):
    job, calls = long_job(60), town.calls("anna", "scientist")
    digest = calls.submit(job)
    until(lambda: len(calls.log(digest)[0]) >= 3)
    before = {name: keys.identity for name, keys in town.keys.items()}
    lines = dict(town.coordinator.roster.members)
    for keys in town.keys.values():
        town.on(keys.renew())
    assert chosen(follow(town, job)) == alone(job, town.parties)
    for name, keys in town.keys.items():
        assert keys.identity.tls != before[name].tls
        assert keys.identity.signing_key == before[name].signing_key
        assert Identity.read(town.folder / name / "keys") == keys.identity
    assert lines.keys() == {"bank-0", "bank-1", "bank-2"}
    town.shut()  # what is dialled anew is dialled with the new certificate
    town.open()
    until(lambda: all(node.line is not None for _, _, node in town.nodes.values()))


def test_new_signing_keys_in_the_folder_count_from_the_next_dial_on(town):
    keys = town.keys["bank-1"]
    old = keys.identity
    made = renew(town.folder / "bank-1" / "keys", keys._send())
    assert made.signing_key != old.signing_key
    town.shut()
    town.open()
    until(lambda: keys.identity == made)
    job = job_of()
    assert chosen(follow(town, job)) == alone(job, town.parties)


def test_a_coordinator_with_new_keys_is_believed_by_its_authority(town):
    town.shut()
    town.org.renew_own(datetime.now(UTC))
    town.open()
    job = job_of()
    assert chosen(follow(town, job)) == alone(job, town.parties)
    assert {keys.identity.coordinator for keys in town.keys.values()} == {town.org.identity.signing}


def test_they_are_renewed_when_their_end_is_near_and_tried_again_where_that_fails(town):
    keys = town.keys["bank-0"]
    keys.early, looks = 400.0, []

    class EnoughError(Exception):
        pass

    async def pause(_):
        looks.append(keys.identity.tls)
        if len(looks) == 2:
            raise EnoughError

    async def look():
        with pytest.raises(EnoughError):
            await keys.stay_fresh(pause)

    before = keys.identity.tls
    town.on(look())
    assert len({before, *looks}) == 3
    town.org.revoke("bank-0", "left", datetime.now(UTC))
    looks.clear()
    end = keys.identity
    town.on(look())
    assert keys.identity == end


def test_a_signature_of_somebody_else_is_still_refused(town):
    keys = town.keys["bank-0"]
    with pytest.raises(IdentityError):
        keys.verify("coordinator", bytes(32), bytes(64))
    with pytest.raises(IdentityError):
        keys.verify("bank-1", bytes(32), bytes(64))
    assert keys.days_left > 364
