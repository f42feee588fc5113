"""What attacks have found, as values."""

from __future__ import annotations

import json

from hansa.running.attacked import Attacked, Finding, View


def view(verdict):
    return View("readers", verdict, "Said.", {"auc": 0.5, "claimed": float("inf")})


def test_the_worst_view_is_the_verdict():
    assert Finding("a", "A", "", {}, (view("held"), view("found"))).verdict == "found"
    assert Finding("a", "A", "", {}, (view("held"),)).verdict == "held"
    assert Finding("a", "A", "").verdict == "nothing"


def test_the_summary_is_json_without_loss_but_for_what_is_not_finite():
    whole = Attacked("scores", "ab", "chain", float("inf"), 1e-5, (Finding("a", "A", "", {"b": 1.0}, (view("held"),)),))
    told = json.loads(json.dumps(whole.summary(), allow_nan=False))
    assert told["epsilon"] is None
    assert told["findings"][0]["verdict"] == "held"
    assert told["findings"][0]["views"][0] == {
        "who": "readers", "verdict": "held", "said": "Said.", "figures": {"auc": 0.5, "claimed": None}
    }  # fmt: skip
