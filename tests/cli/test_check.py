"""`hansa check`: what will be asked of whom, before it happens."""

from __future__ import annotations

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
