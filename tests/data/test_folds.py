from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.codec import build, plain
from hansa.core.table import Table
from hansa.data.folds import PurgedFolds, purged_folds
from hansa.data.parts import Split
from hansa.errors import ConfigError, DataError

TIMES = st.lists(st.integers(0, 60), min_size=8, max_size=80)


@given(TIMES, st.integers(0, 9), st.integers(2, 4), st.integers(0, 6))
def test_no_window_of_training_overlaps_one_of_validation(times, window, k, embargo):
    begin = np.array(times)
    end = begin + window
    if len(set(times)) < k:
        with pytest.raises(ConfigError, match="cannot be cut"):
            list(purged_folds(begin, end, k, embargo))
        return
    seen = []
    for train, validation in purged_folds(begin, end, k, embargo):
        seen += validation.tolist()
        assert len(validation)
        assert not set(train) & set(validation)
        for row in train:
            before = (end[row] <= begin[validation]).all()
            after = begin[row] >= end[validation].max() + embargo
            assert before or after
        free = (end <= begin[validation].min()) | (begin >= end[validation].max() + embargo)
        free[validation] = False
        assert train.tolist() == np.flatnonzero(free).tolist()  # and no row is left out for nothing
    assert sorted(seen) == list(range(len(times)))


def test_folds_are_about_equal_and_dates_are_days():
    days = np.datetime64("2020-01-01") + np.arange(100)
    sizes = [len(validation) for _, validation in purged_folds(days, days + 10, 4)]
    assert sizes == [25, 25, 25, 25]
    train, _ = list(purged_folds(days, days + 10, 4, embargo=5))[1]
    assert train.tolist() == [*range(16), *range(64, 100)]


def test_a_heavy_day_leaves_the_other_folds_something():
    begin = np.array([0] * 90 + [1, 2, 3])
    assert [len(validation) for _, validation in purged_folds(begin, begin, 4)] == [90, 1, 1, 1]


@pytest.mark.parametrize("fold", range(3))
def test_every_member_cuts_at_the_same_days(fold):
    days = np.array(["2022-01-01", "2022-12-31"], "datetime64[D]")
    days = np.arange(days[0], days[1] + 1)
    folds = PurgedFolds("issued", 3, "2022-01-01", "2022-10-01", months=1, embargo=10, fold=fold)
    whole = folds.codes(Table.of({"issued": days}))
    odd, even = (folds.codes(Table.of({"issued": days[place::2]})) for place in (1, 0))
    assert whole[1::2].tolist() == odd.tolist()
    assert whole[0::2].tolist() == even.tolist()
    assert (whole[days >= np.datetime64("2022-10-01")] == 2).all()
    assert set(whole[days < np.datetime64("2022-10-01")]) == {0, 1, 3}
    lost = days[(whole == 3)]
    assert (days[whole == 1] < np.datetime64("2022-10-01") - 29).all()
    assert len(lost) >= 30


def test_it_is_a_split_that_a_job_can_name():
    split = build(Split, {"use": "purged", "column": "m", "k": 3, "start": 0, "stop": 12, "gap": 2.0}, "split")
    assert split == PurgedFolds("m", 3, 0.0, 12.0, gap=2.0)
    assert build(Split, plain(split), "split") == split


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: PurgedFolds("m", 1, 0, 12), "no fold"),
        (lambda: PurgedFolds("m", 3, 0, 12, fold=3), "no fold"),
        (lambda: PurgedFolds("m", 3, 0, 12, embargo=-1), "embargo"),
        (lambda: PurgedFolds("m", 3, 0, 12, gap=-1), "before its row"),
        (lambda: PurgedFolds("m", 3, 12, 12).codes(Table.of({"m": [1, 2]})), "do not fit"),
        (lambda: PurgedFolds("m", 3, 0, 12, months=1).codes(Table.of({"m": [1, 2]})), "no months"),
    ],
)
def test_folds_that_cannot_be_are_refused(make, what):
    with pytest.raises(ConfigError, match=what):
        make()


def test_a_row_without_a_time_has_no_fold():
    with pytest.raises(DataError, match="1 gaps"):
        PurgedFolds("m", 2, 0, 12).codes(Table.of({"m": [1, None]}))
