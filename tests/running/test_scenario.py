"""What a simulation stands on, and reading a job file."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hansa.data.partition import Iid
from hansa.errors import ConfigError, DataError
from hansa.running.scenario import Scenario, parse_job, read_job

JOB = {"name": "scores", "steps": ["prepare", "rounds"], "data": {"target": "bad", "id": "who"}}


def plain(**changes):
    return parse_job({**JOB, **changes}).job


@pytest.fixture
def data(tmp_path):
    rows = "\n".join(f"{i},{i * 7 % 50},{int(i % 5 == 0)}" for i in range(100))
    (tmp_path / "数据.csv").write_text(f"who,收入,bad\n{rows}\n", "utf-8")
    (tmp_path / "test.csv.gz").write_bytes(gzip.compress(b"who\n3\n4\n5\n"))
    return tmp_path


def test_one_file_is_dealt_and_test_rows_are_marked(data):
    cast = Scenario(file="数据.csv", partition=Iid(4), test_ids="test.csv.gz").cast(data, plain())
    assert [share.rows for share in cast.shares] == [25] * 4
    marked = sum(int((p.table("").column("__part__").values == 2).sum()) for p in cast.parties)
    assert marked == 3


def test_a_file_for_each_party(data):
    cast = Scenario(files={"bank-a": "数据.csv", "bank-b": "数据.csv"}).cast(data, plain())
    assert [party.name for party in cast.parties] == ["bank-a", "bank-b"]
    assert cast.parties[0].table("").target == "bad"


def test_a_job_file_says_how_its_files_are_written(tmp_path):
    rows = "".join(f"{i};{'-99' if i % 4 == 0 else i};{i % 5 // 4}\n" for i in range(100))
    (tmp_path / "book.csv").write_bytes(f"who;收入,元;bad\n{rows}".encode("gb18030"))
    (tmp_path / "ids.csv").write_bytes("客户;备注\n3;三\n4;四\n".encode("gb18030"))
    beside = {"file": "book.csv", "partition": {"use": "iid", "k": 2}, "test_ids": "ids.csv"}
    said = {"delimiter": ";", "encoding": "gb18030", "gaps": ["-99"]}
    with pytest.raises(DataError, match=r'csv = \{encoding = "gb18030"\} under \[simulation\]'):
        parse_job({**JOB, "simulation": beside}).scenario.cast(tmp_path, plain())
    file = parse_job({**JOB, "simulation": {**beside, "csv": said}})
    cast = file.scenario.cast(tmp_path, file.job)
    tables = [party.table("") for party in cast.parties]
    assert sum(int(table.column("收入,元").gaps.sum()) for table in tables) == 25
    assert sum(int((table.column("__part__").values == 2).sum()) for table in tables) == 2
    (tmp_path / "job.toml").write_text(file.to_toml(), "utf-8")
    assert read_job(tmp_path / "job.toml") == file
    changed = {"simulation": dict(beside), **JOB}
    assert parse_job(changed, {"simulation.csv.encoding": "gb18030"}).scenario.csv.encoding == "gb18030"


def test_a_delimiter_of_a_job_file_is_one_character():
    beside = {"embedded": "loan_book", "partition": {"use": "iid", "k": 2}, "csv": {"delimiter": ";;"}}
    with pytest.raises(ConfigError, match="one character"):
        parse_job({**JOB, "simulation": beside})


def test_embedded_books():
    cast = Scenario(embedded="loan_book", rows=500, partition=Iid(3)).cast(Path(), plain(data={}))
    assert sum(share.rows for share in cast.shares) == 500


@pytest.mark.parametrize("wrong", [{}, {"file": "a.csv", "embedded": "loan_book"}, {"file": "a.csv"}])
def test_one_source_and_a_way_to_deal_it(wrong):
    with pytest.raises(ConfigError):
        Scenario(**wrong)


def test_a_missing_file_and_a_missing_column_are_named(data):
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        Scenario(file="nowhere.csv", partition=Iid(2)).cast(data, plain())
    with pytest.raises(DataError, match="'badd'"):
        Scenario(file="数据.csv", partition=Iid(2)).cast(data, plain(data={"target": "badd"}))
    with pytest.raises(DataError, match=r"data\.id"):
        Scenario(file="数据.csv", partition=Iid(2), test_ids="test.csv.gz").cast(data, plain(data={"target": "bad"}))


def test_a_job_file_is_read_with_its_scenario_and_changes(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text('name = "a"\nsteps = ["prepare", "rounds"]\n[simulation]\nembedded = "loan_book"\n'
                    'partition = { use = "iid", k = 3 }\n', "utf-8")  # fmt: skip
    file = read_job(path, {"rounds": 7, "simulation.partition.k": 4, "seed": 9})
    assert (file.job.steps[1].rounds, file.scenario.partition.k, file.job.seed) == (7, 4, 9)
    (tmp_path / "again.toml").write_text(file.to_toml(), "utf-8")
    assert read_job(tmp_path / "again.toml") == file


def test_bad_job_files_are_one_sentence_each(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_job(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ", "utf-8")
    with pytest.raises(ConfigError, match="no TOML"):
        read_job(tmp_path / "bad.toml")
    with pytest.raises(ConfigError, match="'rounds'"):
        parse_job(dict(JOB), {"ruonds": 3})
    with pytest.raises(ConfigError, match="Did you mean 'rounds'"):
        parse_job({**JOB, "steps": ["prepare", "ruonds"]})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = " + "[" * 5000 + "]" * 5000, "nest too deep"),
        (".".join("a" * 5000) + " = 1", "nest too deep"),
        ('name = "a"\nsteps = ["rounds"]\nseed = ' + "9" * 5000, "thousands of digits"),
        ('name = "a"\nsteps = ["rounds"]\nseed = 2020-13-45', "is no TOML"),
        ('name = "a"\nsteps = [{use = "rounds", seconds = nan}]', "seconds must be"),
        ('name = "a"\nsteps = [{use = "rounds", min_improvement = nan}]', "min_improvement must be"),
    ],
)
def test_spoiled_job_files_are_one_sentence_each(tmp_path, text, says):
    (tmp_path / "job.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=says):
        read_job(tmp_path / "job.toml", {"name": "b"})


@pytest.mark.parametrize(
    "wrong",
    [{"file": "a\0b"}, {"file": "a.csv", "test_ids": "a\0b"}, {"files": {"bank-a": "a\0b"}}]
    + [{"embedded": "loan_book", "rows": rows} for rows in (99_999_999_999, 0, -5)],
)
def test_paths_that_no_file_can_have_and_books_that_no_memory_holds_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"zero byte|rows must lie between"):
        Scenario(**{"partition": Iid(3), **wrong})


def test_banks_hold_their_tables_as_they_like(tmp_path):
    """One as CSV, one as a Parquet folder, one in a database; filters hold for all of them."""
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow (extra 'parquet')")
    pytest.importorskip("sqlalchemy", reason="needs sqlalchemy (extra 'sql')")
    from pyarrow import parquet

    rows = [(i, 20 + i, i % 3 == 0) for i in range(60)]
    lines = "\n".join(f"{who},{age},{int(late)}" for who, age, late in rows)
    (tmp_path / "a.csv").write_text(f"who,age,late\n{lines}\n", encoding="utf-8")
    columns = dict(zip(("who", "age", "late"), map(list, zip(*rows, strict=True)), strict=True))
    (tmp_path / "b").mkdir()
    parquet.write_table(arrow.table(columns), tmp_path / "b" / "part-0.parquet")
    with closing(sqlite3.connect(tmp_path / "c.db")) as base:
        base.execute("create table loans (who integer, age integer, late integer)")
        base.executemany("insert into loans values (?, ?, ?)", rows)
        base.commit()
    text = (
        'name = "scores"\nsteps = ["prepare", "rounds"]\ndata = {target = "late", id = "who"}\n'
        '[simulation]\nfiles = {a = "a.csv", b = "b"}\nwhere = [{column = "age", op = ">=", value = 50}]\n'
    )
    (tmp_path / "job.toml").write_text(text, encoding="utf-8")
    read = read_job(tmp_path / "job.toml")
    cast = read.scenario.cast(tmp_path, read.job)
    (tmp_path / "job.toml").write_text(
        text.replace('a = "a.csv", b = "b"', 'c = "sqlite:///c.db"').replace("where", 'query = "loans"\nwhere')
    )
    read = read_job(tmp_path / "job.toml")
    (third,) = read.scenario.cast(tmp_path, read.job).parties
    for party in (*cast.parties, third):
        assert party.table("").column("age").values.tolist() == list(range(50, 80))
        assert party.table("").target == "late"


def test_what_cannot_be_honoured_beside_an_embedded_book_is_refused():
    with pytest.raises(ConfigError, match="embedded book"):
        Scenario(embedded="german_credit", partition=Iid(3), on_disk=True)
