from __future__ import annotations

import json
from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.report import result_page
from tests.report.reader import read_page
from tests.report.summaries import counts, history, party, summary

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "&amp;<!--",
    "]]></svg>",
    "a\x00\x1b[31m\u202eb",
    "上海银行" * 12,
]


def holes(value):
    """The same tree with NaN for every number."""
    if isinstance(value, dict):
        return {key: holes(item) for key, item in value.items()}
    if isinstance(value, list):
        return [holes(item) for item in value]
    return nan if isinstance(value, int | float) else value


def test_a_whole_run_is_one_whole_page():
    text = result_page(summary(), history(), counts())
    page = read_page(text)
    assert (
        "it is clearly better at four, neither clearly better nor clearly worse at one and not compared at one."
        in page.text
    )
    assert [tag for tag, _ in page.tags].count("h2") == 7
    assert "duration" in page.text
    assert "weighted mean → adam(0.1)" in page.text
    assert "epsilon = infinity: no guarantee" in page.text
    assert len(text) < 200_000
    assert text == result_page(summary(), history(), counts())


def test_what_each_bank_gains_comes_first():
    text = result_page(summary(), history(), counts())
    assert text.index("What each bank gains") < text.index("test rows together") < text.index("How the model learned")


@pytest.mark.parametrize("key", sorted(summary()))
@pytest.mark.parametrize("value", ["missing", None, nan, "text", 3, [], {}])
def test_any_key_may_be_missing_or_strange(key, value):
    held = summary()
    held[key] = value
    if value == "missing":
        del held[key]
    read_page(result_page(held, history(4), None))


@pytest.mark.parametrize("key", ["federated", "central", "ensemble", "local_mean", "differences", "parties"])
def test_any_figure_may_be_missing(key):
    held = summary()
    del held["metrics"][key]
    read_page(result_page(held, history(4), counts(500)))


def test_nothing_at_all_is_said_plainly():
    page = read_page(result_page({}))
    for words in (
        "was not measured",
        "no pooled figures",
        "no learning curve",
        "No score counts",
        "not recorded",
        "no privacy statement",
    ):
        assert words in page.text


def test_numbers_that_are_none_are_dashes():
    page = read_page(result_page(holes(summary()), holes(history(5)), None))
    assert "nan" not in page.text.lower().replace("finance", "")


def test_what_json_gives_back_is_the_same_page():
    held = json.loads(json.dumps(summary(), allow_nan=False))
    assert result_page(held, history(), counts()) == result_page(summary(), history(), counts())


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(name):
    held = summary()
    figures = party((name, 900, 80, 0.78, 0.75, 0.03, 0.01, 0.05))
    held["metrics"]["parties"] = {name: figures, name + "2": {"note": name}}
    held |= {
        "name": name,
        "chain": name,
        "job_digest": name,
        "parameters_sha256": name,
        "steps": [name],
        "warnings": [name],
    }
    held["partition"] = [{"name": name, "rows": 3, "remarks": [name]}]
    held["left"] = [{"what": name, "to": name, "how_many": name, "protection": name}]
    held["privacy"] = {"statement": name, "epsilon": name, "unit": name, "accountant": name}
    held["fingerprint"] = {"hansa": name, name: name}
    text = result_page(held, [{"round": 1, "counted": 1, "measures": {name: 0.5}}], None)
    read_page(text)
    assert "<img" not in text
    assert "\x1b" not in text


@settings(max_examples=30)
@given(st.text(min_size=1))
def test_any_name_gives_a_whole_page(name):
    read_page(result_page({"name": name, "metrics": {"parties": {name: party((name, 9, 2, 0.7, 0.6, 0.1, 0.0, 0.2))}}}))


@pytest.mark.parametrize("parties", [1, 40])
def test_one_bank_and_forty(parties):
    held = summary()
    held["metrics"]["parties"] = {f"b{i}": party((i, 900, 80, 0.78, 0.75, 0.03, 0.01, 0.05)) for i in range(parties)}
    page = read_page(result_page(held, history(), counts(500)))
    assert ("One bank trained" if parties == 1 else "40 banks trained") in page.text


@pytest.mark.parametrize(("measure", "words"), [("mse", "mean squared error"), ("accuracy", "accuracy")])
def test_other_tasks_have_their_own_figures(measure, words):
    own = {
        "rows": 90,
        "federated": {measure: 0.8},
        "local": {measure: 0.7},
        "gain": {measure: 0.1, "low": 0.02, "high": 0.18},
    }
    held = {"measure": measure, "metrics": {"federated": {measure: 0.79}, "parties": {"a": own}}}
    page = read_page(result_page(held, [{"round": 1, "counted": 1, "measures": {"validation_mse": 3.0}}], None))
    assert f"The figure is the {words}" in page.text
    assert "no ROC curve" in page.text
    assert "defaults" not in page.text


@pytest.mark.parametrize(
    ("privacy", "words"),
    [
        ({"epsilon": "infinity"}, "epsilon = infinity: no guarantee"),
        ({"epsilon": 2.5, "delta": 1e-6, "unit": "a customer"}, "epsilon = 2.5, delta = 1e-06"),
        ({"epsilon": None}, "none is claimed"),
    ],
)
def test_privacy_is_said_as_it_is(privacy, words):
    assert words in read_page(result_page({"privacy": privacy})).text
