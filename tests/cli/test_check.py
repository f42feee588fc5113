"""`hansa check`: what will be asked of whom, before it happens."""

from __future__ import annotations

import csv
import shutil

import pytest


def test_it_says_steps_chain_data_asks_and_privacy(hansa, project):
    said = hansa("check", project / "job.toml")
    for words in (
        "by_examples -> weighted_mean",
        "bank-a",
        "What will leave each party",
        "no finite epsilon",
        "can be run",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("changes", "noted"),
    [((), True), (("--set", 'steps.glm.sums="secure_sum"'), False), (("--set", "min_cell=1"), False)],
)
def test_it_says_what_a_regression_in_clear_tells(hansa, tmp_path, changes, noted):
    job = tmp_path / "card.toml"
    job.write_text('name = "card"\nsteps = ["binning", "selection", "glm", "scorecard"]\n')
    assert ("tells how many events each bank has" in hansa("check", job, *changes)) == noted


def test_a_leak_is_refused_with_the_mend(hansa, project):
    said = hansa("check", project / "job.toml", "--set", 'steps.0.known_at={income = "outcome"}', code=2)
    assert "'income' at outcome" in said
    assert 'drop = ["income"]' in said


def test_a_column_that_is_not_there_is_named(hansa, project):
    assert "'incom'" in hansa("check", project / "job.toml", "--set", 'steps.0.drop=["incom"]', code=3)


def test_an_unsafe_chain_is_refused_on_the_laptop(hansa, project):
    change = 'steps.1.chain=["weighted_mean", "coordinate_median"]'
    assert "Keep one of them" in hansa("check", project / "job.toml", "--set", change, code=2)


def test_too_few_parties_is_exit_5(hansa, project):
    assert "at least 4 parties" in hansa("check", project / "job.toml", "--set", "min_parties=4", code=5)


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_link_that_needs_more_parties_is_refused_before_anything_is_asked(hansa, project, verb, tmp_path):
    change = ["--set", 'steps.1.chain=[{use = "fixed", k = 9}, "weighted_mean"]']
    runs = ["--runs", tmp_path, "--workers", "1"] if verb == "run" else []
    said = hansa(verb, project / "job.toml", *change, *runs, code=2)
    assert "fixed needs at least 9 parties. There are 3" in said
    assert "can be run" not in said
    assert not list(tmp_path.glob("*/events.jsonl"))


def test_nothing_is_written(hansa, project):
    before = sorted(project.rglob("*"))
    hansa("check", project / "job.toml")
    assert sorted(project.rglob("*")) == before


@pytest.fixture
def changed(project, tmp_path):
    """Change rows of bank-a, or of several, in a copy of the project, and keep the first few; the job file there."""

    def change(column, value, rows=slice(None), banks=("bank-a",), keep=None):
        copy = tmp_path / "copy"
        if not copy.exists():
            shutil.copytree(project, copy, ignore=shutil.ignore_patterns("runs"))
        for bank in banks:
            path = copy / "data" / f"{bank}.csv"
            with path.open(encoding="utf-8", newline="") as file:
                header, *lines = csv.reader(file)
            for line in lines[rows]:
                line[header.index(column)] = value
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([header, *lines[:keep]])
        return copy / "job.toml"

    return change


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("default", "2", "bank-a: A binary label holds values other than 0 and 1."),
        ("default", "inf", "Target 'default' is infinite"),
        ("income", "inf", "bank-a: Column 'income' holds infinite values."),
        ("income", "1e999", "bank-a: Column 'income' holds infinite values."),
    ],
)
def test_what_a_run_would_refuse_is_refused(hansa, changed, column, value, what):
    said = hansa("check", changed(column, value, slice(1)), code=3)
    assert what in said
    assert "can be run" not in said


def test_an_infinity_in_a_column_that_is_not_used_does_not_matter(hansa, changed):
    job = changed("income", "inf", slice(1))
    assert "can be run" in hansa("check", job, "--set", 'steps.0.drop=["income", "region", "issued"]')


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (slice(None), "bank-a: all its rows have the same target"),
        (slice(100, None), "bank-a: fewer than 10 rows"),
    ],
)
def test_a_bank_of_one_class_or_nearly_so_is_noted(hansa, project, changed, rows, what):
    assert what not in hansa("check", project / "job.toml")
    assert what in hansa("check", changed("default", "0", rows))


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_job_that_no_bank_has_rows_enough_for_is_refused(hansa, project, verb, tmp_path):
    runs = ["--runs", tmp_path, "--workers", "1"] if verb == "run" else []
    said = hansa(verb, project / "job.toml", "--set", "min_rows=5000", *runs, code=3)
    assert "No party has" in said
    assert "can be run" not in said


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_target_that_is_the_same_at_all_banks_is_refused(hansa, changed, verb, tmp_path):
    job = changed("default", "0", banks=("bank-a", "bank-b", "bank-c"))
    runs = ["--runs", tmp_path, "--workers", "1"] if verb == "run" else []
    said = hansa(verb, job, *runs, code=3)
    assert "All training rows of all parties have the same target" in said
    assert "can be run" not in said


def test_the_events_of_a_bank_too_small_to_train_make_no_second_class(hansa, changed):
    assert "can be run" in hansa("check", changed("default", "0", banks=("bank-b", "bank-c")))
    assert "have the same target" in hansa("check", changed("default", "1", slice(4), keep=8), code=3)


def test_no_default_rate_is_said_of_a_handful(hansa, project, changed):
    told = [line.split()[-1] for line in hansa("check", project / "job.toml").splitlines() if "bank-" in line]
    assert all(rate.endswith("%") for rate in told[:3])
    said = hansa("check", changed("default", "1", slice(1), keep=3))
    line = next(line for line in said.splitlines() if line.split()[:2] == ["bank-a", "3"])
    assert line.split()[-1] == "-"


def test_no_default_rate_is_said_where_few_have_defaulted(hansa, changed):
    said = hansa("check", changed("default", "0", slice(40, None)))
    line = next(line for line in said.splitlines() if line.split()[:1] == ["bank-a"])
    assert line.split()[-1] == "-"
