"""Parts of a bank's own over the network: each party and the coordinator allow them by name and SHA-256, or refuse."""

from __future__ import annotations

import sys
from dataclasses import replace
from hashlib import sha256

import pytest

from hansa import own_parts
from hansa.cli.rig import Rig
from hansa.core.job import Job
from hansa.engines.network.consortium import Consortium
from hansa.engines.network.files import save
from hansa.engines.network.membership import CHARTER
from hansa.engines.network.site_store import SiteStore
from hansa.engines.simulation import Simulation
from hansa.errors import PolicyRefusal
from hansa.governance.site_file import read_node
from hansa.running.verb import run
from tests.cli.test_rig import tables
from tests.test_own_parts import LINK

TEXT = """
name = "own"
min_parties = 3
data = {table = "loans", target = "late"}
steps = ["prepare", {use = "rounds", rounds = 3, chain = ["by_examples", "halved", "weighted_mean"]}, "evaluate"]
"""


@pytest.fixture
def allowed(tmp_path, monkeypatch):
    """A package of a bank's own, installed here and at all processes of this machine; what allows its part."""
    (tmp_path / "links_of_a_bank.py").write_text(LINK)
    (tmp_path / "links_of_a_bank-1.0.dist-info").mkdir()
    about = tmp_path / "links_of_a_bank-1.0.dist-info"
    (about / "METADATA").write_text("Name: links-of-a-bank\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[hansa.parts]\nhalved = links_of_a_bank:halved\n")
    monkeypatch.syspath_prepend(tmp_path)
    own_parts.installed.cache_clear()
    yield {"halved": sha256(LINK.encode()).hexdigest()}
    own_parts.installed.cache_clear()
    sys.modules.pop("links_of_a_bank", None)


def rig_of(folder, allowed):
    job = Job.from_toml(Job.from_toml(TEXT, allowed).to_toml(), allowed)
    assert dict(job.parts) == allowed
    return job, Rig.lay_out(folder / "rig", job, tables())


def test_a_part_that_all_allow_gives_the_bits_of_a_simulation(tmp_path, allowed):
    job, rig = rig_of(tmp_path, allowed)
    with rig:
        rig.start_all()
        far = run(job, on=Consortium(rig.card))
        near = run(job, on=Simulation(rig.parties(), workers=1), baselines=False)
    assert far.model.parameters_sha256 == near.model.parameters_sha256


def test_a_bank_that_has_allowed_another_file_refuses_with_the_reason(tmp_path, allowed):
    job, rig = rig_of(tmp_path, allowed)
    path = rig.folder / "bank-1" / "node.toml"
    file = read_node(path)
    save(path, replace(file, policy=replace(file.policy, parts={"halved": "ab" * 32})))
    with rig:
        rig.start_all()
        with pytest.raises(PolicyRefusal, match=r"bank-1 refuses.*'halved' is not the one that was allowed") as refused:
            run(job, on=Consortium(rig.card))
        assert allowed["halved"] in str(refused.value)  # the mend says what to allow once it was read
    store = SiteStore(rig.folder / "bank-1" / "state")
    assert [kind for _, kind, _, _ in store.notes()] == ["job refused"]
    store.close()


def test_a_coordinator_that_has_not_allowed_it_takes_no_such_job(tmp_path, allowed):
    job, rig = rig_of(tmp_path, allowed)
    charter = rig.folder / "consortium" / CHARTER
    charter.write_text(charter.read_text().partition("[parts]")[0])
    with rig:
        rig.start("coordinator")
        with pytest.raises(PolicyRefusal, match="'halved' is not allowed here"):
            run(job, on=Consortium(rig.card))
