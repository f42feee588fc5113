"""Sums over a fixed tree: the same bits whoever comes first and whoever sums which part."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core import fold as room
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


@given(places=PLACES, data=st.data())
def test_large_sums_wait_for_each_other_and_change_no_bit(places, data):
    """As if every vector here were large; a partial result that travels has nothing in it that waits."""
    shuffled = data.draw(st.permutations(places))
    cut = data.draw(st.integers(1, len(places)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_LARGE", 1)
        patch.setattr(room, "_BLOCK", 16)  # two numbers
        assert np.array_equal(total(Sum(), places, [[p] for p in shuffled])["x"][0], plain(places))
        parts = [rows_of(Sum(), places, some) for some in (shuffled[:cut], shuffled[cut:]) if some]
        assert all(isinstance(v, np.ndarray) for part in parts for vectors in part.sums.values() for v in vectors)
        merged = parts[0] if len(parts) == 1 else Sum().merge(*parts)
        assert np.array_equal(Sum().close(merged)["x"][0], plain(places))


def rows_of(fold, asked, places):
    partial = fold.zero(asked)
    for place in places:
        partial = fold.add(partial, [place], rows([place]))
    return fold.settle(partial)


@pytest.mark.parametrize("count", [2, 10, 16, 17, 40])
def test_large_vectors_in_files_are_summed_with_few_sums_in_memory(tmp_path, count):
    """What was mapped is given back; sixteen of them cost one sum."""
    size, fold, partial, wanted = 300_000, Sum(), Sum().zero(range(count)), np.zeros(300_000)
    for place in range(count):
        path, values = tmp_path / str(place), np.arange(float(size)) * (place + 1)
        values.tofile(path)
        mapped = np.memmap(path, mode="r").view(np.ndarray).view("f8")[None, :]
        partial = fold.add(partial, [place], Answer(Load({"x": mapped})))
        own = sum(
            vectors[0].nbytes
            for vectors in partial.sums.values()
            if isinstance(vectors[0], np.ndarray) and vectors[0].flags.owndata
        )
        assert own <= 8 * size * max(1, np.log2(count) - 3)
        wanted += values
    assert np.array_equal(fold.close(partial)["x"][0], wanted)


@pytest.mark.parametrize("right", [np.ones((1, 200_000), "f4"), np.ones((1, 1))], ids=["type", "shape"])
def test_large_vectors_that_are_not_alike_are_summed_at_once(right):
    fold, left = Sum(), np.ones((1, 200_000))
    partial = fold.zero([0, 1])
    for place, one in enumerate((left, right)):
        partial = fold.add(partial, [place], Answer(Load({"x": one})))
    assert np.array_equal(fold.close(partial)["x"], left + right)


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
