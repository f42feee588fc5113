"""Bad data end well, or in one message that names bank, column and how many rows; and nothing ever quotes a value."""

from __future__ import annotations

import csv
import datetime as dt
import io
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from typer.testing import CliRunner

from hansa.cli.main import app
from hansa.data.oddities import oddities
from hansa.data.source import Reading
from hansa.errors import DataError

ROWS = 150
CANARIES = ("Ingrid-Tischbein-4711", "98765.4375", "98,765.4375", "1961-04-03", "03/04/1961")
WHO, SUM, _, BORN, EITHER = CANARIES
JOB = """
name = "bad"
steps = ["prepare", {use = "rounds", rounds = 2, trainer = "linear"}, "evaluate"]
data = {target = "default", id = "id"}
[simulation]
"""


def book(seed):
    """One bank's loans, a few of them a canary's."""
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 80, ROWS)
    income = rng.normal(3000, 900, ROWS).round(2).tolist()
    days = np.datetime64("2020-01-01") + rng.integers(0, 90, ROWS)
    income[7], days[3] = float(SUM), np.datetime64(BORN)
    return {
        "id": [f"{WHO}-{seed}-{i}" for i in range(ROWS)],
        "age": age.tolist(),
        "income": income,
        "home": rng.choice(["own", "rent"], ROWS).tolist(),
        "opened": days.tolist(),
        "default": (rng.random(ROWS) < 1 / (1 + np.exp((age - 45) / 8))).astype(int).tolist(),
    }


def to_csv(path, header, columns):
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([header, *zip(*columns, strict=True)])
    path.write_text(file.getvalue(), "utf-8")
    return path.name


def to_parquet(path, header, columns):
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow (extra 'parquet')")
    parquet = pytest.importorskip("pyarrow.parquet")
    words = [len({type(cell) for cell in column} - {type(None)}) > 1 for column in columns]
    typed = [list(map(str, column)) if worded else column for column, worded in zip(columns, words, strict=True)]
    parquet.write_table(arrow.Table.from_arrays([arrow.array(column) for column in typed], list(header)), path)
    return path.name


def to_database(path, header, columns):
    pytest.importorskip("sqlalchemy", reason="needs sqlalchemy (extra 'sql')")
    rows = [[str(cell) if isinstance(cell, dt.date) else cell for cell in row] for row in zip(*columns, strict=True)]
    with closing(sqlite3.connect(path)) as base:
        base.execute("create table loans ({})".format(", ".join(f'"{name}"' for name in header)))
        marks = ", ".join("?" * len(header))
        base.executemany(f"insert into loans values ({marks})", rows)  # noqa: S608 - question marks
        base.commit()
    return f"sqlite:///{path.name}"


SOURCES = {"csv": to_csv, "parquet": to_parquet, "db": to_database}


def first(**columns):
    """Change columns of the first bank."""

    def change(books):
        books[0] |= {name: make(books[0]) if callable(make) else [make] * ROWS for name, make in columns.items()}

    return change


def every(**columns):
    """Change columns of every bank."""

    def change(books):
        for own in books:
            own |= {name: make(own) if callable(make) else [make] * ROWS for name, make in columns.items()}

    return change


def cut(rows):
    def change(books):
        books[0] = {name: column[:rows] for name, column in books[0].items()}

    return change


def without(name):
    return lambda books: books[0].pop(name)


def renamed(books):
    books[0]["incomes"] = books[0].pop("income")


def some(name, *cells):
    """A column with these cells in the place of its first."""
    return lambda own: [*cells, *own[name][len(cells) :]]


WELL = [
    (cut(1), "bank-a: fewer than 20 rows"),
    (first(default=0), "bank-a: all its rows have the same target"),
    (every(income=float(SUM)), "bank-b: Column 'income' has the same value in all 150 rows"),
    (every(income=None), "bank-c: Column 'income' has no value in any of 150 rows"),
    (first(income=None), "bank-a: Column 'income' has no value in any of 150 rows"),
    (every(wage=lambda own: own["income"]), "bank-a: Columns 'income' and 'wage' hold the same values"),
    (every(home=lambda own: own["id"]), "bank-a: Column 'home' has 150 different labels in 150 rows"),
    (first(home=some("home", WHO, WHO, WHO)), ""),
    (every(written_off=lambda own: [100.5 * y for y in own["default"]]), "'written_off' alone tells the target apart"),
    (first(id=WHO), "bank-a: Id 'id' has 1 different values in 150 rows"),
]
BADLY = [
    (cut(0), "no rows"),
    (without("income"), "'income' of bank-b is missing at bank-a"),
    (without("default"), "bank-a: There is no column 'default'"),
    (first(bonus=1), "'bonus' of bank-a is missing at bank-b"),
    (renamed, "Did you mean 'income'"),
    (first(income=some("income", WHO, "n.a.")), "2 of 150 rows of bank-a hold words"),
    (first(income=lambda own: [f"{100 * cell:,.2f}" for cell in own["income"]]), "'income'"),
    (first(income=some("income", float("inf"))), "bank-a: Column 'income' holds infinite values. 1 of"),
    (first(default=some("default", WHO)), "'default'"),
    (first(default=some("default", 7)), "bank-a: A binary label holds values other than 0 and 1. 1 of"),
    (first(default=some("default", None)), "bank-a: Target 'default' has gaps in 1 of 150 rows"),
    (first(id=some("id", None)), "Id 'id' has gaps in 1 of 150 rows"),
]


@pytest.fixture
def banks(tmp_path):
    """Write three banks' books, changed, as one kind of source; the job file over them."""

    def write(change, source):
        books = [book(seed) for seed in range(3)]
        change(books)
        names = [
            SOURCES[source](tmp_path / f"{letter}.{source}", list(own), list(own.values()))
            for letter, own in zip("abc", books, strict=True)
        ]
        files = ", ".join(f'bank-{letter} = "{name}"' for letter, name in zip("abc", names, strict=True))
        query = 'query = "loans"\n' if source == "db" else ""
        (tmp_path / "job.toml").write_text(f"{JOB}{query}files = {{{files}}}\n", "utf-8")
        return tmp_path / "job.toml"

    return write


def said(verb, job, code):
    """What a verb says; no value of a customer is in it, nor in any file that it leaves."""
    runs = ["--runs", str(job.parent / "runs"), "--workers", "1"] if verb == "run" else []
    done = CliRunner().invoke(app, [verb, str(job), *runs])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    assert "fault in hansa" not in done.output
    assert done.stderr.count("hansa: ") == (code != 0)
    left = [file for file in (job.parent / "runs").rglob("*") if file.is_file()]
    for text in (done.output.encode(), done.stderr.encode(), *(file.read_bytes() for file in left)):
        assert not any(canary.encode() in text for canary in CANARIES)
    return done.output


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("change", "what"), WELL)
def test_what_is_odd_is_noted_and_runs(banks, change, what, source):
    job = banks(change, source)
    assert what in said("check", job, 0)
    if source == "csv":
        said("run", job, 0)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("change", "what"), BADLY)
def test_what_cannot_be_used_is_one_message(banks, change, what, source):
    job = banks(change, source)
    told = said("check", job, 3)
    assert what in told or (source == "db" and "values of more than one sort" in told)
    if source == "csv":
        assert what in said("run", job, 3)


def test_one_class_everywhere_is_nothing_to_learn(banks):
    job = banks(every(default=0), "csv")
    for verb in ("check", "run"):
        assert "All training rows of all parties have the same target" in said(verb, job, 3)


@pytest.mark.parametrize(("source", "what"), [("csv", "which comes first, day or month"), ("parquet", "bank-b")])
def test_dates_that_read_either_way_are_refused(banks, source, what):
    job = banks(first(opened=EITHER), source)
    for verb in ("check", "run"):
        told = said(verb, job, 3)
        assert "'opened'" in told
        assert what in told


def test_columns_of_one_name_are_refused_by_every_reader(tmp_path):
    header, columns = ["age", "age"], [[31, 58], [7, 7]]
    for source in ("csv", "parquet"):
        name = SOURCES[source](tmp_path / f"a.{source}", header, columns)
        with pytest.raises(DataError, match=r"same name|stands twice"):
            Reading().read(name, tmp_path)
    url = to_database(tmp_path / "a.db", ["age", "home"], [[31, 7], ["own", "rent"]])
    table = Reading(query="select age, home, age from loans").read(url, tmp_path)  # SQLite names the second age:1
    assert "'age' and 'age:1' hold the same values" in oddities(table)[0]


def test_banks_may_write_their_files_in_one_odd_way(banks):
    job = banks(every(income=lambda own: [f"{cell:,.4f}" for cell in own["income"]], opened=EITHER), "csv")
    for letter in "abc":
        path = job.parent / f"{letter}.csv"
        path.write_bytes(path.read_text("utf-8").replace("own", "自有").encode("gbk"))
    plain = job.read_text("utf-8")
    for told, what in [
        ("", "all of them are in gb18030"),
        ('encoding = "gb18030"', "day or month"),
        ('encoding = "gb18030", dates = "%d/%m/%Y"', "of 150 rows have marks"),
    ]:
        job.write_text(f"{plain}csv = {{{told}}}\n", "utf-8")
        assert what in said("check", job, 3)
        assert what in said("run", job, 3)
    job.write_text(f'{plain}csv = {{encoding = "gb18030", thousands = ",", dates = "%d/%m/%Y"}}\n', "utf-8")
    said("check", job, 0)
    said("run", job, 0)


def test_one_bank_in_gbk_is_told_by_its_name(banks):
    job = banks(first(), "csv")
    path = job.parent / "a.csv"
    path.write_bytes(path.read_text("utf-8").replace("own", "自有").encode("gbk"))
    assert "bank-a: The file a.csv is not in the encoding utf-8-sig" in said("check", job, 3)
    job.write_text(job.read_text("utf-8") + 'csv = {encoding = "gb18030"}\n', "utf-8")
    said("check", job, 0)


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_a_million_labels_are_text_and_noted(tmp_path, source):
    count = 1_000_000
    address = SOURCES[source](tmp_path / f"a.{source}", ["home"], [[f"{WHO}-{i}" for i in range(count)]])
    table = Reading(query="loans" if source == "db" else "").read(address, tmp_path)
    assert (len(table), table.column("home").kind) == (count, "text")
    (remark,) = oddities(table)
    assert "'home' has 1,000,000 different labels in 1,000,000 rows" in remark
    assert WHO not in remark


@pytest.mark.slow
def test_labels_that_never_recur_at_one_large_bank_end_well(banks):
    job = banks(first(home=lambda own: own["id"]), "csv")
    header = list(book(0))
    rng = np.random.default_rng(9)
    count = 50_000
    lines = (
        f"{WHO}-{i},{30 + i % 40},{i % 7}.5,{WHO}-{i},2020-01-01,{y}" for i, y in enumerate(rng.integers(0, 2, count))
    )
    (job.parent / "a.csv").write_text("\n".join([",".join(header), *lines]) + "\n", "utf-8")
    job.write_text(
        job.read_text("utf-8").replace('data = {target = "default", id = "id"}', 'data = {target = "default"}')
    )
    assert "50,000 different labels" in said("check", job, 0)
    said("run", job, 0)
