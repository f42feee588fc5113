"""One column at a time: every row becomes numbers, whatever it holds."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.column import Column
from hansa.errors import ConfigError, DataError
from hansa.horizontal.columns import Binned, Coding, OneHot, Ordinal, Scaled, numbers
from tests.horizontal.banks import coded


@pytest.mark.parametrize("other", [False, True])
@pytest.mark.parametrize("missing", [False, True])
def test_each_label_has_one_place_at_most(other, missing):
    home = OneHot("住房", ("own", "rent"), other=other, missing=missing)
    rows = coded(home, Column.of("住房", ["own", "rent", "boat", None]))
    assert rows.shape == (4, 2 + other + missing)
    assert rows[:2].argmax(axis=1).tolist() == [0, 1]
    assert rows[2].sum() == other
    assert rows[3].sum() == (other or missing)
    assert not missing or rows[3, -1] == 1
    assert len(set(home.names)) == rows.shape[1]


def test_labels_called_other_and_missing_are_not_the_columns_of_that_kind():
    assert len(set(OneHot("c", ("missing", "other"), other=True, missing=True).names)) == 4


def test_a_gap_or_special_code_in_bins_has_its_own_column_or_the_mean():
    column = Column.of("pay", [5.0, -9.0, -8.0, None])
    own = Binned("pay", (3.0, 7.0), 4.0, missing=True, special_codes=(-9.0, -8.0), indicators=(-9.0,))
    assert own.names[3:] == ("pay (missing)", "pay=-9")
    assert coded(own, column).argmax(axis=1).tolist() == [1, 4, 1, 3]
    assert (coded(own, column).sum(axis=1) == 1).all()
    assert coded(Binned("pay", (3.0, 7.0), 4.0), column).argmax(axis=1).tolist() == [1, 0, 0, 1]


def test_an_edge_belongs_to_the_bin_below_it():
    assert coded(Binned("x", (1.0,), 0.0), Column.of("x", [1.0, np.nextafter(1.0, 2.0)])).argmax(axis=1).tolist() == [
        0,
        1,
    ]


def test_names_of_bins_tell_close_edges_apart():
    names = Binned("x", (1.0, 1.0 + 1e-9, np.nextafter(45.0, 0), 45.0), 0.0).names
    assert len(set(names)) == 5
    assert names[-3:] == ("1.000000001 < x < 45", "x = 45", "x > 45")


def test_scaling_cuts_first_and_takes_logs_then():
    scaled = Scaled("x", fill=1.0, centre=1.0, scale=2.0, low=-3.0, high=3.0, signed_log=True, missing=True)
    rows = coded(scaled, Column.of("x", [1e300, -1e300, None]))
    assert rows[:, 0] == pytest.approx([(np.log(4) - 1) / 2, (-np.log(4) - 1) / 2, 0])
    assert rows[:, 1].tolist() == [0, 0, 1]


def test_ordinals_keep_the_order_given():
    ordinal = Ordinal("grade", ("low", "high"), mean=0.5, scale=0.5, missing=True)
    rows = coded(ordinal, Column.of("grade", ["high", "low", "new", None]))
    assert rows.tolist() == [[1, 0], [-1, 0], [0, 0], [0, 1]]


def test_dates_count_days_and_labels_are_refused():
    values, gaps, _ = numbers(Column.of("d", [np.datetime64("1970-01-11"), None]), ())
    assert (values[0], np.isnan(values[1]), gaps.tolist()) == (10.0, True, [False, True])
    with pytest.raises(DataError, match="'c' holds labels here"):
        numbers(Column.of("c", ["secret"]), ())
    with pytest.raises(DataError, match="infinite"):
        numbers(Column.of("x", [np.inf]), ())


def test_an_empty_column_of_another_kind_is_all_gaps():
    values, gaps, _ = numbers(Column.of("x", [None, None], "category"), ())
    assert np.isnan(values).all()
    assert gaps.all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_n_bins": 1},
        {"winsorise": 0.5},
        {"levels": ("a", "a")},
        {"how": "bins", "winsorise": 0.1},
        {"how": "onehot", "special_codes": (1.0,)},
        {"how": "standardise", "levels": ("a",)},
        {"how": "standardise", "max_n_bins": 4},
    ],
)
def test_what_a_coding_cannot_honour_is_refused(wrong):
    with pytest.raises(ConfigError):
        Coding(**wrong)
