"""A coordinator is a function of its journal: replayed twice, after any write, it stands in the same place."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hansa.core.job import Job
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.replay import replay
from tests.core.test_carry import chance, dropping, parties
from tests.core.toys import Buffered
from tests.engines.network.disks import DIGEST, Dead, Disk, carried, opened, toy_job

MEMBERS = parties(4, 3)
NAMES = [party.name for party in MEMBERS]
BUFFERED = Job("toys", (Buffered(k=2, rounds=4),), min_parties=1)
CASES = {
    "rounds": (toy_job(), dropping(3, 0.3)),
    "buffered": (BUFFERED, lambda party, name: 0.5 + 4 * chance(party, name)),
}


def told(job, folder):
    """The hash, twice, from the store as it is found; and what the store holds, which a replay leaves as it was."""
    store = opened(folder, NAMES)
    before = store.state(DIGEST)
    found = {replay(job, NAMES, JobJournal(store, job, DIGEST)) for _ in range(2)}
    assert len(found) == 1
    assert store.state(DIGEST) == before
    store.close()
    return found.pop()


@pytest.mark.parametrize("case", CASES)
def test_it_stands_in_the_same_place_however_often_it_is_replayed(tmp_path, case):
    job, clock = CASES[case]
    whole = Disk()
    store = opened(tmp_path / "whole", NAMES, whole)
    carried(job, MEMBERS, store, clock)
    store.close()
    places = []
    for n in range(4, whole.calls + 1, 3):
        folder = tmp_path / str(n)
        disk = Disk(folder, tmp_path / f"{n} after", n)
        store = None
        try:
            store = opened(folder, NAMES, disk)
            carried(job, MEMBERS, store, clock)
        except Dead:
            if store is None:
                continue
        store.close()
        places.append(told(job, disk.image))
    places.append(told(job, tmp_path / "whole"))
    changes = [a for a, b in pairwise(places) if a != b]
    assert len(changes) == len(set(places)) - 1 >= 6, "it moves on, and never back"
