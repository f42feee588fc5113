"""Weights, and the mean they make."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.fold import Sum
from hansa.core.load import Load
from hansa.core.message import Answer
from hansa.links import by_examples, inverse_size, uniform, weighted_mean


def load(n=6, d=4, dtype=np.float32):
    rng = np.random.default_rng(3)
    rows = rng.integers(1, 900, (n, 1)).astype(float)
    return Load({"delta": rng.normal(size=(n, d)).astype(dtype), "rows": rows, "loss": np.ones((n, 1))})


def combined(stacked):
    fold = Sum()
    places = list(range(stacked.n))
    sent, _ = weighted_mean().apply(stacked, {}, {}, ())
    return weighted_mean().combine(fold.close(fold.add(fold.zero(places), places, Answer(sent))))


@pytest.mark.parametrize("link", [by_examples(), uniform(), inverse_size()])
def test_the_mean_is_numpys_average(link):
    weighed, _ = link.apply(load(dtype=np.float64), {}, {}, ())
    wanted = np.average(weighed["delta"], axis=0, weights=weighed["weight"][:, 0])
    assert np.allclose(combined(weighed)["delta"][0], wanted, rtol=1e-14)


def test_without_a_weight_link_examples_weigh():
    assert np.array_equal(combined(load())["delta"], combined(by_examples().apply(load(), {}, {}, ())[0])["delta"])


@pytest.mark.parametrize("link", [by_examples(), uniform(), inverse_size()])
def test_a_party_without_rows_weighs_nothing(link):
    empty = load().replace(rows=np.array([[0.0], *[[5.0]] * 5]))
    weighed, _ = link.apply(empty, {}, {}, ())
    assert weighed["weight"][0, 0] == 0
    assert (weighed["weight"][1:] > 0).all()


def test_nobodys_rows_are_no_update():
    nobody = load().replace(rows=np.zeros((6, 1)))
    assert combined(nobody) is None


@pytest.mark.parametrize("link", [by_examples(), uniform(), inverse_size(), weighted_mean()])
def test_a_stack_gives_the_bits_of_each_alone(link):
    stacked = by_examples().apply(load(), {}, {}, ())[0]
    whole, _ = link.apply(stacked, {}, {}, ())
    for i in range(6):
        alone, _ = link.apply(stacked.row(i), {}, {}, ())
        assert all(np.array_equal(alone[name], whole.row(i)[name]) for name in whole.vectors)
    assert whole["delta"].dtype == np.float32


def test_weights_are_rows_one_or_their_inverse():
    rows = load()["rows"]
    wanted = {by_examples(): rows, uniform(): np.ones((6, 1)), inverse_size(): 1 / rows}
    for link, weight in wanted.items():
        assert np.array_equal(link.apply(load(), {}, {}, ())[0]["weight"], weight)
