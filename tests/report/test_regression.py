"""The section on a regression: what is read with care, and nothing that would break a page."""

from __future__ import annotations

from hansa.report.reading import Reading
from hansa.report.regression import regressed
from hansa.report.result import result_page

LINE = {"coef": -0.75, "std err": 0.05, "z": -15.0, "P>|z|": 0.0, "[0.025": -0.85, "0.975]": -0.65}
TOLD = {
    "name": "card",
    "measure": "auc",
    "rounds": 0,
    "regression": {
        "coefficients": {"const": LINE, "<age>": {**LINE, "z": None}},
        "rows": 1200,
        "notes": ["Not valid."],
    },
    "selection": {"dropped": {"new": "it is constant"}, "against": {"sex": "it turns"}},
}


def test_coefficients_notes_and_the_selection_stand_on_the_page():
    page = result_page(TOLD)
    told = (
        "1,200 training rows",
        "-0.7500",
        "-15.000",
        "&lt;age&gt;",
        "Not valid.",
        "it is constant",
        "though it turns",
    )
    for words in told:
        assert words in page
    assert "How the model learned" not in page
    assert "rounds" not in page


def test_what_is_missing_is_no_error():
    assert regressed(Reading({"regression": {"coefficients": None}})) == ""
    assert "not kept" not in regressed(Reading({"regression": {"coefficients": {"age": None}}}))
    assert "How the model learned" in result_page({"name": "scores"})
