"""The whole way from `hansa new` to scores, over Chinese names, as a user goes it; and what a user never sees."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from hansa.cli import new
from hansa.running.scenario import parse_job

BANKS = ("甲银行", "乙银行", "丙银行")
CANARY = "CANARY4711"
NAMES = {"id": "客户号", "income": "收入", "purpose": "用途", "default": "违约"}


def shell(folder, *words, **environment):
    """Run hansa in a folder as a process of its own, with nothing but pipes around it."""
    command = [sys.executable, "-m", "hansa", *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert CANARY not in done.stdout + done.stderr
    return done


@pytest.fixture
def books(project, tmp_path):
    """The project's books, with Chinese names for banks, columns, files and folders, and a job for them."""
    folder = tmp_path / "联邦 学习"
    (folder / "数据").mkdir(parents=True)
    for bank, source in zip(BANKS, sorted((project / "data").glob("*.csv")), strict=True):
        header, *rows = source.read_text("utf-8").splitlines()
        names = [NAMES.get(name, name) for name in header.split(",")]
        (folder / "数据" / f"{bank}.csv").write_text("\n".join([",".join(names), *rows, ""]), "utf-8")
    files = ", ".join(f'"{bank}" = "数据/{bank}.csv"' for bank in BANKS)
    text = (project / "job.toml").read_text("utf-8").rpartition("[simulation]")[0]
    text = text.replace('target = "default"', 'target = "违约"').replace('id = "id"', 'id = "客户号"')
    (folder / "工作.toml").write_text(f"{text}[simulation]\nfiles = {{ {files} }}\n", "utf-8")
    return folder


def spoil(books, column, value, line=5):
    """Write a value into one cell of the first bank's file."""
    path = books / "数据" / f"{BANKS[0]}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows[line][rows[0].index(column)] = value
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_from_a_new_project_to_scores(tmp_path):
    assert shell(tmp_path, "new", "信用").returncode == 0
    folder = tmp_path / "信用"
    assert "can be run" in shell(folder, "check", "job.toml").stdout
    run = shell(folder, "run", "job.toml", "--set", "rounds=2", "--json", "结果/r.json")
    assert run.returncode == 0, run.stderr
    assert "bank-b" in run.stdout
    assert "round 2 of 2" in run.stderr
    assert "\x1b" not in run.stdout + run.stderr
    (kept,) = (folder / "runs").iterdir()
    told = json.loads((folder / "结果" / "r.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert told == json.loads((kept / "result.json").read_text("utf-8"))
    (kept / "report.html").unlink()
    assert shell(folder, "report", kept).returncode == 0
    assert (kept / "report.html").is_file()
    scores = shell(folder, "predict", kept, "data/bank-a.csv")
    header, *rows = scores.stdout.splitlines()
    assert header == "id,probability"
    assert len(rows) == len((folder / "data" / "bank-a.csv").read_text("utf-8").splitlines()) - 1
    assert not scores.stderr


def test_chinese_names_from_check_to_scores(hansa, books):
    assert BANKS[2] in hansa("check", books / "工作.toml")
    said = hansa(
        "run", books / "工作.toml", "--set", "rounds=2", "--runs", books / "结果", "--report", books / "页.html"
    )
    assert BANKS[1] in said
    assert BANKS[1] in (books / "页.html").read_text("utf-8")
    (run,) = (books / "结果").iterdir()
    hansa("predict", run, books / "数据" / "甲银行.csv", "--out", books / "新" / "得分.csv")
    with (books / "新" / "得分.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with (books / "数据" / "甲银行.csv").open(encoding="utf-8", newline="") as file:
        ids = [row["客户号"] for row in csv.DictReader(file)]
    assert rows[0] == ["客户号", "probability"]
    assert [row[0] for row in rows[1:]] == ids
    assert hansa("predict", run, books / "数据" / "甲银行.csv", "--id", "用途").startswith("用途,probability")


def test_a_bare_chinese_key_is_told_to_be_quoted(hansa, books):
    job = books / "工作.toml"
    job.write_text(job.read_text("utf-8").replace('"甲银行" =', "甲银行 ="), "utf-8")
    assert "stands in quotes" in hansa("check", job, code=2)


@pytest.mark.parametrize("verb", ["check", "run"])
@pytest.mark.parametrize("column", ["收入", "违约"])
def test_a_word_among_numbers_is_refused_and_never_quoted(verb, column, books):
    spoil(books, column, CANARY)
    done = shell(books, verb, "工作.toml")
    assert done.returncode == 3, done.stderr
    assert column in done.stderr


def test_a_forced_kind_names_the_line_and_not_the_value(books):
    spoil(books, "收入", CANARY, line=7)
    done = shell(books, "run", "工作.toml", "--set", 'simulation.kinds={"收入" = "float"}')
    assert done.returncode == 3
    assert "line 8" in done.stderr


def test_a_file_that_is_not_there_is_exit_3(hansa, books):
    (books / "数据" / "乙银行.csv").unlink()
    for verb in ("check", "run"):
        assert "乙银行.csv cannot be read" in hansa(verb, books / "工作.toml", code=3)


def test_amounts_with_decimals_at_one_bank_and_a_column_never_filled_at_another(hansa, books):
    spoil(books, "收入", "20000.55")
    path = books / "数据" / "乙银行.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({**row, "用途": ""} for row in rows)
    assert "can be run" in hansa("check", books / "工作.toml")
    said = hansa("run", books / "工作.toml", "--set", "rounds=2", "--runs", books / "runs", "--workers", 1)
    assert "central" in said


def test_fewer_parties_than_the_job_wants_is_exit_5(hansa, books):
    said = hansa("run", books / "工作.toml", "--set", "min_parties=4", "--runs", books / "runs", code=5)
    assert "at least 4 parties" in said


def only_run(project):
    (run,) = (project / "runs").iterdir()
    return run


def test_what_cannot_change_under_way_is_refused(hansa, project):
    run = only_run(project)
    for words in (["--seed", 0], ["--set", "rounds=5"], ["--data", project], ["--no-baselines"]):
        assert "under way" in hansa("run", "--resume", run, *words, code=2)
    assert "not both" in hansa("run", project / "job.toml", "--resume", run, code=2)


def test_a_finished_run_still_gives_its_files(hansa, project, tmp_path):
    run = only_run(project)
    hansa("run", "--resume", run, "--json", tmp_path / "r.json", "--report", tmp_path / "r.html")
    assert (tmp_path / "r.json").read_bytes() == (run / "result.json").read_bytes()
    assert (tmp_path / "r.html").read_bytes() == (run / "report.html").read_bytes()


def test_ctrl_c_reaches_the_workers_too_and_leaves_none(project, tmp_path):
    words = ["run", project / "job.toml", "--runs", tmp_path, "--workers", 2, "--set", "rounds=3000"]
    command = [sys.executable, "-m", "hansa", *map(str, words), "--set", "patience=0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(tmp_path.glob("*/kept/snapshot")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it
    out, said = process.communicate(timeout=60)  # ends when nobody holds the pipes any more
    assert process.returncode == 130
    assert "Traceback" not in out + said
    assert said.count("hansa: ") == 1
    assert re.search(r"hansa run --resume \S+", said)


def test_a_job_of_the_demo_runs_again(hansa, tmp_path):
    hansa("demo", "--out", tmp_path / "示范", "--rows", 5000, "--workers", 1)
    for name, change in (("german_credit.toml", "rounds=5"), ("loan_book.toml", "simulation.rows=5000")):
        said = hansa("run", tmp_path / "示范" / name, "--set", change, "--runs", tmp_path / "runs", "--workers", 1)
        assert "federated against central" in said
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_no_colour_on_a_terminal_that_wants_none(tmp_path):
    pty = pytest.importorskip("pty")
    said = {}
    for wish in ("", "1"):
        ours, theirs = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
        environment |= {"TERM": "xterm-256color", **({"NO_COLOR": wish} if wish else {})}
        command = [sys.executable, "-m", "hansa", "run", "none.toml"]
        code = subprocess.run(command, cwd=tmp_path, env=environment, stderr=theirs, check=False).returncode
        said[wish] = os.read(ours, 10_000).decode()
        os.close(ours)
        os.close(theirs)
        assert code == 2
    assert "\x1b[31m" in said[""]
    assert "\x1b" not in said["1"]


def test_help_itself_loads_no_framework_and_no_engine():
    code = (
        "import sys; sys.argv = ['hansa', '--help']\n"
        "from hansa.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: print('\\nLOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown, _, loaded = done.stdout.partition("LOADED")
    assert "demo" in shown
    heavy = {"torch", "pandas", "polars", "scipy", "sklearn", "narwhals", "safetensors", "hansa.engines.simulation"}
    assert heavy.isdisjoint(loaded.split())


def test_a_reader_that_stops_early_is_no_fault(project):
    run = only_run(project)
    words = [sys.executable, "-m", "hansa", "predict", str(run), str(project / "data" / "bank-c.csv")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    said = process.stderr.read().decode()
    process.wait(timeout=60)
    process.stderr.close()
    assert "Traceback" not in said


def test_a_new_project_needs_an_empty_place(hansa, project, tmp_path):
    shutil.copytree(project / "data", tmp_path / "data")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
    hansa("new", tmp_path, code=2)
    hansa("new", next(iter(before)), code=2)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_every_job_that_travels_is_whole():
    folder = Path(new.__file__).parent / "jobs"
    jobs = sorted(path.name for path in folder.glob("*.toml"))
    assert jobs == ["german_credit.toml", "loan_book.toml", "new.toml"]
    for name in jobs:
        assert parse_job(tomllib.loads(new.template(name))).scenario is not None
