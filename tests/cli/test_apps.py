"""`hansa app scorecard`: from one table to points, gains and a job file that makes them again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hansa.cli.new import to_csv
from hansa.data.csv_file import read_csv
from hansa.data.synthetic import loan_book
from hansa.running.model import load
from hansa.running.scenario import read_job

KEEP = "keep=['income', 'debt_to_income', 'housing']"


@pytest.fixture(scope="module")
def loans(tmp_path_factory):
    path = tmp_path_factory.mktemp("app") / "loans.csv"
    path.write_text(to_csv(loan_book(4000, seed=3)), "utf-8")
    return path


@pytest.fixture
def made(hansa, loans, tmp_path):
    """Run it with these words; what was said, and the run folder."""

    def call(*words):
        common = ("--data", loans, "--target", "default", "--id", "id", "--workers", 1, "--runs", tmp_path / "runs")
        said = hansa("app", "scorecard", *common, "--set", KEEP, *words)
        return said, next((tmp_path / "runs").iterdir())

    return call


def test_it_prints_the_card_the_cut_offs_and_the_gains(hansa, loans, made, tmp_path):
    said, folder = made("--parties", 3, "--gain", 1, "--loss", 8, "--json", tmp_path / "out.json")
    for words in ("Scorecard: ", "debt_to_income", "approve from", "profit per applicant", "own AUC", "party-3"):
        assert words in said
    assert "Left out: age, for age is prohibited by Regulation B" in said
    told = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert set(told["scorecard"]["points"]) <= {"income", "debt_to_income", "housing"}
    assert set(told["metrics"]["parties"]["party-1"]) >= {"federated", "local", "gain"}
    card = load(folder / "model").card
    _, first = hansa("predict", folder, loans).splitlines()[:2]
    who, score, chance = first.split(",")
    assert int(score) == card.score(read_csv(loans).take([0]))[0]
    assert float(chance) == pytest.approx(card.probability(np.array([int(score)]))[0])
    assert int(who) >= 0
    again = read_job(folder / "job.toml")
    assert again.job.digest == told["job_digest"]
    assert "age" in again.job.steps[0].drop


def test_it_leaves_a_validation_pack_and_a_model_card(hansa, made):
    _, folder = made("--parties", 3, "--vintage", "issued")
    pack = json.loads((folder / "validation.json").read_text("utf-8"))
    told = pack["validation"]
    assert {*(one["name"] for one in told["vintages"]), *told["untold_vintages"]} == {"2021", "2022", "2023"}
    assert pack["fairness"]["untold"] > 0  # few are of 62 years and more at such small banks
    assert "issued" not in pack["scorecard"]["points"]
    written = {name: (folder / name).read_text("utf-8") for name in ("validation.html", "model_card.html")}
    (folder / "validation.html").unlink()
    assert "validation pack" in hansa("report", folder)
    assert written == {name: (folder / name).read_text("utf-8") for name in written}


@pytest.mark.parametrize(
    ("by", "banks", "dropped"),
    [
        ("dirichlet", ["party-1", "party-3"], False),
        ("region", ["border", "north"], True),
        ("income", ["income-1"], False),
    ],
)
def test_rows_are_dealt_as_it_is_told(made, by, banks, dropped):
    said, folder = made("--parties", 3, "--by", by, "--set", "compare=false")
    job = read_job(folder / "job.toml").job
    assert (by in job.steps[0].drop) is dropped
    told = json.loads((folder / "result.json").read_text("utf-8"))
    assert set(banks) <= {share["name"] for share in told["partition"]}
    assert "Scorecard: " in said


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("--profile", "mars"), 2, "--profile cannot be 'mars'"),
        (("--by", "county"), 3, "county"),
        (("--allow", "agee"), 2, "no column 'agee'"),
        (("--set", "min_bin_sise=0.1"), 2, "min_bin_size"),
    ],
)
def test_what_cannot_be_is_one_line(hansa, loans, tmp_path, words, code, what):
    common = ("--data", loans, "--target", "default", "--runs", tmp_path)
    said = hansa("app", "scorecard", *common, *words, code=code)
    assert what in said
    assert list(tmp_path.iterdir()) == []
