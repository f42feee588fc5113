"""SIGKILL of real processes while a private job runs under a budget: each ledger is what the coordinator holds."""

from __future__ import annotations

import random

import pytest

from hansa.engines.network.site_store import SiteStore
from hansa.engines.network.store import Store
from hansa.governance.site_file import read_node
from hansa.privacy.released import priced
from hansa.running.spent import spent
from tests.engines.network.die_at import LEDGER
from tests.engines.network.trial import EVERYBODY, NAMES, Trial

TEXT = """
name = "{name}"
{settings}
data = {{table = "loans", target = "late"}}
[[steps]]
use = "prepare"
[[steps]]
use = "rounds"
rounds = {rounds}
check_every = 0
local = {{steps = 2, batch = 32}}
chain = [{{use = "private_sgd", noise_multiplier = 20.0, sampling = 1.0}}, "{combine}"]
"""
REFUSED = """
name = "{name}"
{settings}
data = {{table = "loans", target = "late"}}
[[steps]]
use = "rounds"
rounds = {rounds}
check_every = 0
trainer = {{use = "tabular", hidden = {hidden}}}
local = {{steps = 2, batch = 32}}
chain = [{{use = "private_sgd", noise_multiplier = 20.0, sampling = 1.0}}, "{combine}"]
"""
BUDGET = '\n[privacy.loans.record]\nepsilon = 20.0\ndelta = 1e-5\nsince = "2026-01-01"\nunbounded = ["prepare"]\n'


def budgeted(trial, shared):
    for name in NAMES:
        path = trial.rig.folder / name / "node.toml"
        path.write_text('ledger = "ledger"\n' * shared + path.read_text() + BUDGET)
    return trial


@pytest.fixture(params=["own", "shared", "sums"])
def trial(tmp_path, request):
    made = Trial(tmp_path, text=TEXT, combine="secure_sum" if request.param == "sums" else "weighted_mean")
    return budgeted(made, request.param == "shared")


def ledgers(trial):
    """Hold each bank's ledger against what the coordinator holds; the most epsilon that any has given."""
    store, most = Store(trial.rig.folder / "consortium" / "store"), 0.0
    prices = {job.digest: priced(job) for job, _ in trial.jobs}
    words = store.database.rows("SELECT job, step, keep, turn, attempt, kind, party FROM words")
    names = {job.digest: job.name for job, _ in trial.jobs}
    store.close()
    for name in NAMES:
        base = trial.rig.folder / name
        told = spent(read_node(base / "node.toml"), base)
        assert told["chain"]["whole"]
        assert told["uncharged"] == []
        (one,) = told["tables"]
        assert 0 < one["spent"] <= one["held"] <= 20.0
        most = max(most, one["spent"])
        assert {job["name"] for job in one["jobs"]} == set(names.values())
        for job in one["jobs"]:
            kinds = [(step, kind) for job_, step, *_, kind, who in words if (job_, who) == (job["job"], name)]
            heard = [prices[job["job"]][key].what for key in kinds if key in prices[job["job"]]]
            lost = {what: job["given"][what] - heard.count(what) for what in job["given"]}
            again = trial.combine == "secure_sum"  # one that is tried again costs again, also where the first was lost
            assert all(0 <= count <= 2 * again for count in lost.values())
            assert job["given"]["Train"] == trial.rounds or (again and job["given"]["Train"] > trial.rounds)
    return most


@pytest.mark.slow
@pytest.mark.parametrize("trial", ["own", "shared"], indirect=True)
def test_a_node_dies_wherever_its_ledger_is_written(trial, tell):
    trial.carry((trial.at_points, "bank-1", LEDGER, random.Random(11)))
    most = ledgers(trial)
    assert len(set(trial.killed)) == len(LEDGER)
    tell(
        f"ledger: {len(trial.killed)} named steps, {len(trial.jobs)} private jobs; each answer charged once, {most:.2f}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("trial", ["sums"], indirect=True)
def test_one_or_all_die_at_random_instants_of_private_jobs(trial, tell):
    trial.carry((trial.at_random, 12, random.Random(12)))
    most = ledgers(trial)
    tell(f"ledger: 12 random instants of {', '.join(EVERYBODY)}, {len(trial.jobs)} private jobs; {most:.2f}")


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
def test_a_node_that_refuses_what_it_has_computed_dies_wherever_its_ledger_is_written(tmp_path, shared, tell):
    """Its policy lets nothing leave that is as large as an update."""
    settings = "min_parties = 2\nquorum = 2\nset_aside_after = 0"
    trial = budgeted(Trial(tmp_path, text=REFUSED, settings=settings), shared)
    path = trial.rig.folder / "bank-1" / "node.toml"
    whole = path.read_text()
    path.write_text(whole.replace(f"max_payload = {64 << 20}", "max_payload = 48"))
    assert path.read_text() != whole
    trial.carry((trial.at_points, "bank-1", LEDGER, random.Random(13)))
    said = dict.fromkeys(NAMES, 0)
    for name in NAMES:
        base = trial.rig.folder / name
        store = SiteStore(base / "state", shared=base / "ledger" if shared else None)
        lines = [one.line for one in store.ledger.lines() if one.line.kind == "Train"]
        charged = sorted((one.job, given.name) for one in store.privacy.accounts() for given in one.given)
        assert charged == sorted((line.job, line.name) for line in lines), "each once"
        assert {bool(line.shapes) for line in lines} == {name != "bank-1"}
        assert (store.verify(), store.privacy.verify()) == (None, None)
        store.close()
        said[name] = len(charged)
    assert said["bank-1"] == trial.rounds * len(trial.jobs)
    tell(f"ledger: {len(trial.killed)} named steps; {said['bank-1']} refusals of what was computed, each charged once")
