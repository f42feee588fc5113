from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.horizontal.gain import NOTES, ROUGH
from hansa.report import headline
from hansa.report.text import verdicts
from hansa.report.width import WIDTH, columns
from tests.report.summaries import party, summary


def test_the_table_lines_up_and_says_what_is_clear():
    text = headline(summary())
    lines = text.splitlines()
    assert " ".join(lines[0].split()) == "bank test rows defaults own AUC federated gain (95 % interval)"
    place = {columns(line[: line.index("(")]) for line in lines[:6]}
    assert len(place) == 1
    assert "Six banks: four clear gains, one without a clear gain, one without a figure." in text
    assert "An interval that contains 0 is no clear gain." in text
    assert "federated against central, AUC: -0.0009 (-0.0021 to +0.0003), no clear difference" in text
    assert "too few test rows" in lines[6]


@given(st.text(min_size=1), st.floats(), st.floats(), st.sampled_from(["auc", "accuracy", "mse"]))
def test_no_line_is_wider_than_a_terminal_whatever_the_names_and_figures(name, value, other, measure):
    own = party((name, 10**12, 10**12, value, other, value, other, value))
    own["gain"][measure] = value
    text = headline({"measure": measure, "metrics": {"parties": {name: own}, "federated": {measure: value}}})
    assert all(columns(line) <= WIDTH for line in text.splitlines())
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "held", [{}, {"metrics": None}, {"metrics": {"parties": {"a": None}}}, {"metrics": {"federated": {"auc": nan}}}]
)
def test_missing_figures_are_said(held):
    text = headline(held)
    assert "No bank's own gain" in text or "one without a figure" in text
    assert "nan" not in text


def test_a_regression_has_no_defaults():
    own = {
        "rows": 90,
        "federated": {"mse": 1e6},
        "local": {"mse": 1.2e6},
        "gain": {"mse": 2e5, "low": 1e5, "high": 3e5},
    }
    text = headline({"measure": "mse", "metrics": {"parties": {"a": own}, "federated": {"mse": 1e6, "r2": 0.4}}})
    assert "defaults" not in text
    assert "own MSE" in text
    assert "+200,000" in text


def test_what_is_said_of_large_figures_is_never_cut_off():
    pool = {"mse": 123_456_789_012.0}
    wide = {"gain": -5.1387e9, "low": -123_456_789_012.0, "high": -123_456_789.0}
    by_rows = {"gain": -123_456_789_012.0, "low": -223_456_789_012.0, "high": -23_456_789_012.0}
    differences = {"federated_minus_central": wide, "federated_minus_ensemble": wide}
    metrics = {"federated": pool, "differences": differences, "pooled_gain": {"by_rows": by_rows}}
    pool["counts"] = {"left_out": 2, "absent": 1}
    text = headline({"measure": "mse", "weight": "an_exposure_of_a_long_name_" * 3, "metrics": metrics})
    assert "…" not in text
    assert all(columns(line) <= WIDTH for line in text.splitlines())
    assert " ".join(text.split()).count("clearly worse") == 2
    assert "and one bank that did not answer." in " ".join(text.split())


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("auc", ["Log loss and Brier weigh each row by 'exposure'.", "All other figures count each row once."]),
        (
            "mse",
            [
                "The figures of all test rows weigh each row by 'exposure'.",
                "Each bank's own figures count each row once.",
            ],
        ),
    ],
)
def test_where_a_weight_is_named_what_it_weighs_is_said(measure, words):
    held = {"measure": measure, "metrics": {"federated": {measure: 0.7}}}
    assert headline({**held, "weight": "exposure"}).splitlines()[-2:] == words
    assert "each row" not in headline(held)


def test_one_bank_and_forty():
    parties = {f"bank-{i}": party((i, 900, 80, 0.78, 0.75, 0.03, 0.01, 0.05)) for i in range(40)}
    assert len(headline({"metrics": {"parties": parties}}).splitlines()) == 44
    assert "One bank: one clear gain." in headline({"metrics": {"parties": {"a": parties["bank-0"]}}})


def test_there_is_nothing_to_count_without_banks():
    assert not verdicts([])


@pytest.mark.parametrize("why", NOTES[1:])
def test_why_a_bank_has_no_figure_is_said_whole(why):
    parties = {"Sparkasse Donau": {"rows": 30, "note": why}}
    parties["bank-b"] = party(("b", 19_436, 1_984, 0.78, 0.75, 0.03, 0.01, 0.05))
    text = headline({"metrics": {"parties": parties}})
    assert why in " ".join(text.split())
    assert "…" not in text


def test_a_rough_interval_is_marked_and_said_once():
    held = summary()
    for bank in list(held["metrics"]["parties"].values())[:2]:
        bank["note"] = ROUGH
    lines = headline(held).splitlines()
    assert [line.endswith(") *") for line in lines[1:6]] == [True, True, False, False, False]
    assert lines.count(f"* {ROUGH}") == 1
