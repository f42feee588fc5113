"""Exact score counts: every row is in them, and what is drawn from them is what the rows say."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.metrics import auc, auc_of, lift_table, paired_delong, probability, student_quantile
from hansa.errors import DataError
from hansa.report.bars import calibrated
from hansa.running.scores import exact_interval, fine_counts, from_csv, to_csv


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    margin = rng.normal(-1.5, 2.0, n)
    return margin, (rng.random(n) < probability(margin - 0.4)).astype(float)


@pytest.mark.parametrize("n", [60, 200, 30_000])
def test_the_riskiest_tenth_and_the_safest_are_as_the_rows_say(n):
    margin, y = rows(n)
    counts = fine_counts(margin, y)
    order, tenth = np.argsort(margin), n // 10
    found, lift = calibrated(counts), lift_table(counts)
    for group, mine in ((0, order[:tenth]), (-1, order[-tenth:])):
        assert found.rows[group] == pytest.approx(tenth, abs=0.004 * n)
        assert found.predicted[group] == pytest.approx(probability(margin[mine]).mean(), abs=0.004)
        assert found.observed[group] == pytest.approx(y[mine].mean(), abs=0.004)
    assert lift.rate[0] == pytest.approx(y[order[-tenth:]].mean(), abs=0.004)
    assert auc(counts).value == pytest.approx(auc_of(margin, y), abs=5e-4)


@pytest.mark.parametrize("margin", [np.zeros(50), np.full(50, np.inf), np.linspace(-2e3, 2e9, 50)])
def test_scores_of_any_size_are_all_counted(margin):
    y = np.arange(50) % 2
    assert fine_counts(margin, y).totals == from_csv(to_csv(fine_counts(margin, y))).totals == (25.0, 25.0)


def test_the_interval_is_delongs():
    margin, y = rows(400)
    found = exact_interval(margin, y)
    chance = paired_delong(np.zeros(400), margin, y)  # against a coin, whose variance is 0
    assert found["se"] == pytest.approx(chance.se, rel=1e-9)
    a, wide = auc_of(margin, y), student_quantile(0.95, int(min(y.sum(), 400 - y.sum())) - 1) * chance.se
    odds = np.log(a / (1 - a)) + np.array([-wide, wide]) / (a * (1 - a))
    assert [found["low"], found["high"]] == pytest.approx(probability(odds).tolist())
    assert exact_interval(margin, np.zeros(400)) == {}


@pytest.mark.parametrize(
    "text", ["", "a,b,c\n-inf,1,2\n", "margin from,negatives,positives\n-inf,1\n", "margin from,negatives,positives\n"]
)
def test_a_damaged_file_is_one_message(text):
    with pytest.raises(DataError, match="damaged"):
        from_csv(text)
