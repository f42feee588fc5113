"""A node's own file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hansa.errors import ConfigError, DataError, PolicyRefusal
from hansa.governance.budget import Budget
from hansa.governance.site_file import NodeFile, read_node
from hansa.privacy.events import Infinite
from hansa.privacy.released import Part
from hansa.privacy.spending import Account, Plan
from tests.governance.policies import POLICY

HEAD = 'name = "甲银行"\ncoordinator = "hansa.example:7443"\n\n[tables.loans]\nsource = "loans.csv"\n'
ROWS = "x0,x1,x2,y,name\n" + "".join(f"{i},{i % 7},{i % 3},{i % 2},Anna\n" for i in range(60))


@pytest.fixture
def node(tmp_path):
    def write(head=HEAD, policy=POLICY):
        path = tmp_path / "node.toml"
        path.write_text(f"{head}\n[policy]{policy.replace('[columns]', '[policy.columns]')}", "utf-8")
        (tmp_path / "loans.csv").write_text(ROWS, "utf-8")
        return read_node(path)

    return write


def test_a_party_holds_the_allowed_columns_alone_and_its_guard(node, tmp_path):
    party = node().party(tmp_path)
    assert (party.name, party.table("loans").names) == ("甲银行", ("x0", "x1", "x2", "y"))
    assert party.guards == (node().guard(),)


def test_a_reading_may_narrow_further(node, tmp_path):
    head = HEAD + 'reading = { columns = ["x0", "y", "name"], where = [{ column = "x0", op = ">=", value = 30 }] }\n'
    table = node(head).table("loans", tmp_path)
    assert (table.names, len(table)) == (("x0", "y"), 30)


def test_a_table_that_the_policy_does_not_name_is_not_opened(node, tmp_path):
    head = HEAD + '[tables.staff]\nsource = "no such file.csv"\n'
    assert set(node(head).party(tmp_path).tables) == {"loans"}
    for name in ("staff", "nothing"):
        with pytest.raises(PolicyRefusal, match=name):
            node(head).party(tmp_path, name)


def test_a_table_is_held_to_its_schema(node, tmp_path):
    schema = 'fields = [{ name = "x0", kind = "float", low = 0, high = %s }, { name = "y", kind = "integer" }]'
    (tmp_path / "schema.toml").write_text(schema % 100, "utf-8")
    head = HEAD + 'schema = "schema.toml"\n'
    assert node(head).table("loans", tmp_path).column("x0").kind == "float"
    (tmp_path / "schema.toml").write_text(schema % 5, "utf-8")
    with pytest.raises(DataError, match="甲银行: column 'x0'"):
        node(head).table("loans", tmp_path)
    (tmp_path / "schema.toml").unlink()
    with pytest.raises(ConfigError, match="schema"):
        node(head).table("loans", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"甲银行"', '"../bank-b"', "folder"),
        ('"hansa.example:7443"', '"hansa.example"', "HOST:PORT"),
        ("[tables.loans]", "[tables.loan]", "Did you mean 'loan'"),
        ("coordinator", "coordinater", "Did you mean 'coordinator'"),
        ("source", "sauce", "Did you mean 'source'"),
        ('name = "甲银行"', "name = ", "no TOML"),
    ],
)
def test_a_wrong_file_is_one_error(node, old, new, what):
    with pytest.raises(ConfigError, match=what):
        node(HEAD.replace(old, new))


def test_a_missing_column_is_named(node, tmp_path):
    with pytest.raises(ConfigError, match="x9"):
        node(policy=POLICY.replace('"x2"', '"x9"')).party(tmp_path)


def test_an_ask_is_bound_by_the_largest_model_and_answer_and_nothing_unset_gives_room(node):
    assert NodeFile("bank-a", "hansa.example:7443", {}).most_asked == 1 << 20
    policy = replace(node().policy, max_parameters=1_000_000, max_payload=10)
    assert replace(node(), policy=policy).most_asked == 32_000_000 + 20 + (1 << 20)


BUDGET = '[privacy.loans.customer]\nepsilon = 1.0\ndelta = 1e-5\nsince = "2026-01-01"\nunbounded = ["prepare"]\n'


def test_budgets_are_read_by_table_and_unit_and_a_table_without_one_is_not_capped(node):
    file = node(f"{HEAD}\n{BUDGET}")
    assert file.privacy == {"loans": {"customer": Budget(1.0, 1e-5, "2026-01-01", ("prepare",))}}
    exact = (Part(0, "Check", (Infinite("Check", "It leaves as it is."),)),)
    asked = [Account("5e1f", "", 0.0, Plan("scores", "anna", table, exact), open=True) for table in ("loans", "cards")]
    assert [file.overspent(one, []) is None for one in asked] == [False, True]
    with pytest.raises(ConfigError, match=r"no unit 'custmer'. Units: record, customer"):
        node(f"{HEAD}\n{BUDGET.replace('customer', 'custmer')}")
    with pytest.raises(ConfigError, match=r"privacy speaks of a table 'lones'.*Did you mean 'loans'"):
        node(f"{HEAD}\n{BUDGET.replace('loans', 'lones')}")
    with pytest.raises(ConfigError, match="needs 'since'"):
        node(f"{HEAD}\n{BUDGET.replace('since', '# since')}")
