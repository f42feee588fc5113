"""The pack keeps what a validator needs, and finds its own limits."""

from __future__ import annotations

import copy
import json

from hansa.report.pack import THIN, limits, validation_pack
from tests.report.validations import summary


def test_it_keeps_what_is_needed_and_is_json():
    pack = validation_pack(summary())
    for key in (
        "validation",
        "metrics",
        "scorecard",
        "regression",
        "fairness",
        "left",
        "privacy",
        "job_digest",
        "limits",
    ):
        assert pack[key]
    assert "history" not in pack
    assert json.loads(json.dumps(pack, allow_nan=False)) == pack


def test_limits_are_found_in_the_figures():
    told = list(limits(summary()))
    for words in (
        "not out of time",
        "One bank had too few test rows to be in the pooled figures.",
        "tiny & co has no figures of its own: too few test rows.",
        "were told jointly with those of neighbouring grades",
        "such as applicants who were declined",
    ):
        assert any(words in one for one in told), words
    assert not any("No vintage" in one or "No protected column" in one for one in told)


def test_what_is_worse_is_told():
    worse = copy.deepcopy(summary())
    found = worse["validation"]
    found["ks"]["error"] = 0.1
    found["ranked"] = found["bads"] - 12
    found["out_of_time"] = True
    found["immature"] = 812.0
    found["calibration"]["on"] = "train"
    found["calibration"]["grades"][0]["bads"] = THIN - 1
    found["stability"]["test"][0]["moved"] = True
    next(iter(found["parties"].values()))["sway"]["flips"] = 2.0
    del worse["fairness"]
    told = " ".join(limits(worse))
    for words in ("± 0.1000", "812 rows are left out", "too sure", "fewer than 20 bads", "more than chance has moved"):
        assert words in told
    assert "banks with few do not tell how theirs rank" in told
    assert "two coefficients would change sign" in told
    assert "disparities between groups were not tested" in told
    assert "not out of time" not in told
