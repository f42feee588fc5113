from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest

from hansa.report.reading import Reading, items, mapping, measured, number, verdict
from tests.report.summaries import summary


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.1, 0.2, "clear gain"),
        (-0.1, 0.2, "no clear gain"),
        (0.0, 0.2, "no clear gain"),
        (-0.2, -0.1, "clear loss"),
        (nan, 1, "no figure"),
    ],
)
def test_an_interval_that_contains_zero_shows_no_clear_gain(low, high, words):
    assert verdict(low, high) == words


def test_the_layout_of_result_json_is_read():
    reading = Reading(summary())
    first, last = reading.owns()[0], reading.owns()[-1]
    assert (first.name, first.rows, first.local, first.federated) == ("Nordhaven Savings", 6_412, 0.7481, 0.7688)
    assert (last.verdict, last.note) == ("no figure", "too few test rows")
    assert reading.models() == ["federated", "central", "ensemble", "local_mean"]
    assert reading.figures() == ["auc", "gini", "ks", "average_precision", "log_loss", "brier"]
    assert [one.verdict for one in reading.differences()] == ["no clear difference", "clearly better"]
    assert not isnan(reading.pooled("federated", "auc")[1])
    assert reading.pooled("federated", "average_precision")[0] > 0.1
    assert len(reading.partition()) == 6


def test_an_exact_auc_has_its_own_interval_and_not_that_of_the_counts():
    counts = {"auc": 0.71, "low": 0.62, "high": 0.79}
    both = {"auc": 0.75, "auc_interval": {"low": 0.74, "high": 0.76}, "counts": counts}
    assert Reading({"metrics": {"federated": both}}).pooled("federated", "auc") == (0.75, 0.74, 0.76)
    assert Reading({"metrics": {"federated": {"counts": counts}}}).pooled("federated", "auc") == (0.71, 0.62, 0.79)
    _, low, high = Reading({"metrics": {"federated": {"auc": 0.75, "counts": counts}}}).pooled("federated", "auc")
    assert isnan(low)
    assert isnan(high)


@pytest.mark.parametrize(
    "junk", [None, 3, "text", [], {}, {"parties": 3}, {"parties": {"a": None}}, {"federated": [1]}]
)
def test_junk_is_read_as_nothing(junk):
    reading = Reading({"metrics": junk, "partition": junk, "measure": junk, "name": junk})
    reading.owns(), reading.figures(), reading.differences(), reading.partition()
    assert reading.models() == []


def test_a_regression_is_read_by_its_measure():
    party = {
        "rows": 50,
        "federated": {"mse": 1.5},
        "local": {"mse": 2.0},
        "gain": {"mse": 0.5, "low": 0.1, "high": 0.9},
    }
    reading = Reading({"measure": "mse", "metrics": {"federated": {"mse": 1.4, "r2": 0.3}, "parties": {"a": party}}})
    assert reading.owns()[0].gain == 0.5
    assert reading.figures() == ["mse", "r2"]
    assert not reading.binary


def test_numbers_of_all_kinds():
    assert number(np.float32(0.5)) == number(np.int64(1)) / 2 == 0.5
    assert isnan(number(True))
    assert isnan(measured(None)[0])
    assert mapping([1]) == {}
    assert items({"a": 1}) == ()


def test_who_is_in_no_count_is_said_by_why():
    def said(**without):
        return Reading({"metrics": {"federated": {"counts": without, "sums": without}}})

    few, away = "two banks with too few test rows, or too few of one class", "one bank that did not answer"
    assert said(left_out=2, absent=0).uncounted == f"Counts of scores leave out {few}."
    assert said(left_out=0, absent=1).uncounted == f"Counts of scores leave out {away}."
    assert said(left_out=2, absent=1).uncounted == f"Counts of scores leave out {few}, and {away}."
    assert said(absent=1).unsummed == f"Summed test losses leave out {away}."
    assert not said().uncounted
    assert not said(left_out=2).unsummed
