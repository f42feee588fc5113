"""`hansa predict`: the customer's id and the probability."""

from __future__ import annotations

import csv


def test_scores_stand_beside_the_jobs_id(hansa, project, tmp_path):
    (run,) = (project / "runs").iterdir()
    hansa("predict", run, project / "data" / "bank-a.csv", "--out", tmp_path / "得分.csv")
    with (tmp_path / "得分.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "probability"]
    assert all(0 < float(row["probability"]) < 1 for row in rows)


def test_a_missing_column_is_exit_3_and_leaves_no_file(hansa, project, tmp_path):
    (run,) = (project / "runs").iterdir()
    (tmp_path / "short.csv").write_text("id,income\n1,20000\n2,30000\n", "utf-8")
    assert "lacks column" in hansa("predict", run, tmp_path / "short.csv", "--out", tmp_path / "out.csv", code=3)
    assert not (tmp_path / "out.csv").exists()


def test_what_is_no_model_is_said_so(hansa, project, tmp_path):
    assert "no model" in hansa("predict", tmp_path, project / "data" / "bank-a.csv", code=3)
