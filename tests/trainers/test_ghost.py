"""Clipped sums are those of brute force: every example's gradient written down, cut, and added."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.trainers.ghost import Dense, group_squares, row_squares, sum_clipped, write_clipped

RNG = np.random.default_rng(4)


def layers(b, widths=((7, 5), (5, 3)), bias=True):
    return [
        Dense(RNG.normal(size=(b, i)), RNG.normal(size=(b, o)), np.zeros((i, o)), np.zeros(o) if bias else None)
        for i, o in widths
    ]


def each(made):
    """Every row's gradient as one vector, `[b, d]`."""
    parts = []
    for below, error, _, bias in made:
        parts.append(np.einsum("bi,bo->bio", below, error).reshape(len(below), -1))
        if bias is not None:
            parts.append(error.copy())
    return np.concatenate(parts, axis=1)


def brute(gradients, clip):
    norms = np.linalg.norm(gradients, axis=1, keepdims=True)
    return (gradients * np.minimum(1, clip / norms)).sum(axis=0)


def written(made):
    return np.concatenate([part.ravel() for one in made for part in (one.weight, one.bias) if part is not None])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("clip", [0.1, 5.0, 1e6])
def test_rows_are_clipped_one_by_one(bias, clip):
    made = layers(40, bias=bias)
    expected = brute(each(made), clip)
    write_clipped(made, clip)
    assert np.allclose(written(made), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("clip", [0.1, 5.0, 1e6])
def test_customers_are_clipped_whole_be_they_large_or_small(clip):
    sizes = np.array([1, 3, 40, 1, 16, 17, 2])
    group = np.repeat(np.arange(len(sizes)), sizes)
    made = layers(len(group))
    whole = np.array([each(made)[group == g].sum(axis=0) for g in range(len(sizes))])
    assert np.allclose(group_squares(made, group), (whole**2).sum(axis=1))
    write_clipped(made, clip, group)
    assert np.allclose(written(made), brute(whole, clip), rtol=1e-9, atol=1e-9)


def test_norms_are_those_of_the_gradients():
    made = layers(9)
    assert np.allclose(row_squares(made), (each(made) ** 2).sum(axis=1))


def test_a_gradient_of_nothing_stays_nothing():
    made = [Dense(np.zeros((2, 3)), np.zeros((2, 1)), np.ones((3, 1)), np.ones(1))]
    write_clipped(made, 1.0)
    assert not written(made).any()


def test_rows_of_one_customer_that_cancel_are_nothing():
    below = np.ones((2, 3))
    made = [Dense(below, np.array([[1.0], [-1.0]]), np.zeros((3, 1)), np.zeros(1))]
    assert group_squares(made, np.array([0, 0])).item() < 1e-18


@pytest.mark.parametrize("apart", [1e-6, 1e-5, 1e-4, 1e-3])
def test_rows_of_one_customer_that_nearly_cancel_are_cut_in_single_precision_too(apart):
    for scale in (1e2, 1e4, 1e6):
        row = scale * RNG.normal(size=20)
        below = np.stack([row, row + apart * scale * RNG.normal(size=20)]).astype("f4")
        made = [Dense(below, np.array([[0.5], [-0.5]], "f4"), np.zeros((20, 1), "f4"), np.zeros(1, "f4"))]
        write_clipped(made, 1.0, np.array([0, 0]))
        assert np.linalg.norm(written(made)) < 1 + 2.0**-16


@pytest.mark.parametrize(("below", "error"), [(1e19, 1e-23), (1e-23, 1e19)])
@pytest.mark.parametrize("group", [None, np.array([0, 0])])
def test_squares_too_small_for_single_precision_do_not_hide_a_gradient(below, error, group):
    """Their factors of 0 once made a norm of 0, and a gradient of twenty clips left as it was."""
    made = [Dense(np.full((2, 2), below, "f4"), np.full((2, 1), error, "f4"), np.zeros((2, 1), "f4"), None)]
    write_clipped(made, 1e-5, group)
    assert 0 < np.linalg.norm(written(made).astype("f8")) < (2 if group is None else 1) * 1e-5 * (1 + 2.0**-16)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(-30, 18), st.integers(-30, 18), st.integers(-12, 1), st.integers(1, 20), st.booleans(), st.integers(0)
)
def test_no_size_of_inputs_and_errors_gets_a_gradient_over_its_clip(below, error, clip, rows, bias, seed):
    rng = np.random.default_rng(seed)
    spread = 10.0 ** rng.integers(-3, 1, (rows, 1))
    made = [
        Dense(
            (10.0**below * spread * rng.normal(size=(rows, 6))).astype("f4"),
            (10.0**error * rng.normal(size=(rows, 4))).astype("f4"),
            np.zeros((6, 4), "f4"),
            np.zeros(4, "f4") if bias else None,
        )
    ]
    with np.errstate(all="ignore"):  # as training ignores them
        write_clipped(made, 10.0**clip, np.zeros(rows, int) if rows > 1 else None)
    assert np.linalg.norm(written(made).astype("f8")) <= 10.0**clip * (1 + 2.0**-16)


@pytest.mark.parametrize("group", [None, np.array([0, 0, 1, 2])])
@pytest.mark.filterwarnings("ignore:(invalid|overflow)")  # as training ignores them
def test_a_gradient_that_is_no_number_counts_as_nothing(group):
    made, kept = layers(4), [2] if group is not None else [1, 2]
    expected = brute(each(made)[kept], 1.0)
    made[0].below[0, 0], made[1].error[3, 0] = np.inf, np.nan
    pieces = [each(made)]
    write_clipped(made, 1.0, group)
    assert np.allclose(written(made), expected)
    total = np.empty(pieces[0].shape[1])
    sum_clipped(pieces, group, 1.0, total)
    assert np.allclose(total, expected)
