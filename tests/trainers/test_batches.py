from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core.on_disk import room
from hansa.core.trainer import Local
from hansa.trainers import batches
from hansa.trainers.batches import Feed, bucket, cut
from hansa.trainers.memory import Memory
from tests.trainers.parties import draws, party


def feed_of(sizes, local, weighted=False):
    data = [party(rows, features=2, weighted=weighted, seed=i) for i, rows in enumerate(sizes)]
    return data, Feed(data, draws(len(sizes)), local, "binary", Memory("float64"))


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    batch=st.integers(0, 12),
    epochs=st.integers(1, 3),
    weighted=st.booleans(),
)
def test_each_epoch_visits_each_row_once_and_shares_sum_to_one(sizes, batch, epochs, weighted):
    sizes = sorted(sizes, reverse=True)
    data, feed = feed_of(sizes, Local(epochs=epochs, batch=batch), weighted)
    seen = [[[] for _ in range(epochs)] for _ in sizes]
    for step in range(feed.steps):
        for part in feed.at(step):
            np.testing.assert_allclose(part.share.sum(axis=1), 1, rtol=1e-12)
            for k, i in enumerate(range(part.parties.start, part.parties.stop)):
                assert part.X.shape[1] <= (batch or sizes[i])
                seen[i][part.epoch].append(part.X[k].copy())
    for i, design in enumerate(data):
        for epoch in seen[i]:
            rows = np.concatenate(epoch)
            np.testing.assert_array_equal(rows[np.lexsort(rows.T)], design.X[np.lexsort(design.X.T)])


def test_a_short_last_batch_comes_last_and_orders_differ_between_epochs():
    _, feed = feed_of([7], Local(epochs=2, batch=3))
    steps = [next(feed.at(step)) for step in range(feed.steps)]
    assert [part.X.shape[1] for part in steps] == [3, 3, 1, 3, 3, 1]
    _, feed = feed_of([7], Local(epochs=2, batch=3))
    first = [next(feed.at(step)).X.copy() for step in range(6)]
    assert (np.concatenate(first[:3], axis=1) != np.concatenate(first[3:], axis=1)).any()


def test_steps_run_over_epochs_of_each_partys_own():
    _, feed = feed_of([5, 2], Local(steps=4, batch=2))
    epochs = {0: [], 1: []}
    for step in range(feed.steps):
        for part in feed.at(step):
            for i in range(part.parties.start, part.parties.stop):
                epochs[i].append((part.epoch, part.X.shape[1]))
    assert epochs == {0: [(0, 2), (0, 2), (0, 1), (1, 2)], 1: [(0, 2), (1, 2), (2, 2), (3, 2)]}


def test_all_rows_of_one_party_are_not_copied():
    data, feed = feed_of([9], Local())
    assert np.shares_memory(next(feed.at(0)).X, data[0].X)


def test_rows_that_all_weigh_nothing_have_no_share():
    data = party(4, weighted=True)
    data = type(data)(data.X, data.y, np.zeros(4))
    feed = Feed([data], draws(1), Local(), "binary", Memory("float64"))
    assert not next(feed.at(0)).share.any()


def test_large_rows_cut_stacks_too():
    data = [party(40_000, features=60) for _ in range(5)]
    assert [len(stack) for stack in cut(data, each=100)] == [3, 2]


@given(st.integers(1, 10**7))
def test_a_bucket_holds_what_it_must_and_little_more(count):
    assert count <= bucket(count) <= max(count + 1, 1.25 * count)
    assert bucket(bucket(count)) == bucket(count)


@pytest.mark.parametrize("disk", [False, True])
def test_batches_of_a_large_party_are_gathered_and_the_same(monkeypatch, disk):
    local = Local(epochs=2, batch=3)
    (design,), feed = feed_of([20], local, weighted=True)
    laid = [(part.X.copy(), part.y.copy(), part.share) for step in range(feed.steps) for part in feed.at(step)]
    if disk:
        far = room(design.X.shape, "float64")
        far[:] = design.X
        design = replace(design, X=far)
    monkeypatch.setattr(batches, "_ROWS", 0)
    feed = Feed([design], draws(1), local, "binary", memory := Memory("float64"))
    for step, wanted in zip(range(feed.steps), laid, strict=True):
        part = next(feed.at(step))
        assert all(np.array_equal(a, b) for a, b in zip((part.X, part.y, part.share), wanted, strict=True))
    assert memory.take("X", 1, 3, 2).base.size < design.X.size
