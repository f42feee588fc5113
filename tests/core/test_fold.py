"""Sums over a fixed tree: the same bits whoever comes first and whoever sums which part."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.fold import Collect, Sum, stacked
from hansa.core.load import Load, stack
from hansa.core.message import Answer
from hansa.errors import DataError, JobError

PLACES = st.lists(st.integers(0, 400), min_size=1, max_size=40, unique=True).map(sorted)


def rows(places, seed=0):
    values = np.random.default_rng(seed).normal(size=(500, 3)) * 10.0 ** np.random.default_rng(1).integers(
        -8, 8, (500, 1)
    )
    return Answer(Load({"x": values[places], "w": np.ones((len(places), 1))}))


def total(fold, asked, chunks):
    """Fold chunks as workers would, then merge."""
    partials = [fold.add(fold.zero(asked), chunk, rows(chunk)) for chunk in chunks if chunk]
    merged = partials[0]
    for partial in partials[1:]:
        merged = fold.merge(merged, partial)
    return fold.close(merged)


def plain(places, level_of=0):
    """The definition: split at the tree's middle, sum each side, skip who is not there."""

    def node(level, index):
        inside = [p for p in places if p >> level == index]
        if not inside:
            return None
        if level == 0:
            return rows([index]).load["x"][0]
        left, right = node(level - 1, 2 * index), node(level - 1, 2 * index + 1)
        return right if left is None else left if right is None else left + right

    return node(9, 0)


@given(places=PLACES, data=st.data())
def test_bits_depend_neither_on_order_nor_on_chunks(places, data):
    shuffled = data.draw(st.permutations(places))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(places)), max_size=4)))
    bounds = [0, *cuts, len(places)]
    chunks = [places[a:b] for a, b in pairwise(bounds)]
    wanted = plain(places)
    assert np.array_equal(total(Sum(), places, [places])["x"][0], wanted)
    assert np.array_equal(total(Sum(), places, [[p] for p in shuffled])["x"][0], wanted)
    assert np.array_equal(total(Sum(), places, data.draw(st.permutations(chunks)))["x"][0], wanted)


@given(places=PLACES, lost=st.sets(st.integers(0, 400)))
def test_the_absent_are_skipped(places, lost):
    came = [p for p in places if p not in lost]
    if came:
        assert np.array_equal(total(Sum(), places, [came])["x"][0], plain(came))
    else:
        assert Sum().close(Sum().zero(places)) is None


def test_memory_is_a_few_sums_when_answers_come_in_order():
    fold, places = Sum(), list(range(1000))
    partial, most = fold.zero(places), 0
    one = Answer(Load({"x": np.ones((1, 2))}))
    for place in places:
        partial = fold.add(partial, [place], one)
        most = max(most, len(partial.sums))
    assert most <= 11
    assert fold.close(partial)["x"].tolist() == [[1000.0, 1000.0]]


def test_loads_must_hold_the_same_vectors():
    fold = Sum()
    partial = fold.add(fold.zero([0, 1]), [0], Answer(Load({"x": np.ones((1, 2))})))
    with pytest.raises(DataError, match="different vectors"):
        fold.add(partial, [1], Answer(Load({"y": np.ones((1, 2))})))


@pytest.mark.parametrize("again", [0, 1, 2, 5])
def test_a_place_is_summed_once(again):
    """Whether its leaf still waits for its brother or has gone up the tree."""
    fold, one, asked = Sum(), Answer(Load({"x": np.ones((1, 1))})), [0, 1, 2, 3, 5, 9]
    partial = fold.zero(asked)
    for place in (0, 1, 2, 5):
        partial = fold.add(partial, [place], one)
    with pytest.raises(JobError, match="twice"):
        fold.add(partial, [again], one)
    with pytest.raises(JobError, match="twice"):
        fold.merge(partial, fold.add(fold.zero(asked), [again], one))
    assert fold.close(fold.add(partial, [3], one))["x"].tolist() == [[5.0]]


def test_collect_hands_over_everybody_by_place():
    fold = Collect()
    partial = fold.merge(fold.add(fold.zero([]), [5, 2], rows([5, 2])), fold.add(fold.zero([]), [1], rows([1])))
    each = fold.close(partial)
    assert [place for place, _ in each.rows] == [1, 2, 5]
    assert np.array_equal(stacked(each)["x"], rows([1, 2, 5]).load["x"])
    assert fold.sees_each
    assert not Sum().sees_each


def test_stacks_stack():
    assert stack([rows([1]).load, rows([2, 3]).load]).n == 3


def test_vectors_are_matched_by_name_and_not_by_order():
    fold = Sum()
    left = fold.add(fold.zero([0, 1]), [0], Answer(Load({"x": np.ones((1, 2)), "y": np.ones((1, 1))})))
    right = fold.add(fold.zero([0, 1]), [1], Answer(Load({"y": np.full((1, 1), 2.0), "x": np.full((1, 2), 3.0)})))
    both = fold.close(fold.merge(left, right))
    assert (both["x"].tolist(), both["y"].tolist()) == ([[4.0, 4.0]], [[3.0]])


def test_merging_refuses_other_vectors_and_takes_a_worker_without_answers():
    fold = Sum()
    some = fold.add(fold.zero([0, 1]), [0], Answer(Load({"x": np.ones((1, 1))})))
    other = fold.add(fold.zero([0, 1]), [1], Answer(Load({"y": np.ones((1, 1))})))
    with pytest.raises(DataError, match="different vectors"):
        fold.merge(some, other)
    for one, two in ((some, fold.zero([0, 1])), (fold.zero([0, 1]), some)):
        assert fold.close(fold.merge(one, two))["x"].tolist() == [[1.0]]
