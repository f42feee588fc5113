"""Newton's coordinator side: columns that others determine, and coefficients turned between scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hansa.errors import DataError
from hansa.horizontal.glm import Glm
from hansa.horizontal.newton import Frame, Point, Problem, determined, refuse_separated


def products_of(X):
    Z = X - X.mean(0)
    return Z.T @ Z


@given(st.integers(0, 10_000), st.integers(1, 4))
@example(seed=1312, extra=4)  # what is left of a column after two that nearly determine each other is rounding
@example(seed=192, extra=2)
def test_as_many_columns_are_named_as_the_rank_lacks(seed, extra):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 4)) * [1, 10, 0.1, 1]
    X = np.column_stack([X, X @ rng.integers(-2, 3, (4, extra))])
    X = X[:, rng.permutation(4 + extra)]
    names = tuple(f"x{i}" for i in range(4 + extra))
    found = determined(names, products_of(X), 60 * X.mean(0) ** 2, intercept=True)
    scaled = (X - X.mean(0)) / np.maximum(X.std(0), 1e-12)
    assert len(names) - len(found) == np.linalg.matrix_rank(scaled, tol=1e-6)


def test_close_is_not_determined():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    X = np.column_stack([x, x + 1e-3 * rng.normal(size=1000)])
    assert not determined(("a", "b"), products_of(X), np.zeros(2), intercept=True)


def test_coefficients_turn_to_the_columns_own_scale():
    frame = Frame(("a", "b"), np.array([3.0, -1.0]), np.array([2.0, 0.1]))
    beta, x = np.array([0.5, 1.0, -2.0]), np.array([4.0, 7.0])
    turned, scaled = frame.turned(beta, intercept=True), (x - frame.centre) / frame.scale
    np.testing.assert_allclose(turned[0] + x @ turned[1:], beta[0] + scaled @ beta[1:])
    np.testing.assert_allclose(frame.turned(beta[1:], intercept=False) * frame.scale, beta[1:])


def test_a_coefficient_that_runs_while_the_deviance_rests_is_named_and_a_slow_climb_is_not():
    problem = Problem(Glm(), Frame(("a", "b"), np.zeros(2), np.ones(2)), np.zeros(3), 100, 100.0, 0.0)
    info = np.diag([1.0, 1e-9, 1.0])
    running = Point(np.zeros(3), 1.0, 1.0, np.zeros(3), info, 9, 1.0, np.array([0.0, 1.0, 1e-9]))
    with pytest.raises(DataError, match="separated by 'a'"):
        refuse_separated(problem, running, 20)
    refuse_separated(problem, running, 3)  # it is early yet
    climbing = Point(np.zeros(3), 1.0, 1.0, np.zeros(3), 1e3 * np.eye(3), 9, 1.0, np.array([0.0, 1.0, 0.0]))
    refuse_separated(problem, climbing, 20)


def test_a_singular_information_is_an_error():
    problem = Problem(Glm(), Frame(("a",), np.zeros(1), np.ones(1)), np.zeros(2), 9, 9.0, 0.0)
    with pytest.raises(DataError, match="singular"):
        problem.inverse(np.zeros((2, 2)))
