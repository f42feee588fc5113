from __future__ import annotations

from math import nan

import numpy as np
import pytest
from scipy.stats import binomtest

from hansa.core.metrics import ScoreCounts, bin_counts, first_edges, score_keys
from hansa.report.bars import Part, calibrated, calibration_chart, histogram, partition_chart, score_chart, wilson
from tests.report.reader import overlaps, read_svg, words_of
from tests.report.summaries import counts


def test_scores_that_are_log_odds_are_calibrated_in_every_tenth():
    found = calibrated(counts(200_000))
    assert len(found.rows) == 10
    assert found.predicted == pytest.approx(found.observed, abs=0.008)


def test_merged_counts_that_reach_to_infinity_do_not_pull_the_outer_tenths():
    exact, merged = calibrated(counts(2_000)), calibrated(counts(2_000, min_cell=10))
    assert merged.predicted[-1] == pytest.approx(exact.predicted[-1], abs=0.02)
    assert merged.predicted[0] == pytest.approx(exact.predicted[0], abs=0.01)


@pytest.mark.parametrize(("seen", "rows"), [(0, 40), (3, 40), (40, 40), (812, 10_000)])
def test_the_interval_of_a_share_is_wilsons(seen, rows):
    theirs = binomtest(seen, rows).proportion_ci(method="wilson")
    assert wilson(seen / rows, rows) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_a_share_of_nothing_has_no_interval():
    assert np.isnan(wilson(0.0, 0.0)).all()


def test_calibration_tells_each_tenth_and_its_rows():
    root = read_svg(calibration_chart(calibrated(counts())))
    assert [word for word in words_of(root) if word.endswith("k")] == ["2.0k"] * 10
    assert overlaps(root) == []


def test_a_histogram_adds_up_and_has_the_rows_in_place():
    margin = np.concatenate([np.linspace(-4, -2, 900), np.linspace(-1, 1, 100)])
    edges = first_edges()
    found = histogram(ScoreCounts.exact(edges, bin_counts(score_keys(margin), np.arange(1000) >= 900, edges)), 12)
    assert (found.good.sum(), found.bad.sum()) == (pytest.approx(1), pytest.approx(1))
    middle = (found.edges[1:] + found.edges[:-1]) / 2
    assert found.good @ middle == pytest.approx(-3, abs=0.1)
    assert found.bad @ middle == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    "margin", [np.zeros(50), np.full(50, 500.0), np.array([-np.inf, np.inf] * 25), np.linspace(-900, 900, 50)]
)
def test_odd_scores_give_a_picture(margin):
    edges = first_edges()
    found = ScoreCounts.exact(edges, bin_counts(score_keys(margin), np.arange(50) % 2, edges))
    root = read_svg(score_chart(histogram(found)))
    assert overlaps(root) == []
    read_svg(calibration_chart(calibrated(found)))


@pytest.mark.parametrize("width", [380, 920])
@pytest.mark.parametrize("parties", [1, 5, 40])
def test_parts_are_listed_whatever_their_number(width, parties):
    parts = [
        Part(f"bank {i} of the far-off eastern provinces", 10.0**i if i < 8 else 500, 0.1, 0.08) for i in range(parties)
    ]
    root = read_svg(partition_chart(parts, width))
    assert overlaps(root) == []
    assert words_of(root).count("8.0 %") == parties


def test_parts_without_a_rate_or_rows_are_drawn():
    words = words_of(
        read_svg(partition_chart([Part("a", 500, 1.0, nan), Part("b", nan, nan, nan), Part("c", 0, 0, nan)], 920))
    )
    assert "default rate" not in words
    read_svg(partition_chart([], 920))
