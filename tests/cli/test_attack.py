"""`hansa attack`: a table, a page and JSON; what is wrong is told."""

from __future__ import annotations

import json

from tests.report.reader import read_page


def test_it_attacks_and_writes_a_page_and_json(hansa, project, tmp_path):
    out, found = tmp_path / "attacks.html", tmp_path / "attacks.json"
    words = ["--only", "rows", "--only", "noise", "--set", "steps.1.trainer=linear", "--out", out, "--json", found]
    said = hansa("attack", project / "job.toml", *words)
    assert "it succeeds" in said
    assert "nothing to attack" in said
    assert "Attacks on" in read_page(out.read_text("utf-8")).text
    told = json.loads(found.read_text("utf-8"))
    assert [one["attack"] for one in told["findings"]] == ["rows", "noise"]
    assert told["epsilon"] is None


def test_a_wrong_name_is_told_with_the_nearest(hansa, project, tmp_path):
    said = hansa("attack", project / "job.toml", "--only", "row", "--out", tmp_path / "a.html", code=2)
    assert "no attack 'row'" in said
    assert "rows" in said
