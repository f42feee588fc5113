"""A node's own process: what stops it at its door, and how it judges what it is offered."""

from __future__ import annotations

import asyncio

import pytest

from hansa.core.job import Job
from hansa.engines.network.identity import Identity
from hansa.engines.network.sayings import Offer
from hansa.engines.network.signing import Signing, own_key
from hansa.engines.network.site_store import Others, read_privacy
from hansa.errors import ConfigError, DataError
from hansa.governance.site_file import NodeFile
from hansa.running.site import judge, serve
from tests.engines.network.banks import NOW, consortium, enrolled

FILE = """
name = "bank-a"
coordinator = "localhost:{port}"
[tables.loans]
source = "loans.csv"
[policy.columns]
loans = ["x", "y"]
"""


def alone(digest):
    return Others(0, 0)


def served(path, seconds=0.3):
    """Run a node for a moment; whether its tables were read."""
    heard = []

    async def for_a_moment():
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        await serve(path, stop, lambda file, port: heard.append(file))

    asyncio.run(asyncio.wait_for(for_a_moment(), 20))
    return [file.name for file in heard]


@pytest.fixture
def bank(tmp_path):
    org = consortium(tmp_path / "org")
    enrolled(org, "bank-a", tmp_path / "bank" / "keys")
    (tmp_path / "bank" / "node.toml").write_text(FILE.format(port=1))
    (tmp_path / "bank" / "loans.csv").write_text("x,y\n1,0\n2,1\n")
    return tmp_path / "bank"


def test_a_node_without_a_coordinator_waits_and_ends_when_it_is_told(bank):
    assert served(bank / "node.toml") == ["bank-a"]
    assert (bank / "state" / "site.db").is_file()


def test_keys_of_another_name_a_missing_table_and_no_keys_are_said(bank):
    node = bank / "node.toml"
    node.write_text(node.read_text().replace("bank-a", "bank-b"))
    with pytest.raises(ConfigError, match="called 'bank-b' and its keys are bank-a's"):
        served(node)
    node.write_text(FILE.format(port=1).replace("loans.csv", "none.csv"))
    with pytest.raises(DataError):
        served(node)
    (bank / "keys" / "identity.toml").unlink()
    with pytest.raises(ConfigError, match="hansa enroll"):
        served(node)


def test_an_offer_is_judged_by_the_policy_and_only_where_one_takes_part():
    job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    file = NodeFile("bank-a", "hansa.example:7443", {})
    assert "does not take part" in judge(file, alone)(job, Offer("", {"bank-b": ""}, "anna")).what
    found = judge(file, alone)(job, Offer("", {"bank-a": ""}, "anna"))
    assert "more reasons" in found.why


def test_a_job_with_secure_sums_is_taken_in_only_among_banks_whose_keys_are_pinned(tmp_path):
    org = consortium(tmp_path / "org")
    banks = {name: enrolled(org, name, tmp_path / name) for name in ("bank-a", "bank-b", "bank-c")}
    roster = org.roster(NOW).members
    keys = {name: (own_key(Identity.read(tmp_path / name)),) for name in banks}
    job = Job.from_toml('name = "scores"\nsteps = [{use = "rounds", chain = ["by_examples", "secure_sum"]}]')
    plain = Job.from_toml('name = "scores"\nsteps = ["rounds"]')

    def said(one, members):
        file = NodeFile("bank-a", "hansa.example:7443", {}, members=members)
        judged = judge(file, alone, Signing.of(Identity.read(tmp_path / "bank-a"), file.members))
        found = judged(one, Offer("", roster, "anna"))
        return int(found.why.split("There are ")[1].split()[0])

    assert said(job, {}) == said(job, keys) + 2
    assert said(plain, {}) == said(plain, keys)
    with pytest.raises(ConfigError, match=r"members.bank-b holds what is no key"):
        NodeFile("bank-a", "hansa.example:7443", {}, members={"bank-b": ("ff",)})


BUDGET = '\n[privacy.loans.record]\nepsilon = {epsilon}\ndelta = 1e-5\nsince = "2026-01-01"\nunbounded = ["Check"]\n'


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
def test_each_budget_that_stood_is_recorded_when_the_node_begins(bank, shared):
    node, ledger = bank / "node.toml", 'ledger = "../ledger"\n' if shared else ""
    for epsilon in (1.0, 1.0, 2.0):
        node.write_text(ledger + FILE.format(port=1) + BUDGET.format(epsilon=epsilon))
        served(node, 0.1)
    found = read_privacy(bank / "state", bank / ".." / "ledger" if shared else None)
    lines = [one.lines["loans, record"] for one in found.budgets()]
    found.database.close()
    assert lines == [f"epsilon = {e} at delta = 1e-05 since 2026-01-01; unbounded: Check" for e in (1, 2)]
    assert (bank.parent / "ledger").exists() == shared
