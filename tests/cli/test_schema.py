"""`hansa schema`: written from a table, checked against one, part of a job."""

from __future__ import annotations

import csv
import tomllib

import pytest

from hansa.data.schema import Schema
from hansa.running.scenario import read_job


@pytest.fixture
def book(project, tmp_path):
    """A copy of bank-a's table, and the schema that was read off it."""
    path = tmp_path / "loans.csv"
    path.write_bytes((project / "data" / "bank-a.csv").read_bytes())
    return path


@pytest.fixture
def schema(hansa, book, tmp_path):
    path = tmp_path / "schema.toml"
    path.write_text(hansa("schema", "infer", book, "--target", "default", "--id", "id"), "utf-8")
    return path


@pytest.fixture
def agreed(hansa, project, tmp_path):
    """The schema of all three banks, as each told its own."""
    own = []
    for bank in ("bank-a", "bank-b", "bank-c"):
        own.append(tmp_path / f"{bank}.toml")
        read = hansa("schema", "infer", project / "data" / f"{bank}.csv", "--target", "default", "--id", "id")
        own[-1].write_text(read, "utf-8")
    path = tmp_path / "agreed.toml"
    path.write_text(hansa("schema", "merge", *own), "utf-8")
    return path


def changed(path, change):
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = [change(dict(row)) for row in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_what_is_inferred_is_a_schema_that_the_table_keeps(hansa, book, schema):
    found = Schema.from_toml(schema.read_text("utf-8"))
    assert found.roles == {"target": "default", "id": "id"}
    assert "The table keeps the schema" in hansa("schema", "check", schema, book)


def test_a_breach_is_told_by_column_and_mended_by_rules(hansa, book, schema, tmp_path):
    def other(row):
        row["einkommen"] = str(1000 * float(row.pop("income"))) if row["income"] else row.pop("income")
        row["housing"] = {"rent": "Miete"}.get(row["housing"], row["housing"])
        return row

    changed(book, other)
    said = hansa("schema", "check", schema, book, code=3)
    assert "income: is missing" in said
    assert "housing: has 1 label outside of its dictionary" in said
    assert "2 columns do not keep the schema" in said
    assert "Miete" not in said
    rules = tmp_path / "rules.toml"
    rules.write_text('rename = {einkommen = "income"}\nrecode.housing = {Miete = "rent"}\n', "utf-8")
    assert "factor = {'income' = 0.001}" in hansa("schema", "check", schema, book, "--rules", rules, code=3)
    rules.write_text(rules.read_text("utf-8") + "factor = {income = 0.001}\n", "utf-8")
    assert "The table keeps the schema" in hansa("schema", "check", schema, book, "--rules", rules)


def test_a_job_takes_the_schema_in_and_holds_each_party_to_it(hansa, project, agreed, tmp_path):
    job = tmp_path / "job.toml"
    job.write_bytes((project / "job.toml").read_bytes())
    digest = read_job(job).job.digest
    hansa("schema", "join", agreed, job)
    assert read_job(job).job.digest != digest
    assert "can be run" in hansa("check", job, "--data", project)
    tight = agreed.read_text("utf-8").replace('name = "id"', 'name = "kunde"')
    agreed.write_text(tight, "utf-8")
    assert "has a schema already" in hansa("schema", "join", agreed, job, code=2)
    job.write_bytes((project / "job.toml").read_bytes())
    hansa("schema", "join", agreed, job)
    said = hansa("run", job, "--data", project, "--runs", tmp_path, "--workers", "1", code=3)
    assert "bank-a: column 'kunde' is missing" in said


def test_rules_of_a_party_stand_in_the_scenario(hansa, project, agreed, tmp_path):
    book = tmp_path / "bank-c.csv"
    book.write_bytes((project / "data" / "bank-c.csv").read_bytes())
    changed(book, lambda row: {("einkommen" if name == "income" else name): value for name, value in row.items()})
    job = tmp_path / "job.toml"
    job.write_bytes((project / "job.toml").read_bytes())
    hansa("schema", "join", agreed, job)
    (tmp_path / "rules.toml").write_text('rename = {einkommen = "income"}', "utf-8")
    own = ["--set", f'simulation.files.bank-c="{book}"']
    rules = ["--set", f'simulation.rules={{bank-c = "{tmp_path / "rules.toml"}"}}']
    assert "bank-c: column 'income' is missing" in hansa("check", job, "--data", project, *own, code=3)
    assert "can be run" in hansa("check", job, "--data", project, *own, *rules)
    said = hansa("check", job, "--data", project, "--set", 'simulation.rules={bank-d = "rules.toml"}', code=2)
    assert "rules for 'bank-d'" in said


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("check", "none.toml", "loans.csv"), "cannot be read"),
        (("infer", "loans.csv", "--set", "csvv=1"), "Did you mean 'csv'"),
    ],
)
def test_wrong_use_is_one_sentence(hansa, words, what):
    assert what in hansa("schema", *words, code=2)


def test_how_a_table_is_written_can_be_said(hansa, tmp_path):
    path = tmp_path / "book.csv"
    rows = "".join(f"{i};{'ja' if i % 3 else 'nein'}\n" for i in range(90))
    path.write_text(f"wert|x;gut\n{rows}", "utf-8")
    said = hansa("schema", "infer", path, "--set", 'csv={delimiter=";"}', "--min-cell", "5")
    fields = tomllib.loads(said)["fields"]
    assert [field["name"] for field in fields] == ["wert|x", "gut"]
    assert fields[1]["levels"] == ["ja", "nein"]
