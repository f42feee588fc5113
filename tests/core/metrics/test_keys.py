import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.metrics import first_edges, score_keys, unkey
from hansa.core.metrics.keys import LOWEST, TOP, bin_of, checked_edges
from hansa.errors import DataError
from tests.core.metrics.shapes import edge_sets

scores = st.lists(st.floats(allow_nan=False), min_size=1, max_size=40).map(np.array)


@given(scores)
def test_keys_sort_and_tie_as_scores_do(margin):
    keys = score_keys(margin)
    assert keys.dtype == np.uint64
    assert ((keys[:, None] < keys) == (margin[:, None] < margin)).all()
    assert ((keys[:, None] == keys) == (margin[:, None] == margin)).all()


@given(scores)
def test_keys_lead_back_to_the_scores(margin):
    assert (unkey(score_keys(margin)) == margin).all()


@given(scores, edge_sets())
def test_every_score_has_one_bin(margin, edges):
    keys = score_keys(margin)
    place = bin_of(keys, checked_edges(edges))
    assert ((edges[place] <= keys) & (keys < edges[place + 1])).all()


def test_neighbouring_floats_are_neighbouring_keys():
    below, above = score_keys([-1.0, np.nextafter(-1.0, 0)])
    assert above - below == 1
    smallest = np.nextafter(0.0, 1)
    below, zero, above = score_keys([-smallest, 0.0, smallest])
    assert (zero - below, above - zero) == (2, 1)  # the one between would be the key of -0.0


def test_the_ends_are_the_infinities():
    assert score_keys([-np.inf, np.inf]).tolist() == [LOWEST, TOP - 1]


def test_nan_has_no_key():
    with pytest.raises(DataError, match="NaN"):
        score_keys([np.nan])


def test_the_first_edges_are_a_thousand_or_so_and_hold_the_thresholds():
    edges = first_edges(thresholds=[0.1, -4.6])
    assert 1000 < len(edges) < 3000
    assert np.isin(score_keys([0.0, 0.1, -4.6]), edges).all()
    inner = unkey(edges[1:-1])
    assert inner.min() == -128
    assert inner.max() == 128


@pytest.mark.parametrize(
    "edges",
    [[LOWEST], [LOWEST, 5], [5, TOP], [LOWEST, 1 << 60, 1 << 60, TOP], [LOWEST, 1 << 61, 1 << 60, TOP]],
)
def test_edges_that_leave_scores_out_are_refused(edges):
    with pytest.raises(DataError, match="rise without a gap"):
        checked_edges(np.array(edges, dtype=np.uint64))
