from __future__ import annotations

import pytest

from hansa.core.codec import build, plain
from hansa.core.table import Table
from hansa.data.filters import Filter
from hansa.data.mapping import Rules
from hansa.data.source import Reading
from hansa.errors import ConfigError, DataError

RULES = """
rename = {alter = "age", wohnart = "housing", betrag = "amount"}
factor = {amount = 0.001}

[recode.housing]
Miete = "rent"
Eigentum = "own"
unbekannt = ""

[recode.grade]
1 = "good"
2 = "bad"
"""


def test_rules_are_read_and_applied_in_order():
    rules = Rules.from_toml(RULES)
    columns = {
        "alter": [31, 58, 40],
        "wohnart": ["Miete", "unbekannt", "frei"],
        "betrag": [1500.0, None, 20.0],
        "grade": [1, 2, 3],
    }
    table = rules.apply(Table.of(columns, id="alter"))
    assert (table.names, table.id) == (("age", "housing", "amount", "grade"), "age")
    assert table.column("housing").strings().tolist() == ["rent", "", "frei"]
    assert table.column("housing").gaps.tolist() == [False, True, False]
    assert table.column("amount").floats().tolist()[::2] == [1.5, 0.02]
    assert table.column("grade").strings().tolist() == ["good", "bad", "3"]


def test_two_labels_may_become_one():
    table = Rules(recode={"home": {"Haus": "own", "Wohnung": "own"}}).apply(
        Table.of({"home": ["Haus", "Wohnung", "own"]})
    )
    assert table.column("home").levels == ("own",)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('rename = {a = "x", b = "x"}', "one name"),
        ("factor = {a = 0}", "factor of 'a'"),
        ("factor = {a = nan}", "factor of 'a'"),
        ('factor = {a = 2}\nrecode = {a = {x = "y"}}', "recode and multiply 'a'"),
        ('renam = {a = "x"}', "Did you mean 'rename'"),
        ("rename =", "no TOML"),
    ],
)
def test_wrong_rules_are_refused(text, what):
    with pytest.raises(ConfigError, match=what):
        Rules.from_toml(text)


def test_rules_that_do_not_fit_the_table_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"'altr' that is not there.*Did you mean 'alter'"):
        Rules({"altr": "age"}).apply(Table.of({"alter": [1]}))
    with pytest.raises(DataError, match="'amout'"):
        Rules(factor={"amout": 2.0}).apply(Table.of({"amount": [1]}))
    with pytest.raises(DataError, match="not numeric") as caught:
        Rules(factor={"home": 2.0}).apply(Table.of({"home": ["secret"]}))
    assert "secret" not in str(caught.value)
    with pytest.raises(DataError, match="twice"):
        Rules({"a": "b"}).apply(Table.of({"a": [1], "b": [2]}))
    with pytest.raises(ConfigError, match="cannot be read"):
        Rules.from_file(tmp_path / "none.toml")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_rows_and_kinds_speak_of_the_table_under_the_rules(tmp_path, ending):
    (tmp_path / "loans.csv").write_text(
        "alter,wohnart,betrag,code,grade\n31,Miete,1500,07,1\n17,Miete,900,08,1\n45,Eigentum,90,09,2\n", "utf-8"
    )
    if ending == "parquet":
        arrow = pytest.importorskip("pyarrow.csv", reason="needs pyarrow (extra 'parquet')")
        from pyarrow import parquet

        parquet.write_table(arrow.read_csv(tmp_path / "loans.csv"), tmp_path / "loans.parquet")
    where = (Filter("age", ">", 18), Filter("amount", ">", 1), Filter("housing", "==", "rent"))
    reading = Reading(("age", "housing"), where, {"code": "text"}, rules=Rules.from_toml(RULES))
    table = reading.read(f"loans.{ending}", tmp_path)
    assert table.names == ("age", "housing")
    assert table.column("age").values.tolist() == [31]
    whole = Reading(where=(Filter("age", ">", 18),), rules=Rules.from_toml(RULES)).read(f"loans.{ending}", tmp_path)
    assert whole.names == ("age", "housing", "amount", "code", "grade")
    assert build(Reading, plain(reading)) == reading
