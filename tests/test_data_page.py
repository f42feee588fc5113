"""The page on data is true: its commands run, and its settings are read."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from hansa.core.codec import build
from hansa.core.contract import Contract
from hansa.core.table import Table
from hansa.data.csv_file import read_csv
from hansa.data.csv_format import CsvFormat
from hansa.data.mapping import Rules
from hansa.data.parts import Split
from hansa.data.schema import Schema
from hansa.running.scenario import Scenario
from tests.cli.conftest import hansa

PAGE = (Path(__file__).parent.parent / "docs" / "data.md").read_text("utf-8")
SETTINGS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

__all__ = ["hansa"]


def setting(start):
    return tomllib.loads(next(text for text in SETTINGS if text.startswith(start)))


def test_its_commands_run(hansa, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hansa("new", "books")
    monkeypatch.chdir(tmp_path / "books")
    commands = re.findall(r"^hansa .*", PAGE, re.MULTILINE)
    assert len(commands) == 8
    for command in commands:
        words, _, out = command.partition(" > ")
        said = hansa(*shlex.split(words)[1:])
        if out:
            Path(out).write_text(said, "utf-8")
    assert Path("quality/bank-a.html").exists()
    assert Path("findings.json").exists()


def test_its_code_runs(hansa, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hansa("new", "books")
    monkeypatch.chdir(tmp_path / "books")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    page = {}
    exec(compile(code, "docs/data.md", "exec"), page)  # noqa: S102 - our own page
    assert page["loans"].names == ("id", "income", "issued", "default")
    assert 0 < len(page["loans"]) < len(read_csv("data/bank-a.csv"))


def test_its_settings_are_read():
    scenario = build(Scenario, setting("[simulation]")["simulation"], "simulation")
    assert scenario.rules == {"bank-c": "rules.toml"}
    served = build(Scenario, tomllib.loads(SETTINGS[2])["simulation"], "simulation")
    assert served.query == "risk.loans"
    assert build(CsvFormat, setting("csv")["csv"]).spelling.formats[0] == "%d.%m.%Y"
    rules = Rules.from_toml(next(text for text in SETTINGS if text.startswith("rename")))
    assert rules.recode == {"housing": {"Miete": "rent", "unbekannt": ""}}
    schema = Schema.from_toml(next(text for text in SETTINGS if text.startswith("outcome")))
    assert str(schema.outcome) == "default: 90 days past due within 12 months"
    assert schema.leaks() == ()


@pytest.mark.parametrize("use", ["time", "purged"])
def test_its_splits_are_splits(use):
    trees = [tomllib.loads(text)["split"] for text in SETTINGS if text.startswith("split")]
    assert build(Split, next(tree for tree in trees if tree["use"] == use), "split").months == 6


def test_its_months_at_risk_are_made():
    spells = build(Contract, setting("schema =")["schema"], "schema")
    loans = {"customer_id": [1, 2], "income": [10, 20], "months_on_book": [2, 13], "defaulted": [1, 0]}
    made = spells.admit(Table.of(loans), "bank-a", 1)
    assert made.names == ("customer_id", "income", "defaulted", "period")
    assert sorted({*made.column("period").strings().tolist()}) == ["from 1", "from 13", "from 4", "from 7"]
    assert made.y().sum() == 1
