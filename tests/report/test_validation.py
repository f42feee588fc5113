"""The validation pack as a page: every figure that a validator asks, safe names, and nothing missing is an error."""

from __future__ import annotations

import pytest

from hansa.report.figures import figure
from hansa.report.pack import validation_pack
from hansa.report.validation import facts, validation_page, within
from tests.report.reader import read_page
from tests.report.validations import BANKS, summary


def test_it_holds_what_a_validator_asks():
    pack = validation_pack(summary())
    page = read_page(validation_page(pack))
    told = pack["validation"]
    titles = ("Discrimination", "What each bank gains", "Calibration", "Time", "Stability", "Sensitivity to each bank")
    for words in (*titles, "How the pool stands", "Fairness", "The scorecard", "Lineage", "What left each bank"):
        assert words in page.text
    for key in ("auc", "gini", "ks"):
        assert within(told[key]) in page.text
    for digest in (*told["tables"].values(), pack["job_digest"]):
        assert digest in page.text
    for grade in told["calibration"]["grades"]:
        assert f"{grade['p_value']:.3f}" in page.text or grade["p_value"] < 0.0005
    for limit in pack["limits"]:
        assert limit in page.text
    for words in ("Hosmer and Lemeshow", "a simulation asks nobody", "2023", "f beside m", *BANKS[:2]):
        assert words in page.text
    assert "<Savings>" not in validation_page(pack)


def test_what_ran_over_a_network_says_where_its_ledger_is():
    page = read_page(validation_page({**validation_pack(summary()), "where": "network"}))
    assert f"hansa ledger wire node.toml --job {summary()['job_digest'][:12]}" in page.text
    assert "let this job in by its own policy" in page.text
    assert "none was agreed" in page.text


def test_an_agreed_schema_is_told_by_its_digest():
    assert "5c4e3a" in read_page(validation_page({**validation_pack(summary()), "schema_sha256": "5c4e3a"})).text


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"validation": None},
        {"validation": {"parties": {"a": None}, "vintages": [None], "calibration": {"grades": [{}]}}},
        {"validation": {"parties": {"a": {"drifts": [{"characteristic": "x"}]}}, "stability": {"test": [{}]}}},
    ],
)
def test_what_is_missing_is_no_error(broken):
    read_page(validation_page(broken))


def test_where_nobody_is_told_of_no_figure_is_written():
    told = {"rows": 0.0, "bads": 0.0, "calibration": {"ratio": {"value": float("nan")}}}
    page = read_page(validation_page({"validation": told}))
    assert "nan" not in page.text
    assert "Too few rows were told" in page.text


def test_figures_stand_with_their_ends():
    assert within({"value": 0.1, "low": -0.2, "high": 0.4}) == "0.1000 (−0.2000 to 0.4000)"
    assert within({"value": 0.1, "low": None, "high": 0.4}) == figure(0.1)
    assert "&lt;b&gt;" in facts([("<b>", "AUC")])
