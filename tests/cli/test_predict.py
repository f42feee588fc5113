"""`hansa predict`: the customer's id and the probability."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing

import pytest


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


@pytest.fixture
def scored(hansa, project, tmp_path):
    """Score a table with the project's model; what comes back, word for word."""
    (run,) = (project / "runs").iterdir()

    def score(*words):
        hansa("predict", run, *words, "--out", tmp_path / "scores.csv")
        return (tmp_path / "scores.csv").read_text("utf-8")

    return score


@pytest.fixture
def rows(project):
    with (project / "data" / "bank-a.csv").open(encoding="utf-8") as file:
        return list(csv.reader(file))


def test_any_way_of_writing_a_csv_file_gives_the_same_scores(hansa, scored, project, rows, tmp_path):
    plain = scored(project / "data" / "bank-a.csv")
    path = tmp_path / "europe.csv"
    swapped = str.maketrans(",.", ".,")
    for row in rows[1:]:
        row[:] = [f"{float(cell):,}".translate(swapped) if "." in cell else cell for cell in row]
    path.write_text("\n".join(";".join(row) for row in [[*rows[0], "名"], *([*row, "甲"] for row in rows[1:])]), "gbk")
    words = [path, "--delimiter", ";", "--encoding", "gbk", "--thousands", ".", "--decimal", ","]
    (run,) = (project / "runs").iterdir()
    assert "gb18030" in hansa("predict", run, path, code=3)
    assert "thousands" in hansa("predict", run, *words[:5], code=3)
    assert scored(*words) == plain


def test_parquet_and_a_database_give_the_same_scores(scored, project, rows, tmp_path):
    arrow_csv = pytest.importorskip("pyarrow.csv", reason="needs pyarrow (extra 'parquet')")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (extra 'parquet')")
    pytest.importorskip("sqlalchemy", reason="needs sqlalchemy (extra 'sql')")
    plain = scored(project / "data" / "bank-a.csv")
    blanks = arrow_csv.ConvertOptions(strings_can_be_null=True)
    table = arrow_csv.read_csv(project / "data" / "bank-a.csv", convert_options=blanks)
    (tmp_path / "folder").mkdir()
    parquet.write_table(table.slice(0, 40), tmp_path / "folder" / "a.parquet")
    parquet.write_table(table.slice(40), tmp_path / "folder" / "b.parquet")
    with closing(sqlite3.connect(tmp_path / "loans.db")) as base:
        base.execute("create table loans ({})".format(", ".join(f'"{name}"' for name in rows[0])))
        marks = ", ".join("?" * len(rows[0]))
        cells = [[str(cell) if hasattr(cell, "year") else cell for cell in row.values()] for row in table.to_pylist()]
        base.executemany(f"insert into loans values ({marks})", cells)  # noqa: S608 - question marks
        base.commit()
    assert scored(tmp_path / "folder") == plain
    url = f"sqlite:///{tmp_path}/loans.db"
    assert scored(url, "--query", "loans") == plain
    assert scored(url, "--query", "select * from loans").count("\n") == len(rows)


def test_a_database_without_a_table_is_a_wrong_use(hansa, project):
    (run,) = (project / "runs").iterdir()
    assert "no table" in hansa("predict", run, "sqlite:///none.db", code=2)
