from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.draws import Draws
from hansa.core.table import Table
from hansa.data import partition
from hansa.data.partition import ByColumn, ByTime, Dirichlet, Iid, Partition, Quantity
from hansa.errors import ConfigError, DataError


def book(rows=600):
    draws = Draws(1, "book")
    return Table.of(
        {
            "age": 18 + (60 * draws.uniform("age", rows)).astype(np.int64),
            "x": draws.uniform("x", rows),
            "region": [("n", "s", "w", None)[i % 4] for i in range(rows)],
            "opened": np.datetime64("2024-01-01") + (draws.uniform("d", rows) * 300).astype(np.int64),
            "y": (draws.uniform("y", rows) < 0.2).astype(np.int64),
        },
        target="y",
    )


SPLITTERS = [
    Iid(4),
    Dirichlet(4, 0.5, min_rows=0),
    Quantity(4, 0.5, min_rows=0),
    ByColumn("region"),
    ByColumn("age", bins=4),
    ByColumn("x", bins=4),
    ByColumn("age"),
    ByTime("opened", 4),
]


@pytest.mark.parametrize("splitter", SPLITTERS)
def test_every_row_has_one_party_and_the_seed_decides(splitter):
    table = book()
    one, two = splitter.split(table, 3), splitter.split(table, 3)
    assert sorted(np.concatenate(one.rows).tolist()) == list(range(len(table)))
    assert len(one.names) == len(set(one.names)) == len(one.rows)
    assert all((a == b).all() for a, b in zip(one.rows, two.rows, strict=True))
    for share, part in zip(one.report(), one.tables(table).values(), strict=True):
        assert share.rows == len(part)
        assert share.positive_rate == (part.y().mean() if len(part) else None)
    assert sum(share.share for share in one.report()) == pytest.approx(1)


@pytest.mark.parametrize("splitter", SPLITTERS[:3])
def test_another_seed_deals_otherwise(splitter):
    table = book()
    one, two = splitter.split(table, 0), splitter.split(table, 1)
    assert any(len(a) != len(b) or (a != b).any() for a, b in zip(one.rows, two.rows, strict=True))


@given(st.integers(0, 50), st.integers(1, 8), st.sampled_from([0.01, 0.5, 100.0]), st.integers(0, 3))
def test_no_row_is_lost_whatever_the_size(rows, k, alpha, seed):
    table = book(60).take(slice(0, rows))
    for splitter in (Iid(k, 0), Dirichlet(k, alpha, 0), Quantity(k, alpha, 0)):
        dealt = splitter.split(table, seed)
        assert len(dealt.names) == k
        assert sorted(np.concatenate(dealt.rows).tolist()) == list(range(rows))


@pytest.mark.parametrize("alpha", [0.05, 0.5, 3.0])
def test_shares_are_dirichlet(alpha):
    k = 5
    shares = np.array([partition._shares(Draws(seed, "t"), "p", k, alpha) for seed in range(400)])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    marginal = scipy.stats.beta(alpha, alpha * (k - 1))  # of one share
    assert scipy.stats.kstest(shares[:, 0], marginal.cdf).pvalue > 0.001
    assert scipy.stats.kstest(shares[:, 4], marginal.cdf).pvalue > 0.001


def test_a_smaller_alpha_skews_more():
    table = book(4000)
    spread = [np.std([s.positive_rate for s in Dirichlet(5, a).split(table, 1).report()]) for a in (100.0, 0.5)]
    assert spread[0] < 0.05 < spread[1]


def test_small_parties_are_reported_or_refused():
    table = Table.of({"bank": ["a"] * 30 + ["b"] * 3 + ["c"] * 25, "y": [0, 1] * 15 + [1] * 3 + [0] * 25}, target="y")
    remarks = [share.remarks for share in ByColumn("bank").split(table, 0).report()]
    assert remarks == [(), ("tiny", "one class"), ("one class",)]
    with pytest.raises(DataError, match=r"1 of 3 parties .* fewer than 20 .*party 2, would get 3 of 58"):
        ByColumn("bank", min_rows=20).split(table, 0)
    with pytest.raises(DataError, match="min_rows=0"):
        Iid(100).split(table, 0)
    assert Iid(100, min_rows=0).split(table, 0).report()[-1].remarks == ("empty",)
    assert Iid(100, min_rows=0).split(table, 0).report()[-1].positive_rate is None


def test_gaps_make_a_party_of_their_own():
    parts = ByColumn("region").split(book(), 0)
    assert parts.names == ("n", "s", "w", "region-gap")
    assert [len(rows) for rows in parts.rows] == [150] * 4


def test_a_value_named_as_the_gaps_would_be_loses_no_row():
    table = Table.of({"region": ["north", "region-gap", None, "region-gap", "north", None, "region-gap"]})
    dealt = ByColumn("region").split(table, 0)
    assert {name: len(part) for name, part in dealt.tables(table).items()} == {
        "north": 2, "region-gap": 3, "region-gap-gap": 2,
    }  # fmt: skip


def test_two_parties_of_one_name_are_refused():
    rows = np.arange(3)
    with pytest.raises(DataError, match="Two parties have one name"):
        Partition(("a", "a"), (rows, rows), (None, None))


def test_bins_are_even_ordered_and_keep_ties_together():
    table = book()
    for splitter in (ByColumn("age", bins=5), ByTime("opened", 5)):
        parts = list(splitter.split(table, 0).tables(table).values())
        values = [part.column(splitter.column).values for part in parts]
        for before, after in pairwise(values):
            assert before.max() < after.min()
        assert min(map(len, values)) > 90


@pytest.mark.parametrize(
    ("splitter", "what"),
    [
        (ByColumn("x"), "different values"),
        (ByColumn("region", bins=3), "no order"),
        (ByColumn("y", bins=3), "leaves 2"),
        (ByTime("region", 2), "has 150 gaps"),
        (ByColumn("regoin"), "'region'"),
    ],
)
def test_a_column_that_cannot_split_is_refused(splitter, what):
    with pytest.raises(DataError, match=what):
        splitter.split(book(), 0)


def test_label_skew_needs_labels():
    table = Table.of({"y": np.arange(2000.0)}, target="y")
    with pytest.raises(DataError, match="2000 different values"):
        Dirichlet(3, 1.0).split(table, 0)
    with pytest.raises(DataError, match="no target"):
        Dirichlet(3, 1.0).split(Table.of({"x": [1, 2]}), 0)
    words = Table.of({"y": ["bad", "good"] * 50}, target="y")
    assert sum(map(len, Dirichlet(2, 5.0).split(words, 0).rows)) == 100


@pytest.mark.parametrize("make", [lambda: Iid(0), lambda: Dirichlet(2, 0.0), lambda: Quantity(2, float("nan"))])
def test_wrong_settings_are_refused(make):
    with pytest.raises(ConfigError):
        make()
