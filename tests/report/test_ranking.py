from __future__ import annotations

import numpy as np
import pytest

from hansa.core.metrics import ScoreCounts, auc, bin_counts, first_edges, score_keys
from hansa.report.ranking import ranking
from hansa.report.reading import Reading
from tests.report.reader import Balance
from tests.report.summaries import counts, summary


def test_all_four_pictures_and_the_lift_table_are_there():
    page = Balance(ranking(Reading(summary()), counts()))
    assert sum(tag == "svg" for tag, _ in page.tags) == 4
    assert sum(tag == "table" for tag, _ in page.tags) == 5
    assert "100.0 %" in page.text


@pytest.mark.parametrize("measure", ["mse", "accuracy"])
def test_a_job_without_two_classes_says_why_there_are_no_curves(measure):
    text = Balance(ranking(Reading({"measure": measure}), None)).text
    assert "no ROC curve" in text


def test_missing_counts_and_single_classes_are_said():
    edges = first_edges()
    single = ScoreCounts.exact(edges, bin_counts(score_keys(np.zeros(9)), np.ones(9), edges))
    empty = ScoreCounts.exact(edges, np.zeros((2, len(edges) - 1), dtype=np.int64))
    assert "No score counts were kept" in ranking(Reading({}), None)
    assert "no good rows" in ranking(Reading({}), single)
    assert "no good rows and no defaults" in ranking(Reading({}), empty)


@pytest.mark.parametrize("merged", [1, 10])
def test_a_bank_that_no_count_holds_is_said(merged):
    held, said = summary(), "Counts of scores leave out two banks"
    held["metrics"]["federated"].pop("auc_interval", None)
    found = counts(20_000, min_cell=merged)
    assert said not in Balance(ranking(Reading(held), found)).text
    held["metrics"]["federated"]["counts"] = {"left_out": 2}
    assert said in Balance(ranking(Reading(held), found)).text
    held["metrics"]["federated"]["auc_interval"] = {"low": 0.7, "high": 0.8}
    assert (said in Balance(ranking(Reading(held), found)).text) == (merged == 10)  # else they are of all rows


def test_merged_and_tied_counts_are_drawn():
    edges = first_edges()
    tied = ScoreCounts.exact(edges, bin_counts(score_keys(np.zeros(40)), np.arange(40) % 4 == 0, edges))
    for found in (tied, counts(20_000, min_cell=10)):
        page = Balance(ranking(Reading(summary()), found))
        assert not page.errors
        assert "nan" not in page.text
        assert ("were merged" in page.text) == (found is not tied)
        assert ("at least to at most" in page.text) == (found is not tied)


def test_counts_that_say_too_little_are_not_drawn_and_the_page_says_why():
    few = counts(300, min_cell=10)
    page = Balance(ranking(Reading({"measure": "auc"}), few))
    assert auc(few).error > 0.02
    assert not [tag for tag, _ in page.tags if tag in {"svg", "table"}]
    assert f"pin the AUC down to ± {auc(few).error:.4f} only" in page.text


def test_exact_counts_are_drawn_and_said_to_be_exact():
    assert "a simulation sees all test rows" in ranking(Reading(summary()), counts())
    assert "exact" not in ranking(Reading({"measure": "auc"}), counts())
