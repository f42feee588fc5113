import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hansa.core.metrics import auc_interval, auc_of, first_edges, paired_delong, pool_paired, score_keys
from hansa.errors import ConfigError, DataError
from tests.core.metrics.shapes import converse, pooled, rows, shape


def brute_force(margins, label):
    """AUCs and their covariance by DeLong's kernel, pair by pair."""
    kernels = []
    for margin in margins:
        x, y = margin[label], margin[~label]
        kernels.append((x[:, None] > y) + 0.5 * (x[:, None] == y))
    by_positive = np.array([kernel.mean(axis=1) for kernel in kernels])
    by_negative = np.array([kernel.mean(axis=0) for kernel in kernels])
    areas = np.array([kernel.mean() for kernel in kernels])
    return areas, np.cov(by_positive) / label.sum() + np.cov(by_negative) / (~label).sum()


def two_of_each(label):
    label = label.copy()
    label[:4] = [False, True, False, True]
    return label


def split_to_single_scores(margin):
    keys = score_keys(margin)
    return np.unique(np.concatenate([first_edges()[[0, -1]], keys, keys + np.uint64(1)]))


@given(rows(least=4))
def test_the_variance_from_counts_is_delongs(table):
    margin, label, parts = table
    label = two_of_each(label)
    counts, _ = pooled(margin, label, split_to_single_scores(margin), parts=parts)
    areas, covariance = brute_force([margin], label)
    found = auc_interval(counts)
    assert found.auc == pytest.approx(areas[0])
    assert found.se**2 == pytest.approx(float(covariance), abs=1e-14)


@given(rows(least=4), st.randoms(use_true_random=False))
def test_the_paired_variance_is_delongs(table, random):
    a, label, _ = table
    label = two_of_each(label)
    b = np.array([random.choice([-1.0, 0.0, 0.5, 2.0]) for _ in a])
    (auc_a, auc_b), covariance = brute_force([a, b], label)
    found = paired_delong(a, b, label)
    assert found.auc_a == pytest.approx(auc_a)
    assert found.auc_b == pytest.approx(auc_b)
    assert found.gain == pytest.approx(auc_b - auc_a)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    if not found.why:
        assert found.se**2 == pytest.approx(variance, abs=1e-14)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    inside, gained = 0, 0
    truth = 0.7602499  # of two unit normals one apart: Phi(1 / sqrt(2))
    for _ in range(400):
        label = np.arange(300) % 3 == 0
        a, b = (rng.normal(size=300) + label for _ in range(2))
        counts, _ = pooled(a, label, split_to_single_scores(a))
        found = auc_interval(counts)
        inside += found.low <= truth <= found.high
        paired = paired_delong(a, b, label)
        gained += paired.low <= 0 <= paired.high
    assert 0.92 <= inside / 400 <= 0.98
    assert 0.92 <= gained / 400 <= 0.98


def test_ten_defaults_are_enough_for_an_interval_that_covers():
    rng = np.random.default_rng(5)
    label = np.arange(200) < 10
    apart, inside, gained = stats.norm.ppf([0.9, 0.96]) * np.sqrt(2), 0, 0
    for _ in range(400):
        shared = rng.normal(size=200)
        a, b = (d * label + 0.7 * shared + np.sqrt(0.51) * rng.normal(size=200) for d in apart)
        found = auc_interval(pooled(b, label, split_to_single_scores(b))[0])
        assert 0 < found.low < found.auc <= found.high <= 1
        inside += found.low <= 0.96 <= found.high
        paired = paired_delong(a, b, label)
        assert paired.freedom == 9
        assert paired.high - paired.gain == pytest.approx(stats.t.ppf(0.975, 9) * paired.se)
        assert paired.p_value == pytest.approx(2 * stats.t.sf(abs(paired.gain) / paired.se, 9), abs=1e-12)
        gained += paired.low <= 0.06 <= paired.high
    assert inside / 400 >= 0.88  # 77 % by the normal, on the AUC's own scale
    assert gained / 400 >= 0.89


def test_one_party_pooled_keeps_its_interval():
    margin, label = shape("gaussian", 100)
    one = paired_delong(margin, np.round(margin), label)
    for found in (pool_paired([one]).by_rows, pool_paired([one]).by_precision):
        assert (found.low, found.high) == pytest.approx((one.low, one.high))
        assert found.p_value == pytest.approx(one.p_value)


def test_the_counts_own_bound_widens_the_interval():
    margin, label = shape("gaussian", 5000)
    fine, _, _ = converse(margin, label)
    merged, _, _ = converse(margin, label, min_cell=20)
    exact, wide = auc_interval(fine), auc_interval(merged)
    assert wide.error > 20 * exact.error
    assert wide.se == pytest.approx(exact.se, rel=0.1)
    assert wide.high - wide.low == pytest.approx(exact.high - exact.low + 2 * (wide.error - exact.error), rel=0.1)
    assert wide.low < auc_of(margin, label) < wide.high


def test_a_perfect_ranking_of_few_rows_is_not_sure():
    counts, _ = pooled(np.arange(6.0), np.array([0, 0, 0, 1, 1, 1]), split_to_single_scores(np.arange(6.0)))
    found = auc_interval(counts)
    assert (found.auc, found.se, found.high) == (1.0, 0.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 3))
    reverse, _ = pooled(-np.arange(6.0), np.array([0, 0, 0, 1, 1, 1]), split_to_single_scores(-np.arange(6.0)))
    assert auc_interval(reverse).high == pytest.approx(1 - 0.025 ** (1 / 3))


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ([], "no rows"),
        ([0, 0, 0], "no positive rows"),
        ([1, 1, 1], "no negative rows"),
        ([0, 0, 1], "fewer than two rows of a label"),
    ],
)
def test_too_few_rows_give_a_reason(label, why):
    margin = np.arange(len(label), dtype=float)
    found = paired_delong(margin, margin, label)
    assert found.why == why
    assert np.isnan(found.se)
    assert np.isnan(found.p_value)
    counts, _ = pooled(margin, np.array(label), first_edges())
    interval = auc_interval(counts)
    assert np.isnan(interval.low)
    assert interval.why
    assert pool_paired([found]).by_rows.parties == 0


def test_equal_models_gain_nothing_for_sure():
    margin, label = shape("gaussian", 500)
    found = paired_delong(margin, 3 * margin + 1, label)
    assert (found.gain, found.se, found.low, found.high, found.p_value) == (0, 0, 0, 0, 1)


def test_a_gain_without_spread_is_no_proof():
    found = paired_delong([4, 3, 2, 1], [1, 2, 3, 4], [0, 0, 1, 1])
    assert found.gain == 1
    assert np.isnan(found.p_value)
    assert "do not say how sure" in found.why


def test_the_pooled_means_are_as_written():
    rng = np.random.default_rng(0)
    parties = []
    for n in (100, 400, 900):
        label = rng.random(n) < 0.3
        a = rng.normal(size=n) + label
        parties.append(paired_delong(a, a + 0.5 * label + 0.3 * rng.normal(size=n), label))
    gains, errors = np.array([p.gain for p in parties]), np.array([p.se for p in parties])
    pooled_gain = pool_paired([*parties, paired_delong([], [], [])])
    for found, weight in ((pooled_gain.by_rows, [100, 400, 900]), (pooled_gain.by_precision, errors**-2)):
        share = np.array(weight) / np.sum(weight)
        assert found.gain == pytest.approx(share @ gains)
        assert found.se == pytest.approx(np.sqrt(share**2 @ errors**2))
        parts = (share * errors) ** 2
        freedom = int(parts.sum() ** 2 / (parts**2 / [p.freedom for p in parties]).sum())
        assert found.low == pytest.approx(found.gain - stats.t.ppf(0.975, freedom) * found.se)
        assert found.parties == 3
        assert found.p_value < 1e-3
    assert pooled_gain.by_precision.se <= pooled_gain.by_rows.se
    assert pooled_gain.by_precision.se == pytest.approx((errors**-2).sum() ** -0.5)


def test_a_wider_level_is_wider():
    margin, label = shape("gaussian", 500)
    counts, _ = pooled(margin, label, first_edges())
    assert auc_interval(counts, level=0.99).low < auc_interval(counts, level=0.9).low


def test_wrong_asks_are_refused():
    margin, label = np.arange(4.0), np.array([0, 1, 0, 1])
    with pytest.raises(ConfigError, match="between 0 and 1"):
        paired_delong(margin, margin, label, level=95)
    with pytest.raises(DataError, match="same ones"):
        paired_delong(margin, margin[:3], label)
    with pytest.raises(DataError, match="counts of rows"):
        auc_interval(pooled(margin, label, first_edges(), weight=np.full(4, 0.5))[0])
